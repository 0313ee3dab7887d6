"""`shipping.options`."""

from msgspec import Struct

from orderflow_bridge.actions.action import Work
from orderflow_bridge.actions.baskets import find_cart, shipping_options
from orderflow_bridge.actions.fields import CartPart
from orderflow_bridge.domain.pricing import ShippingOption

__all__ = ["ShippingAnswer", "ShippingOptions", "options"]


class ShippingOptions(CartPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{cart_id}`."""


class ShippingAnswer(Struct, frozen=True):
    """The methods that the cart can have, in the order a buyer should see them."""

    options: tuple[ShippingOption, ...]


def options(work: Work, request: ShippingOptions) -> ShippingAnswer:
    """Give the ways to ship a cart as it stands, with their prices."""
    return ShippingAnswer(tuple(shipping_options(work, find_cart(work, request.cart_id))))
