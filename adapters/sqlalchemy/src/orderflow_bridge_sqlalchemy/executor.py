"""A unit's one connection: its statements run here, and what a database refuses is translated."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.exc import SQLAlchemyError

from orderflow_bridge_sqlalchemy.errors import refusal

__all__ = ["Executor", "in_pieces"]

_PIECE = 5_000  # SQLite takes 32,766 values in a statement, PostgreSQL 65,535


class Executor:
    """Execute on one connection, used by one thread.

    `writable` says that the unit may change something, `failed` that a statement of it was refused.
    """

    __slots__ = ("connection", "failed", "writable")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.failed = False
        self.writable = False

    def one(self, statement: Executable, **values: object) -> Any:
        """Give the first row, or None."""
        try:
            return self.connection.execute(statement, values).first()
        except SQLAlchemyError as error:
            raise self._refusal(error) from None

    def all(self, statement: Executable, **values: object) -> Sequence[Any]:
        """Give every row."""
        try:
            return self.connection.execute(statement, values).all()
        except SQLAlchemyError as error:
            raise self._refusal(error) from None

    def count(self, statement: Executable, **values: object) -> int:
        """Change rows; tell how many."""
        return self._change(statement, values).rowcount

    def serial(self, statement: Executable, **values: object) -> int:
        """Insert a row and give the number that the database counted up for it."""
        key: Any = self._change(statement, values).inserted_primary_key
        return int(key[0])

    def many(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """Change with each of `rows`, which may be none."""
        if not rows:
            return
        try:
            self.connection.execute(statement, rows)
        except SQLAlchemyError as error:
            raise self._refusal(error) from None

    def must_write(self) -> None:
        """Refuse a change in a reading unit, and in one that is over."""
        if not self.writable:
            raise RuntimeError("A reading unit changes nothing.")

    def _change(self, statement: Executable, values: Mapping[str, object]) -> CursorResult[Any]:
        try:
            return self.connection.execute(statement, values)
        except SQLAlchemyError as error:
            raise self._refusal(error) from None

    def _refusal(self, error: SQLAlchemyError) -> Exception:
        self.failed = True
        return refusal(error)


def in_pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give `values` in pieces of a size that every database takes in one statement."""
    for start in range(0, len(values), _PIECE):
        yield values[start : start + _PIECE]
