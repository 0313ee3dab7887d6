"""The default pricing: catalogue prices, a shipping table, a tax table, exact to the minor unit."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import get_args

from orderflow_bridge.domain.countries import COUNTRIES
from orderflow_bridge.domain.customer import Address
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.money import CURRENCIES, MAX_AMOUNT, allocate, round_ratio
from orderflow_bridge.domain.order import Totals
from orderflow_bridge.domain.pricing import (
    Basket,
    LineAmounts,
    Priced,
    Rounding,
    ShippingOption,
    ShippingRate,
    TaxRate,
)
from orderflow_bridge.settings import Settings

__all__ = ["SHIPPING_TAX_CLASS", "TablePricing"]

SHIPPING_TAX_CLASS = "shipping"
"""The tax class that shipping itself is taxed by."""

_ANYWHERE = ""
_LONGEST_METHOD = 64
_RATE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?", re.ASCII)

_Ratio = tuple[int, int]


class TablePricing:
    """Price a basket from a shipping table and a tax table (protocol §4).

    A line's value is its quantity times its unit price; there are no discounts. Tax is rounded once
    per rate, on the sum of everything at that rate, as a tax office computes it, and allocated to
    the lines by largest remainder. Shipping is part of that sum where a row for the tax class
    `shipping` matches; its share of the tax then belongs to all lines, in proportion to their
    value, so that the lines' tax is exactly `totals.tax`. What no row matches is not taxed; a tax
    class without a row does not fall back to another. Regions compare without case.

    With `prices_include_tax` every price, shipping too, contains its tax: `tax` tells the part
    contained (rate / (100 + rate)) and nothing is added. A line's `tax` may then exceed its
    `total` where shipping carries tax and the line costs next to nothing.

    Amounts are not limited: whoever takes them compares them with `MAX_AMOUNT`.
    """

    def __init__(
        self,
        *,
        shipping: Sequence[ShippingRate] = (),
        tax: Sequence[TaxRate] = (),
        prices_include_tax: bool = False,
        rounding: Rounding = "half_even",
    ) -> None:
        """Read the tables; raises `ConfigurationError` that names the first wrong row."""
        if rounding not in get_args(Rounding):
            raise ConfigurationError(f"`rounding` must be one of {', '.join(get_args(Rounding))}.")
        self._ways = _read_shipping(shipping)
        self._rates = _read_tax(tax)
        self._prices_include_tax = prices_include_tax
        self._rounding: Rounding = rounding

    @classmethod
    def of(cls, settings: Settings) -> "TablePricing":
        """Make the pricing that the settings describe; raises `ConfigurationError`."""
        return cls(
            shipping=settings.shipping,
            tax=settings.tax,
            prices_include_tax=settings.prices_include_tax,
            rounding=settings.rounding,
        )

    def shipping_options(self, basket: Basket) -> Sequence[ShippingOption]:
        """Give each method that reaches the address, once, in the order of the table.

        A row that names the country wins over one for everywhere. Without an address only the rows
        for everywhere are given: what is offered then can really be chosen. Only prices in the
        basket's currency count; a row with `free_from` costs nothing from that value of the lines.
        """
        address = basket.shipping_address
        country = address.country if address is not None else _ANYWHERE
        currency = basket.currency
        value = sum([line.quantity * line.unit_price for line in basket.lines])
        options = []
        for method, rows in self._ways.items():
            row = rows.get((currency, country)) or rows.get((currency, _ANYWHERE))
            if row is not None:
                free_from = row.free_from.get(currency)
                price = row.prices[currency] if free_from is None or value < free_from else 0
                options.append(ShippingOption(method=method, name=row.name, price=price))
        return options

    def price(self, basket: Basket, shipping: ShippingOption | None) -> Priced:
        """Price `basket`; the lines' parts sum exactly to the totals.

        An empty basket comes to nothing, whatever the shipping.
        """
        lines = basket.lines
        if not lines:
            return Priced(lines=(), totals=Totals())
        values = [line.quantity * line.unit_price for line in lines]
        subtotal = sum(values)
        carriage = shipping.price if shipping is not None else 0
        taxes = self._tax_by_line(basket, values, carriage) if self._rates else None
        if taxes is None:
            amounts = [LineAmounts(value, 0, 0, value) for value in values]
            tax = 0
        else:
            tax = sum(taxes)
            amounts = [
                LineAmounts(value, 0, part, value if self._prices_include_tax else value + part)
                for value, part in zip(values, taxes, strict=True)
            ]
        return Priced(
            lines=tuple(amounts),
            totals=Totals(
                item_count=sum([line.quantity for line in lines]),
                subtotal=subtotal,
                shipping=carriage,
                tax=tax,
                total=subtotal + carriage + (0 if self._prices_include_tax else tax),
            ),
        )

    def _tax_by_line(self, basket: Basket, values: list[int], carriage: int) -> list[int] | None:
        """Give each line's tax, or None where no rate matches anything."""
        classes = [line.tax_class for line in basket.lines]
        bases = values
        if carriage:
            # Shipping is one more thing to be taxed, after the lines; its tax is spread below.
            classes.append(SHIPPING_TAX_CLASS)
            bases = [*values, carriage]
        rates = {name: self._rate(basket.shipping_address, name) for name in set(classes)}
        taxed: dict[_Ratio, list[int]] = {}
        for index, name in enumerate(classes):
            rate = rates[name]
            if rate is not None:
                taxed.setdefault(rate, []).append(index)
        if not taxed:
            return None
        taxes = [0] * len(bases)
        for rate, indices in taxed.items():
            weights = [bases[index] for index in indices]
            parts = allocate(self._tax_on(sum(weights), rate), weights)
            for index, part in zip(indices, parts, strict=True):
                taxes[index] = part
        if carriage:
            shared = allocate(taxes.pop(), values)
            taxes = [own + part for own, part in zip(taxes, shared, strict=True)]
        return taxes

    def _tax_on(self, base: int, rate: _Ratio) -> int:
        part, whole = rate
        if self._prices_include_tax:
            whole += part
        return round_ratio(base * part, whole, self._rounding)

    def _rate(self, address: Address | None, tax_class: str) -> _Ratio | None:
        for place in _places(address):
            rate = self._rates.get((*place, tax_class))
            if rate is not None:
                return rate
        return None


def _places(address: Address | None) -> Iterator[tuple[str, str]]:
    """Give the (country, region) pairs that match `address`, the most specific first."""
    if address is not None:
        if address.region is not None:
            yield address.country, _folded(address.region)
        yield address.country, _ANYWHERE
    yield _ANYWHERE, _ANYWHERE


def _folded(region: str) -> str:
    return region.strip().casefold()


_Ways = dict[str, dict[tuple[str, str], ShippingRate]]


def _read_shipping(table: Sequence[ShippingRate]) -> _Ways:
    """Index the rows: method → (currency, country) → row, in the order methods first appear."""
    ways: _Ways = {}
    for number, row in enumerate(table, 1):
        where = f"Row {number} of the shipping table (method {row.method!r})"
        _check_way(row, where)
        rows = ways.setdefault(row.method, {})
        for currency in row.prices:
            for country in row.countries or (_ANYWHERE,):
                if (currency, country) in rows:
                    raise ConfigurationError(
                        f"{where}: the method already has a price in {currency} for"
                        f" {country or 'everywhere'}; remove one of the two."
                    )
                rows[currency, country] = row
    return ways


def _check_way(row: ShippingRate, where: str) -> None:
    if not 1 <= len(row.method) <= _LONGEST_METHOD:
        raise ConfigurationError(f"{where}: `method` must have 1 to {_LONGEST_METHOD} characters.")
    if not row.name:
        raise ConfigurationError(f"{where}: give it a `name` for the buyer.")
    if not row.prices:
        raise ConfigurationError(f"{where}: give it a price in at least one currency.")
    _check_amounts(row.prices, f"{where}: `prices`")
    _check_amounts(row.free_from, f"{where}: `free_from`")
    for currency in row.free_from:
        if currency not in row.prices:
            raise ConfigurationError(f"{where}: `free_from` names {currency}, `prices` not.")
    for country in row.countries:
        _check_country(country, where)


def _read_tax(table: Sequence[TaxRate]) -> dict[tuple[str, str, str], _Ratio]:
    """Index the rows: (country, region, tax class) → the part of the whole that is tax."""
    rates: dict[tuple[str, str, str], _Ratio] = {}
    first: dict[tuple[str, str, str], int] = {}
    for number, row in enumerate(table, 1):
        where = f"Row {number} of the tax table (tax class {row.tax_class!r})"
        if not _RATE.fullmatch(row.rate):
            raise ConfigurationError(
                f"{where}: `rate` must be a percentage without its sign, like 20 or 7.7."
            )
        if row.country:
            _check_country(row.country, where)
        elif row.region:
            raise ConfigurationError(f"{where}: a `region` needs its `country`.")
        if not row.tax_class:
            raise ConfigurationError(f"{where}: `tax_class` must not be empty.")
        key = (row.country, _folded(row.region), row.tax_class)
        if key in rates:
            raise ConfigurationError(
                f"{where}: row {first[key]} is for the same country, region and tax class; remove"
                " one of the two."
            )
        first[key] = number
        rates[key] = (Fraction(row.rate) / 100).as_integer_ratio()
    return rates


def _check_country(country: str, where: str) -> None:
    if country not in COUNTRIES:
        raise ConfigurationError(
            f"{where}: {country!r} is not an ISO 3166-1 alpha-2 country code, like GB."
        )


def _check_amounts(amounts: Mapping[str, int], where: str) -> None:
    for currency, amount in amounts.items():
        if currency not in CURRENCIES:
            raise ConfigurationError(f"{where}: {currency!r} is not an ISO 4217 code, like GBP.")
        if type(amount) is not int or not 0 <= amount <= MAX_AMOUNT:
            raise ConfigurationError(
                f"{where}: the amount in {currency} must be a whole number of minor units."
            )
