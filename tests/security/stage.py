"""The shop that is attacked: the same in each row, down to its ids and secrets.

It is made once for a whole run, and each row gets a copy of its storage.
"""

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.memory import MemoryStorage
from tests.rig import (
    MASTER_KEY,
    NOW,
    CountedEntropy,
    SetClock,
    Storefront,
    TestShop,
    item,
    open_shop,
)

__all__ = ["CART", "CLIENT", "EMPTY_CART", "OTHER", "STRANGERS_CART", "Contents", "Stage"]

OFFICE = "198.51.100.0/24"
SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write")
GRACE = 30

Contents = Mapping[str, Any]
"""Every row of a storage, by table."""


@dataclass
class Stage:
    """One row's own shop, with the storefronts that the tables name."""

    shop: TestShop
    fronts: Mapping[str, Storefront]
    secrets: tuple[str, ...]
    contents: Callable[[], Contents]


def play_the_cast(shop: TestShop) -> Mapping[str, Storefront]:
    """Make the connections: each stands for one thing that an operator did to it."""
    shop.clock.milliseconds = NOW - 1000 * GRACE
    operator = shop.bridge.connections
    fronts = {
        "storefront": shop.storefront("Storefront", scopes=SCOPES),
        "another": shop.storefront("Another", scopes=SCOPES),
        "reader": shop.storefront("Reader", scopes=["carts:read"]),
        "disabled": shop.storefront("Disabled", scopes=SCOPES),
        "office": shop.storefront("Office", scopes=SCOPES, allow=[OFFICE, "2001:db8::/32"]),
        "private": shop.storefront("Private", scopes=SCOPES, allow=["10.0.0.0/8"]),
        "socket": shop.storefront("Socket", scopes=SCOPES, allow=["unix"]),
        "in grace": shop.storefront("In grace", scopes=SCOPES),
        "past grace": shop.storefront("Past grace", scopes=SCOPES),
        "revoked": shop.storefront("Revoked", scopes=SCOPES),
    }
    operator.disable(fronts["disabled"].client_id)
    # These three storefronts still have their first secret.
    operator.rotate(fronts["in grace"].client_id, grace=2 * GRACE)
    operator.rotate(fronts["past grace"].client_id, grace=GRACE)
    operator.rotate(fronts["revoked"].client_id)
    shop.clock.milliseconds = NOW
    return fronts


def fill_the_carts(fronts: Mapping[str, Storefront]) -> tuple[str, str, str]:
    """Give a cart with a lamp in it, an empty one, and a stranger's."""
    mine = fronts["storefront"]
    return (
        mine.cart(item("lamp"))["cart_id"],
        mine.cart()["cart_id"],
        fronts["another"].cart(item("mug"))["cart_id"],
    )


def _first() -> tuple[MemoryStorage, Mapping[str, Storefront], tuple[str, str, str]]:
    storage = MemoryStorage()
    shop = open_shop(storage=storage)
    fronts = play_the_cast(shop)
    return storage, fronts, fill_the_carts(fronts)


_ORIGINAL, _FRONTS, (CART, EMPTY_CART, STRANGERS_CART) = _first()
CLIENT, OTHER = _FRONTS["storefront"].client_id, _FRONTS["another"].client_id
_SECRETS = (MASTER_KEY, *(front.secret for front in _FRONTS.values()))


def stage_in_memory(**settings: Any) -> Stage:
    """Copy the shop into memory of its own."""
    storage = MemoryStorage()
    for name, table in _tables(_ORIGINAL).items():
        _tables(storage)[name].update(table)
    storage._published.placed = _ORIGINAL._published.placed
    shop = open_shop(storage=storage, **_later(settings))
    return _stage(shop, lambda: {name: dict(rows) for name, rows in _tables(storage).items()})


def make_sqlite(file: Path) -> None:
    """Make the shop in a SQLite file, to be copied by `stage_in_sqlite`."""
    shop = open_shop(f"sqlite:///{file}", sqlite_synchronous="NORMAL")
    with shop.bridge:
        made = fill_the_carts(play_the_cast(shop))
    if made != (CART, EMPTY_CART, STRANGERS_CART):
        raise Conflict("two shops with one entropy make the same ids")


def stage_in_sqlite(original: Path, file: Path, **settings: Any) -> Stage:
    """Copy the shop into a SQLite file of its own."""
    shutil.copy(original, file)
    shop = open_shop(f"sqlite:///{file}", sqlite_synchronous="NORMAL", **_later(settings))
    return _stage(shop, lambda: _dump(file))


def _later(settings: Mapping[str, Any]) -> dict[str, Any]:
    # Entropy of its own: the first shop's would give its ids a second time.
    return {
        "entropy": CountedEntropy(b"later"),
        "clock": SetClock(),
        "stocked": False,
    } | dict(settings)


def _stage(shop: TestShop, contents: Callable[[], Contents]) -> Stage:
    fronts = {
        name: Storefront(shop.bridge, front.client_id, front.secret, shop.clock, keys=1_000)
        for name, front in _FRONTS.items()
    }
    return Stage(shop, fronts, _SECRETS, contents)


def _tables(storage: MemoryStorage) -> dict[str, dict[Any, Any]]:
    published = vars(storage._published)
    return {name: table.rows for name, table in published.items() if hasattr(table, "rows")}


def _dump(file: Path) -> Contents:
    with closing(sqlite3.connect(file)) as database:
        names = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name.removeprefix("ofb_"): database.execute(
                f'SELECT * FROM "{name}" ORDER BY 1, 2'
            ).fetchall()
            for (name,) in names
        }
