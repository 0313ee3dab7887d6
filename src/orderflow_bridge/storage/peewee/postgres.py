"""PostgreSQL through psycopg 3."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import peewee

from orderflow_bridge.domain.errors import ConfigurationError, Conflict, StorageUnavailable
from orderflow_bridge.storage.peewee.dialect import ColumnTypes, Verdict, driver, run

__all__ = ["Postgres"]

_CONFLICTS = {
    "40001": "Another unit was faster.",
    "40P01": "Two units waited for each other.",
    "23505": "A unique value is taken.",
}
_UNAVAILABLE = {
    "55P03": "The database is busy; try again.",
    "57014": "The database gave up on a statement; try again.",
    "53100": "The disk of the database is full.",
    "53200": "The database has no memory left; try again.",
    "53300": "The database has no connection left; try again.",
    "25006": "The database is read-only.",
}
# Classes of SQLSTATE: connection, operator intervention, resources, system, internal, not allowed.
_LOST_CLASSES = ("08", "57P", "53", "58", "XX", "28", "3D")
# Any number of this package's own: every process that changes the schema takes this lock.
_SCHEMA_LOCK = 0x6F66_6272

_REFUSED = {
    "password authentication failed": "PostgreSQL refused the user or the password.",
    "does not exist": "PostgreSQL has no such database or user: make it, or correct the URL.",
    "Connection refused": "Nobody listens at PostgreSQL's address; try again when it runs.",
}


class Postgres:
    """A PostgreSQL database; the part of `Dialect`. `timeout` in seconds bounds connects and locks.

    The URL is libpq's, `?host=/socket/folder` and `?sslmode=` included.
    """

    one_writer = False
    probe_after: float | None = 5.0
    # The level is said each time: a server's default may be another.
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    update = " FOR UPDATE"
    columnar = True
    # A prepared statement gets a plan for any value, and walks far for a rare one.
    planned_anew: Mapping[str, object] = MappingProxyType({"prepare": False})
    serial = " RETURNING serial"

    def __init__(self, url: str, *, timeout: float) -> None:
        psycopg: Any = driver("psycopg", "postgres")
        self.error: type[Exception] = psycopg.Error
        self._url = "postgresql://" + url.partition("://")[2]
        self._timeout = timeout
        try:
            parts = urlsplit(self._url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise ConfigurationError("The PostgreSQL URL is malformed.") from None
        self.where = f"postgresql://{parts.hostname or ''}{port}{parts.path}"
        self._options: dict[str, Any] = {}
        if "connect_timeout" not in parse_qs(parts.query):
            self._options["connect_timeout"] = max(2, math.ceil(timeout))

    def connect(self, *, writing: bool = True) -> peewee.Database:  # noqa: ARG002 -- the same here
        """Open a connection in autocommit; locks are waited for up to the timeout."""
        database = peewee.PostgresqlDatabase(
            self._url,
            prefer_psycopg3=True,
            thread_safe=False,
            encoding="utf8",
            field_types={"MAC": "BYTEA"},
            **self._options,
        )
        database.connect()
        try:
            run(database, f"SET lock_timeout = {math.ceil(self._timeout * 1000)}")
        except BaseException:
            database.close()
            raise
        return database

    def judge(self, error: Exception) -> Verdict:
        """Tell what an error of psycopg means; its text may quote a row."""
        state: str | None = getattr(error, "sqlstate", None)
        if state is None:
            # A connection that was refused has words only; none of them is passed on.
            for words, detail in _REFUSED.items():
                if words in str(error):
                    return Verdict(StorageUnavailable(detail), lost=True)
            lost = type(error).__name__ in ("OperationalError", "InterfaceError")
            return Verdict(StorageUnavailable() if lost else _fault(type(error).__name__), lost)
        if state in _CONFLICTS:
            return Verdict(Conflict(_CONFLICTS[state]))
        if state in _UNAVAILABLE:
            return Verdict(StorageUnavailable(_UNAVAILABLE[state]))
        if state.startswith(_LOST_CLASSES):
            return Verdict(StorageUnavailable(), lost=True)
        return Verdict(_fault(state))

    def column_types(self, database: peewee.Database) -> ColumnTypes:  # noqa: ARG002
        """Say that text sorts by its bytes, whatever the database's locale is."""
        return ColumnTypes(collation='"C"')

    @contextmanager
    def exclusive(self, database: peewee.Database) -> Iterator[None]:
        """Hold an advisory lock and a transaction: PostgreSQL's schema changes roll back too."""
        run(database, self.begin)
        try:
            run(database, f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
            yield
        except BaseException:
            run(database, "ROLLBACK")
            raise
        run(database, "COMMIT")

    def text(self, statement: str) -> str:
        """Give the statement psycopg's placeholders."""
        return statement.replace("?", "%s")

    def ignore(self, column: str) -> str:  # noqa: ARG002 -- another dialect needs the column
        """End an insert so that a taken key inserts nothing."""
        return "ON CONFLICT DO NOTHING"

    def replace(self, key: str) -> str:
        """End an insert up to the assignments that replace."""
        return f"ON CONFLICT ({key}) DO UPDATE SET"

    def incoming(self, column: str) -> str:
        """Name the value that an insert brought."""
        return f"excluded.{column}"

    def merged(self, column: str) -> str:
        """Merge two JSON objects."""
        return f"(ofb_products.{column}::jsonb || excluded.{column}::jsonb)::text"

    def among(self, column: str) -> str:
        """Compare a column with a list."""
        return f"{column} = ANY(?)"

    def listed(self, values: Sequence[str]) -> object:
        """Make the list an array."""
        return list(values)

    def delete_some(self, table: str, key: str, condition: str, order: str) -> str:  # noqa: ARG002
        """Delete the first rows that meet a condition and that nobody else deletes right now."""
        return (
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("
            f"SELECT ctid FROM {table} WHERE {condition} ORDER BY {order} LIMIT ?"
            " FOR UPDATE SKIP LOCKED))"
        )


def _fault(name: str) -> RuntimeError:
    return RuntimeError(f"PostgreSQL refused a statement ({name}).")
