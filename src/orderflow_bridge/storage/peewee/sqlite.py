"""SQLite: a file in WAL mode, one writer at a time."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import msgspec
import peewee

from orderflow_bridge.domain.errors import ConfigurationError, Conflict, StorageUnavailable
from orderflow_bridge.storage.peewee.dialect import ColumnTypes, Verdict, driver_error, run

__all__ = ["Sqlite"]

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_UNIQUE = (
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
)
_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "The disk of the database is full.",
    sqlite3.SQLITE_READONLY: "The database file is read-only.",
    sqlite3.SQLITE_CANTOPEN: "The database file cannot be opened: its folder has to exist and to be"
    " writable.",
    sqlite3.SQLITE_PERM: "The database file may not be used.",
    sqlite3.SQLITE_AUTH: "The database file may not be used.",
    sqlite3.SQLITE_IOERR: "The disk of the database fails.",
    sqlite3.SQLITE_CORRUPT: "The database file is damaged.",
    sqlite3.SQLITE_NOTADB: "The database file is not a SQLite database.",
    sqlite3.SQLITE_NOMEM: "The database has no memory left; try again.",
    sqlite3.SQLITE_INTERRUPT: "The database was interrupted; try again.",
}
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
_PRIVATE = 0o600


class Sqlite:
    """A SQLite file; the part of `Dialect`.

    `timeout` in seconds is how long a lock of another process is waited for. `synchronous` is
    FULL, where a commit survives a power cut, or NORMAL, where it survives a crash of the process.
    """

    error: type[Exception] = sqlite3.Error
    one_writer = True
    probe_after: float | None = None
    begin = "BEGIN IMMEDIATE"
    update = ""
    columnar = False
    planned_anew: Mapping[str, object] = MappingProxyType({})
    serial = ""

    def __init__(self, url: str, *, timeout: float, synchronous: str) -> None:
        if synchronous not in ("FULL", "NORMAL"):
            raise ConfigurationError("SQLite's `synchronous` is FULL or NORMAL.")
        path = url.partition(":///")[2]
        if not path or path.startswith(":memory:"):
            raise ConfigurationError(
                "A SQLite database is a file, sqlite:///relative.db or sqlite:////absolute.db;"
                " for one in memory there is memory://."
            )
        # Absolute from here on: a host may change its working directory before the first use.
        self._path = str(Path(path).absolute())
        self.where = "sqlite:///" + self._path
        self._timeout = timeout
        self._synchronous = synchronous

    def connect(self, *, writing: bool = True) -> peewee.Database:
        """Open the file; a connection that is not for writing refuses to write.

        A new file is its owner's alone; SQLite gives those beside it the same mode.
        """
        pragmas: list[tuple[str, object]] = [
            ("journal_mode", "wal"),
            ("synchronous", self._synchronous),
            ("cache_size", -2_000),
            ("temp_store", "memory"),
            ("journal_size_limit", 64 * 1024 * 1024),
        ]
        if not writing:
            pragmas.append(("query_only", 1))
        database = peewee.SqliteDatabase(
            self._path,
            pragmas=pragmas,
            timeout=self._timeout,
            thread_safe=False,
            check_same_thread=False,
            cached_statements=256,
            field_types={"MAC": "BLOB"},
        )
        self._create()
        deadline = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE
        while True:
            try:
                database.connect()
            except peewee.OperationalError as error:
                # The busy handler is not asked while another process switches the file to WAL.
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return database

    def _create(self) -> None:
        # What is in the way SQLite names itself. A file that is there must not be opened here: to
        # close it again would end every lock that this process has on it.
        with suppress(OSError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE))

    def judge(self, error: Exception) -> Verdict:
        """Tell what an error of `sqlite3` means."""
        extended: int | None = getattr(error, "sqlite_errorcode", None)
        if extended is None:
            lost = isinstance(error, sqlite3.ProgrammingError)
            return Verdict(StorageUnavailable() if lost else _fault("no code"), lost)
        code = extended & 0xFF
        if code in _BUSY:
            return Verdict(StorageUnavailable("The database is busy; try again."))
        if code in _UNAVAILABLE:
            return Verdict(StorageUnavailable(_UNAVAILABLE[code]), lost=True)
        if extended in _UNIQUE:
            return Verdict(Conflict("A unique value is taken."))
        return Verdict(_fault(getattr(error, "sqlite_errorname", str(extended))))

    def column_types(self, database: peewee.Database) -> ColumnTypes:  # noqa: ARG002
        """Say that a serial is never given twice, and that a composite key is the table."""
        return ColumnTypes(autoincrement="AUTOINCREMENT", without_rowid=True)

    @contextmanager
    def exclusive(self, database: peewee.Database) -> Iterator[None]:
        """Hold the write lock, which waits for that of other processes."""
        run(database, "BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            run(database, "ROLLBACK")
            raise
        run(database, "COMMIT")

    def text(self, statement: str) -> str:
        """Give the statement as it is."""
        return statement

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
        return f"json_patch({column}, excluded.{column})"

    def among(self, column: str) -> str:
        """Compare a column with a list."""
        return f"{column} IN (SELECT value FROM json_each(?))"

    def listed(self, values: Sequence[str]) -> object:
        """Make the list a JSON array."""
        return msgspec.json.encode(values).decode()

    def delete_some(self, table: str, key: str, condition: str, order: str) -> str:
        """Delete the first rows that meet a condition."""
        return (
            f"DELETE FROM {table} WHERE ({key}) IN"
            f" (SELECT {key} FROM {table} WHERE {condition} ORDER BY {order} LIMIT ?)"
        )


def _is_busy(error: peewee.OperationalError) -> bool:
    code: int = getattr(driver_error(error), "sqlite_errorcode", 0)
    return code & 0xFF in _BUSY


def _fault(name: str) -> RuntimeError:
    return RuntimeError(f"SQLite refused a statement ({name}).")
