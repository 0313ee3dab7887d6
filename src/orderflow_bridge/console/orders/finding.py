"""What a person types who looks for one order: its number, its payment, an id, an address."""

import re
from collections.abc import Callable, Iterator

from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.numbers import as_number
from orderflow_bridge.domain.order import Order
from orderflow_bridge.domain.payment import INTENT
from orderflow_bridge.orders import Orders

__all__ = ["HINT", "NOT_BY_NUMBER", "find_named", "is_email", "is_name", "needs_search"]

HINT = (
    "An order number (OF-000123), an e-mail address, a payment intent (pi_…),"
    " an order id (order_…) or a cart id (cart_…)."
)
NOT_BY_NUMBER = (
    "This storage cannot find an order by its number or its payment: type an e-mail address,"
    " an order id or a cart id."
)

_EMAIL = re.compile(r"[^@\s\x00]+@[^@\s\x00]+")
_LONGEST_EMAIL = 254
_NUMBER = re.compile(r"(?:OF-?)?0*([1-9][0-9]{0,17})", re.IGNORECASE | re.ASCII)
_ORDER_ID = re.compile(r"order_[0-9A-Za-z_]{1,58}", re.ASCII)
_CART_ID = re.compile(r"cart_[0-9A-Za-z_]{1,59}", re.ASCII)
_INTENT = re.compile(INTENT)


def is_email(text: str) -> bool:
    """Tell whether it is an e-mail address, as an order can have it."""
    return len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Tell whether it can name one order."""
    return any(
        pattern.fullmatch(text) is not None for pattern in (_NUMBER, _ORDER_ID, _CART_ID, _INTENT)
    )


def needs_search(text: str) -> bool:
    """Tell whether only a storage with the capability `search` can find what it names."""
    return not (_ORDER_ID.fullmatch(text) or _CART_ID.fullmatch(text))


def find_named(orders: Orders, text: str, *, can_search: bool) -> Order | None:
    """Find the one order that a text names; None where there is none."""
    for look in _looks(orders, text, can_search=can_search):
        try:
            found = look()
        except BridgeError as refusal:
            if refusal.code != "order_not_found":
                raise
            continue
        if found is not None:
            return found
    return None


def _looks(orders: Orders, text: str, *, can_search: bool) -> Iterator[Callable[[], Order | None]]:
    if _ORDER_ID.fullmatch(text):
        yield lambda: orders.find(text)
    if _CART_ID.fullmatch(text):
        yield lambda: orders.of_cart(text)
    if not can_search:
        return
    number = _NUMBER.fullmatch(text)
    if number is not None:
        yield lambda: orders.by_number(as_number(int(number[1])))
    # Last: a host may have called its payments like anything above.
    if _INTENT.fullmatch(text):
        yield lambda: orders.by_intent(text)
