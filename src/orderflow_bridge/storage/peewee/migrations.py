"""Numbered changes of the schema that run forward, once each, recorded in `ofb_migrations`."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import peewee

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.storage.peewee.dialect import Dialect, run
from orderflow_bridge.storage.peewee.schema import create_audit, create_console, create_tables

__all__ = ["Migration", "migrate", "pending", "prepare"]

_TABLE = "ofb_migrations"


class Migration(NamedTuple):
    """One change; its number and name stand in the database for ever.

    `apply` may be run again after a crash where the database cannot roll back a schema change.
    """

    number: int
    name: str
    apply: Callable[[peewee.Database, Dialect], None]


def _first(database: peewee.Database, dialect: Dialect) -> None:
    create_tables(database, dialect.column_types(database))


def _count_by_connection(database: peewee.Database, _dialect: Dialect) -> None:
    """Let what is kept for one connection be counted as one range of an index."""
    for table in ("ofb_replays", "ofb_answers"):
        name = f"{table}_of_connection"
        # MySQL has no IF NOT EXISTS for an index, and a crash may have come between the two.
        if name not in {index.name for index in database.get_indexes(table)}:
            run(database, f"CREATE INDEX {name} ON {table} (connection, kept_until)")


def _audit(database: peewee.Database, dialect: Dialect) -> None:
    create_audit(database, dialect.column_types(database))


_LISTS = (
    ("ofb_carts_of_connection", "ofb_carts", ("connection", "cart_id", "order_id"), ""),
    ("ofb_carts_of_email", "ofb_carts", ("email", "cart_id"), "email IS NOT NULL"),
    (
        "ofb_carts_unconverted",
        "ofb_carts",
        ("connection", "expires_at", "cart_id"),
        "order_id IS NULL",
    ),
    ("ofb_carts_converted", "ofb_carts", ("cart_id",), "order_id IS NOT NULL"),
    # Wider than they were: what is summed is in the index.
    (
        "ofb_orders_of_status",
        "ofb_orders",
        ("status", "placed_at", "order_id", "currency", "total"),
        "",
    ),
    (
        "ofb_orders_of_both",
        "ofb_orders",
        ("connection", "status", "placed_at", "order_id", "currency", "total"),
        "",
    ),
)


def _find_carts(database: peewee.Database, dialect: Dialect) -> None:
    """Let every list of an operator be a range of an index, and takings be summed in one."""
    partial = dialect.column_types(database).partial_indexes
    for name, table, columns, where in _LISTS:
        # A crash may have come between any two.
        present = {index.name: tuple(index.columns) for index in database.get_indexes(table)}
        if present.get(name) == columns:
            continue
        if name in present:
            # MySQL, which has no partial indexes, wants the table, and the others refuse it.
            run(database, f"DROP INDEX {name}" + ("" if partial else f" ON {table}"))
        condition = f" WHERE {where}" if where and partial else ""
        run(database, f"CREATE INDEX {name} ON {table} ({', '.join(columns)}){condition}")


def _journal_and_sessions(database: peewee.Database, dialect: Dialect) -> None:
    create_console(database, dialect.column_types(database))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "0001_first_tables", _first),
    Migration(2, "0002_count_by_connection", _count_by_connection),
    Migration(3, "0003_audit", _audit),
    Migration(4, "0004_find_carts", _find_carts),
    Migration(5, "0005_journal_and_sessions", _journal_and_sessions),
)
"""Every migration, in the order of their numbers."""


def prepare(database: peewee.Database, dialect: Dialect) -> None:
    """Create the tables of an empty database, and refuse any schema but the current one.

    Raises `ConfigurationError` for an older schema, with the command that migrates it, and for one
    that a newer version made.
    """
    applied = _applied(database)
    if not applied:
        migrate(database, dialect)
        return
    _refuse_newer(applied)
    names = _missing(applied)
    if names:
        raise ConfigurationError(
            f"The database lacks {', '.join(names)}: stop the writers, make a backup and run"
            " `orderflow-bridge migrate`."
        )


def pending(database: peewee.Database) -> Sequence[str]:
    """Name the migrations that `migrate` would apply; raises `ConfigurationError` as it would."""
    applied = _applied(database)
    _refuse_newer(applied)
    return _missing(applied)


def migrate(database: peewee.Database, dialect: Dialect) -> Sequence[str]:
    """Apply what is missing, one process at a time; name what was applied."""
    done = []
    with dialect.exclusive(database):
        run(
            database,
            f"CREATE TABLE IF NOT EXISTS {_TABLE}"
            " (number INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL,"
            " applied_at BIGINT NOT NULL)",
        )
        # Read after the lock: another process may have applied them in the meantime.
        applied = _applied(database)
        _refuse_newer(applied)
        record = dialect.text(f"INSERT INTO {_TABLE} (number, name, applied_at) VALUES (?, ?, ?)")
        for migration in MIGRATIONS:
            if migration.number not in applied:
                migration.apply(database, dialect)
                run(
                    database,
                    record,
                    (migration.number, migration.name, time.time_ns() // 1_000_000),
                )
                done.append(migration.name)
    return done


def _applied(database: peewee.Database) -> dict[int, str]:
    if not database.table_exists(_TABLE):
        return {}
    return dict(run(database, f"SELECT number, name FROM {_TABLE}").fetchall())


def _missing(applied: dict[int, str]) -> list[str]:
    return [one.name for one in MIGRATIONS if one.number not in applied]


def _refuse_newer(applied: dict[int, str]) -> None:
    known = {migration.number for migration in MIGRATIONS}
    newer = [name for number, name in sorted(applied.items()) if number not in known]
    if newer:
        raise ConfigurationError(
            f"The database has {', '.join(newer)}, which this version does not know: install the"
            " orderflow-bridge that made it, or a newer one."
        )
