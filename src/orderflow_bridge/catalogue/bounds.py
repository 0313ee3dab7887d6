"""What a catalogue entry may hold, so that every cart can carry it (protocol §4)."""

import re

from orderflow_bridge.domain.money import CURRENCIES, MAX_AMOUNT
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.security.cards import is_card

__all__ = ["MAX_STOCK", "check_entry", "quoted"]

MAX_STOCK = 2**53 - 1

_LONGEST_SKU = 64
_LONGEST_NAME = 300
_LONGEST_TAX_CLASS = 64
_LONGEST_QUOTE = 80
# Control characters, and halves of surrogate pairs, which no UTF-8 can carry.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_entry(entry: CatalogueEntry) -> None:
    """Hold an entry to the protocol's bounds; raises `ValueError` that says what to write.

    A sku that looks like a card number could never be ordered: every request with it is refused.
    """
    _refuse_card(entry)
    if not entry.sku:
        raise ValueError("the sku is missing")
    if len(entry.sku) > _LONGEST_SKU or not entry.sku.isprintable():
        raise ValueError(
            f"{quoted(entry.sku)} is not a sku; use 1 to {_LONGEST_SKU} printable characters"
        )
    if not entry.name:
        raise ValueError("the name is missing")
    if len(entry.name) > _LONGEST_NAME or _UNSAFE.search(entry.name):
        raise ValueError(
            f"{quoted(entry.name)} is not a name; use up to {_LONGEST_NAME} characters without"
            " line breaks or other control characters"
        )
    if not 1 <= len(entry.tax_class) <= _LONGEST_TAX_CLASS or not entry.tax_class.isprintable():
        raise ValueError(
            f"{quoted(entry.tax_class)} is not a tax class; use 1 to {_LONGEST_TAX_CLASS}"
            " printable characters"
        )
    if entry.stock is not None and not 0 <= entry.stock <= MAX_STOCK:
        raise ValueError(f"the stock must be from 0 to {MAX_STOCK}")
    for currency, amount in entry.prices.items():
        if currency not in CURRENCIES:
            raise ValueError(
                f"{quoted(currency)} is not a currency; write its ISO 4217 code, like GBP"
            )
        if not 0 <= amount <= MAX_AMOUNT:
            raise ValueError(f"the price in {currency} must be from 0 to {MAX_AMOUNT} minor units")


def _refuse_card(entry: CatalogueEntry) -> None:
    for what, text in (("sku", entry.sku), ("name", entry.name), ("tax class", entry.tax_class)):
        if is_card(text):
            raise ValueError(f"the {what} holds what looks like a card number; write another")


def quoted(text: str) -> str:
    """Quote what is wrong for whoever has to correct it, in part where it is long; never a card."""
    if is_card(text):
        return "what looks like a card number"
    return repr(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…")
