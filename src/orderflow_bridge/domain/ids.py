"""Identifiers: a prefix and 26 characters that sort by time (protocol §3)."""

__all__ = ["RANDOM_BYTES", "new_id"]

RANDOM_BYTES = 10
"""How many random bytes `new_id` takes."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _CROCKFORD for b in _CROCKFORD)


def new_id(prefix: str, milliseconds: int, random: bytes) -> str:
    """Make an id of `prefix`, an underscore and 26 characters of Crockford base 32.

    `milliseconds` is Unix time (48 bits are kept), `random` are 10 random bytes (80 bits).
    """
    number = (milliseconds & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(random, "big")
    pairs = _PAIRS
    return prefix + "_" + "".join([pairs[number >> shift & 1023] for shift in _SHIFTS])


_SHIFTS = tuple(range(120, -1, -10))
