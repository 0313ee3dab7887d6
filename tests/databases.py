"""Databases for tests: one per kind and session, emptied for each test, dropped at the end.

A kind with a dash is an adapter's storage on a database, such as `sqlalchemy-postgres`; it is there
where the adapter is installed, and Django's where `DJANGO_SETTINGS_MODULE` is `tests.django_site`.
A folder's `conftest.py` imports the fixtures it wants. `OFB_TEST_POSTGRES` and
`OFB_TEST_MYSQL` name other servers, as URLs without a database. Where a server or its
driver is missing a test is skipped; in CI a missing server fails it.
"""

import importlib
import importlib.util
import json
import os
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.canary.session import Canary, canary_of
from tests.canary.tables import rows_of, rows_of_sqlite

__all__ = [
    "ADAPTED",
    "DATABASES",
    "SERVERS",
    "SHARED",
    "Databases",
    "databases",
    "fresh_url",
    "need_driver",
]

DATABASES = ["memory", "sqlite", "postgres", "mariadb"]
"""Every kind of storage."""

SHARED = ["sqlite", "postgres", "mariadb"]
"""Those that several processes can use at once."""

SERVERS = ["postgres", "mariadb"]
"""Those behind a socket."""

_SITE = "tests.django_site"


def _adapters() -> list[str]:
    """Name the adapters whose storages can be used here."""
    found = []
    if importlib.util.find_spec("orderflow_bridge_sqlalchemy"):
        found.append("sqlalchemy")
    if os.environ.get("DJANGO_SETTINGS_MODULE") == _SITE:
        found.append("django")
    return found


ADAPTED = [f"{adapter}-{kind}" for adapter in _adapters() for kind in SHARED]
"""Those of the adapters, each on every database that several processes can use."""

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
    """The databases of one test session; `folder` takes the SQLite files.

    What a server keeps is searched by `canary` before it is deleted.
    """

    def __init__(self, folder: Path, canary: Canary) -> None:
        self._folder = folder
        self._canary = canary
        self._servers: dict[str, _Server] = {}
        self._site: _Django | None = None

    def fresh(self, name: str) -> str:
        """Give the URL of a database of kind `name` with nothing in it."""
        if name == "memory":
            return "memory://"
        if name == "sqlite":
            return f"sqlite:///{self._folder / secrets.token_hex(6)}.db"
        if name.startswith("sqlalchemy-"):
            scheme, _, rest = self.fresh(name.partition("-")[2]).partition("://")
            return f"sqlalchemy+{_ENGINES.get(scheme, scheme)}://{rest}"
        if name.startswith("django-"):
            return self._django().fresh(name.partition("-")[2])
        return self._server(name).fresh()

    def blank(self, name: str) -> str:
        """Give the URL of a database of kind `name` that does not even have tables."""
        return self.fresh(name) if name in ("memory", "sqlite") else self._server(name).blank()

    def drop(self) -> None:
        """Drop what was made on the servers."""
        for server in self._servers.values():
            server.drop()
        if self._site is not None:
            self._site.close()

    def _django(self) -> "_Django":
        if self._site is None:
            urls = {kind: self.blank(kind) for kind in SHARED}
            self._site = _Django(urls, self._empty)
        return self._site

    def _empty(self, kind: str, url: str) -> None:
        """Search a database and delete its rows."""
        if kind == "sqlite":
            self._empty_sqlite(Path(url.removeprefix("sqlite:///")))
        else:
            self._server(kind).empty(urlsplit(url).path.removeprefix("/"))

    def _empty_sqlite(self, path: Path) -> None:
        full = _emptied(self._canary.look_at_rows(rows_of_sqlite(path), "sqlite"))
        with closing(sqlite3.connect(path)) as database, database:
            for table in full:
                database.execute(f"DELETE FROM {table}")

    def _server(self, name: str) -> "_Server":
        if name not in self._servers:
            need_driver(name)
            try:
                self._servers[name] = _SERVERS[name](self._canary)
            except OSError as error:
                if os.environ.get("CI"):
                    pytest.fail(f"{name} cannot be reached: {error}")
                pytest.skip(f"{name} cannot be reached: {error}")
        return self._servers[name]


_MIGRATED = re.compile("_migrations$|^django_content_type$|^auth_permission$")
_ENGINES = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


class _Django:
    """A Django site with one database of each kind, known to every process by its environment."""

    def __init__(self, urls: dict[str, str], empty: Callable[[str, str], None]) -> None:
        self._urls = urls
        self._empty = empty
        databases = {kind: _django_database(url) for kind, url in urls.items()}
        databases["default"] = databases["sqlite"]
        os.environ["OFB_TEST_DJANGO_DATABASES"] = json.dumps(databases)
        importlib.import_module("django").setup()
        call = importlib.import_module("django.core.management").call_command
        for kind in urls:
            call("migrate", database=kind, verbosity=0)

    def fresh(self, kind: str) -> str:
        self._empty(kind, self._urls[kind])
        return f"django://{kind}"

    def close(self) -> None:
        importlib.import_module("django.db").connections.close_all()


def _django_database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "timeout": 60},
        }
    return {
        "ENGINE": f"django.db.backends.{'postgresql' if parts.scheme == 'postgresql' else 'mysql'}",
        "NAME": parts.path.removeprefix("/"),
        "HOST": parts.hostname,
        "PORT": parts.port or "",
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        # A busy site keeps them open, or connecting would take most of the time. The tests of
        # threads do not: a thread that ends leaves its connection to the collector, as a leak.
        "CONN_MAX_AGE": None if os.environ.get("OFB_TEST_DJANGO_BUSY") else 0,
    }


class _Server:
    """A server with a database of this session's own."""

    def __init__(self, url: str, canary: Canary) -> None:
        self._url = url.rstrip("/")
        self._canary = canary
        self._name = f"ofb_test_{secrets.token_hex(6)}"
        self._blank = 0
        self._made: list[str] = []
        self._create(self._name)

    def fresh(self) -> str:
        self.empty(self._name)
        return self._at(self._name)

    def blank(self) -> str:
        self._blank += 1
        name = f"{self._name}_{self._blank}"
        self._create(name)
        return self._at(name)

    def drop(self) -> None:
        for name in self._made:
            self.look(name)
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

    def look(self, name: str) -> None:
        """Search one of the databases."""
        raise NotImplementedError

    def empty(self, name: str) -> None:
        """Search one of the databases and delete its rows."""
        raise NotImplementedError


def _emptied(full: set[str]) -> list[str]:
    """Choose what is emptied for the next test: not what migrations have left."""
    return sorted(table for table in full if not _MIGRATED.search(table))


class _Postgres(_Server):
    _force = " WITH (FORCE)"

    def __init__(self, canary: Canary) -> None:
        super().__init__(_POSTGRES, canary)

    def _connect(self, name: str):
        psycopg = importlib.import_module("psycopg")
        try:
            return psycopg.connect(self._at(name), autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from None

    def _execute(self, statement: str) -> None:
        with self._connect("postgres") as connection:
            connection.execute(statement)

    def look(self, name: str) -> None:
        with self._connect(name) as connection:
            self._look_through(connection)

    def _create(self, name: str) -> None:
        super()._create(name)
        # No test crashes this server: those that do start their own.
        self._execute(f"ALTER DATABASE {name} SET synchronous_commit = off")

    def _look_through(self, connection) -> set[str]:
        tables = [
            table
            for (table,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
        ]
        return self._canary.look_at_rows(rows_of(connection.cursor(), tables), "postgres")

    def empty(self, name: str) -> None:
        with self._connect(name) as connection:
            connection.execute("SET lock_timeout = 5000")
            full = _emptied(self._look_through(connection))
            if full:
                connection.execute(f"TRUNCATE {', '.join(full)} CASCADE")


class _MariaDB(_Server):
    def __init__(self, canary: Canary) -> None:
        super().__init__(_MYSQL, canary)

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

    def look(self, name: str) -> None:
        with self._connect(name) as connection:
            self._look_through(connection.cursor())

    def _look_through(self, cursor) -> set[str]:
        cursor.execute("SHOW TABLES")
        tables = [table for (table,) in cursor.fetchall()]
        return self._canary.look_at_rows(rows_of(cursor, tables, quote="`"), "mariadb")

    def empty(self, name: str) -> None:
        with self._connect(name) as connection:
            cursor = connection.cursor()
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 5")
            cursor.execute("SET SESSION foreign_key_checks = 0")
            for table in _emptied(self._look_through(cursor)):
                cursor.execute(f"DELETE FROM {table}")


_SERVERS: dict[str, Callable[[Canary], _Server]] = {"postgres": _Postgres, "mariadb": _MariaDB}


@pytest.fixture(scope="session")
def databases(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Databases]:
    """Give this session's databases."""
    made = Databases(tmp_path_factory.mktemp("databases"), canary_of(pytestconfig))
    yield made
    made.drop()


@pytest.fixture
def fresh_url(databases: Databases) -> Callable[[str], str]:
    """Give a function from a kind of database to the URL of an empty one."""
    return databases.fresh
