"""How much of one kind a connection may keep, counted seldom and remembered (protocol §2, step 18).

Counting a hundred thousand rows with each write would cost more than the write, and one counting
row per connection would make its writers queue. So a process counts now and then, through an
index, and remembers. After a count it lets pass one thirty-second of the room that it found,
then it counts again: next to nothing far from the cap, and never over by more than the cap with
thirty-two processes. With one it is exact but for the writes that are under way, which no count
has seen: as many as there are threads may go over it.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from msgspec import Struct

from orderflow_bridge.domain.forks import renew_in_children

__all__ = ["Count", "Quota", "seconds_until_room"]

Count = Callable[[int, int], int]
"""Count what is kept later than a time (Unix ms), up to a limit."""

_PROCESSES = 32
_FRESH = 10_000
_REMEMBERED = 4_096


class _Seen(Struct):
    """What a count found at `at`; `left` may still pass, or there is no room before `room_at`."""

    at: int
    left: int
    room_at: int


class Quota:
    """Hold each connection to `most` rows that are kept for `lifetime` seconds; 0 holds nobody.

    Nothing is evicted to make room. What is remembered is bounded, and at most ten seconds old; but
    the end of a long wait is remembered longer, while a count each ten seconds finds no room.
    """

    def __init__(self, *, most: int, lifetime: int) -> None:
        self._most = most
        self._lifetime = lifetime
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Take a fresh lock in a forked child: the parent's may be held for ever."""
        self._lock = Lock()

    @property
    def on(self) -> bool:
        """Tell whether anything is held to it."""
        return self._most > 0

    def wait(self, connection: str, now: int, count: Count) -> int:
        """Give 0 where one more row has room, else the seconds after which there will be.

        `count` counts the connection's rows; it is called where too little is remembered, and may
        take long: not to be called while others wait for a lock. `now` is in Unix ms. Takes no
        room: `take` does, when the row is written.
        """
        with self._lock:
            seen = self._seen.get(connection)
        # A clock that was set back makes what is remembered worthless.
        if seen is not None and now < seen.at:
            seen = None
        if seen is not None and now < seen.at + _FRESH:
            if now < seen.room_at:
                return -((now - seen.room_at) // 1000)
            if seen.left > 0:
                return 0
        room = self._most - count(now, self._most)
        if room > 0:
            self._remember(connection, _Seen(at=now, left=max(1, room // _PROCESSES), room_at=0))
            return 0
        room_at = 0 if seen is None else seen.room_at
        if room_at <= now + _FRESH:
            room_at = now + 1000 * seconds_until_room(
                lambda later: count(now + later * 1000, self._most), self._most, self._lifetime
            )
        self._remember(connection, _Seen(at=now, left=0, room_at=room_at))
        return -((now - room_at) // 1000)

    def take(self, connection: str) -> None:
        """Take the room of one row that is written now; counts nothing."""
        with self._lock:
            seen = self._seen.get(connection)
            if seen is not None:
                seen.left -= 1

    def _remember(self, connection: str, seen: _Seen) -> None:
        with self._lock:
            self._seen[connection] = seen
            self._seen.move_to_end(connection)
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)


def seconds_until_room(still_there: Callable[[int], int], most: int, longest: int) -> int:
    """Give the least number of seconds, 1 to `longest`, after which fewer than `most` are left.

    `still_there` counts what is left after so many seconds. It is asked once for a second, and no
    more often than twice for each doubling of the time: who is told to come soon costs little.
    """

    def has_room(seconds: int) -> bool:
        return still_there(seconds) < most

    full, room = 0, 1
    while room < longest and not has_room(room):
        full, room = room, min(longest, 2 * room)
    return full + 1 + bisect_left(range(full + 1, room), x=True, key=has_room)
