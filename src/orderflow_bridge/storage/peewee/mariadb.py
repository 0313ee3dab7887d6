"""MariaDB and MySQL through PyMySQL."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import peewee

from orderflow_bridge.domain.errors import ConfigurationError, Conflict, StorageUnavailable
from orderflow_bridge.storage.peewee.dialect import ColumnTypes, Verdict, driver, run

__all__ = ["MariaDB"]

_CONFLICTS = {
    1020: "Another unit was faster.",
    1062: "A unique value is taken.",
    1213: "Two units waited for each other.",
}
_UNAVAILABLE = {
    1021: "The disk of the database is full.",
    1114: "The disk of the database is full.",
    1205: "The database is busy; try again.",
    1290: "The database is read-only.",
    1317: "The database gave up on a statement; try again.",
    1792: "The database is read-only.",
    1836: "The database is read-only.",
    1969: "The database gave up on a statement; try again.",
    3024: "The database gave up on a statement; try again.",
    1037: "The database has no memory left; try again.",
    1041: "The database has no memory left; try again.",
}
# Too many connections, shutdown, access denied, no such database, killed, host blocked, lost.
_LOST = frozenset((0, 1040, 1044, 1045, 1049, 1053, 1079, 1129, 1130, 1152, 1158, 1159, 1160, 1161))
_LOST_MORE = frozenset((1203, 1698, 1927, 2000, 2002, 2003, 2006, 2013, 2014, 2026, 2055, 4031))
_OPTIONS = frozenset(("unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_verify_cert"))
_STRICT = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

_REFUSED = {
    1044: "MariaDB lets this user not into the database.",
    1045: "MariaDB refused the user or the password.",
    1049: "MariaDB has no such database: make it, or correct the URL.",
    2003: "Nobody listens at MariaDB's address; try again when it runs.",
}


class MariaDB:
    """A MariaDB or MySQL database; the part of `Dialect`. `timeout` in seconds bounds lock waits.

    The URL may name `unix_socket`, `ssl_ca`, `ssl_cert`, `ssl_key` and `ssl_verify_cert`.
    """

    one_writer = False
    probe_after: float | None = 5.0
    begin = "BEGIN"
    update = " FOR UPDATE"
    columnar = False
    planned_anew: Mapping[str, object] = MappingProxyType({})
    serial = ""

    def __init__(self, url: str, *, timeout: float) -> None:
        pymysql: Any = driver("pymysql", "mysql")
        self.error: type[Exception] = pymysql.Error
        self._timeout = timeout
        try:
            parts = urlsplit(url)
            port = parts.port or 3306
        except ValueError:
            raise ConfigurationError("The MariaDB URL is malformed.") from None
        options = dict(parse_qsl(parts.query))
        if not options.keys() <= _OPTIONS:
            raise ConfigurationError(
                f"A MariaDB URL may name {', '.join(sorted(_OPTIONS))} and nothing else."
            )
        self._name = unquote(parts.path.removeprefix("/"))
        if not self._name:
            raise ConfigurationError("The MariaDB URL names no database.")
        host = unquote(parts.hostname or "127.0.0.1")
        self.where = f"mariadb://{host}:{port}/{self._name}"
        self._options: dict[str, Any] = {
            **options,
            "charset": "utf8mb4",
            "host": host,
            "port": port,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "connect_timeout": max(2, math.ceil(timeout)),
        }

    def connect(self, *, writing: bool = True) -> peewee.Database:  # noqa: ARG002 -- the same here
        """Open a connection in autocommit, at READ COMMITTED and in strict mode."""
        database = peewee.MySQLDatabase(
            self._name,
            thread_safe=False,
            field_types={"TEXT": "LONGTEXT", "BLOB": "LONGBLOB", "MAC": "VARBINARY(64)"},
            **self._options,
        )
        database.connect()
        try:
            run(database, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            run(
                database,
                f"SET SESSION sql_mode = '{_STRICT}',"
                f" innodb_lock_wait_timeout = {max(1, math.ceil(self._timeout))}",
            )
        except BaseException:
            database.close()
            raise
        return database

    def judge(self, error: Exception) -> Verdict:
        """Tell what an error of PyMySQL means; its text may quote a value."""
        number = error.args[0] if error.args else None
        if number in _CONFLICTS:
            return Verdict(Conflict(_CONFLICTS[number]))
        if number in _UNAVAILABLE:
            return Verdict(StorageUnavailable(_UNAVAILABLE[number]))
        if number in _REFUSED:
            return Verdict(StorageUnavailable(_REFUSED[number]), lost=True)
        if number in _LOST or number in _LOST_MORE:
            return Verdict(StorageUnavailable(), lost=True)
        return Verdict(RuntimeError(f"MariaDB refused a statement ({number})."))

    def column_types(self, database: peewee.Database) -> ColumnTypes:
        """Say the collation that neither folds case nor ignores spaces at the end."""
        version = str(run(database, "SELECT VERSION()").fetchone()[0])
        collation = "utf8mb4_nopad_bin" if "maria" in version.lower() else "utf8mb4_0900_bin"
        return ColumnTypes(
            partial_indexes=False,
            table_settings=(f"ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {collation}",),
        )

    @contextmanager
    def exclusive(self, database: peewee.Database) -> Iterator[None]:
        """Hold a named lock; a schema change commits by itself and is written to be run again."""
        name = "CONCAT('ofb_', MD5(DATABASE()))"
        seconds = max(1, math.ceil(self._timeout))
        row = run(database, f"SELECT GET_LOCK({name}, {seconds})").fetchone()
        if row[0] != 1:
            raise StorageUnavailable("Another process changes the schema; try again.")
        try:
            yield
        finally:
            run(database, f"SELECT RELEASE_LOCK({name})").fetchone()

    def text(self, statement: str) -> str:
        """Give the statement PyMySQL's placeholders."""
        return statement.replace("?", "%s")

    def ignore(self, column: str) -> str:
        """End an insert so that a taken key changes nothing; IGNORE would hide truncation."""
        return f"ON DUPLICATE KEY UPDATE {column} = {column}"

    def replace(self, key: str) -> str:  # noqa: ARG002 -- MariaDB tries every unique key
        """End an insert up to the assignments that replace."""
        return "ON DUPLICATE KEY UPDATE"

    def incoming(self, column: str) -> str:
        """Name the value that an insert brought."""
        return f"VALUES({column})"

    def merged(self, column: str) -> str:
        """Merge two JSON objects."""
        return f"JSON_MERGE_PATCH({column}, VALUES({column}))"

    def among(self, column: str) -> str:
        """Compare a column with a list, which PyMySQL writes out with its brackets."""
        return f"{column} IN ?"

    def listed(self, values: Sequence[str]) -> object:
        """Make the list a tuple."""
        return tuple(values)

    def delete_some(self, table: str, key: str, condition: str, order: str) -> str:  # noqa: ARG002
        """Delete the first rows that meet a condition."""
        return f"DELETE FROM {table} WHERE {condition} ORDER BY {order} LIMIT ?"
