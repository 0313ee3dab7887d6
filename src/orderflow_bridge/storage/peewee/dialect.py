"""What differs between the databases, as the rest of this package asks for it."""

import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import peewee

from orderflow_bridge.domain.errors import ConfigurationError, StorageUnavailable

__all__ = ["ColumnTypes", "Dialect", "Verdict", "driver", "driver_error", "refusal", "run"]


class Verdict(NamedTuple):
    """What a driver's error means: what to raise, and whether the connection is lost."""

    refusal: Exception
    lost: bool = False


class ColumnTypes(NamedTuple):
    """How the schema says what Peewee does not: collations, binary keys, table options."""

    collation: str | None = None
    partial_indexes: bool = True
    autoincrement: str | None = None
    without_rowid: bool = False
    table_settings: tuple[str, ...] = ()


class Dialect(Protocol):
    """One database: how to connect, how to say it, and what its errors mean.

    Attributes:
        where: the database without its credentials, for messages.
        error: the root of the driver's errors.
        one_writer: writing units take turns on a connection of their own.
        probe_after: seconds of idleness after which a connection is probed; None never.
        begin: the statement that begins a writing unit.
        update: the clause that locks a row for oneself.
        columnar: rows are sent as one array per column, in one statement.
        planned_anew: what the driver is told of a statement whose plan is not to be kept.
        serial: the clause that returns a new serial; empty where the cursor tells it.
    """

    where: str
    error: type[Exception]
    one_writer: bool
    probe_after: float | None
    begin: str
    update: str
    columnar: bool
    planned_anew: Mapping[str, object]
    serial: str

    def connect(self, *, writing: bool = True) -> peewee.Database:
        """Open a connection of its own; raises what the driver or Peewee raises."""
        ...

    def judge(self, error: Exception) -> Verdict:
        """Tell what a driver's error means, without the values it may quote."""
        ...

    def column_types(self, database: peewee.Database) -> ColumnTypes:
        """Say what the schema has to know of this server."""
        ...

    def exclusive(self, database: peewee.Database) -> AbstractContextManager[None]:
        """Keep every other process from changing the schema meanwhile."""
        ...

    def text(self, statement: str) -> str:
        """Give a statement written with `?` the driver's own placeholders."""
        ...

    def ignore(self, column: str) -> str:
        """End an insert so that a taken key inserts nothing and counts 0."""
        ...

    def replace(self, key: str) -> str:
        """End an insert up to the assignments that replace the row of a taken key."""
        ...

    def incoming(self, column: str) -> str:
        """Name the value that such an insert brought."""
        ...

    def merged(self, column: str) -> str:
        """Merge a stored JSON object with the incoming one, which wins."""
        ...

    def among(self, column: str) -> str:
        """Compare a column with a list that is one parameter."""
        ...

    def listed(self, values: Sequence[str]) -> object:
        """Make that parameter."""
        ...

    def delete_some(self, table: str, key: str, condition: str, order: str) -> str:
        """Delete the first rows that meet a condition; the last parameter is how many."""
        ...


def driver(module: str, extra: str) -> ModuleType:
    """Import a driver; raises `ConfigurationError` with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"The driver {module} is not installed: pip install 'orderflow-bridge[{extra}]'"
        ) from None


def run(database: peewee.Database, statement: str, parameters: Sequence[object] = ()) -> Any:
    """Execute a statement through Peewee, off the path of requests; give the cursor."""
    execute: Any = database.execute_sql
    return execute(statement, parameters)


def refusal(dialect: Dialect, error: Exception) -> Exception:
    """Translate an error that came through Peewee, or straight from the driver."""
    original = driver_error(error)
    if isinstance(original, dialect.error):
        return dialect.judge(original).refusal
    return StorageUnavailable()


def driver_error(error: Exception) -> Exception:
    """Give the driver's error that Peewee wrapped, or the error itself."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, Exception) else error
