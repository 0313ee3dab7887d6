"""Sell what the site has in a model of its own."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from orderflow_bridge.domain.money import CURRENCIES, MAX_AMOUNT
from orderflow_bridge.domain.product import Product

__all__ = ["ModelCatalogue"]

# Some builds of SQLite take no more parameters in one statement.
_BATCH = 900


class ModelCatalogue:
    """Sell the rows of a queryset: the port `ProductCatalog`.

        catalogue = ModelCatalogue(
            Book.objects.filter(for_sale=True),
            sku="isbn", name="title", price="price", currency="GBP",
        )

    `sku`, `name`, `price` and `tax_class` name fields, also those of related models (`tax__code`).
    A price that is an integer is in minor units, a Decimal in units; None is no price. `currency`
    is that of every price, in another one nothing has a price. The queryset says what is for sale
    and is read afresh each time, with one query for up to 900 skus. Raises ValueError for a
    currency that there is not, and where a price is no whole number of minor units.
    """

    def __init__(
        self,
        rows: QuerySet[Any],
        *,
        sku: str = "sku",
        name: str = "name",
        price: str = "price",
        currency: str,
        tax_class: str | None = None,
    ) -> None:
        if currency not in CURRENCIES:
            raise ValueError(f"{currency!r} is not a currency: write its ISO 4217 code, like GBP.")
        self._rows = rows
        self._sku = sku
        self._columns = [sku, name, price, *([] if tax_class is None else [tax_class])]
        self._currency = currency

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give what is for sale among `skus`."""
        wanted = dict.fromkeys(skus)
        found: dict[str, Product] = {}
        for sku, name, price, *tax_class in self._read(list(wanted)):
            # A database may find `Mug` for `mug`; to the bridge they are two.
            if sku in wanted:
                amount = self._minor_units(sku, price) if currency == self._currency else None
                found[sku] = Product(
                    sku=sku,
                    name=name,
                    unit_price=amount,
                    tax_class=next(iter(tax_class), "default"),
                )
        return found

    def _read(self, skus: list[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(skus), _BATCH):
            batch = skus[start : start + _BATCH]
            yield from self._rows.filter(**{f"{self._sku}__in": batch}).values_list(*self._columns)

    def _minor_units(self, sku: str, price: object) -> int | None:
        if price is None:
            return None
        amount = price
        if isinstance(price, Decimal):
            amount = price.scaleb(CURRENCIES[self._currency])
            amount = int(amount) if amount == amount.to_integral_value() else None
        if not isinstance(amount, int) or not 0 <= amount <= MAX_AMOUNT:
            raise ValueError(
                f"The price of {sku} is no whole number of minor units of {self._currency}: keep"
                " an integer of minor units, or a Decimal without further decimals."
            )
        return amount
