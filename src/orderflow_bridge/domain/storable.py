"""What any storage can be asked for: text that it could hold, numbers of 64 bits."""

__all__ = ["is_storable", "storable_time"]

_LEAST, _MOST = -(2**63), 2**63 - 1


def is_storable(text: str) -> bool:
    """Tell whether a storage could hold `text`; what it cannot hold it does not have.

    PostgreSQL holds no NUL, and nobody holds half a surrogate pair.
    """
    return "\x00" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


def storable_time(milliseconds: int) -> int:
    """Give the nearest time of 64 bits, which stands before and after the same others."""
    return max(_LEAST, min(milliseconds, _MOST))
