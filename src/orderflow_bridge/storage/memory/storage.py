"""The storage itself: what is published, and whose turn it is to write."""

import threading

from orderflow_bridge.domain.forks import renew_in_children
from orderflow_bridge.ports import PORTS_VERSION, Capability
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory.published import Published
from orderflow_bridge.storage.memory.unit import Reading, Writing

__all__ = ["MemoryStorage", "open_storage"]


def open_storage(settings: Settings) -> "MemoryStorage":
    """Make the storage of `memory://`."""
    return MemoryStorage(timeout=settings.pool_timeout)


class MemoryStorage:
    """Keep everything in memory; the port `Storage`.

    `timeout` is how many seconds a writing unit waits for its turn before it raises
    `StorageUnavailable`.
    """

    ports_version = PORTS_VERSION
    capabilities: frozenset[Capability] = frozenset(
        {"products", "stock", "rates", "audit", "privacy", "search", "journal", "sessions"}
    )

    def __init__(self, *, timeout: float = 10.0) -> None:
        self._timeout = timeout
        self._published = Published()
        self._turn = threading.Lock()
        renew_in_children(self)

    def __repr__(self) -> str:
        return "MemoryStorage()"

    def reading(self) -> Reading:
        """Open a unit on what is published; it must not change anything."""
        return Reading(self._published)

    def writing(self) -> Writing:
        """Open a unit that publishes its changes when left, or none of them."""
        return Writing(self._published, self._turn, self._timeout)

    def close(self) -> None:
        """Keep everything: what is in memory has nowhere else to be."""

    def renew(self) -> None:
        """Take a fresh lock in a forked child: the parent's may be held for ever."""
        self._turn = threading.Lock()
        self._published.renew()
