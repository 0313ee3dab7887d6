"""The repository of docs/own-orders.md, on each kind of database."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

from orderflow_bridge.storage.peewee import PeeweeStorage
from tests.databases import Databases
from tests.docs.blocks import file_of

MARK = "url"
PAGE = "own-orders.md"
_TYPES = {
    "postgres": {
        "INTEGER PRIMARY KEY AUTOINCREMENT": "bigint GENERATED ALWAYS AS IDENTITY",
        "INTEGER": "bigint",
        "TEXT": 'text COLLATE "C"',
    },
    "mariadb": {
        "INTEGER PRIMARY KEY AUTOINCREMENT": "bigint AUTO_INCREMENT PRIMARY KEY",
        "document    TEXT": "document longtext CHARACTER SET utf8mb4",
        "INTEGER": "bigint",
        "TEXT": "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
    },
}
"""What the page says about other databases than SQLite."""


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


def open_on_server(folder: Path) -> PeeweeStorage:
    """Open the shop in the database whose URL stands in a folder."""
    url = (folder / MARK).read_text(encoding="utf-8")
    return PeeweeStorage(url, orders=SHOP_ORDERS.MyOrders, pool_timeout=60)


def move_in(databases: Databases, kind: str, folder: Path) -> None:
    """Empty the database of a server, make the table as the shop's own migrations do, mark it."""
    url = databases.fresh(kind)
    table = SHOP_ORDERS.TABLE
    for ours, theirs in _TYPES[kind].items():
        table = table.replace(ours, theirs)
    storage = PeeweeStorage(url)
    with storage.writing() as unit:
        # MariaDB warns of a table that is there, and the driver would show it.
        if kind == "postgres" or unit.one("SHOW TABLES LIKE 'shop_orders'", ()) is None:
            unit.count(table, ())
    storage.close()
    (folder / MARK).write_text(url, encoding="utf-8")
