from collections import Counter
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.domain.customer import Address
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.money import MAX_AMOUNT, round_ratio
from orderflow_bridge.domain.order import Totals
from orderflow_bridge.domain.pricing import (
    Basket,
    BasketLine,
    LineAmounts,
    Rounding,
    ShippingOption,
    ShippingRate,
    TaxRate,
)
from orderflow_bridge.pricing import TablePricing
from orderflow_bridge.settings import Settings

ANYWHERE = ShippingRate(method="standard", name="Standard", prices={"GBP": 499, "EUR": 599})


def address(country="GB", region=None):
    """Make an address."""
    return Address(name="Ada", line1="1 Row", city="Town", country=country, region=region)


def basket(*lines, to=None, currency="GBP"):
    """Make a basket of (quantity, unit price, tax class)."""
    return Basket(
        currency=currency,
        lines=tuple(
            BasketLine(sku=f"s{index}", quantity=quantity, unit_price=price, tax_class=tax_class)
            for index, (quantity, price, tax_class) in enumerate(lines)
        ),
        shipping_address=to,
    )


def carriage(price):
    """Choose shipping at a price."""
    return ShippingOption(method="standard", name="Standard", price=price)


def assert_sums(priced):
    """Hold the parts of the lines to the totals."""
    lines, totals = priced.lines, priced.totals
    assert sum(line.subtotal for line in lines) == totals.subtotal
    assert sum(line.discount for line in lines) == totals.discount
    assert sum(line.tax for line in lines) == totals.tax
    assert sum(line.total for line in lines) + totals.shipping == totals.total


def test_without_tables_a_basket_costs_its_lines():
    """Quantity times unit price, no tax, no shipping."""
    priced = TablePricing().price(basket((2, 399, "default"), (1, 50, "books")), None)
    assert priced.lines == (LineAmounts(798, 0, 0, 798), LineAmounts(50, 0, 0, 50))
    assert priced.totals == Totals(item_count=3, subtotal=848, total=848)


def test_an_empty_basket_costs_nothing():
    """Nothing is shipped, so shipping is nothing too."""
    pricing = TablePricing(shipping=[ANYWHERE], tax=[TaxRate(rate="20")])
    priced = pricing.price(basket(), carriage(499))
    assert priced.lines == ()
    assert priced.totals == Totals()


def test_tax_is_added_where_prices_do_not_include_it():
    """Total is subtotal, shipping and tax."""
    priced = TablePricing(tax=[TaxRate(rate="20")]).price(basket((1, 1000, "default")), carriage(5))
    assert priced.totals == Totals(item_count=1, subtotal=1000, shipping=5, tax=200, total=1205)
    assert priced.lines == (LineAmounts(1000, 0, 200, 1200),)


def test_tax_is_contained_where_prices_include_it():
    """Tax tells a part of the price and adds nothing."""
    pricing = TablePricing(tax=[TaxRate(rate="20")], prices_include_tax=True)
    priced = pricing.price(basket((1, 1200, "default")), carriage(5))
    assert priced.totals == Totals(item_count=1, subtotal=1200, shipping=5, tax=200, total=1205)
    assert priced.lines == (LineAmounts(1200, 0, 200, 1200),)


def test_tax_is_rounded_once_per_rate_over_the_sum():
    """Three times 2.5 is 7.5, rounded once: not three times 2."""
    priced = TablePricing(tax=[TaxRate(rate="10")], rounding="half_up").price(
        basket(*[(1, 25, "default")] * 3), None
    )
    assert [line.tax for line in priced.lines] == [3, 3, 2]
    assert priced.totals.tax == 8


def test_classes_of_one_rate_are_taxed_as_one_sum():
    """A tax office sees a rate, not our classes."""
    pricing = TablePricing(
        tax=[TaxRate(rate="10"), TaxRate(rate="10.0", tax_class="books")], rounding="half_down"
    )
    priced = pricing.price(basket((1, 5, "default"), (1, 5, "books")), None)
    assert priced.totals.tax == 1


def test_shipping_is_taxed_by_its_own_class_and_shared_by_the_lines():
    """Shipping's tax belongs to all lines, by their value."""
    pricing = TablePricing(tax=[TaxRate(rate="20", tax_class="shipping")])
    priced = pricing.price(basket((1, 3000, "default"), (1, 1000, "default")), carriage(500))
    assert [line.tax for line in priced.lines] == [75, 25]
    assert priced.totals.total == 4000 + 500 + 100
    assert_sums(priced)


def test_shipping_is_part_of_the_sum_at_its_rate():
    """Goods and shipping at one rate are rounded together."""
    tax = [TaxRate(rate="10"), TaxRate(rate="10", tax_class="shipping")]
    pricing = TablePricing(tax=tax, rounding="half_up")
    assert pricing.price(basket((1, 12, "default")), carriage(12)).totals.tax == 2


def test_shipping_of_free_goods_shares_its_tax_evenly():
    """A gift still carries its part of the tax on shipping."""
    pricing = TablePricing(tax=[TaxRate(rate="20", tax_class="shipping")], prices_include_tax=True)
    priced = pricing.price(basket((1, 0, "default"), (1, 0, "default")), carriage(600))
    assert [line.tax for line in priced.lines] == [50, 50]
    assert_sums(priced)


def test_the_most_specific_tax_row_wins():
    """Country and region, then country, then anywhere; another class never."""
    pricing = TablePricing(
        tax=[
            TaxRate(rate="1"),
            TaxRate(rate="2", country="US"),
            TaxRate(rate="3", country="US", region="CA"),
            TaxRate(rate="4", country="US", tax_class="books"),
        ]
    )
    places = [None, address("FR"), address("US"), address("US", "NY"), address("US", " ca ")]
    taxes = [pricing.price(basket((1, 100, "default"), to=to), None).totals.tax for to in places]
    assert taxes == [1, 1, 2, 2, 3]
    assert pricing.price(basket((1, 100, "food"), to=address("US")), None).totals.tax == 0
    books = pricing.price(basket((1, 100, "books"), to=address("US", "CA")), None)
    assert books.totals.tax == 4


def test_an_explicit_zero_rate_wins_over_a_wider_row():
    """A country can be free of a tax that holds everywhere else."""
    pricing = TablePricing(tax=[TaxRate(rate="20"), TaxRate(rate="0", country="JE")])
    assert pricing.price(basket((1, 100, "default"), to=address("JE")), None).totals.tax == 0


rates = st.decimals(0, 120, places=3).map(lambda rate: f"{rate:f}")
classes = st.sampled_from(["default", "books", "shipping", "untaxed"])
lines = st.lists(
    st.tuples(st.integers(1, 999_999), st.integers(0, 10**9), classes), min_size=1, max_size=30
)


@given(
    lines,
    st.dictionaries(st.sampled_from(["default", "books", "shipping"]), rates),
    st.integers(0, 10**6),
    st.booleans(),
    st.sampled_from(get_args(Rounding)),
)
def test_parts_always_sum_exactly(lines, rates, price, inclusive, rounding):
    """Every identity holds for any basket, rates, way of pricing and rounding."""
    pricing = TablePricing(
        tax=[TaxRate(rate=rate, tax_class=name) for name, rate in rates.items()],
        prices_include_tax=inclusive,
        rounding=rounding,
    )
    priced = pricing.price(basket(*lines), carriage(price))
    totals = priced.totals
    assert_sums(priced)
    assert totals.item_count == sum(quantity for quantity, _, _ in lines)
    assert totals.shipping == price
    added = 0 if inclusive else totals.tax
    assert totals.total == totals.subtotal - totals.discount + totals.shipping + added
    for line, (quantity, unit_price, _) in zip(priced.lines, lines, strict=True):
        assert line.subtotal == quantity * unit_price
        assert line.tax >= 0
        assert line.total == line.subtotal - line.discount + (0 if inclusive else line.tax)
    bases = Counter()
    for quantity, unit_price, name in [*lines, (1, price, "shipping")]:
        bases[Fraction(rates.get(name, "0"))] += quantity * unit_price
    expected = 0
    for rate, base in bases.items():
        exact = base * (rate / (100 + rate) if inclusive else rate / 100)
        expected += round_ratio(exact.numerator, exact.denominator, rounding)
    assert totals.tax == expected


@given(st.integers(1, 10**9), rates, st.booleans(), st.sampled_from(get_args(Rounding)))
def test_one_line_is_taxed_to_the_nearest_unit(price, rate, inclusive, rounding):
    """Tax is never further than half a unit from the exact amount."""
    pricing = TablePricing(
        tax=[TaxRate(rate=rate)], prices_include_tax=inclusive, rounding=rounding
    )
    share = Fraction(rate) / (100 + Fraction(rate) if inclusive else 100)
    found = pricing.price(basket((1, price, "default")), None).totals.tax
    assert abs(found - price * share) <= Fraction(1, 2)


def test_amounts_are_not_limited_by_the_pricing():
    """The caller decides what is too much."""
    priced = TablePricing().price(basket((10, MAX_AMOUNT, "default")), None)
    assert priced.totals.total == 10 * MAX_AMOUNT


def options(pricing, **where):
    """Give the options of a basket worth 2000."""
    return [
        (option.method, option.name, option.price)
        for option in pricing.shipping_options(basket((1, 2000, "default"), **where))
    ]


def test_options_are_those_that_reach_the_address_in_the_order_of_the_table():
    """A method is shown once, by the row that is most specific for the country."""
    pricing = TablePricing(
        shipping=[
            ANYWHERE,
            ShippingRate(method="express", name="Express", prices={"GBP": 999}, countries=("GB",)),
            ShippingRate(
                method="standard", name="Home", prices={"GBP": 299}, countries=("GB", "IE")
            ),
        ]
    )
    home = [("standard", "Home", 299), ("express", "Express", 999)]
    assert options(pricing, to=address("GB")) == home
    assert options(pricing, to=address("IE")) == home[:1]
    assert options(pricing, to=address("FR")) == [("standard", "Standard", 499)]


def test_without_an_address_only_what_ships_everywhere_is_offered():
    """A method that may not reach the buyer is not offered yet."""
    domestic = ShippingRate(method="bike", name="Bike", prices={"GBP": 99}, countries=("GB",))
    assert options(TablePricing(shipping=[domestic, ANYWHERE])) == [("standard", "Standard", 499)]


def test_options_are_priced_in_the_currency_of_the_basket():
    """A row without a price in the currency is not offered, nor converted."""
    domestic = ShippingRate(
        method="standard", name="Home", prices={"GBP": 299}, countries=("GB", "IE")
    )
    pricing = TablePricing(shipping=[ANYWHERE, domestic])
    euros = [("standard", "Standard", 599)]
    assert options(pricing, to=address("IE"), currency="EUR") == euros
    assert options(pricing, to=address("IE"), currency="USD") == []


def test_shipping_is_free_from_the_value_given():
    """The value of the lines itself is enough; one unit less is not."""
    for limit, price in [(2001, 499), (2000, 0), (0, 0)]:
        rate = ShippingRate(
            method="standard", name="Standard", prices={"GBP": 499}, free_from={"GBP": limit}
        )
        assert options(TablePricing(shipping=[rate])) == [("standard", "Standard", price)]


def shipping_rate(**changed):
    """Make a row that is right but for what is changed."""
    return ShippingRate(**{"method": "m", "name": "M", "prices": {"GBP": 1}, **changed})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (shipping_rate(method=""), "1 to 64 characters"),
        (shipping_rate(method="m" * 65), "1 to 64 characters"),
        (shipping_rate(name=""), "`name`"),
        (shipping_rate(prices={}), "at least one currency"),
        (shipping_rate(prices={"POUNDS": 1}), "ISO 4217"),
        (shipping_rate(prices={"GBP": -1}), "minor units"),
        (shipping_rate(prices={"GBP": 4.99}), "minor units"),
        (shipping_rate(prices={"GBP": True}), "minor units"),
        (shipping_rate(prices={"GBP": MAX_AMOUNT + 1}), "minor units"),
        (shipping_rate(free_from={"EUR": 1}), "`free_from` names EUR"),
        (shipping_rate(free_from={"GBP": -1}), "`free_from`"),
        (shipping_rate(countries=("UK",)), "'UK' is not an ISO 3166"),
        (shipping_rate(countries=("GB", "GB")), "already has a price in GBP for GB"),
        (shipping_rate(method="standard"), "already has a price in GBP for everywhere"),
    ],
)
def test_a_wrong_shipping_row_is_named(row, message):
    """The shop does not start, and the message names the row and the fix."""
    with pytest.raises(ConfigurationError, match=rf"^Row 2 of the shipping table .*{message}"):
        TablePricing(shipping=[ANYWHERE, row])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (TaxRate(rate="20%"), "percentage"),
        (TaxRate(rate=""), "percentage"),
        (TaxRate(rate="-1"), "percentage"),
        (TaxRate(rate="20\n"), "percentage"),
        (TaxRate(rate="\u0662"), "percentage"),
        (TaxRate(rate="1.1234567"), "percentage"),
        (TaxRate(rate="20", country="UK"), "'UK' is not an ISO 3166"),
        (TaxRate(rate="20", region="CA"), "needs its `country`"),
        (TaxRate(rate="20", tax_class=""), "`tax_class`"),
        (TaxRate(rate="7", country="US", region="ca"), "row 1 is for the same"),
    ],
)
def test_a_wrong_tax_row_is_named(row, message):
    """The shop does not start, and the message names the row and the fix."""
    with pytest.raises(ConfigurationError, match=rf"^Row 2 of the tax table .*{message}"):
        TablePricing(tax=[TaxRate(rate="7.25", country="US", region="CA"), row])


def test_an_unknown_rounding_is_refused():
    """The message names the roundings there are."""
    with pytest.raises(ConfigurationError, match="half_even, half_up, half_down"):
        TablePricing(rounding="up")


def test_shipping_may_have_rows_of_one_place_in_different_currencies():
    """Only the same currency for the same place is a contradiction."""
    rows = [shipping_rate(countries=("GB",)), shipping_rate(prices={"EUR": 2}, countries=("GB",))]
    pricing = TablePricing(shipping=rows)
    assert options(pricing, to=address(), currency="EUR") == [("m", "M", 2)]


def test_the_settings_describe_a_pricing():
    """Tables, tax in the prices and rounding are all taken from the settings."""
    settings = Settings(
        shipping=(ANYWHERE,),
        tax=(TaxRate(rate="100"),),
        prices_include_tax=True,
        rounding="half_up",
    )
    pricing = TablePricing.of(settings)
    assert options(pricing) == [("standard", "Standard", 499)]
    assert pricing.price(basket((1, 5, "default")), None).lines == (LineAmounts(5, 0, 3, 5),)
