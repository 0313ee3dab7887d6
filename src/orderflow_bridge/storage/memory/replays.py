"""Spent signatures."""

from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Replays"]


class Replays:
    """The port `CountingReplayLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[tuple[str, bytes], int]) -> None:
        self._session = session
        self._rows = rows

    def spend(self, mac: bytes, *, connection: str, until: int) -> bool:
        """Remember a signature until `until` (Unix ms); False where it was spent before."""
        self._session.must_write()
        if self._rows.get((connection, mac)) is not None:
            return False
        self._rows.put((connection, mac), until)
        return True

    def spent_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's signatures with a later `until` (Unix ms), up to `limit`."""
        later = [key for key, kept in self._rows.items() if kept > until and key[0] == connection]
        return min(limit, len(later))

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` signatures whose `until` is before `before`; tell how many."""
        self._session.must_write()
        stale = sorted((until, key) for key, until in self._rows.items() if until < before)
        for _, key in stale[:limit]:
            self._rows.remove(key)
        return len(stale[:limit])
