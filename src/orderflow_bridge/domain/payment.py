"""What is known of a payment intent: whom it pays for, and whether the money came."""

from typing import Literal

from msgspec import Struct

__all__ = ["INTENT", "PaymentIntent", "PaymentReport", "Settlement"]

INTENT = r"\A(?![0-9]+\Z)[A-Za-z0-9_.:-]{4,255}\Z"
"""What an intent looks like: a provider's reference, never a bare number (protocol §4, Order)."""


class Settlement(Struct, frozen=True, kw_only=True):
    """Money that arrived: minor units of `currency`, at a time in Unix ms."""

    amount: int
    currency: str
    settled_at: int


class PaymentIntent(Struct, frozen=True, kw_only=True):
    """One intent of the whole store; it pays one order, for ever.

    `cart_id` is the cart that claims or used it, None while nobody does. `settlement` may come
    before or after the order.
    """

    intent: str
    version: int = 1
    cart_id: str | None = None
    settlement: Settlement | None = None


class PaymentReport(Struct, frozen=True, kw_only=True):
    """A payment provider's answer about an intent: its state, and the amount it is for."""

    state: Literal["pending", "paid"]
    amount: int
    currency: str
