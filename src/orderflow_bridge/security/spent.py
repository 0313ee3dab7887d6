"""How long a spent signature is remembered, and when it may be forgotten (protocol §4)."""

__all__ = ["forgettable_before", "remembered_for"]

_AT_LEAST = 900_000
_SPARE = 30_000
_SLOW = 600_000
_SECOND = 1_000


def remembered_for(widest: int) -> int:
    """Give the milliseconds for which it is; `widest` is the largest window, in seconds."""
    return max(_AT_LEAST, 2 * widest * _SECOND + _SPARE)


def forgettable_before(latest: int, *, now: int, widest: int) -> int:
    """Give the time such that no signature that is remembered until before can act again.

    It cannot as long as no clock that judges it is ten minutes slow, or more.

    `latest` is until when a signature is remembered that was spent after the others, `widest` the
    largest window in seconds; the rest is Unix ms. Of `now` alone nothing follows: a clock may
    have jumped ahead, and come back while a window that it closed is still open. A write that was
    accepted is a proof. With S for `remembered_for`, W for the window:

    - One at b by this clock was dated by its storefront, in whole seconds, b - W or later; so it
      was truly later than b - W - 1 s, and has been since.
    - One spent at a was dated a + W or earlier, so every clock that is not slow refuses it from
      a + 2 W + 1 s on, and one that is slow by as much later.
    - Whatever was spent before b - 3 W - 2 s - 10 min can thus be forgotten: what is remembered
      until before b + S - 3 W - 2 s - 10 min.
    """
    return min(now, latest - (3 * widest + 2) * _SECOND - _SLOW)
