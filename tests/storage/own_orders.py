"""The repository of docs/own-orders.md, on SQLite and on PostgreSQL."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

from orderflow_bridge.storage.peewee import PeeweeStorage
from tests.docs.blocks import file_of

MARK = "url"
PAGE = "own-orders.md"
_POSTGRES = {
    "INTEGER PRIMARY KEY AUTOINCREMENT": "bigint GENERATED ALWAYS AS IDENTITY",
    "INTEGER": "bigint",
    "TEXT": 'text COLLATE "C"',
}
"""What the page says about PostgreSQL."""


def _module() -> ModuleType:
    module = ModuleType("shop_orders")
    exec(compile(file_of(PAGE, "shop_orders.py"), PAGE, "exec"), module.__dict__)
    return module


SHOP_ORDERS = _module()
"""The module of the page."""


def open_sqlite(folder: Path) -> PeeweeStorage:
    """Open the shop in a folder as the page does, and be as patient as the tests."""
    path = folder / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(SHOP_ORDERS.TABLE)
    return PeeweeStorage(f"sqlite:///{path}", orders=SHOP_ORDERS.MyOrders, pool_timeout=60)


def open_postgres(folder: Path) -> PeeweeStorage:
    """Open the shop in the database whose URL stands in a folder."""
    url = (folder / MARK).read_text(encoding="utf-8")
    return PeeweeStorage(url, orders=SHOP_ORDERS.MyOrders, pool_timeout=60)


def make_table(url: str) -> None:
    """Make the table on a PostgreSQL server, as the shop's own migrations do."""
    import psycopg  # noqa: PLC0415 -- only where there is a server

    table = SHOP_ORDERS.TABLE
    for ours, theirs in _POSTGRES.items():
        table = table.replace(ours, theirs)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(table)
