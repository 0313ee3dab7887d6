"""What operators did."""

from collections.abc import Sequence
from typing import Any

import msgspec
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import Conflict
from sqlalchemy import ColumnElement, bindparam, or_, select

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["Audit", "AuditStatements"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_NEWEST = (2**63 - 1, "")


class AuditStatements:
    """What is said to the table of the audit."""

    __slots__ = ("append", "page", "page_of")

    def __init__(self, tables: Tables) -> None:
        table = tables.audit
        columns = table.c
        self.append = insert_or_ignore(table)
        at: ColumnElement[int] = bindparam("before_at")
        page = (
            select(
                columns.entry_id,
                columns.happened_at,
                columns.actor,
                columns.event,
                columns.subject,
                columns.details,
            )
            .where(
                columns.happened_at <= at,
                or_(columns.happened_at < at, columns.entry_id < bindparam("before_id")),
            )
            .order_by(columns.happened_at.desc(), columns.entry_id.desc())
            .limit(bindparam("at_most"))
        )
        self.page = page
        self.page_of = page.where(columns.subject == bindparam("of_subject"))


class Audit:
    """The port `AuditLedger`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: AuditStatements) -> None:
        self._executor = executor
        self._say = statements

    def append(self, entry: AuditEntry) -> None:
        """Store an entry; raises `Conflict` where its id is taken."""
        self._executor.must_write()
        appended = self._executor.count(
            self._say.append,
            entry_id=entry.entry_id,
            happened_at=entry.at,
            actor=entry.actor,
            event=entry.event,
            subject=entry.subject,
            details=_encode(entry.details).decode(),
            revision=1,
        )
        if appended != 1:
            raise Conflict("The audit has that entry.")

    def page(
        self, *, subject: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[AuditEntry]:
        """Give entries, newest first, at most `limit`."""
        at, entry_id = before or _NEWEST
        place: dict[str, object] = {"before_at": at, "before_id": entry_id, "at_most": limit}
        rows = (
            self._executor.all(self._say.page, **place)
            if subject is None
            else self._executor.all(self._say.page_of, of_subject=subject, **place)
        )
        return [
            AuditEntry(
                entry_id=row.entry_id,
                at=row.happened_at,
                actor=row.actor,
                event=row.event,
                subject=row.subject,
                details=_decode(row.details),
            )
            for row in rows
        ]
