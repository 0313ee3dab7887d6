"""The databases of one test session: made at the first use, emptied for each test, dropped."""

import functools
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import django
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.utils import OperationalError
from tests.canary.session import Canary
from tests.canary.tables import rows_of

from orderflow_bridge_django import storage

if TYPE_CHECKING:
    from orderflow_bridge_django.storage import DjangoStorage

KINDS = ["sqlite", "postgres", "mariadb"]
"""The aliases of the databases that the storage is tested on."""

CANARIES: list[Canary] = []
"""What searches a database before it is emptied; none in the processes that a test starts."""

_DRIVERS = {"postgres": "psycopg", "mariadb": "pymysql"}


def open_sqlite(folder: Path) -> "DjangoStorage":
    """Open the storage in the session's SQLite file."""
    return open_alias("sqlite", folder)


def open_postgres(folder: Path) -> "DjangoStorage":
    """Open the storage in the session's PostgreSQL database."""
    return open_alias("postgres", folder)


def open_mariadb(folder: Path) -> "DjangoStorage":
    """Open the storage in the session's MariaDB database."""
    return open_alias("mariadb", folder)


def open_alias(alias: str, folder: Path) -> "DjangoStorage":
    """Open the storage of an alias; empty where `folder` is new."""
    if not apps.ready:
        django.setup()
    marker = folder / f"{alias}.marker"
    if not marker.exists():
        make(alias)
        empty(alias)
        marker.touch()
    return storage.DjangoStorage(using=alias)


@functools.cache
def make(alias: str) -> None:
    """Create the database where a server keeps it, and migrate it; skip without the server."""
    driver = _DRIVERS.get(alias, "sqlite3")
    if importlib.util.find_spec(driver) is None:
        _miss(f"{driver} is not installed")
    if alias in _LATIN or alias in _FORCE:
        try:
            _at_the_server(alias, f"CREATE DATABASE {_name(alias)}{_LATIN.get(alias, '')}")
        except OperationalError as error:
            _miss(f"{alias} cannot be reached: {error}")
    call_command("migrate", database=alias, verbosity=0)


# A default that takes few characters and compares without case, as many old databases have it.
_LATIN = {"mariadb": " CHARACTER SET latin1 COLLATE latin1_swedish_ci"}
_FORCE = {"postgres": " WITH (FORCE)"}


def drop() -> None:
    """Drop what was made on the servers."""
    for alias in connections:
        if connections[alias].connection is not None:
            look(alias)
    connections.close_all()
    for alias in ("postgres", "mariadb"):
        try:
            _at_the_server(alias, f"DROP DATABASE IF EXISTS {_name(alias)}{_FORCE.get(alias, '')}")
        except OperationalError:
            continue


def empty(alias: str) -> None:
    """Delete every row of the bridge's and of the shop's tables."""
    look(alias)
    for label in ("shop", "orderflow_bridge"):
        for model in reversed(list(apps.get_app_config(label).get_models())):
            model.objects.using(alias).all().delete()
    connections[alias].close()


def look(alias: str) -> None:
    """Search every table that there is."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        quote = connection.ops.quote_name("")[:1]
        for canary in CANARIES:
            canary.look_at_rows(rows_of(cursor, tables, quote=quote), alias)


def _name(alias: str) -> str:
    return connections[alias].settings_dict["NAME"]


def _at_the_server(alias: str, statement: str) -> None:
    with connections[alias]._nodb_cursor() as cursor:
        cursor.execute(statement)


def _miss(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
