"""How Alembic writes the bridge's own column type into a migration."""

from typing import Any, Literal

from orderflow_bridge_sqlalchemy.types import Key

__all__ = ["render_item"]


def render_item(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Write a key column with SQLAlchemy's own types; for Alembic's option `render_item`.

    A generated migration imports nothing of this package then, and outlives it. Gives False for
    everything else, which Alembic writes itself.
    """
    if kind != "type" or not isinstance(item, Key):
        return False
    context.imports.add("from sqlalchemy.dialects import mysql")
    return (
        f"sa.String(length={item.length})"
        f".with_variant(sa.String(length={item.length}, collation='C'), 'postgresql')"
        f".with_variant(mysql.VARBINARY(length={item.octets}), 'mysql', 'mariadb')"
    )
