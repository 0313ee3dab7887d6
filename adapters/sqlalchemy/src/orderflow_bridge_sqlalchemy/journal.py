"""The recent requests: columns for what is searched, and the whole entry as a document."""

from collections.abc import Sequence

import msgspec
from orderflow_bridge.domain.journal import JournalEntry
from sqlalchemy import ColumnElement, bindparam, delete, literal_column, or_, select

from orderflow_bridge_sqlalchemy.executor import Executor, in_pieces
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["Journal", "JournalStatements"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JournalEntry).decode
_NEWEST = (2**63 - 1, "")
_OF_NONE = ""
"""What stands in the column of the connection where there is none."""


class JournalStatements:
    """What is said to the table of the journal."""

    __slots__ = (
        "append",
        "find",
        "forget",
        "newest_beyond",
        "of_order",
        "pages",
        "stale",
        "surplus",
    )

    def __init__(self, tables: Tables) -> None:
        table = tables.journal
        columns = table.c
        of = columns.connection == bindparam("of_connection")
        self.append = insert_or_ignore(table)
        self.find = select(columns.document).where(columns.request_id == bindparam("id"))
        # Without an order: PostgreSQL might walk the index of that, for the sake of one row.
        self.of_order = select(columns.document).where(columns.made_order == bindparam("order"))
        at: ColumnElement[int] = bindparam("at")
        request_id: ColumnElement[str] = bindparam("id")
        newest = (columns.arrived_at.desc(), columns.request_id.desc())
        page = (
            select(columns.document)
            .where(
                columns.arrived_at <= at,
                or_(columns.arrived_at < at, columns.request_id < request_id),
            )
            .order_by(*newest)
            .limit(bindparam("at_most"))
        )
        # The verdict is written out: an index of the refused alone is for no parameter.
        allowed = columns.refused == literal_column("0")
        refused = columns.refused == literal_column("1")
        self.pages = {
            (False, None): page,
            (False, False): page.where(allowed),
            (False, True): page.where(refused),
            (True, None): page.where(of),
            (True, False): page.where(of, allowed),
            (True, True): page.where(of, refused),
        }
        self.newest_beyond = (
            select(columns.arrived_at, columns.request_id)
            .where(of)
            .order_by(*newest)
            .limit(1)
            .offset(bindparam("keep"))
        )
        # What another unit deletes right now is not waited for.
        earliest = (
            select(columns.request_id)
            .order_by(columns.arrived_at, columns.request_id)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
        )
        self.stale = earliest.where(columns.arrived_at < bindparam("before"))
        self.surplus = earliest.where(
            of,
            columns.arrived_at <= at,
            or_(columns.arrived_at < at, columns.request_id <= request_id),
        )
        self.forget = delete(table).where(columns.request_id.in_(bindparam("ids", expanding=True)))


class Journal:
    """The port `Journal`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: JournalStatements) -> None:
        self._executor = executor
        self._say = statements

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Store entries; one whose request id is there is skipped."""
        self._executor.must_write()
        # In one order, so that two batches with the same entries do not wait for each other.
        ordered = sorted(entries, key=lambda entry: entry.request_id)
        self._executor.many(self._say.append, [_row(entry) for entry in ordered])

    def find(self, request_id: str) -> JournalEntry | None:
        """Read one."""
        row = self._executor.one(self._say.find, id=request_id)
        return None if row is None else _decode(row.document)

    def of_order(self, order_id: str) -> JournalEntry | None:
        """Read the one that made an order."""
        rows = self._executor.all(self._say.of_order, order=order_id)
        made = (_decode(row.document) for row in rows)
        return min(made, key=lambda entry: (entry.at, entry.request_id), default=None)

    def page(
        self,
        *,
        connection: str | None,
        refused: bool | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> Sequence[JournalEntry]:
        """Give entries, newest first, at most `limit`."""
        at, request_id = before or _NEWEST
        values: dict[str, object] = {"at": at, "id": request_id, "at_most": limit}
        if connection is not None:
            values["of_connection"] = connection
        statement = self._say.pages[connection is not None, refused]
        return [_decode(row.document) for row in self._executor.all(statement, **values)]

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` entries that arrived before `before`; tell how many."""
        self._executor.must_write()
        return self._forget(self._executor.all(self._say.stale, before=before, at_most=limit))

    def trim(self, connection: str | None, *, keep: int, limit: int) -> int:
        """Forget up to `limit` of a connection's entries beyond its newest `keep`."""
        self._executor.must_write()
        of = connection or _OF_NONE
        last = self._executor.one(self._say.newest_beyond, of_connection=of, keep=keep)
        if last is None:
            return 0
        surplus = self._executor.all(
            self._say.surplus,
            of_connection=of,
            at=last.arrived_at,
            id=last.request_id,
            at_most=limit,
        )
        return self._forget(surplus)

    def _forget(self, found: Sequence[tuple[str]]) -> int:
        ids = [request_id for (request_id,) in found]
        return sum(self._executor.count(self._say.forget, ids=piece) for piece in in_pieces(ids))


def _row(entry: JournalEntry) -> dict[str, object]:
    return {
        "request_id": entry.request_id,
        "arrived_at": entry.at,
        "connection": entry.connection or _OF_NONE,
        "refused": int(entry.refused),
        "made_order": entry.made,
        "document": _encode(entry).decode(),
        "revision": 1,
    }
