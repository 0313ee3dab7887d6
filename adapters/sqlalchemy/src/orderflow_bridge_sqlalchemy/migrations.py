"""Numbered changes of the storage's own tables, once each and forward, in `orderflow_migrations`.

Tables in a host's `MetaData` are none of this: the host migrates them, and `refuse_incomplete`
tells what is missing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from orderflow_bridge.domain.errors import ConfigurationError, StorageUnavailable
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    false,
    insert,
    inspect,
    select,
)
from sqlalchemy.schema import CreateTable

from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["Migration", "migrate", "pending", "prepare", "refuse_incomplete"]

# Any number of this package's own: every process that changes the schema takes this lock.
_SCHEMA_LOCK = 0x6F66_7361
_WAIT = 30  # seconds


class Migration(NamedTuple):
    """One change; its number and name stand in the database for ever.

    `apply` may be run again after a crash where the database cannot roll back a schema change.
    """

    number: int
    name: str
    apply: Callable[[Connection, Tables], None]


def _first(connection: Connection, tables: Tables) -> None:
    """Create whatever is missing of the first tables and their indexes."""
    later = (tables.audit, tables.journal, tables.sessions)
    _create(connection, tables, [table for table in tables.all if table not in later])


def _audit(connection: Connection, tables: Tables) -> None:
    """Create the table of the audit and its indexes, where they are missing."""
    _create(connection, tables, [tables.audit])


def _journal_and_sessions(connection: Connection, tables: Tables) -> None:
    """Create the tables of the journal and of sessions and their indexes, where missing."""
    _create(connection, tables, [tables.journal, tables.sessions])


def _create(connection: Connection, tables: Tables, made: Sequence[Table]) -> None:
    tables.metadata.create_all(connection, made)
    _index(connection, made)


def _index(connection: Connection, indexed: Sequence[Table]) -> None:
    for table in indexed:
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _count_by_connection(connection: Connection, tables: Tables) -> None:
    """Let what is kept for one connection be counted as one range of an index."""
    _index(connection, [tables.replays, tables.answers])


def _find_carts(connection: Connection, tables: Tables) -> None:
    """Let every list of an operator be a range of an index, and takings be summed in one."""
    found = inspect(connection).get_indexes(tables.orders.name, tables.orders.schema)
    columns = {index["name"]: index["column_names"] for index in found}
    for index in tables.orders.indexes:
        if index.name in columns and columns[index.name] != index.columns.keys():
            index.drop(connection)
    _index(connection, [tables.carts, tables.orders])


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "0001_first_tables", _first),
    Migration(2, "0002_count_by_connection", _count_by_connection),
    Migration(3, "0003_audit", _audit),
    Migration(4, "0004_find_carts", _find_carts),
    Migration(5, "0005_journal_and_sessions", _journal_and_sessions),
)
"""Every migration, in the order of their numbers."""

_applied_table = Table(
    "orderflow_migrations",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("applied_at", BigInteger, nullable=False),
)


def prepare(engine: Engine, tables: Tables) -> None:
    """Create the tables of an empty database, and refuse any schema but the current one.

    Raises `ConfigurationError` for an older schema, with the command that migrates it, and for one
    that a newer version made.
    """
    with engine.connect() as connection:
        applied = _applied(connection)
    if not applied:
        migrate(engine, tables)
        return
    _refuse_newer(applied)
    names = _missing(applied)
    if names:
        raise ConfigurationError(
            f"The database lacks {', '.join(names)}: stop the writers, make a backup and run"
            " `orderflow-bridge migrate`."
        )


def pending(engine: Engine) -> Sequence[str]:
    """Name the migrations that `migrate` would apply; raises `ConfigurationError` as it would."""
    with engine.connect() as connection:
        applied = _applied(connection)
    _refuse_newer(applied)
    return _missing(applied)


def migrate(engine: Engine, tables: Tables) -> Sequence[str]:
    """Apply what is missing, one process at a time; name what was applied."""
    done = []
    with _exclusive(engine) as connection:
        # Read after the lock: another process may have applied them in the meantime.
        applied = _applied(connection)
        _refuse_newer(applied)
        for migration in MIGRATIONS:
            if migration.number not in applied:
                migration.apply(connection, tables)
                connection.execute(
                    insert(_applied_table),
                    {
                        "number": migration.number,
                        "name": migration.name,
                        "applied_at": time.time_ns() // 1_000_000,
                    },
                )
                done.append(migration.name)
    return done


def refuse_incomplete(engine: Engine, tables: Tables) -> None:
    """Refuse a database that lacks something of the tables in a host's `MetaData`."""
    missing = []
    with engine.connect() as connection:
        inspector = inspect(connection)
        for table in tables.all:
            if not inspector.has_table(table.name, schema=table.schema):
                missing.append(table.fullname)
                continue
            there = {column["name"] for column in inspector.get_columns(table.name, table.schema)}
            missing += [f"{table.fullname}.{name}" for name in table.c.keys() if name not in there]  # noqa: SIM118 -- no dict
    if missing:
        raise ConfigurationError(
            f"The database lacks {', '.join(missing)}. They are in the MetaData that the storage"
            " was given, so its site migrates them: `alembic revision --autogenerate`, then"
            " `alembic upgrade head`; or `metadata.create_all(engine)`."
        )


@contextmanager
def _exclusive(engine: Engine) -> Iterator[Connection]:
    """Give a transaction in which no other process changes the schema; make the first table."""
    kind = engine.dialect.name
    with engine.connect() as connection:
        if kind == "postgresql":
            with connection.begin():
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
                _make_first_table(connection)
                yield connection
        elif kind == "sqlite":
            with connection.begin():
                _make_first_table(connection)
            with connection.begin():
                # It changes nothing and waits for the write lock, before anything is read.
                connection.execute(delete(_applied_table).where(false()))
                yield connection
        else:
            with _named_lock(connection):
                _make_first_table(connection)
                yield connection
                connection.commit()


@contextmanager
def _named_lock(connection: Connection) -> Iterator[None]:
    """Hold a lock of MySQL, where a schema change commits by itself and may be run again."""
    name = "CONCAT('ofb_', MD5(DATABASE()))"
    if connection.exec_driver_sql(f"SELECT GET_LOCK({name}, {_WAIT})").scalar() != 1:
        raise StorageUnavailable("Another process changes the schema; try again.")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SELECT RELEASE_LOCK({name})").scalar()


def _make_first_table(connection: Connection) -> None:
    connection.execute(CreateTable(_applied_table, if_not_exists=True))


def _applied(connection: Connection) -> dict[int, str]:
    if not inspect(connection).has_table(_applied_table.name):
        return {}
    rows = connection.execute(select(_applied_table.c.number, _applied_table.c.name))
    return {number: name for number, name in rows}  # noqa: C416 -- rows are no pairs to mypy


def _missing(applied: dict[int, str]) -> list[str]:
    return [one.name for one in MIGRATIONS if one.number not in applied]


def _refuse_newer(applied: dict[int, str]) -> None:
    known = {migration.number for migration in MIGRATIONS}
    newer = [name for number, name in sorted(applied.items()) if number not in known]
    if newer:
        raise ConfigurationError(
            f"The database has {', '.join(newer)}, which this version does not know: install the"
            " orderflow-bridge-sqlalchemy that made it, or a newer one."
        )
