"""Products and their prices."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Products"]


class Products:
    """The port `ProductRepository`."""

    __slots__ = ("_rows", "_session", "_stock")

    def __init__(
        self, session: Session, rows: Rows[str, CatalogueEntry], stock: Rows[str, int]
    ) -> None:
        self._session = session
        self._rows = rows
        self._stock = stock

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`, by sku."""
        found = {}
        for sku in skus:
            entry = self._rows.get(sku)
            if entry is not None and entry.active:
                found[sku] = Product(
                    sku=sku,
                    name=entry.name,
                    unit_price=entry.prices.get(currency),
                    tax_class=entry.tax_class,
                )
        return found

    def put(self, entries: Sequence[CatalogueEntry]) -> None:
        """Add or replace products and their tracked stock; prices in other currencies stay."""
        self._session.must_write()
        for entry in entries:
            stored = self._rows.get(entry.sku)
            prices = entry.prices if stored is None else stored.prices | entry.prices
            self._rows.put(entry.sku, replace(entry, prices=dict(prices), stock=None))
            if entry.stock is None:
                self._stock.remove(entry.sku)
            else:
                self._stock.put(entry.sku, entry.stock)

    def page(self, *, after: str, limit: int) -> Sequence[CatalogueEntry]:
        """Give products in sku order, those with a sku greater than `after`."""
        entries = sorted(
            (entry for entry in self._rows.values() if entry.sku > after),
            key=lambda entry: entry.sku,
        )
        return [replace(entry, stock=self._stock.get(entry.sku)) for entry in entries[:limit]]
