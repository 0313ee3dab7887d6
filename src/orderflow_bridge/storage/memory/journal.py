"""The journal of recent requests."""

from collections.abc import Sequence

from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Journal"]


class Journal:
    """The port `Journal`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[str, JournalEntry]) -> None:
        self._session = session
        self._rows = rows

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Store entries; one whose request id is there is skipped."""
        self._session.must_write()
        for entry in entries:
            if self._rows.get(entry.request_id) is None:
                self._rows.put(entry.request_id, entry)

    def find(self, request_id: str) -> JournalEntry | None:
        """Read one."""
        return self._rows.get(request_id)

    def of_order(self, order_id: str) -> JournalEntry | None:
        """Read the one that made an order."""
        return next((entry for entry in self._earliest() if entry.made == order_id), None)

    def page(
        self,
        *,
        connection: str | None,
        refused: bool | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> Sequence[JournalEntry]:
        """Give entries, newest first, at most `limit`."""
        found = [
            entry
            for entry in reversed(self._earliest())
            if connection in (None, entry.connection)
            and refused in (None, entry.refused)
            and (before is None or (entry.at, entry.request_id) < before)
        ]
        return found[:limit]

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` entries that arrived before `before`; tell how many."""
        self._session.must_write()
        return self._forget([entry for entry in self._earliest() if entry.at < before], limit)

    def trim(self, connection: str | None, *, keep: int, limit: int) -> int:
        """Forget up to `limit` of a connection's entries beyond its newest `keep`."""
        self._session.must_write()
        kept = [entry for entry in self._earliest() if entry.connection == connection]
        return self._forget(kept[: max(0, len(kept) - keep)], limit)

    def _earliest(self) -> list[JournalEntry]:
        return sorted(self._rows.values(), key=lambda entry: (entry.at, entry.request_id))

    def _forget(self, stale: Sequence[JournalEntry], limit: int) -> int:
        for entry in stale[:limit]:
            self._rows.remove(entry.request_id)
        return len(stale[:limit])
