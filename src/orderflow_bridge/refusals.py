"""Refusals counted per reason and address, in bounded memory (protocol §2)."""

from collections import Counter
from threading import Lock

from orderflow_bridge.domain.forks import renew_in_children

__all__ = ["Refusals"]


class Refusals:
    """Count refusals for the operator; never throttles, never grows beyond its limit."""

    def __init__(self, *, most: int = 2_048) -> None:
        self._most = most
        self._counts: Counter[tuple[str, str]] = Counter()
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Take a fresh lock in a forked child: the parent's may be held for ever."""
        self._lock = Lock()

    def count(self, code: str, address: str | None) -> None:
        """Count one refusal; past the limit, further addresses are counted together."""
        key = (code, address or "-")
        with self._lock:
            if key not in self._counts and len(self._counts) >= self._most:
                key = (code, "others")
            self._counts[key] += 1

    def seen(self) -> dict[tuple[str, str], int]:
        """Give the counts so far by (code, address), the most frequent first."""
        with self._lock:
            return dict(self._counts.most_common())
