"""Bodies with a length, a wrong one, or none; and bodies that do not come."""

from tests.servers.rows.row import (
    FAILED,
    LARGE,
    LATE,
    LENGTH,
    MALFORMED,
    OK,
    SHORT,
    added,
    changed,
    framed,
    half,
    twice,
    wide,
)
from tests.servers.servers import MOST_BYTES
from tests.servers.wire import Request


def _expecting(one: Request) -> Request:
    return one.also("Expect", "100-continue")


LENGTHS = (
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
        lambda one: one.but("Content-Length", wide(one.value("Content-Length"))),
    ),
    added("Content-Length twice, differing", LENGTH, "Content-Length", "5"),
    changed("Content-Length twice, the same", LENGTH, twice("Content-Length")),
    changed("no Content-Length", FAILED, lambda one: one.without("Content-Length")),
    framed("Content-Length too short", FAILED, lambda n: str(n - 5)),
    changed(
        "Content-Length too long, and gone",
        SHORT,
        lambda one: one.but("Content-Length", str(len(one.body) + 5)),
        then="leave",
    ),
    changed("half of the body, and gone", SHORT, half, then="leave"),
    changed(
        "a length over the limit, no body",
        LARGE,
        lambda one: one.but("Content-Length", str(MOST_BYTES + 1)).head,
    ),
    changed(
        "a length of 30 digits, no body",
        LARGE,
        lambda one: one.but("Content-Length", "9" * 30).head,
    ),
    changed("one byte after the other", OK, lambda one: [bytes([byte]) for byte in bytes(one)]),
    changed("half of the body, held back", LATE, half),
    changed("the whole body, held back", LATE, lambda one: one.head),
    changed("half of the head, held back", "waits", lambda one: one.head[:100]),
    changed("half of the head, and gone", "closes", lambda one: one.head[:100], then="leave"),
    changed("Expect: 100-continue, the body with it", OK, lambda one: bytes(_expecting(one))),
    changed(
        "Expect: 100-continue, refused by its head",
        MALFORMED,
        lambda one: _expecting(one).but("X-Signature", "v1=").head,
    ),
    added("Expect: something else", OK, "Expect", "the-unexpected"),
)
