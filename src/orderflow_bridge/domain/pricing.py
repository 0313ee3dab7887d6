"""What a pricing works on and answers, and the tables of the default one."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from orderflow_bridge.domain.customer import Address
from orderflow_bridge.domain.order import Totals

__all__ = [
    "Basket",
    "BasketLine",
    "LineAmounts",
    "Priced",
    "Rounding",
    "ShippingOption",
    "ShippingRate",
    "TaxRate",
]

Rounding = Literal["half_even", "half_up", "half_down"]


class BasketLine(Struct, frozen=True, kw_only=True, gc=False):
    """One line to be priced; `unit_price` in minor units."""

    sku: str
    quantity: int
    unit_price: int
    tax_class: str = "default"


class Basket(Struct, frozen=True, kw_only=True):
    """What is to be priced: lines in one currency, going somewhere or nowhere yet."""

    currency: str
    lines: tuple[BasketLine, ...]
    shipping_address: Address | None = None


class ShippingOption(Struct, frozen=True, kw_only=True):
    """A way to ship this basket, and its price in minor units of the basket's currency."""

    method: str
    name: str
    price: int


class LineAmounts(Struct, frozen=True, gc=False):
    """What one line comes to, in minor units (see `orderflow_bridge.domain.order.Line`)."""

    subtotal: int
    discount: int
    tax: int
    total: int


class Priced(Struct, frozen=True, kw_only=True):
    """The amounts of a basket: one entry per line in the basket's order, and their exact sums."""

    lines: tuple[LineAmounts, ...]
    totals: Totals


class ShippingRate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the shipping table.

    `prices` maps currency to minor units. `countries` limits where it goes; empty is everywhere.
    From `free_from` (minor units by currency, compared with subtotal - discount) it costs nothing.
    """

    method: Annotated[str, Meta(min_length=1, max_length=64)]
    name: str
    prices: Mapping[str, Annotated[int, Meta(ge=0)]]
    countries: tuple[str, ...] = ()
    free_from: Mapping[str, Annotated[int, Meta(ge=0)]] = {}


class TaxRate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the tax table: `rate` is a percentage as text (`"20"`, `"7.7"`).

    An empty `country` or `region` matches any; the most specific row that matches wins. The tax
    class `shipping` is the one shipping itself is taxed by.
    """

    rate: Annotated[str, Meta(pattern=r"\A[0-9]{1,3}(\.[0-9]{1,6})?\Z")]
    country: str = ""
    region: str = ""
    tax_class: str = "default"
