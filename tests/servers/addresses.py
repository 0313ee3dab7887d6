"""What a client may say of its own address, sent to every server behind a trusted proxy."""

from typing import NamedTuple

__all__ = ["ADDRESSES", "ALIASED", "OFFICE", "decided"]

OFFICE, ELSEWHERE = "198.51.100.7", "192.0.2.9"
"""The address that a connection may be used from, and one that it may not."""

OK, REFUSED = "200", "403 ip_not_allowed"
_ELSEWHERE = ("X-Forwarded-For", ELSEWHERE)


class Address(NamedTuple):
    """A valid request, by the headers that it comes with, and what is decided.

    `merged` is what comes of it on a server that takes an alias for the header, and `rewritten` on
    one that has read the header before the bridge does.
    """

    name: str
    headers: tuple[tuple[str, str], ...]
    decision: str
    merged: str
    rewritten: str | None = None


def _hops(name: str, value: str, decision: str, rewritten: str | None = None) -> Address:
    return Address(name, (("X-Forwarded-For", value),), decision, decision, rewritten)


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
    _hops("a forged hop in front of the true one", f"{OFFICE}, {ELSEWHERE}", REFUSED),
    _hops("a forged hop in front of the one who is allowed", f"{ELSEWHERE}, {OFFICE}", OK),
    _hops("two of them, and a proxy behind", f"{OFFICE}, {ELSEWHERE}, 127.0.0.1", REFUSED),
    Address(
        "a forged hop in a line of its own",
        (("X-Forwarded-For", OFFICE), _ELSEWHERE),
        REFUSED,
        REFUSED,
    ),
    _hops("a word", "a", REFUSED),
    _hops("a word left of the one who is allowed", f"a, {OFFICE}", REFUSED, OK),
    _hops("empty", "", REFUSED),
    _hops("an empty hop behind", f"{OFFICE},", REFUSED),
    _hops("an impossible port", f"{OFFICE}:99999", REFUSED, OK),
    _hops("leading zeros", "198.051.100.007", REFUSED),
    _hops("an octal number", "010.0.0.1", REFUSED),
    _hops("full-width digits", "１９８.51.100.7", REFUSED),
    _hops("500 hops", ", ".join([OFFICE] * 500), REFUSED, OK),
    Address("X-Real-IP in its place", (("X-Real-IP", OFFICE),), REFUSED, REFUSED),
    Address("Forwarded in its place", (("Forwarded", f"for={OFFICE}"),), REFUSED, REFUSED),
)

ALIASED = ("granian wsgi",)
"""The servers that take an alias for the header, so that a client chooses its address there."""

_REWRITING = ("uvicorn h11", "uvicorn httptools")
"""Those that read the header of a proxy on 127.0.0.1 themselves, and put what they read where the
socket's address was: the first hop from the right that is no proxy, whatever stands left of it.
"""

_REMOVED = ("waitress",)
"""Those that remove the header of a proxy that they do not trust themselves."""


def decided(row: Address, server: str) -> str:
    """Tell what comes of a row on a server."""
    if server in ALIASED:
        return row.merged
    if server in _REWRITING and row.rewritten is not None:
        return row.rewritten
    return REFUSED if server in _REMOVED else row.decision
