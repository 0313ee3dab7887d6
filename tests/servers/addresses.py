"""What a client may say of its own address, sent to every server behind a trusted proxy."""

from typing import NamedTuple

__all__ = ["ADDRESSES", "ALIASED", "OFFICE", "decided"]

OFFICE, ELSEWHERE = "198.51.100.7", "192.0.2.9"
"""The address that a connection may be used from, and one that it may not."""

OK, REFUSED = "200", "403 ip_not_allowed"
_ELSEWHERE = ("X-Forwarded-For", ELSEWHERE)


class Address(NamedTuple):
    """A valid request, by the headers that it comes with, and what is decided.

    `merged` is what comes of it on a server that takes an alias for the header.
    """

    name: str
    headers: tuple[tuple[str, str], ...]
    decision: str
    merged: str


ADDRESSES = (
    Address("no header", (), REFUSED, REFUSED),
    Address("the header of who is allowed", (("X-Forwarded-For", OFFICE),), OK, OK),
    Address("the header of who is not", (_ELSEWHERE,), REFUSED, REFUSED),
    Address("an alias alone", (("X_Forwarded_For", OFFICE),), REFUSED, OK),
    Address("an alias with one underscore", (("X-Forwarded_For", OFFICE),), REFUSED, OK),
    Address("an alias in small letters", (("x_forwarded_for", OFFICE),), REFUSED, OK),
    Address("an alias behind the header", (_ELSEWHERE, ("X_Forwarded_For", OFFICE)), REFUSED, OK),
    Address(
        "an alias before the header", (("X_Forwarded_For", OFFICE), _ELSEWHERE), REFUSED, REFUSED
    ),
)

ALIASED = ("granian wsgi",)
"""The servers that take an alias for the header, so that a client chooses its address there."""

_REMOVED = ("waitress",)
"""Those that remove the header of a proxy that they do not trust themselves."""


def decided(row: Address, server: str) -> str:
    """Tell what comes of a row on a server."""
    if server in ALIASED:
        return row.merged
    return REFUSED if server in _REMOVED else row.decision
