"""A row: one request with one thing changed, or a few in a row; and the makers of rows."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tests.servers.wire import Front, Request, Signed, Then

Sent = Request | bytes | Iterable[bytes]
Fronts = Mapping[str, Front]


class Exchange(NamedTuple):
    """What is sent on one connection, in the pieces in which it is written to the socket."""

    pieces: list[bytes]
    signed: Signed


class Row(NamedTuple):
    """What is sent, under the name by which the documentation lists it, and what is decided.

    It is made of a storefront, and of all those of the shop by what an operator did to them.
    Several requests go out one after the other, each on a connection of its own. With `leave` the
    client ends its side after it.
    """

    name: str
    decision: str
    make: Callable[[Front, Fronts], Sent | list[Request]]
    then: Then = "wait"

    def exchanges(self, fronts: Fronts) -> list[Exchange]:
        """Give what is sent, by connection."""
        front = fronts["storefront"]
        sent = self.make(front, fronts)
        pieces = [sent] if isinstance(sent, Request | bytes) else list(sent)
        requests = [one for one in pieces if isinstance(one, Request)]
        if requests:
            return [Exchange([bytes(one)], one.signed) for one in requests]
        return [Exchange([bytes(one) for one in pieces], front.request().signed)]


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
DISABLED = "403 connection_disabled"
NO_SCOPE = "403 insufficient_scope"
REPLAYED = "409 replayed_request"
REUSED = "422 idempotency_key_reused"
NO_CART = "404 cart_not_found"
NO_SKU = "422 unknown_sku"
USED = "409 payment_intent_used"
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
    return changed(name, decision, lambda one: one.also(field, value))


def target(name: str, decision: str, change: Callable[[bytes], bytes]) -> Row:
    """Make a row that sends a valid request to another target."""
    return changed(name, decision, lambda one: one.to(change(one.target)))


def several(name: str, *decisions: str, make: Callable[[Front, Fronts], list[Request]]) -> Row:
    """Make a row of several requests, each with its decision."""
    return Row(name, ", then ".join(decisions), make)


def text(name: str, decision: str, body: bytes | Callable[[Front], bytes]) -> Row:
    """Make a row with a body that is signed as it is."""
    return Row(
        name,
        decision,
        lambda front, _: front.request(body=body if isinstance(body, bytes) else body(front)),
    )


def framed(name: str, decision: str, length: Callable[[int], str]) -> Row:
    """Make a row that declares a length in another way."""
    return changed(name, decision, lambda one: one.but("Content-Length", length(len(one.body))))


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


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Change the first occurrence."""
    return lambda value: value.replace(old, new, 1)


def always(value: str | bytes) -> Callable[[bytes], bytes | str]:
    """Give the same value whatever there was."""
    return lambda _: value


def twice(field: str, *, second: Callable[[bytes], bytes] = bytes) -> Change:
    """Send a header twice, the second time changed or not."""
    return lambda one: one.also(field, second(one.value(field)))


def wide(value: bytes) -> bytes:
    """Write digits in full width, which `int()` reads as well."""
    return "".join(chr(ord(digit) - 48 + 0xFF10) for digit in value.decode()).encode()


def raw(old: bytes, new: bytes) -> Change:
    """Change the first occurrence anywhere in the request."""
    return lambda one: bytes(one).replace(old, new, 1)


def half(one: Request) -> bytes:
    """Leave out the second half of the body."""
    return one.head + one.body[: len(one.body) // 2]
