"""The append-only audit."""

from collections.abc import Sequence

from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Audit"]


class Audit:
    """The port `AuditLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[str, AuditEntry]) -> None:
        self._session = session
        self._rows = rows

    def append(self, entry: AuditEntry) -> None:
        """Store an entry; raises `Conflict` where its id is taken."""
        self._session.must_write()
        if self._rows.get(entry.entry_id) is not None:
            raise Conflict("The audit has that entry.")
        self._rows.put(entry.entry_id, entry)

    def page(
        self, *, subject: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[AuditEntry]:
        """Give entries, newest first, at most `limit`."""
        found = [
            entry
            for entry in self._rows.values()
            if subject in (None, entry.subject)
            and (before is None or (entry.at, entry.entry_id) < before)
        ]
        return sorted(found, key=lambda entry: (entry.at, entry.entry_id), reverse=True)[:limit]
