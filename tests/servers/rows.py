"""Hostile and broken requests as bytes, each a valid signed request with one thing changed.

A row's decision is the bridge's own, as docs/protocol.md has it. What a server answers in its place
stands in `differences.py`.
"""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from tests.servers.servers import MOST_BYTES
from tests.servers.wire import Front, Request, Then

__all__ = ["ROWS", "Row"]

Sent = Request | bytes | Iterable[bytes]


class Row(NamedTuple):
    """What is sent, under the name by which the documentation lists it, and what is decided.

    `other` is another storefront of the same shop. With `leave` the client ends its side after it.
    """

    name: str
    decision: str
    make: Callable[[Front, Front], Sent]
    then: Then = "wait"

    def pieces(self, front: Front, other: Front) -> list[bytes]:
        """Give the bytes, in the pieces in which they are written to the socket."""
        sent = self.make(front, other)
        return [bytes(sent)] if isinstance(sent, Request | bytes) else list(sent)


OK = "200"
NOT_FOUND = "404 not_found"
SITE = "404 by the site"
METHOD = "405 method_not_allowed"
QUERY = "400 query_not_allowed"
TYPE = "415 unsupported_media_type"
LENGTH = "400 invalid_content_length"
LARGE = "413 body_too_large"
SHORT = "400 incomplete_body"
LATE = "408 body_timeout"
MISSING = "401 missing_auth_header"
MALFORMED = "401 malformed_auth_header"
MISMATCH = "401 client_id_mismatch"
WINDOW = "401 timestamp_out_of_window"
FAILED = "401 authentication_failed"
UNKNOWN = "404 unknown_action"
JSON = "400 invalid_json"
INVALID = "422 invalid_request"
CARD = "422 pan_detected"

Change = Callable[[Request], Sent]


def changed(name: str, decision: str, change: Change, *, then: Then = "wait") -> Row:
    """Make a row of one valid request and what is changed in it."""
    return Row(name, decision, lambda front, _: change(front.request()), then)


def header(name: str, decision: str, field: str, change: Callable[[bytes], bytes | str]) -> Row:
    """Make a row that changes the value of one header."""
    return changed(name, decision, lambda one: one.but(field, change(one.value(field))))


def added(name: str, decision: str, field: str | bytes, value: str | bytes) -> Row:
    """Make a row that adds one header."""
    return changed(name, decision, lambda one: one.also(_text(field), value))


def target(name: str, decision: str, change: Callable[[bytes], bytes]) -> Row:
    """Make a row that sends a valid request to another target."""
    return changed(name, decision, lambda one: one.to(change(one.target)))


def text(name: str, decision: str, body: bytes | Callable[[Front], bytes]) -> Row:
    """Make a row with a body that is signed as it is."""
    return Row(
        name,
        decision,
        lambda front, _: front.request(body=body if isinstance(body, bytes) else body(front)),
    )


def framed(name: str, decision: str, length: Callable[[int], str]) -> Row:
    """Make a row that declares a length in another way."""
    return changed(
        name, decision, lambda one: one.but("Content-Length", length(len(one.body)))
    )


def coded(name: str, decision: str, coding: str) -> Row:
    """Make a row that sends its body in chunks and calls that something else."""
    return changed(name, decision, lambda one: one.chunked(coding=coding))


def chunks(name: str, decision: str, change: Callable[[bytes], bytes]) -> Row:
    """Make a row of one chunk, written in another way."""

    def make(one: Request) -> bytes:
        sent = one.chunked()
        whole = b"%x\r\n%b\r\n0\r\n\r\n" % (len(one.body), one.body)
        return sent.head + change(whole)

    return changed(name, decision, make)


def _text(field: str | bytes) -> str:
    return field if isinstance(field, str) else field.decode("latin-1")


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda value: value.replace(old, new, 1)


def _always(value: str | bytes) -> Callable[[bytes], bytes | str]:
    return lambda _: value


def _with_time(shape: str) -> Callable[[bytes], bytes]:
    return lambda value: shape.replace("T", value.decode()).encode()


def _wide(value: bytes) -> bytes:
    return "".join(chr(ord(digit) - 48 + 0xFF10) for digit in value.decode()).encode()


def _flipped(value: bytes) -> bytes:
    return value[:-1] + (b"0" if value[-1:] != b"0" else b"1")


def _base64(value: bytes) -> bytes:
    return b"v1=" + base64.b64encode(bytes.fromhex(value[3:].decode()))


def _twice(field: str, *, second: Callable[[bytes], bytes] = bytes) -> Change:
    return lambda one: one.also(field, second(one.value(field)))


_HEADERS = (
    changed("no X-Client-Id", MISSING, lambda one: one.without("X-Client-Id")),
    changed("no X-Timestamp", MISSING, lambda one: one.without("X-Timestamp")),
    changed("no X-Signature", MISSING, lambda one: one.without("X-Signature")),
    changed(
        "one missing, one malformed",
        MISSING,
        lambda one: one.without("X-Client-Id").but("X-Timestamp", "now"),
    ),
    header("timestamp in full-width digits", MALFORMED, "X-Timestamp", _wide),
    header("timestamp with a plus", MALFORMED, "X-Timestamp", _with_time("+T")),
    header("timestamp with a minus", MALFORMED, "X-Timestamp", _with_time("-T")),
    header("timestamp with a leading zero", MALFORMED, "X-Timestamp", _with_time("0T")),
    header("timestamp with a fraction", MALFORMED, "X-Timestamp", _with_time("T.0")),
    header("timestamp in milliseconds", MALFORMED, "X-Timestamp", _with_time("T000")),
    header("timestamp with an underscore", MALFORMED, "X-Timestamp", _replaced(b"1", b"1_")),
    header("timestamp with a space inside", MALFORMED, "X-Timestamp", _replaced(b"1", b"1 ")),
    header("timestamp of 5,000 digits", MALFORMED, "X-Timestamp", _always("1" * 5000)),
    header("timestamp as a date", MALFORMED, "X-Timestamp", _always("2026-01-01T00:00:00Z")),
    header("timestamp 1e9", MALFORMED, "X-Timestamp", _always("1e9")),
    header("timestamp between spaces and a tab", OK, "X-Timestamp", _with_time("  T \t")),
    Row("signed 400 seconds ago", WINDOW, lambda front, _: front.request(age=400)),
    Row("signed in 400 seconds", WINDOW, lambda front, _: front.request(age=-400)),
    header("timestamp one second on", FAILED, "X-Timestamp", lambda t: b"%d" % (int(t) + 1)),
    changed("X-Client-Id twice", MALFORMED, _twice("X-Client-Id")),
    changed("X-Timestamp twice", MALFORMED, _twice("X-Timestamp")),
    changed("X-Signature twice, the same", MALFORMED, _twice("X-Signature")),
    changed("X-Signature twice, the second bad", MALFORMED, _twice("X-Signature", second=_flipped)),
    changed("Idempotency-Key twice", MALFORMED, _twice("Idempotency-Key")),
    header("X-Signature joined by a comma", MALFORMED, "X-Signature", lambda s: s + b"," + s),
    header("X-Client-Id joined by a comma", MALFORMED, "X-Client-Id", lambda s: s + b", " + s),
    changed(
        "X_Signature in place of X-Signature",
        MISSING,
        lambda one: one.without("X-Signature").also("X_Signature", one.value("X-Signature")),
    ),
    added("a bad X_Signature after a good X-Signature", OK, "X_Signature", "v1=" + "0" * 64),
    changed(
        "a bad X_Signature before a good X-Signature",
        OK,
        lambda one: replace(one, headers=((b"X_Signature", b"v1=" + b"0" * 64), *one.headers)),
    ),
    changed("X-Client-Id of another", MISMATCH, lambda one: one.but("X-Client-Id", "ofc_other000")),
    header("X-Client-Id in capitals", MISMATCH, "X-Client-Id", bytes.upper),
    header("X-Client-Id with ../", MALFORMED, "X-Client-Id", lambda c: b"../" + c),
    header("X-Client-Id with a NUL", MALFORMED, "X-Client-Id", lambda c: c + b"\0"),
    header("X-Client-Id with an emoji", MALFORMED, "X-Client-Id", _always("ofc_\N{SKULL}\ufe0f")),
    header("X-Client-Id of 10 kB", MALFORMED, "X-Client-Id", _always("o" * 10_000)),
    changed(
        "an unknown client id",
        FAILED,
        lambda one: one.but("X-Client-Id", "ofc_other000").to("/bridge/ofc_other000/items.add"),
    ),
    Row("a wrong secret", FAILED, lambda front, other: front.request(secret=other.secret)),
    Row(
        "signed by another storefront",
        FAILED,
        lambda front, other: other.request(body=front.body)
        .but("X-Client-Id", front.client_id)
        .to(front.request().target),
    ),
    header("X-Signature in capitals", MALFORMED, "X-Signature", lambda s: b"v1=" + s[3:].upper()),
    header("X-Signature of 63 digits", MALFORMED, "X-Signature", lambda s: s[:-1]),
    header("X-Signature of 65 digits", MALFORMED, "X-Signature", lambda s: s + b"0"),
    header("X-Signature without digits", MALFORMED, "X-Signature", _always("v1=")),
    header("X-Signature empty", MALFORMED, "X-Signature", _always("")),
    header("X-Signature in Latin-1", MALFORMED, "X-Signature", lambda s: s[:-1] + b"\xe9"),
    header("X-Signature of v0", MALFORMED, "X-Signature", _replaced(b"v1", b"v0")),
    header("X-Signature of sha256", MALFORMED, "X-Signature", _replaced(b"v1", b"sha256")),
    header("X-Signature without its prefix", MALFORMED, "X-Signature", _replaced(b"v1=", b"")),
    header("X-Signature in base64", MALFORMED, "X-Signature", _base64),
    header("X-Signature with one digit changed", FAILED, "X-Signature", _flipped),
    header("Idempotency-Key empty", MALFORMED, "Idempotency-Key", _always("")),
    header("Idempotency-Key changed", FAILED, "Idempotency-Key", _flipped),
    changed("Idempotency-Key removed", FAILED, lambda one: one.without("Idempotency-Key")),
    Row(
        "Idempotency-Key added",
        FAILED,
        lambda front, _: front.request(key=None).also("Idempotency-Key", "k"),
    ),
    added("X-Forwarded-For that nobody asked for", OK, "X-Forwarded-For", "10.0.0.1"),
    added("Forwarded that nobody asked for", OK, "Forwarded", "for=10.0.0.1"),
)

_LINES = (
    *(
        changed(method, METHOD, lambda one, method=method: one.by(method))
        for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "post")
    ),
    changed("HEAD", "405", lambda one: one.by("HEAD")),
    changed(
        "OPTIONS of another origin",
        METHOD,
        lambda one: one.by("OPTIONS")
        .also("Origin", "https://evil.example")
        .also("Access-Control-Request-Method", "POST"),
    ),
    changed(
        "GET with X-HTTP-Method-Override: POST",
        METHOD,
        lambda one: one.by("GET").also("X-HTTP-Method-Override", "POST"),
    ),
    added("POST with X-HTTP-Method-Override: GET", OK, "X-HTTP-Method-Override", "GET"),
    changed("a method with a control character", METHOD, lambda one: one.by("PO\x1bST")),
    target("an escaped letter in the action", NOT_FOUND, _replaced(b"items", b"%69tems")),
    target("an escaped slash before the action", NOT_FOUND, _replaced(b"/items", b"%2Fitems")),
    target("an escaped letter in the mount", OK, _replaced(b"/bridge", b"/%62ridge")),
    target("a path escaped twice", NOT_FOUND, _replaced(b"items", b"%2569tems")),
    target("an escape that is none", NOT_FOUND, _replaced(b"items", b"%zztems")),
    target("%00 at the end", NOT_FOUND, lambda path: path + b"%00"),
    target("a NUL in the path", NOT_FOUND, lambda path: path + b"\0"),
    target("an escaped line end in the path", NOT_FOUND, lambda path: path + b"%0d%0aX-A:%20b"),
    target("//bridge", SITE, lambda path: b"/" + path),
    target("/bridge//", NOT_FOUND, _replaced(b"/bridge/", b"/bridge//")),
    target("a slash at the end", NOT_FOUND, lambda path: path + b"/"),
    target("/bridge alone", NOT_FOUND, _always("/bridge")),
    target("/bridges", SITE, _replaced(b"/bridge", b"/bridges")),
    target("dot segments", NOT_FOUND, _replaced(b"/bridge", b"/bridge/x/..")),
    target("dot segments before the mount", SITE, _replaced(b"/bridge", b"/x/../bridge")),
    target("escaped dot segments", NOT_FOUND, _replaced(b"/bridge/", b"/bridge/x/..%2f")),
    target("a backslash", NOT_FOUND, _replaced(b"/items", b"\\items")),
    target("a path parameter", NOT_FOUND, lambda path: path + b";a=b"),
    Row("an action that there is not", UNKNOWN, lambda front, _: front.request("no.such")),
    target("raw UTF-8 in the path", NOT_FOUND, lambda path: path + "\xe9".encode()),
    target("a path of 10 kB", NOT_FOUND, lambda path: path + b"0" * 10_000),
    target("an absolute target", OK, lambda path: b"http://localhost" + path),
    target("an absolute target elsewhere", OK, lambda path: b"http://evil.example" + path),
    target("a target without a slash", SITE, lambda path: path[1:]),
    target("a space in the target", NOT_FOUND, lambda path: path + b" /admin"),
    changed("OPTIONS *", SITE, lambda one: one.by("OPTIONS").to("*")),
    changed("CONNECT", SITE, lambda one: one.by("CONNECT").to("localhost:80")),
    target("a query", QUERY, lambda path: path + b"?a=1"),
    target("an escaped line end in the query", QUERY, lambda path: path + b"?%0a"),
    target("an empty query", OK, lambda path: path + b"?"),
    target("a fragment", NOT_FOUND, lambda path: path + b"#a"),
    Row(
        "a read's signature on a write",
        FAILED,
        lambda front, _: front.request("cart.get").to(front.request().target),
    ),
)
_BODIES = (
    header("text/plain", TYPE, "Content-Type", _always("text/plain")),
    header("a form", TYPE, "Content-Type", _always("application/x-www-form-urlencoded")),
    header("charset=utf-16", TYPE, "Content-Type", _always("application/json; charset=utf-16")),
    header("charset=utf-8", OK, "Content-Type", _always("application/json; charset=utf-8")),
    changed("no Content-Type", TYPE, lambda one: one.without("Content-Type")),
    added("Content-Type twice", TYPE, "Content-Type", "text/plain"),
    added("Content-Encoding: gzip", TYPE, "Content-Encoding", "gzip"),
    added("Content-Encoding: identity", TYPE, "Content-Encoding", "identity"),
    changed(
        "one byte of the body changed",
        FAILED,
        lambda one: one.carrying(one.body.replace(b"1", b"2")),
    ),
    text("invalid UTF-8", JSON, b'{"cart_id": "\xff"}'),
    text("a byte order mark", JSON, lambda front: b"\xef\xbb\xbf" + front.body),
    text("UTF-16", JSON, lambda front: front.body.decode().encode("utf-16")),
    text("NaN", JSON, b'{"cart_id": NaN}'),
    text("nested 2,000 deep", JSON, b"[" * 2000 + b"]" * 2000),
    text("an integer of 3,000 digits", INVALID, b'{"cart_id": %b}' % (b"9" * 3000)),
    text("a list", JSON, b"[]"),
    text("no body", JSON, b""),
    text("bytes that are not text", JSON, bytes(range(256))),
    text("a lone surrogate", JSON, b'{"cart_id": "\\ud800"}'),
    text(
        "an escaped NUL",
        INVALID,
        lambda front: json.dumps(
            {"cart_id": front.cart_id, "items": [{"sku": "mug\0", "quantity": 1}]}
        ).encode(),
    ),
    text("an unknown field", INVALID, lambda front: front.body.replace(b"{", b'{"a": 1, ', 1)),
    text(
        "a name twice, the last one bad",
        INVALID,
        lambda front: front.body[:-1] + b', "items": []}',
    ),
    text("a card number", CARD, lambda front: front.body[:-1] + b', "a": "4111 1111 1111 1111"}'),
)


def _half(one: Request) -> bytes:
    return one.head + one.body[: len(one.body) // 2]


def _expecting(one: Request) -> Request:
    return one.also("Expect", "100-continue")


_LENGTHS = (
    framed("Content-Length negative", LENGTH, lambda n: f"-{n}"),
    framed("Content-Length with a plus", LENGTH, lambda n: f"+{n}"),
    framed("Content-Length with an underscore", LENGTH, lambda n: f"{n // 10}_{n % 10}"),
    framed("Content-Length in hexadecimal", LENGTH, hex),
    framed("Content-Length with a fraction", LENGTH, lambda n: f"{n}.0"),
    framed("Content-Length as a list of one value", LENGTH, lambda n: f"{n}, {n}"),
    framed("Content-Length empty", FAILED, lambda _: ""),
    framed("Content-Length with leading zeros", OK, lambda n: f"000{n}"),
    changed(
        "Content-Length in other digits",
        LENGTH,
        lambda one: one.but("Content-Length", _wide(one.value("Content-Length"))),
    ),
    added("Content-Length twice, differing", LENGTH, "Content-Length", "5"),
    changed("Content-Length twice, the same", LENGTH, _twice("Content-Length")),
    changed("no Content-Length", FAILED, lambda one: one.without("Content-Length")),
    framed("Content-Length too short", FAILED, lambda n: str(n - 5)),
    changed(
        "Content-Length too long, and gone",
        SHORT,
        lambda one: one.but("Content-Length", str(len(one.body) + 5)),
        then="leave",
    ),
    changed(
        "half of the body, and gone",
        SHORT,
        _half,
        then="leave",
    ),
    changed(
        "a length over the limit, no body",
        LARGE,
        lambda one: one.but("Content-Length", str(MOST_BYTES + 1)).head,
    ),
    changed(
        "a length of 30 digits, no body", LARGE, lambda one: one.but("Content-Length", "9" * 30).head
    ),
    changed("one byte after the other", OK, lambda one: [bytes([byte]) for byte in bytes(one)]),
    changed("half of the body, held back", LATE, _half),
    changed("the whole body, held back", LATE, lambda one: one.head),
    changed("half of the head, held back", "waits", lambda one: one.head[:100]),
    changed("half of the head, and gone", "closes", lambda one: one.head[:100], then="leave"),
    changed(
        "Expect: 100-continue, the body with it", OK, lambda one: bytes(_expecting(one))
    ),
    changed(
        "Expect: 100-continue, refused by its head",
        MALFORMED,
        lambda one: _expecting(one).but("X-Signature", "v1=").head,
    ),
    added("Expect: something else", OK, "Expect", "the-unexpected"),
)


def _smuggling_length(front: Front, _: Front) -> bytes:
    """Hide a request from whoever goes by Transfer-Encoding."""
    inner = bytes(front.request())
    outer = front.request().carrying(b"0\r\n\r\n" + inner).also("Transfer-Encoding", "chunked")
    return bytes(outer.kept_alive())


def _smuggling_coding(front: Front, _: Front) -> bytes:
    """Hide a request from whoever goes by Content-Length."""
    inner = bytes(front.request())
    outer = front.request().chunked(size=MOST_BYTES).also("Content-Length", "4").kept_alive()
    return outer.head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)


_CODINGS = (
    changed("chunked", OK, Request.chunked),
    changed("chunked, each byte by itself", OK, lambda one: one.chunked(size=1)),
    coded("Chunked in capitals", OK, "CHUNKED"),
    Row(
        "chunked, past the limit",
        LARGE,
        lambda front, _: front.request(body=b"{}" + b" " * MOST_BYTES).chunked(size=1000),
    ),
    changed("chunked, half of it, and gone", SHORT, lambda one: _half(one.chunked()), then="leave"),
    changed(
        "chunked, its end missing, and gone",
        SHORT,
        lambda one: bytes(one.chunked())[:-5],
        then="leave",
    ),
    changed("chunked, half of it, held back", LATE, lambda one: _half(one.chunked())),
    changed("chunked in HTTP/1.0", OK, lambda one: bytes(one.chunked()).replace(b"1.1", b"1.0", 1)),
    changed(
        "Content-Length and Transfer-Encoding",
        LENGTH,
        lambda one: one.chunked().also("Content-Length", "5"),
    ),
    Row("a request behind a chunked end", LENGTH, _smuggling_length),
    Row("a request inside a chunk", LENGTH, _smuggling_coding),
    changed(
        "Transfer-Encoding twice",
        OK,
        lambda one: one.chunked().also("Transfer-Encoding", "chunked"),
    ),
    coded("Transfer-Encoding: chunked, chunked", OK, "chunked, chunked"),
    coded("Transfer-Encoding: gzip, chunked", OK, "gzip, chunked"),
    coded("Transfer-Encoding: chunked, gzip", OK, "chunked, gzip"),
    coded("Transfer-Encoding: xchunked", OK, "xchunked"),
    added("Transfer-Encoding: identity", LENGTH, "Transfer-Encoding", "identity"),
    coded("Transfer-Encoding behind a vertical tab", OK, "\x0bchunked"),
    changed(
        "Transfer-Encoding folded",
        OK,
        lambda one: bytes(one.chunked()).replace(b"Encoding: ", b"Encoding:\r\n ", 1),
    ),
    changed(
        "Transfer-Encoding, a space before the colon",
        LENGTH,
        lambda one: bytes(one.chunked()).replace(b"Encoding:", b"Encoding :", 1),
    ),
    added("Transfer_Encoding beside Content-Length", OK, "Transfer_Encoding", "chunked"),
    added("Content_Length beside Content-Length", OK, "Content_Length", "5"),
    chunks("a chunk of negative size", SHORT, lambda sent: b"-" + sent),
    chunks("a chunk size with 0x", SHORT, lambda sent: b"0x" + sent),
    chunks("a chunk size with a plus", SHORT, lambda sent: b"+" + sent),
    chunks("a chunk size with an underscore", SHORT, _replaced(b"\r", b"_\r")),
    chunks("a chunk size of 20 digits", LATE, lambda sent: b"f" * 20 + sent[2:]),
    chunks("a chunk extension", OK, _replaced(b"\r", b";a=b\r")),
    chunks("a chunk extension of 20 kB", OK, _replaced(b"\r", b";" + b"a" * 20_000 + b"\r")),
    chunks("a bare LF after a chunk size", SHORT, _replaced(b"\r\n", b"\n")),
    chunks("a chunk longer than it says", SHORT, _replaced(b"}\r\n0", b"}}\r\n0")),
    chunks(
        "a trailer that poses as a signature",
        OK,
        lambda sent: sent[:-2] + b"X-Signature: v1=" + b"0" * 64 + b"\r\n\r\n",
    ),
    Row(
        "two requests at once",
        "200, then 200",
        lambda front, _: bytes(front.request().kept_alive()) + bytes(front.request()),
    ),
    Row(
        "a refused request and a good one at once",
        "401 authentication_failed, then 200",
        lambda front, other: bytes(front.request(secret=other.secret).kept_alive())
        + bytes(front.request()),
    ),
    Row(
        "a request behind a GET that declares no body",
        "405 method_not_allowed, then 200",
        lambda front, _: bytes(
            front.request(body=b"").by("GET").without("Content-Length").kept_alive()
        )
        + bytes(front.request()),
    ),
    added("an upgrade to HTTP/2", OK, "Upgrade", "h2c"),
    changed(
        "HTTP/2 with prior knowledge",
        "closes",
        lambda one: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(one),
    ),
)


def _raw(old: bytes, new: bytes) -> Change:
    return lambda one: bytes(one).replace(old, new, 1)


_SYNTAX = (
    changed("HTTP/1.0", OK, _raw(b"HTTP/1.1", b"HTTP/1.0")),
    changed("HTTP/1.9", OK, _raw(b"HTTP/1.1", b"HTTP/1.9")),
    changed("HTTP/9.9", OK, _raw(b"HTTP/1.1", b"HTTP/9.9")),
    changed("no version", OK, _raw(b" HTTP/1.1", b"")),
    changed("a line end before the request", OK, lambda one: b"\r\n" + bytes(one)),
    changed("a TLS greeting", "closes", lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" * 20),
    changed("bare LF line ends", OK, lambda one: one.head.replace(b"\r\n", b"\n") + one.body),
    changed("bare CR line ends", OK, lambda one: one.head.replace(b"\r\n", b"\r") + one.body),
    changed("no Host", OK, lambda one: one.without("Host")),
    added("Host twice", OK, "Host", "evil.example"),
    added("a bare CR in a header", OK, "X-Note", b"a\rX-Timestamp: 1"),
    added("a bare LF in a header", OK, "X-Note", b"a\nX-Note-2: b"),
    added("a NUL in a header", OK, "X-Note", b"a\0b"),
    added("an escape sequence in a header", OK, "User-Agent", b"\x1b[31mred\x1b]0;t\x07"),
    added("UTF-8 in a header", OK, "User-Agent", "\u2028\u202e\xe9"),
    added("bytes in a header", OK, "User-Agent", bytes(range(128, 256))),
    added("a header folded", OK, "X-Note", b"a\r\n b"),
    added("a header without a name", OK, "", "a"),
    added("a header name with a space", OK, "X Note", "a"),
    added("a header name in Latin-1", OK, "X-Not\xe9".encode("latin-1"), "a"),
    changed("a header without a colon", OK, _raw(b"\r\nHost", b"\r\nnothing\r\nHost")),
    changed("a space before the first header", OK, _raw(b"\r\nHost", b"\r\n Host")),
    changed(
        "150 headers", OK, lambda one: _many(one, 150)
    ),
    changed("5,000 headers", OK, lambda one: _many(one, 5_000)),
    added("a header of 70 kB", OK, "X-Note", "a" * 70_000),
)


def _many(one: Request, number: int) -> Request:
    for count in range(number):
        one = one.also(f"X-Note-{count}", "a")
    return one


ROWS = (*_HEADERS, *_LINES, *_BODIES, *_LENGTHS, *_CODINGS, *_SYNTAX)
"""Every row, in the order of the documentation."""
