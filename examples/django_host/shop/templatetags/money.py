"""Amounts and times as the shop's customers read them."""

from datetime import datetime

from django import template

from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.time import as_utc
from shop.catalogue import CURRENCY

register = template.Library()

_STATUSES = {"pending_payment": "Pending payment", "paid": "Paid", "cancelled": "Cancelled"}


@register.filter
def money(amount: int, currency: str = CURRENCY) -> str:
    """Write an amount in minor units."""
    price = format_price(amount, currency)
    return f"£{price}" if currency == CURRENCY else f"{price} {currency}"


@register.filter
def utc(milliseconds: int) -> datetime:
    """Read Unix milliseconds."""
    return as_utc(milliseconds)


@register.filter
def status(name: str) -> str:
    """Say an order's status."""
    return _STATUSES[name]
