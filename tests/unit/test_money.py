from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.domain.money import (
    CURRENCIES,
    MAX_AMOUNT,
    allocate,
    format_price,
    parse_price,
    round_ratio,
)
from orderflow_bridge.domain.pricing import Rounding

currencies = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(0, MAX_AMOUNT)
weights = st.lists(st.integers(0, 10**12), max_size=40)


def test_currencies_have_the_decimals_of_iso_4217():
    """Exponents are the standard's, not those of a payment provider."""
    expected = {"GBP": 2, "JPY": 0, "ISK": 0, "UGX": 0, "KWD": 3, "TND": 3, "HUF": 2, "MGA": 2}
    assert {code: CURRENCIES[code] for code in expected} == expected
    assert len(CURRENCIES) == 155
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "XDR", "CHE", "UYW", "BGN", "HRK", "gbp"])
def test_codes_nobody_pays_with_are_not_currencies(code):
    """Test codes, metals, funds, retired currencies and lower case are not currencies."""
    assert code not in CURRENCIES


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("3.39", "GBP", 339),
        ("3", "GBP", 300),
        ("3.4", "GBP", 340),
        (" 3.39\t", "GBP", 339),
        ("0", "GBP", 0),
        ("0.05", "GBP", 5),
        ("0.500", "GBP", 50),
        ("3.3900", "GBP", 339),
        ("1299.000", "GBP", 129_900),
        ("1,299.00", "GBP", 129_900),
        ("1,234,567.89", "GBP", 123_456_789),
        ("300", "JPY", 300),
        ("300.00", "JPY", 300),
        ("1.299", "KWD", 1299),
        ("1,299.000", "KWD", 1_299_000),
        ("90071992547409.91", "GBP", MAX_AMOUNT),
    ],
)
def test_a_price_is_read_exactly(text, currency, amount):
    """A price as people write it becomes exact minor units."""
    assert parse_price(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "GBP"),
        (".50", "GBP"),
        ("3.", "GBP"),
        ("-3.39", "GBP"),
        ("+3.39", "GBP"),
        ("£3.39", "GBP"),
        ("3.39 GBP", "GBP"),
        ("3,39", "GBP"),
        ("1,299", "GBP"),
        ("1.299,00", "GBP"),
        ("1 299.00", "GBP"),
        ("12,99.00", "GBP"),
        ("1299,000.00", "GBP"),
        ("0,299.00", "GBP"),
        ("1.000", "EUR"),
        ("1.000", "JPY"),
        ("3.391", "GBP"),
        ("0.391", "GBP"),
        ("3.5", "JPY"),
        ("3.3911", "KWD"),
        ("1e3", "GBP"),
        ("NaN", "GBP"),
        ("inf", "GBP"),
        ("1_000", "GBP"),
        ("\uff13.39", "GBP"),
        ("\u0663", "GBP"),
        ("3.39\n", "GBP"),
        ("3\x00", "GBP"),
        ("9" * 10_000, "GBP"),
        ("90071992547409.92", "GBP"),
        ("3.39", "XXX"),
        ("3.39", ""),
    ],
)
def test_a_price_that_could_mean_something_else_is_refused(text, currency):
    """What is not one unambiguous amount is refused with a short message."""
    with pytest.raises(ValueError, match=r"write|largest") as refused:
        parse_price(text, currency)
    assert len(str(refused.value)) < 250


def test_a_refused_price_says_what_to_write():
    """The message shows the right form, with the currency's decimals."""
    with pytest.raises(ValueError, match=r"like 1299\.00$"):
        parse_price("1,299", "GBP")
    with pytest.raises(ValueError, match=r"like 1299$"):
        parse_price("1,299", "JPY")
    with pytest.raises(ValueError, match=r"write 1000 if the dot groups thousands"):
        parse_price("1.000", "EUR")


@given(amounts, currencies)
def test_a_written_price_is_read_back(amount, currency):
    """Writing and reading agree for every amount of every currency."""
    text = format_price(amount, currency)
    assert parse_price(text, currency) == amount
    assert len(text.partition(".")[2]) == CURRENCIES[currency]


@given(st.text(max_size=20), currencies)
def test_a_price_is_an_amount_or_refused(text, currency):
    """No text makes anything but an amount in bounds or a ValueError."""
    try:
        amount = parse_price(text, currency)
    except ValueError:
        return
    assert 0 <= amount <= MAX_AMOUNT


def test_a_price_is_written_with_all_its_decimals():
    """Decimals are never dropped, and a difference keeps its sign."""
    written = [format_price(339, "GBP"), format_price(5, "GBP"), format_price(300, "JPY")]
    assert written == ["3.39", "0.05", "300"]
    assert format_price(1250, "KWD") == "1.250"
    assert format_price(-5, "GBP") == "-0.05"
    with pytest.raises(ValueError, match="not a currency"):
        format_price(1, "XXX")


@given(amounts, weights)
def test_an_allocation_sums_exactly_and_is_fair(amount, weights):
    """Parts sum to the amount, and each is its exact share rounded down or up."""
    if not weights:
        amount = 0
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    assert len(parts) == len(weights)
    whole = sum(weights)
    shares = [Fraction(amount * weight, whole) if whole else None for weight in weights]
    for part, share in zip(parts, shares, strict=True):
        assert part >= 0
        assert share is None or abs(part - share) < 1


@given(amounts, weights)
def test_a_larger_weight_never_gets_less(amount, weights):
    """Order is kept, and of equal weights the earlier never gets less."""
    parts = allocate(amount if weights else 0, weights)
    ranked = sorted(range(len(weights)), key=lambda index: (-weights[index], index))
    assert [parts[index] for index in ranked] == sorted(parts, reverse=True)


def test_the_remainder_goes_to_the_earliest_of_equals():
    """Ties are decided by position, the same on every machine."""
    assert allocate(10, [1, 1, 1]) == [4, 3, 3]
    assert allocate(11, [5, 5, 5]) == [4, 4, 3]
    assert allocate(1, [1, 2, 2]) == [0, 1, 0]


def test_nothing_goes_to_a_weight_of_zero():
    """A zero weight gets nothing while another weight is not zero."""
    assert allocate(7, [0, 3, 0]) == [0, 7, 0]


def test_weights_that_are_all_zero_split_evenly():
    """A shared amount over free lines is still shared exactly."""
    assert allocate(5, [0, 0]) == [3, 2]
    assert allocate(0, [0, 0]) == [0, 0]
    assert allocate(0, []) == []


def test_an_allocation_that_cannot_be_is_refused():
    """Negative parts, and an amount with nobody to take it, are refused."""
    for amount, shares in [(-1, [1]), (1, [2, -1]), (1, [])]:
        with pytest.raises(ValueError, match=r"negative|nothing"):
            allocate(amount, shares)


@pytest.mark.parametrize(
    ("numerator", "half_even", "half_up", "half_down"),
    [(5, 2, 3, 2), (7, 4, 4, 3), (6, 3, 3, 3), (-5, -2, -3, -2), (-7, -4, -4, -3), (0, 0, 0, 0)],
)
def test_halves_are_rounded_as_configured(numerator, half_even, half_up, half_down):
    """A half goes to the even neighbour, away from zero, or towards it."""
    found = [round_ratio(numerator, 2, rounding) for rounding in get_args(Rounding)]
    assert found == [half_even, half_up, half_down]


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20), st.sampled_from(get_args(Rounding)))
def test_rounding_is_exact(numerator, denominator, rounding):
    """The result is the nearest integer, whatever the size of the numbers."""
    exact = Fraction(numerator, denominator)
    found = round_ratio(numerator, denominator, rounding)
    assert abs(found - exact) <= Fraction(1, 2)
    if rounding == "half_even":
        assert found == round(exact)
    if abs(found - exact) != Fraction(1, 2):
        assert found == round(exact)
