"""The storage keeps every promise of the ports, on each database and in every way to make it."""

from pathlib import Path

import pytest
from orderflow_bridge.settings import Settings
from orderflow_bridge.testing import OrdersContract, StorageContract, UnitsContract
from orderflow_bridge.testing.storage.contract import Contract
from sqlalchemy import MetaData, create_engine, event
from tests.databases import Databases

import own_orders
from orderflow_bridge_sqlalchemy import SQLAlchemyStorage, open_storage
from own_orders import Sales

_MARK = "url"


def _url(folder: Path) -> str:
    """Give the engine's URL that stands in a folder."""
    return (folder / _MARK).read_text(encoding="utf-8").removeprefix("sqlalchemy+")


def open_by_url(folder: Path) -> SQLAlchemyStorage:
    """Open what a URL in the settings opens."""
    return open_storage(Settings(database=f"sqlalchemy+{_url(folder)}", pool_timeout=60))


def open_on_host(folder: Path) -> SQLAlchemyStorage:
    """Open a storage on a site's engine as `create_engine` makes it, in a site's MetaData."""
    metadata = MetaData()
    engine = create_engine(_url(folder), pool_size=12)
    storage = SQLAlchemyStorage(engine, metadata=metadata, own_engine=True, lock_timeout=60)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # another process may be here too
        metadata.create_all(connection)
    return storage


def open_with_begin(folder: Path) -> SQLAlchemyStorage:
    """Open a storage on a SQLite engine with the listeners that SQLAlchemy documents."""
    engine = create_engine(f"sqlite:///{folder}/shop.db", connect_args={"timeout": 60})
    event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return SQLAlchemyStorage(engine, own_engine=True)


def open_with_own_orders(folder: Path) -> SQLAlchemyStorage:
    """Open a storage whose orders are in the site's own table."""
    engine = create_engine(_url(folder))
    storage = SQLAlchemyStorage(engine, metadata=own_orders.metadata, orders=Sales, own_engine=True)
    own_orders.metadata.create_all(engine)
    return storage


class OnDatabase(Contract):
    """A contract on a database of `kind`, empty for each test."""

    kind: str

    @pytest.fixture(autouse=True)
    def _database(self, databases: Databases, tmp_path: Path) -> None:
        url = databases.fresh(f"sqlalchemy-{self.kind}")
        (self.place(tmp_path) / _MARK).write_text(url, encoding="utf-8")


class TestSQLite(OnDatabase, StorageContract):
    """A file, by its URL."""

    kind = "sqlite"
    factory = staticmethod(open_by_url)


class TestPostgreSQL(OnDatabase, StorageContract):
    """PostgreSQL, by its URL."""

    kind = "postgres"
    factory = staticmethod(open_by_url)


class TestMariaDB(OnDatabase, StorageContract):
    """MariaDB, by its URL."""

    kind = "mariadb"
    factory = staticmethod(open_by_url)


class TestHostOnSQLite(OnDatabase, StorageContract):
    """A site's engine with nothing set, so in SQLite's old journal mode."""

    kind = "sqlite"
    factory = staticmethod(open_on_host)


class TestHostOnPostgreSQL(OnDatabase, StorageContract):
    """A site's engine, and tables in its MetaData."""

    kind = "postgres"
    factory = staticmethod(open_on_host)


class TestHostOnMariaDB(OnDatabase, StorageContract):
    """The same on MariaDB."""

    kind = "mariadb"
    factory = staticmethod(open_on_host)


class TestBeginRecipe(StorageContract):
    """A site's SQLite engine that says BEGIN itself."""

    factory = staticmethod(open_with_begin)


class TestOwnOrdersOnSQLite(OnDatabase, OrdersContract, UnitsContract):
    """A site's own orders, in the transaction of the unit."""

    kind = "sqlite"
    factory = staticmethod(open_with_own_orders)


class TestOwnOrdersOnPostgreSQL(OnDatabase, OrdersContract, UnitsContract):
    """The same on PostgreSQL."""

    kind = "postgres"
    factory = staticmethod(open_with_own_orders)


class TestOwnOrdersOnMariaDB(OnDatabase, OrdersContract, UnitsContract):
    """The same on MariaDB."""

    kind = "mariadb"
    factory = staticmethod(open_with_own_orders)
