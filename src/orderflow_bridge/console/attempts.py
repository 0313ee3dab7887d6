"""How often a password may be guessed: after some failures a name, or an address, has to wait."""

from collections import OrderedDict
from threading import Lock

from msgspec import Struct

from orderflow_bridge.domain.forks import renew_in_children
from orderflow_bridge.domain.operator import LONGEST_NAME

__all__ = ["Attempts"]

_OF_A_NAME = 5
# People behind one proxy or one office share an address.
_OF_AN_ADDRESS = 20
_FIRST_WAIT = 30
_LONGEST_WAIT = 300
_FORGOTTEN_AFTER = 3_600
_SECOND = 1_000
_MOST = 10_000


class _Count(Struct):
    failed: int = 0
    at: int = 0
    until: int = 0


class Attempts:
    """Count the failures of this process, in bounded memory; safe to use from any thread.

    A name has five, an address twenty, before it waits 30 seconds; each further failure doubles the
    wait, up to five minutes. An hour without one forgets them. Several processes count each for
    itself, so that a guesser has as many times more as there are processes.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Take a fresh lock in a forked child: the parent's may be held for ever."""
        self._lock = Lock()

    def begin(self, name: str, address: str, now: int) -> int:
        """Count an attempt at `now` (Unix ms) as failed before it is known; give 0.

        Or the seconds to wait, where it may not be made: it is not counted then. Counted before,
        so that of any number of attempts at once no more than those pass.
        """
        with self._lock:
            counts = [(self._count(key, now), limit) for key, limit in _keys(name, address)]
            wait = max(count.until for count, _ in counts) - now
            if wait > 0:
                return -(-wait // _SECOND)
            for count, limit in counts:
                count.failed += 1
                count.at = now
                if count.failed >= limit:
                    seconds = min(_FIRST_WAIT << min(count.failed - limit, 8), _LONGEST_WAIT)
                    count.until = now + seconds * _SECOND
            return 0

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of the name, and take back that the address failed.

        No more than this one of the address: an own name must not buy guesses at others.
        """
        self.undo(name, address)
        with self._lock:
            self._counts.pop(_keys(name, address)[0][0], None)

    def undo(self, name: str, address: str) -> None:
        """Take an attempt back, of which nobody knows whether it was right."""
        with self._lock:
            for key, limit in _keys(name, address):
                count = self._counts.get(key)
                if count is not None:
                    count.failed = max(0, count.failed - 1)
                    if count.failed < limit:
                        count.until = 0

    def _count(self, key: tuple[str, str], now: int) -> _Count:
        count = self._counts.get(key)
        if count is None or now - count.at > _FORGOTTEN_AFTER * _SECOND:
            count = self._counts[key] = _Count(at=now)
        self._counts.move_to_end(key)
        if len(self._counts) > _MOST:
            self._counts.popitem(last=False)
        return count


def _keys(name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    # A stranger's text, of which no more is kept than a name has.
    return ((("name", name[:LONGEST_NAME]), _OF_A_NAME), (("address", address), _OF_AN_ADDRESS))
