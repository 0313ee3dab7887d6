"""The default catalogue's own storage."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from orderflow_bridge.domain.product import CatalogueEntry, Product

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.session import Session

__all__ = ["Products"]

_encode = msgspec.json.Encoder(order="sorted").encode
_decode_prices = msgspec.json.Decoder(dict[str, int]).decode

_BATCH = 100
_COLUMNS = ("name", "tax_class", "active", "prices")


class Products:
    """The port `ProductRepository`."""

    __slots__ = ("_rows", "_session", "_stock")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Product.objects.using(session.using)
        self._stock = models.Stock.objects.using(session.using)

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`, by sku."""
        found = self._rows.filter(sku__in=skus, active=True).order_by()
        return {
            sku: Product(
                sku=sku,
                name=name,
                unit_price=_decode_prices(prices).get(currency),
                tax_class=tax_class,
            )
            for sku, name, tax_class, prices in found.values_list(
                "sku", "name", "tax_class", "prices"
            )
        }

    def put(self, entries: Sequence[CatalogueEntry]) -> None:
        """Add or replace products and their tracked stock; prices in other currencies stay.

        Only what differs is written. Raises `Conflict` where another unit adds the same sku.
        """
        self._session.must_write()
        # In sku order, so that two imports at once wait for each other instead of deadlocking.
        ordered = sorted(entries, key=lambda entry: entry.sku)
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            self._put_products(batch)
            self._put_stock({entry.sku: entry.stock for entry in batch})

    def page(self, *, after: str, limit: int) -> Sequence[CatalogueEntry]:
        """Give products in sku order, those with a sku greater than `after`."""
        rows = list(self._rows.filter(sku__gt=after).order_by("sku")[:limit])
        stock: dict[str, int] = {}
        if rows:
            tracked = self._stock.filter(sku__gte=rows[0].sku, sku__lte=rows[-1].sku)
            stock = dict(tracked.values_list("sku", "available"))
        return [
            CatalogueEntry(
                sku=row.sku,
                name=row.name,
                prices=_decode_prices(row.prices),
                tax_class=row.tax_class,
                active=row.active,
                stock=stock.get(row.sku),
            )
            for row in rows
        ]

    def _put_products(self, entries: Iterable[CatalogueEntry]) -> None:
        skus = {entry.sku for entry in entries}
        locked = self._rows.filter(sku__in=skus).order_by("sku").select_for_update()
        stored = {row.sku: row for row in locked}
        before = {sku: _values(row) for sku, row in stored.items()}
        added: dict[str, models.Product] = {}
        for entry in entries:
            row = stored.get(entry.sku) or added.get(entry.sku)
            if row is None:
                row = added[entry.sku] = models.Product(sku=entry.sku, prices="{}")
            row.name = entry.name
            row.tax_class = entry.tax_class
            row.active = entry.active
            row.prices = _encode(_decode_prices(row.prices) | entry.prices).decode()
        self._rows.bulk_create(added.values())
        changed = [row for sku, row in stored.items() if _values(row) != before[sku]]
        self._rows.bulk_update(changed, _COLUMNS)

    def _put_stock(self, left: Mapping[str, int | None]) -> None:
        locked = self._stock.filter(sku__in=left).order_by("sku").select_for_update()
        stored = {row.sku: row for row in locked}
        added, changed, dropped = [], [], []
        for sku, available in left.items():
            row = stored.get(sku)
            if available is None:
                if row is not None:
                    dropped.append(sku)
            elif row is None:
                added.append(models.Stock(sku=sku, available=available))
            elif row.available != available:
                row.available = available
                changed.append(row)
        self._stock.bulk_create(added)
        self._stock.bulk_update(changed, ["available"])
        if dropped:
            self._stock.filter(sku__in=dropped).delete()


def _values(row: models.Product) -> tuple[object, ...]:
    return tuple(getattr(row, column) for column in _COLUMNS)
