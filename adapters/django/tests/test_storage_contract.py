"""The storage of a Django site keeps every promise of the ports, on each kind of database."""

from orderflow_bridge.testing import StorageContract

import site_databases


class TestSqlite(StorageContract):
    """SQLite as Django opens it."""

    factory = staticmethod(site_databases.open_sqlite)


class TestPostgres(StorageContract):
    """PostgreSQL."""

    factory = staticmethod(site_databases.open_postgres)


class TestMariaDB(StorageContract):
    """MariaDB, in a database whose own default is latin1 and compares without case."""

    factory = staticmethod(site_databases.open_mariadb)
