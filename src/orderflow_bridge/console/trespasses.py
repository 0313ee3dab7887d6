"""How often the audit is told that somebody may not do what they try."""

from collections import OrderedDict
from threading import Lock

from orderflow_bridge.domain.forks import renew_in_children

__all__ = ["Trespasses"]

_MINUTE = 60_000
_MOST = 1_024


class Trespasses:
    """Let one a minute through of each person and act; safe to use from any thread.

    So that who may do nothing cannot fill the audit either. Each process counts for itself, in
    bounded memory.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Take a fresh lock in a forked child: the parent's may be held for ever."""
        self._lock = Lock()

    def is_news(self, name: str, act: str, now: int) -> bool:
        """Tell whether the audit is told of one at `now` (Unix ms), and count it then."""
        with self._lock:
            told = self._told.get((name, act))
            # A clock that was set back tells once more.
            if told is not None and 0 <= now - told < _MINUTE:
                return False
            self._told[name, act] = now
            self._told.move_to_end((name, act))
            if len(self._told) > _MOST:
                self._told.popitem(last=False)
            return True

    def forget(self, name: str, act: str) -> None:
        """Take one back that the audit could not keep."""
        with self._lock:
            self._told.pop((name, act), None)
