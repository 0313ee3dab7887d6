"""What operators did."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from collections.abc import Sequence
from typing import Any

import msgspec

from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["Audit", "AuditStatements"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_NEWEST = (2**63 - 1, "")


class AuditStatements:
    """What is said to `ofb_audit`."""

    __slots__ = ("append", "page", "page_of")

    def __init__(self, dialect: Dialect) -> None:
        say = dialect.text
        self.append = say(
            "INSERT INTO ofb_audit (entry_id, happened_at, actor, event, subject, details)"
            f" VALUES (?, ?, ?, ?, ?, ?) {dialect.ignore('entry_id')}"
        )
        page = (
            "SELECT entry_id, happened_at, actor, event, subject, details FROM ofb_audit"
            " WHERE happened_at <= ? AND (happened_at < ? OR entry_id < ?)"
        )
        order = " ORDER BY happened_at DESC, entry_id DESC LIMIT ?"
        self.page = say(page + order)
        self.page_of = say(f"{page} AND subject = ?{order}")


class Audit:
    """The port `AuditLedger`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: AuditStatements) -> None:
        self._session = session
        self._sql = sql

    def append(self, entry: AuditEntry) -> None:
        """Store an entry; raises `Conflict` where its id is taken."""
        self._session.must_write()
        row = (
            entry.entry_id,
            entry.at,
            entry.actor,
            entry.event,
            entry.subject,
            _encode(entry.details).decode(),
        )
        if self._session.count(self._sql.append, row) != 1:
            raise Conflict("The audit has that entry.")

    def page(
        self, *, subject: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[AuditEntry]:
        """Give entries, newest first, at most `limit`."""
        at, entry_id = before or _NEWEST
        rows = (
            self._session.all(self._sql.page, (at, at, entry_id, limit))
            if subject is None
            else self._session.all(self._sql.page_of, (at, at, entry_id, subject, limit))
        )
        return [_entry(*row) for row in rows]


def _entry(  # noqa: PLR0917 -- the columns of a row
    entry_id: str, at: int, actor: str, event: str, subject: str, details: str
) -> AuditEntry:
    return AuditEntry(
        entry_id=entry_id,
        at=at,
        actor=actor,
        event=event,
        subject=subject,
        details=_decode(details),
    )
