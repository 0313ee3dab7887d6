"""The storages of the package keep every promise of the ports."""

from pathlib import Path

import pytest

from orderflow_bridge.ports import Storage
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.peewee import PeeweeStorage
from orderflow_bridge.testing import StorageContract
from tests.databases import (
    Databases,
    databases,  # noqa: F401 -- a fixture
)

_MARK = "url"


def open_in_memory(_folder: Path) -> Storage:
    """Open a storage that is empty each time."""
    return MemoryStorage()


def open_sqlite(folder: Path) -> Storage:
    """Open the file in a folder."""
    return PeeweeStorage(f"sqlite:///{folder}/shop.db", pool_timeout=60)


def open_on_server(folder: Path) -> Storage:
    """Open the database whose URL stands in a folder."""
    return PeeweeStorage((folder / _MARK).read_text(encoding="utf-8"), pool_timeout=60)


class OnServer(StorageContract):
    """The kit on a database server: `kind` says which."""

    kind: str
    factory = staticmethod(open_on_server)

    @pytest.fixture(autouse=True)
    def _database(self, databases: Databases, tmp_path: Path) -> None:  # noqa: F811 -- a fixture
        (self.place(tmp_path) / _MARK).write_text(databases.fresh(self.kind), encoding="utf-8")


class TestMemory(StorageContract):
    """The executable specification."""

    factory = staticmethod(open_in_memory)


class TestSqlite(StorageContract):
    """The embedded default."""

    factory = staticmethod(open_sqlite)


class TestPostgres(OnServer):
    """A server for many machines."""

    kind = "postgres"


class TestMariaDB(OnServer):
    """Another one."""

    kind = "mariadb"
