"""Inserts that meet a taken key, as SQLAlchemy keeps them compiled.

SQLAlchemy 2.0 compiles its own ON CONFLICT anew for each execution, at several times the cost of
the statement. Here class and table say all there is to say, so that its cache works.
"""

from typing import Any, cast

from sqlalchemy import Insert, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["insert_or_ignore", "upsert"]


def insert_or_ignore(table: Table) -> Insert:
    """Insert a row, counted as 1; for a taken key insert nothing and count another number.

    The table has a `revision`, and the row brings its key along.
    """
    return _InsertOrIgnore(table).execution_options(preserve_rowcount=True)


def upsert(table: Table) -> Insert:
    """Insert a row, or replace what is not the key of the row with its primary key."""
    return _Upsert(table)


class _InsertOrIgnore(Insert):
    inherit_cache = True


class _Upsert(Insert):
    inherit_cache = True


@compiles(_InsertOrIgnore)
def _ignoring(insert: Insert, compiler: SQLCompiler, **options: Any) -> str:
    return f"{_plain(insert, compiler, options)} ON CONFLICT DO NOTHING"


@compiles(_InsertOrIgnore, "mysql", "mariadb")
def _ignoring_in_mysql(insert: Insert, compiler: SQLCompiler, **options: Any) -> str:
    # A row that is there counts 2 where something of it changes, so its revision does. IGNORE would
    # hide truncation, and a failed INSERT shares its lock until two units deadlock.
    plain = _plain(insert, compiler, options)
    return f"{plain} ON DUPLICATE KEY UPDATE revision = revision + 1"


@compiles(_Upsert)
def _replacing(insert: Insert, compiler: SQLCompiler, **options: Any) -> str:
    key, replaced = _columns(insert, compiler)
    new = ", ".join(f"{name} = excluded.{name}" for name in replaced)
    plain = _plain(insert, compiler, options)
    return f"{plain} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {new}"


@compiles(_Upsert, "mysql", "mariadb")
def _replacing_in_mysql(insert: Insert, compiler: SQLCompiler, **options: Any) -> str:
    _, replaced = _columns(insert, compiler)
    new = ", ".join(f"{name} = VALUES({name})" for name in replaced)
    return f"{_plain(insert, compiler, options)} ON DUPLICATE KEY UPDATE {new}"


def _plain(insert: Insert, compiler: SQLCompiler, options: dict[str, Any]) -> str:
    visit: Any = compiler.visit_insert  # SQLAlchemy leaves it untyped
    return str(visit(insert, **options))


def _columns(insert: Insert, compiler: SQLCompiler) -> tuple[list[str], list[str]]:
    """Name the columns of the key, and the others."""
    key: list[str] = []
    others: list[str] = []
    for column in cast("Table", insert.table).c:
        (key if column.primary_key else others).append(compiler.preparer.format_column(column))
    return key, others
