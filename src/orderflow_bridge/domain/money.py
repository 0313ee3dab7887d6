"""Money: integers in the currency's minor unit, never a float (protocol §3)."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from orderflow_bridge.domain.pricing import Rounding

__all__ = [
    "CURRENCIES",
    "MAX_AMOUNT",
    "allocate",
    "format_price",
    "parse_price",
    "round_ratio",
]

MAX_AMOUNT = 2**53 - 1
"""The largest amount, in minor units: what every JSON reader still holds exactly."""

_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

CURRENCIES: Mapping[str, int] = MappingProxyType(
    {code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()}
)
"""Every currency people pay with, and its number of decimals (ISO 4217).

Without funds codes, units of account, metals and the codes for tests and for no currency.
"""

_LONGEST_PRICE = 40
_PRICE = re.compile(r"(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?=\.))(?:\.[0-9]+)?", re.ASCII)
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}", re.ASCII)


def parse_price(text: str, currency: str) -> int:
    """Read a price as people write it, exactly, in minor units of `currency`.

    The dot is the decimal sign: `3.39`, `3`, `3.3900`. Commas may group thousands where decimals
    follow: `1,299.00`. Spaces around it do not count. Raises `ValueError` that says what to write
    for anything else: a sign, a symbol, a comma that could be a decimal sign (`1,299`), a dot that
    could group thousands (`1.000` in a currency of two decimals), decimals that the currency does
    not have, an amount above `MAX_AMOUNT`, and a currency that is not in `CURRENCIES`.
    """
    exponent = _exponent(currency)
    price = text.strip(" \t")
    if len(price) > _LONGEST_PRICE or not _PRICE.fullmatch(price):
        raise ValueError(
            f"{_quoted(price)} is not a price; write digits with a dot before the decimals and no"
            f" sign or symbol, like {_like(exponent)}"
        )
    if exponent < 3 and _THOUSANDS.fullmatch(price):  # noqa: PLR2004 -- groups have three digits
        raise ValueError(
            f"{_quoted(price)} can be read in two ways; write {price.replace('.', '')} if the dot"
            f" groups thousands, and at most {exponent} decimals if it does not"
        )
    whole, _, decimals = price.replace(",", "").partition(".")
    if decimals[exponent:].strip("0"):
        raise ValueError(
            f"{_quoted(price)} has more decimals than {currency}, which has {exponent}; write a"
            f" price like {_like(exponent)}"
        )
    amount = int(whole + decimals[:exponent].ljust(exponent, "0"))
    if amount > MAX_AMOUNT:
        raise ValueError(
            f"{_quoted(price)} is too much; the largest price is"
            f" {format_price(MAX_AMOUNT, currency)}"
        )
    return amount


def format_price(amount: int, currency: str) -> str:
    """Write minor units of `currency` with all its decimals: `3.39`, `300`, `1.250`.

    Raises `ValueError` for a currency that is not in `CURRENCIES`.
    """
    exponent = _exponent(currency)
    if not exponent:
        return str(amount)
    whole, decimals = divmod(abs(amount), 10**exponent)
    return f"{'-' if amount < 0 else ''}{whole}.{decimals:0{exponent}}"


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` in proportion to `weights`, by largest remainder; the parts sum exactly.

    Each part is its exact share rounded down or up; of equal remainders the earliest is rounded up
    first. Weights that are all zero split evenly. Raises `ValueError` for an amount or a weight
    below zero, and for an amount with nobody to take it.
    """
    if amount < 0 or (weights and min(weights) < 0):
        raise ValueError("An amount and its weights must not be negative.")
    whole = sum(weights)
    if not whole:
        if amount and not weights:
            raise ValueError("An amount cannot be split over nothing.")
        weights, whole = [1] * len(weights), len(weights)
    parts = [amount * weight // whole for weight in weights]
    left = amount - sum(parts)
    if left:
        remainders = [amount * weight % whole for weight in weights]
        # A reversed sort is still stable, so ties stay in the order of the weights.
        largest = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
        for index in largest[:left]:
            parts[index] += 1
    return parts


def round_ratio(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Round `numerator / denominator` to an integer, exactly; `denominator` is positive.

    A half goes to the even neighbour, away from zero (`half_up`) or towards it (`half_down`).
    """
    whole, remainder = divmod(abs(numerator), denominator)
    twice = 2 * remainder
    if twice > denominator or (
        twice == denominator and (rounding == "half_up" or (rounding == "half_even" and whole & 1))
    ):
        whole += 1
    return -whole if numerator < 0 else whole


def _exponent(currency: str) -> int:
    try:
        return CURRENCIES[currency]
    except KeyError:
        raise ValueError(
            f"{_quoted(currency)} is not a currency; write its ISO 4217 code, like GBP"
        ) from None


def _like(exponent: int) -> str:
    return f"1299.{'0' * exponent}" if exponent else "1299"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_PRICE else text[:_LONGEST_PRICE] + "…")
