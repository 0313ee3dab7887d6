"""Databases for tests: one per kind and session, emptied for each test, dropped at the end.

A folder's `conftest.py` imports the fixtures it wants. `OFB_TEST_POSTGRES` and
`OFB_TEST_MYSQL` name other servers, as URLs without a database. Where a server or its
driver is missing a test is skipped; in CI a missing server fails it.
"""

import importlib
import importlib.util
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

__all__ = ["DATABASES", "SERVERS", "SHARED", "Databases", "databases", "fresh_url", "need_driver"]

DATABASES = ["memory", "sqlite", "postgres", "mariadb"]
"""Every kind of storage."""

SHARED = ["sqlite", "postgres", "mariadb"]
"""Those that several processes can use at once."""

SERVERS = ["postgres", "mariadb"]
"""Those behind a socket."""

_POSTGRES = os.environ.get("OFB_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
_MYSQL = os.environ.get("OFB_TEST_MYSQL", "mysql://root@127.0.0.1:3306")


def need_driver(name: str) -> None:
    """Skip the test where the driver of kind `name` is not installed; in CI that is a failure."""
    driver = {"postgres": "psycopg", "mariadb": "pymysql"}[name]
    if importlib.util.find_spec(driver) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{driver} is not installed")
        pytest.skip(f"{driver} is not installed")


class Databases:
    """The databases of one test session; `folder` takes the SQLite files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[str, _Server] = {}

    def fresh(self, name: str) -> str:
        """Give the URL of a database of kind `name` with nothing in it."""
        if name == "memory":
            return "memory://"
        if name == "sqlite":
            return f"sqlite:///{self._folder / secrets.token_hex(6)}.db"
        return self._server(name).fresh()

    def blank(self, name: str) -> str:
        """Give the URL of a database of kind `name` that does not even have tables."""
        return self.fresh(name) if name in ("memory", "sqlite") else self._server(name).blank()

    def drop(self) -> None:
        """Drop what was made on the servers."""
        for server in self._servers.values():
            server.drop()

    def _server(self, name: str) -> "_Server":
        if name not in self._servers:
            need_driver(name)
            try:
                self._servers[name] = {"postgres": _Postgres, "mariadb": _MariaDB}[name]()
            except OSError as error:
                if os.environ.get("CI"):
                    pytest.fail(f"{name} cannot be reached: {error}")
                pytest.skip(f"{name} cannot be reached: {error}")
        return self._servers[name]


class _Server:
    """A server with a database of this session's own."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._name = f"ofb_test_{secrets.token_hex(6)}"
        self._blank = 0
        self._made: list[str] = []
        self._create(self._name)

    def fresh(self) -> str:
        self._empty()
        return self._at(self._name)

    def blank(self) -> str:
        self._blank += 1
        name = f"{self._name}_{self._blank}"
        self._create(name)
        return self._at(name)

    def drop(self) -> None:
        for name in self._made:
            self._execute(f"DROP DATABASE IF EXISTS {name}{self._force}")

    def _create(self, name: str) -> None:
        self._execute(f"CREATE DATABASE {name}")
        self._made.append(name)

    def _at(self, name: str) -> str:
        head, mark, query = self._url.partition("?")
        return f"{head}/{name}{mark}{query}"

    _force = ""

    def _execute(self, statement: str) -> None:
        raise NotImplementedError

    def _empty(self) -> None:
        raise NotImplementedError


class _Postgres(_Server):
    _force = " WITH (FORCE)"

    def __init__(self) -> None:
        super().__init__(_POSTGRES)

    def _connect(self, name: str):
        psycopg = importlib.import_module("psycopg")
        try:
            return psycopg.connect(self._at(name), autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from None

    def _execute(self, statement: str) -> None:
        with self._connect("postgres") as connection:
            connection.execute(statement)

    def _empty(self) -> None:
        with self._connect(self._name) as connection:
            connection.execute("SET lock_timeout = 5000")
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE tablename LIKE 'ofb\\_%'"
            ).fetchall()
            for (table,) in tables:
                if table != "ofb_migrations":
                    connection.execute(f"DELETE FROM {table}")


class _MariaDB(_Server):
    def __init__(self) -> None:
        super().__init__(_MYSQL)

    def _connect(self, name: str | None):
        pymysql = importlib.import_module("pymysql")
        parts = urlsplit(self._url)
        try:
            return pymysql.connect(
                host=parts.hostname or "127.0.0.1",
                port=parts.port or 3306,
                user=parts.username or "root",
                password=parts.password or "",
                database=name,
                autocommit=True,
                connect_timeout=5,
            )
        except pymysql.OperationalError as error:
            raise OSError(str(error)) from None

    def _execute(self, statement: str) -> None:
        with self._connect(None) as connection:
            connection.cursor().execute(statement)

    def _empty(self) -> None:
        with self._connect(self._name) as connection:
            cursor = connection.cursor()
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 5")
            cursor.execute("SHOW TABLES LIKE 'ofb\\_%'")
            for (table,) in cursor.fetchall():
                if table != "ofb_migrations":
                    cursor.execute(f"DELETE FROM {table}")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Give this session's databases."""
    made = Databases(tmp_path_factory.mktemp("databases"))
    yield made
    made.drop()


@pytest.fixture
def fresh_url(databases: Databases) -> Callable[[str], str]:
    """Give a function from a kind of database to the URL of an empty one."""
    return databases.fresh
