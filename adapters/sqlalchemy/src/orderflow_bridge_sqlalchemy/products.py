"""The default catalogue's own storage: products, and a row for each price."""

from collections.abc import Mapping, Sequence

from orderflow_bridge.domain.product import CatalogueEntry, Product
from sqlalchemy import BindParameter, and_, bindparam, delete, select

from orderflow_bridge_sqlalchemy.executor import Executor, in_pieces
from orderflow_bridge_sqlalchemy.inserts import upsert
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["ProductStatements", "Products"]


class ProductStatements:
    """What is said to the tables of products and prices, and by an import to that of stock."""

    __slots__ = ("find", "page", "price", "prices", "put", "track", "untrack")

    def __init__(self, tables: Tables) -> None:
        products, prices, stock = tables.products, tables.prices, tables.stock
        columns = products.c
        skus: BindParameter[str] = bindparam("skus", expanding=True)
        in_currency = and_(
            prices.c.sku == columns.sku, prices.c.currency == bindparam("in_currency")
        )
        self.find = (
            select(columns.sku, columns.name, columns.tax_class, prices.c.amount)
            .select_from(products.outerjoin(prices, in_currency))
            .where(columns.sku.in_(skus), columns.active)
        )
        self.page = (
            select(columns.sku, columns.name, columns.tax_class, columns.active, stock.c.available)
            .select_from(products.outerjoin(stock, stock.c.sku == columns.sku))
            .where(columns.sku > bindparam("after"))
            .order_by(columns.sku)
            .limit(bindparam("at_most"))
        )
        self.prices = select(prices.c.sku, prices.c.currency, prices.c.amount).where(
            prices.c.sku.in_(skus)
        )
        self.put = upsert(products)
        self.price = upsert(prices)
        self.track = upsert(stock)
        self.untrack = delete(stock).where(stock.c.sku.in_(skus))


class Products:
    """The port `ProductRepository`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: ProductStatements) -> None:
        self._executor = executor
        self._say = statements

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`, by sku."""
        return {
            sku: Product(sku=sku, name=name, unit_price=amount, tax_class=tax_class)
            for piece in in_pieces(skus)
            for sku, name, tax_class, amount in self._executor.all(
                self._say.find, skus=piece, in_currency=currency
            )
        }

    def put(self, entries: Sequence[CatalogueEntry]) -> None:
        """Add or replace products and their tracked stock; prices in other currencies stay."""
        self._executor.must_write()
        # In sku order, so that two imports at once wait for each other instead of deadlocking.
        ordered = sorted(entries, key=lambda entry: entry.sku)
        self._executor.many(
            self._say.put,
            [
                {"sku": one.sku, "name": one.name, "tax_class": one.tax_class, "active": one.active}
                for one in ordered
            ],
        )
        self._executor.many(
            self._say.price,
            [
                {"sku": one.sku, "currency": currency, "amount": amount}
                for one in ordered
                for currency, amount in one.prices.items()
            ],
        )
        stock = {entry.sku: entry.stock for entry in ordered}
        self._executor.many(
            self._say.track,
            [{"sku": sku, "available": left} for sku, left in stock.items() if left is not None],
        )
        for piece in in_pieces([sku for sku, left in stock.items() if left is None]):
            self._executor.count(self._say.untrack, skus=piece)

    def page(self, *, after: str, limit: int) -> Sequence[CatalogueEntry]:
        """Give products in sku order, those with a sku greater than `after`."""
        rows = self._executor.all(self._say.page, after=after, at_most=limit)
        prices: dict[str, dict[str, int]] = {row[0]: {} for row in rows}
        for piece in in_pieces(list(prices)):
            for sku, currency, amount in self._executor.all(self._say.prices, skus=piece):
                prices[sku][currency] = amount
        return [
            CatalogueEntry(
                sku=sku,
                name=name,
                prices=prices[sku],
                tax_class=tax_class,
                active=active,
                stock=available,
            )
            for sku, name, tax_class, active, available in rows
        ]
