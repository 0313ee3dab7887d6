"""Broken and unusual HTTP around a request that is otherwise valid."""

from tests.servers.rows.row import OK, added, changed, raw
from tests.servers.wire import Request


def _many(one: Request, number: int) -> Request:
    for count in range(number):
        one = one.also(f"X-Note-{count}", "a")
    return one


SYNTAX = (
    changed("HTTP/1.0", OK, raw(b"HTTP/1.1", b"HTTP/1.0")),
    changed("HTTP/1.9", OK, raw(b"HTTP/1.1", b"HTTP/1.9")),
    changed("HTTP/9.9", OK, raw(b"HTTP/1.1", b"HTTP/9.9")),
    changed("no version", OK, raw(b" HTTP/1.1", b"")),
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
    changed("a header without a colon", OK, raw(b"\r\nHost", b"\r\nnothing\r\nHost")),
    changed("a space before the first header", OK, raw(b"\r\nHost", b"\r\n Host")),
    changed("150 headers", OK, lambda one: _many(one, 150)),
    changed("5,000 headers", OK, lambda one: _many(one, 5_000)),
    added("a header of 70 kB", OK, "X-Note", "a" * 70_000),
)
