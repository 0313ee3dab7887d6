"""What is in the body, and what it is said to be."""

import json
from collections.abc import Callable

from tests.servers.rows.row import (
    CARD,
    FAILED,
    INVALID,
    JSON,
    LARGE,
    OK,
    TYPE,
    added,
    always,
    changed,
    header,
    text,
)
from tests.servers.wire import Front


def _of(quantity: bytes) -> Callable[[Front], bytes]:
    return lambda front: front.body.replace(b'"quantity": 1', b'"quantity": ' + quantity)


def _text_of(size: int) -> Callable[[Front], bytes]:
    return lambda front: front.body.replace(b"mug", b"m" * size)


BODIES = (
    header("text/plain", TYPE, "Content-Type", always("text/plain")),
    header("a form", TYPE, "Content-Type", always("application/x-www-form-urlencoded")),
    header("charset=utf-16", TYPE, "Content-Type", always("application/json; charset=utf-16")),
    header("charset=utf-8", OK, "Content-Type", always("application/json; charset=utf-8")),
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
    text("a quantity of 5,000 digits", JSON, _of(b"9" * 5000)),
    text("quantity 1e999", JSON, _of(b"1e999")),
    text("quantity 0", INVALID, _of(b"0")),
    text("quantity -1", INVALID, _of(b"-1")),
    text("quantity 1.5", INVALID, _of(b"1.5")),
    text("quantity 2^63", INVALID, _of(b"%d" % 2**63)),
    text("quantity true", INVALID, _of(b"true")),
    text("a quantity as a text", INVALID, _of(b'"2"')),
    text("a text of one megabyte", LARGE, _text_of(2**20)),
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
        "an unknown field of an item",
        INVALID,
        lambda front: front.body.replace(b'"sku"', b'"price": 1, "sku"'),
    ),
    text(
        "a name twice, the last one bad",
        INVALID,
        lambda front: front.body[:-1] + b', "items": []}',
    ),
    text("a card number", CARD, lambda front: front.body[:-1] + b', "a": "4111 1111 1111 1111"}'),
)
