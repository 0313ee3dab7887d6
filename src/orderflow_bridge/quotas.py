"""How much of one kind a connection may keep, counted seldom and remembered (protocol §2, step 18).

Counting a hundred thousand rows with each write would cost more than the write, and one counting
row per connection would make its writers queue. So a process counts now and then, through an
index, and remembers. After a count it lets pass one thirty-second of the room that it found,
then it counts again: exact where one process writes, never over by more than the cap with
thirty-two of them, and next to nothing far from the cap.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from msgspec import Struct

__all__ = ["Count", "Quota", "seconds_until_room"]

Count = Callable[[int, int], int]
"""Count what is kept later than a time (Unix ms), up to a limit."""

_PROCESSES = 32
_FRESH = 10_000
_REMEMBERED = 4_096


class _Seen(Struct):
    """What a count found at `at`; `left` may still pass, or there is room at `room_at`."""

    at: int
    left: int
    room_at: int


class Quota:
    """Hold each connection to `most` rows that are kept for `lifetime` seconds; 0 holds nobody.

    Nothing is evicted to make room. What is remembered is bounded, and at most ten seconds old.
    """

    def __init__(self, *, most: int, lifetime: int) -> None:
        self._most = most
        self._lifetime = lifetime
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = Lock()

    @property
    def on(self) -> bool:
        """Tell whether anything is held to it."""
        return self._most > 0

    def wait(self, connection: str, now: int, count: Count) -> int:
        """Give 0 where one more row has room, else the seconds after which there will be.

        `count` counts the connection's rows; it is called where too little is remembered. `now`
        is in Unix ms.
        """
        with self._lock:
            seen = self._seen.get(connection)
            # A clock that was set back makes what is remembered worthless.
            if seen is not None and seen.at <= now < seen.at + _FRESH:
                if now < seen.room_at:
                    return -((now - seen.room_at) // 1000)
                if seen.left > 0:
                    seen.left -= 1
                    return 0
        room = self._most - count(now, self._most)
        if room > 0:
            self._remember(
                connection, _Seen(at=now, left=max(1, room // _PROCESSES) - 1, room_at=0)
            )
            return 0
        seconds = seconds_until_room(
            lambda later: count(now + later * 1000, self._most), self._most, self._lifetime
        )
        self._remember(connection, _Seen(at=now, left=0, room_at=now + seconds * 1000))
        return seconds

    def _remember(self, connection: str, seen: _Seen) -> None:
        with self._lock:
            self._seen[connection] = seen
            self._seen.move_to_end(connection)
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)


def seconds_until_room(still_there: Callable[[int], int], most: int, longest: int) -> int:
    """Give the least number of seconds, 1 to `longest`, after which fewer than `most` are left.

    `still_there` counts what is left after so many seconds; it is asked a dozen times or so.
    """
    return 1 + bisect_left(
        range(1, longest), x=True, key=lambda seconds: still_there(seconds) < most
    )
