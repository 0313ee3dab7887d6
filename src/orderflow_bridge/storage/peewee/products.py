"""The default catalogue's own storage."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from collections.abc import Mapping, Sequence

import msgspec

from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["ProductStatements", "Products"]

_encode = msgspec.json.Encoder().encode
_decode_prices = msgspec.json.Decoder(dict[str, int]).decode


class ProductStatements:
    """What is said to `ofb_products`, and by an import to `ofb_stock`."""

    __slots__ = ("find_all", "find_one", "listed", "page", "put", "track", "untrack")

    def __init__(self, dialect: Dialect) -> None:
        say, new = dialect.text, dialect.incoming
        self.listed = dialect.listed
        find = "SELECT sku, name, tax_class, prices FROM ofb_products WHERE active AND "
        self.find_one = say(find + "sku = ?")
        self.find_all = say(find + dialect.among("sku"))
        self.put = say(
            "INSERT INTO ofb_products (sku, name, tax_class, active, prices)"
            f" VALUES (?, ?, ?, ?, ?) {dialect.replace('sku')} name = {new('name')},"
            f" tax_class = {new('tax_class')}, active = {new('active')},"
            f" prices = {dialect.merged('prices')}"
        )
        self.track = say(
            f"INSERT INTO ofb_stock (sku, available) VALUES (?, ?) {dialect.replace('sku')}"
            f" available = {new('available')}"
        )
        self.untrack = say(f"DELETE FROM ofb_stock WHERE {dialect.among('sku')}")
        self.page = say(
            "SELECT p.sku, p.name, p.tax_class, p.active, p.prices, s.available"
            " FROM ofb_products p LEFT JOIN ofb_stock s ON s.sku = p.sku"
            " WHERE p.sku > ? ORDER BY p.sku LIMIT ?"
        )


class Products:
    """The port `ProductRepository`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: ProductStatements) -> None:
        self._session = session
        self._sql = sql

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`, by sku."""
        sql = self._sql
        if not skus:
            return {}
        if len(skus) == 1:
            rows = self._session.all(sql.find_one, (skus[0],))
        else:
            rows = self._session.all(sql.find_all, (sql.listed(skus),))
        return {
            sku: Product(
                sku=sku,
                name=name,
                unit_price=_decode_prices(prices).get(currency),
                tax_class=tax_class,
            )
            for sku, name, tax_class, prices in rows
        }

    def put(self, entries: Sequence[CatalogueEntry]) -> None:
        """Add or replace products and their tracked stock; prices in other currencies stay."""
        self._session.must_write()
        if not entries:
            return
        # In sku order, so that two imports at once wait for each other instead of deadlocking.
        ordered = sorted(entries, key=lambda entry: entry.sku)
        self._session.many(
            self._sql.put,
            [
                (one.sku, one.name, one.tax_class, one.active, _encode(one.prices).decode())
                for one in ordered
            ],
        )
        stock = {entry.sku: entry.stock for entry in ordered}
        tracked = [(sku, left) for sku, left in stock.items() if left is not None]
        if tracked:
            self._session.many(self._sql.track, tracked)
        untracked = [sku for sku, left in stock.items() if left is None]
        if untracked:
            self._session.count(self._sql.untrack, (self._sql.listed(untracked),))

    def page(self, *, after: str, limit: int) -> Sequence[CatalogueEntry]:
        """Give products in sku order, those with a sku greater than `after`."""
        rows = self._session.all(self._sql.page, (after, limit))
        return [
            CatalogueEntry(
                sku=sku,
                name=name,
                prices=_decode_prices(prices),
                tax_class=tax_class,
                active=bool(active),
                stock=available,
            )
            for sku, name, tax_class, active, prices, available in rows
        ]
