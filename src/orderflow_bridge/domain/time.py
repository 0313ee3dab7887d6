"""Instants: Unix milliseconds inside, RFC 3339 in UTC outside (protocol §3)."""

from datetime import UTC, datetime, timedelta

__all__ = ["as_milliseconds", "as_utc"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def as_utc(milliseconds: int) -> datetime:
    """Turn Unix milliseconds into an aware datetime."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def as_milliseconds(instant: datetime) -> int:
    """Turn an aware datetime into Unix milliseconds, rounding up within a millisecond."""
    return -((_EPOCH - instant) // _MILLISECOND)
