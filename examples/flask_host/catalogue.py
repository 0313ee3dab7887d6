"""The shop's own products, in the shop's own database."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orderflow_bridge.domain.product import Product

__all__ = ["CURRENCY", "Item", "ShopCatalogue"]

CURRENCY = "GBP"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS product (
    sku TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    pence INTEGER NOT NULL CHECK (pence >= 0),
    for_sale INTEGER NOT NULL DEFAULT 1
)
"""

_FIRST_PRODUCTS = (
    ("mug-ash", "Ash-glazed mug", "Thrown stoneware, 300 ml, no two alike.", 2200),
    ("bowl-rice", "Rice bowl", "Small, deep, and warm in both hands.", 1850),
    ("pot-side", "Side-handled teapot", "Holds 350 ml; pours without a drip.", 6800),
    ("caddy-tin", "Tea caddy", "Double-lidded tin for 100 g of leaves.", 1450),
    ("tea-sencha", "Sencha, 100 g", "Spring picking from Shizuoka.", 1250),
    ("tea-oolong", "Roasted oolong, 100 g", "Dark, nutty, good for five brews.", 1390),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A product as the shop's own pages show it."""

    sku: str
    name: str
    description: str
    pence: int


class ShopCatalogue:
    """Sell the shop's table through the bridge: the port `ProductCatalog`, and what pages need.

    Every call opens a connection of its own, so that any thread may ask.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Make the table, and fill it the first time."""
        with self._connected() as database, database:
            database.execute(_SCHEMA)
            if database.execute("SELECT count(*) FROM product").fetchone() == (0,):
                database.executemany(
                    "INSERT INTO product (sku, name, description, pence) VALUES (?, ?, ?, ?)",
                    _FIRST_PRODUCTS,
                )

    def items(self) -> list[Item]:
        """Give what is for sale, by name."""
        with self._connected() as database:
            rows = database.execute(
                "SELECT sku, name, description, pence FROM product WHERE for_sale ORDER BY name"
            ).fetchall()
        return [Item(*row) for row in rows]

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`; the shop has prices in pounds alone."""
        with self._connected() as database:
            rows = database.execute(
                "SELECT sku, name, pence FROM product WHERE for_sale"
                " AND sku IN (SELECT value FROM json_each(?))",
                [json.dumps(list(skus))],
            ).fetchall()
        return {
            sku: Product(sku=sku, name=name, unit_price=pence if currency == CURRENCY else None)
            for sku, name, pence in rows
        }

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as database:
            yield database
