"""The recent requests: columns for what is searched, and the whole entry as a document."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter

import msgspec

from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["Journal", "JournalStatements"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JournalEntry).decode
_NEWEST = (2**63 - 1, "")
_ROW = "(?, ?, ?, ?, ?, ?)"
# Few, so that drivers keep the statements that they prepared.
_SIZES = (128, 64, 32, 16, 8, 4, 2, 1)
_OF_NONE = ""
"""What stands in the column of the connection where there is none."""


class JournalStatements:
    """What is said to `ofb_journal`."""

    __slots__ = (
        "append",
        "find",
        "newest_beyond",
        "of_order",
        "pages",
        "purge",
        "trim",
    )

    def __init__(self, dialect: Dialect) -> None:
        say = dialect.text
        self.append = {
            size: say(
                "INSERT INTO ofb_journal (request_id, arrived_at, connection, refused, made_order,"
                f" document) VALUES {', '.join([_ROW] * size)} {dialect.ignore('request_id')}"
            )
            for size in _SIZES
        }
        self.find = say("SELECT document FROM ofb_journal WHERE request_id = ?")
        # Without an order: PostgreSQL might walk the index of that, for the sake of one row.
        self.of_order = say("SELECT document FROM ofb_journal WHERE made_order = ?")
        page = (
            "SELECT document FROM ofb_journal"
            " WHERE arrived_at <= ? AND (arrived_at < ? OR request_id < ?)"
        )
        order = " ORDER BY arrived_at DESC, request_id DESC LIMIT ?"
        # The verdict is written out: an index of the refused alone is for no parameter.
        self.pages = {
            (of_one, refused): say(
                page
                + (" AND connection = ?" if of_one else "")
                + ("" if refused is None else f" AND refused = {refused:d}")
                + order
            )
            for of_one in (False, True)
            for refused in (None, False, True)
        }
        self.newest_beyond = say(
            "SELECT arrived_at, request_id FROM ofb_journal WHERE connection = ?"
            " ORDER BY arrived_at DESC, request_id DESC LIMIT 1 OFFSET ?"
        )
        earliest = "arrived_at, request_id"
        self.purge = say(
            dialect.delete_some("ofb_journal", "request_id", "arrived_at < ?", earliest)
        )
        self.trim = say(
            dialect.delete_some(
                "ofb_journal",
                "request_id",
                "connection = ? AND arrived_at <= ? AND (arrived_at < ? OR request_id <= ?)",
                earliest,
            )
        )


class Journal:
    """The port `Journal`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: JournalStatements) -> None:
        self._session = session
        self._sql = sql

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Store entries; one whose request id is there is skipped."""
        self._session.must_write()
        # In one order, so that two batches with the same entries do not wait for each other.
        rows = sorted(map(_row, entries), key=itemgetter(0))
        start = 0
        for size in _SIZES:
            # A statement for many rows: with one for each, a driver hands threads on at each.
            while start + size <= len(rows):
                values = tuple(chain.from_iterable(rows[start : start + size]))
                self._session.count(self._sql.append[size], values)
                start += size

    def find(self, request_id: str) -> JournalEntry | None:
        """Read one."""
        row = self._session.one(self._sql.find, (request_id,))
        return None if row is None else _decode(row[0])

    def of_order(self, order_id: str) -> JournalEntry | None:
        """Read the one that made an order."""
        rows = self._session.all(self._sql.of_order, (order_id,))
        made = (_decode(document) for (document,) in rows)
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
        statement = self._sql.pages[connection is not None, refused]
        where = () if connection is None else (connection,)
        rows = self._session.all(statement, (at, at, request_id, *where, limit))
        return [_decode(document) for (document,) in rows]

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` entries that arrived before `before`; tell how many."""
        self._session.must_write()
        return self._session.count(self._sql.purge, (before, limit))

    def trim(self, connection: str | None, *, keep: int, limit: int) -> int:
        """Forget up to `limit` of a connection's entries beyond its newest `keep`."""
        self._session.must_write()
        of = connection or _OF_NONE
        last = self._session.one(self._sql.newest_beyond, (of, keep))
        if last is None:
            return 0
        at, request_id = last
        return self._session.count(self._sql.trim, (of, at, at, request_id, limit))


def _row(entry: JournalEntry) -> tuple[str, int, str, int, str | None, str]:
    return (
        entry.request_id,
        entry.at,
        entry.connection or _OF_NONE,
        int(entry.refused),
        entry.made,
        _encode(entry).decode(),
    )
