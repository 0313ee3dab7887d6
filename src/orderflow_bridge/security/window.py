"""The time window of a request (protocol §2, steps 6, 8 and 11)."""

import re

__all__ = ["inside", "looks_like_milliseconds", "skew"]

_MILLISECONDS = re.compile(rb"[1-9][0-9]{12}")


def skew(now_ms: int, timestamp: bytes) -> int:
    """Count the whole seconds from the client's clock to the server's: server - client.

    The server's clock, in Unix milliseconds, is rounded down to the second as the client rounded
    its own, so a timestamp 60 s away has a skew of 60 during the whole second. `timestamp` matched
    its grammar.
    """
    return now_ms // 1000 - int(timestamp)


def inside(skew: int, window: int) -> bool:
    """Tell whether a skew is within the window, both in seconds; the edge is inside."""
    return -window <= skew <= window


def looks_like_milliseconds(value: bytes) -> bool:
    """Tell whether a timestamp that failed its grammar is Unix time in milliseconds."""
    return _MILLISECONDS.fullmatch(value) is not None
