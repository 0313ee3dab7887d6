"""Bodies in chunks, two framings in one request, and several requests in one connection."""

from tests.servers.rows.row import (
    LARGE,
    LATE,
    LENGTH,
    OK,
    SHORT,
    Row,
    added,
    changed,
    chunks,
    coded,
    half,
    replaced,
)
from tests.servers.servers import MOST_BYTES
from tests.servers.wire import Front, Request


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


CODINGS = (
    changed("chunked", OK, Request.chunked),
    changed("chunked, each byte by itself", OK, lambda one: one.chunked(size=1)),
    coded("Chunked in capitals", OK, "CHUNKED"),
    Row(
        "chunked, past the limit",
        LARGE,
        lambda front, _: front.request(body=b"{}" + b" " * MOST_BYTES).chunked(size=1000),
    ),
    changed("chunked, half of it, and gone", SHORT, lambda one: half(one.chunked()), then="leave"),
    changed(
        "chunked, its end missing, and gone",
        SHORT,
        lambda one: bytes(one.chunked())[:-5],
        then="leave",
    ),
    changed("chunked, half of it, held back", LATE, lambda one: half(one.chunked())),
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
    chunks("a chunk size with an underscore", SHORT, lambda sent: sent[:1] + b"_" + sent[1:]),
    chunks("a chunk size of 20 digits", LATE, lambda sent: b"f" * 20 + sent[2:]),
    chunks("a chunk extension", OK, replaced(b"\r", b";a=b\r")),
    chunks("a chunk extension of 20 kB", OK, replaced(b"\r", b";" + b"a" * 20_000 + b"\r")),
    chunks("a bare LF after a chunk size", SHORT, replaced(b"\r\n", b"\n")),
    chunks("a chunk longer than it says", SHORT, replaced(b"}\r\n0", b"}}\r\n0")),
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
        lambda front, fronts: (
            bytes(front.request(secret=fronts["another"].secret).kept_alive())
            + bytes(front.request())
        ),
    ),
    Row(
        "a request behind a GET that declares no body",
        "405 method_not_allowed, then 200",
        lambda front, _: (
            bytes(front.request(body=b"").by("GET").without("Content-Length").kept_alive())
            + bytes(front.request())
        ),
    ),
    added("an upgrade to HTTP/2", OK, "Upgrade", "h2c"),
    changed(
        "HTTP/2 with prior knowledge",
        "closes",
        lambda one: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(one),
    ),
)
