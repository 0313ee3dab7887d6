"""One open connection: a unit's statements run here, as text on the driver's own cursor."""

import contextlib
from collections.abc import Sequence
from typing import Any

import peewee

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.storage.peewee.dialect import Dialect

__all__ = ["Session"]


class Session:
    """A connection with its cursor, used by one thread at a time.

    `writable` says that the unit may change something, `failed` that a statement of it was
    refused, `lost` that the connection is of no more use.
    `used` (monotonic seconds) is when it was given back, `epoch` the opening of the pool it belongs
    to.
    """

    __slots__ = (
        "_begin",
        "_cursor",
        "_database",
        "_dialect",
        "_errors",
        "_execute",
        "_fetchall",
        "_fetchone",
        "epoch",
        "failed",
        "lost",
        "used",
        "writable",
    )

    def __init__(self, database: peewee.Database, dialect: Dialect) -> None:
        self._database = database
        self._dialect = dialect
        self._errors = dialect.error
        self._begin = dialect.begin
        connection: Any = database.connection  # Peewee's stubs leave it untyped
        self._cursor: Any = connection().cursor()
        # Bound once: an attribute chain per statement costs as much as a small query.
        self._execute = self._cursor.execute
        self._fetchone = self._cursor.fetchone
        self._fetchall = self._cursor.fetchall
        self.epoch = 0
        self.failed = False
        self.lost = False
        self.used = 0.0
        self.writable = False

    def text(self, statement: str) -> str:
        """Give a statement written with `?` the driver's own placeholders."""
        return self._dialect.text(statement)

    def one(self, statement: str, parameters: Sequence[object]) -> Any:
        """Give the first row, or None."""
        try:
            self._execute(statement, parameters)
            return self._fetchone()
        except self._errors as error:
            raise self._refusal(error) from None

    def all(self, statement: str, parameters: Sequence[object]) -> Any:
        """Give every row."""
        try:
            self._execute(statement, parameters)
            return self._fetchall()
        except self._errors as error:
            raise self._refusal(error) from None

    def listed(self, statement: str, parameters: Sequence[object]) -> Any:
        """Give every row, by a plan for these very parameters: some values are rare."""
        try:
            self._execute(statement, parameters, **self._dialect.planned_anew)
            return self._fetchall()
        except self._errors as error:
            raise self._refusal(error) from None

    def count(self, statement: str, parameters: Sequence[object]) -> int:
        """Change rows; tell how many."""
        try:
            self._execute(statement, parameters)
            return int(self._cursor.rowcount)
        except self._errors as error:
            raise self._refusal(error) from None

    def many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Change with each of `rows`."""
        try:
            self._cursor.executemany(statement, rows)
        except self._errors as error:
            raise self._refusal(error) from None

    def serial(self, statement: str, parameters: Sequence[object]) -> int | None:
        """Insert a row and give its serial; None where the insert was ignored."""
        if self._dialect.serial:
            row = self.one(statement, parameters)
            return None if row is None else int(row[0])
        return int(self._cursor.lastrowid) if self.count(statement, parameters) == 1 else None

    def must_write(self) -> None:
        """Refuse a change in a reading unit, and in one that is over."""
        if not self.writable:
            raise RuntimeError("A reading unit changes nothing.")

    def begin(self) -> None:
        """Begin a writing unit."""
        self.failed = False
        try:
            self._execute(self._begin)
        except self._errors as error:
            raise self._refusal(error) from None
        self.writable = True

    def commit(self) -> None:
        """Commit the writing unit; raises `StorageUnavailable` where a statement of it failed.

        PostgreSQL would answer such a COMMIT with a silent rollback.
        """
        self.writable = False
        if self.failed:
            self.rollback()
            raise StorageUnavailable("A statement of this unit failed; try again.")
        try:
            self._execute("COMMIT")
        except self._errors as error:
            refusal = self._refusal(error)
            self.rollback()
            raise refusal from None

    def rollback(self) -> None:
        """Leave nothing of the writing unit; the connection is lost where even that fails."""
        self.writable = False
        if self.lost:
            return
        try:
            self._execute("ROLLBACK")
        except self._errors:
            self.lost = True

    def alive(self) -> bool:
        """Ask the server for a sign of life."""
        try:
            self._execute("SELECT 1")
            self._fetchone()
        except Exception:  # noqa: BLE001 -- whatever it is, another connection is opened
            return False
        return True

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        with contextlib.suppress(Exception):
            self._cursor.close()
        with contextlib.suppress(Exception):
            self._database.close()

    def _refusal(self, error: Exception) -> Exception:
        refusal, lost = self._dialect.judge(error)
        self.failed = True
        self.lost = self.lost or lost
        return refusal
