"""Floor 3: every action of the protocol, one file per noun; `ACTIONS` is the protocol's table."""

from collections.abc import Mapping

from orderflow_bridge.actions import cart, convert, items, orders, shipping
from orderflow_bridge.actions.action import Action

__all__ = ["ACTIONS"]


def _scopes(*names: str) -> frozenset[str]:
    return frozenset(names)


ACTIONS: Mapping[str, Action] = {
    "cart.create": Action(
        request=cart.CreateCart,
        scopes=_scopes("carts:write"),
        writes=True,
        run=cart.create,
        more_scopes=cart.scopes_of_create,
    ),
    "cart.get": Action(
        request=cart.GetCart, scopes=_scopes("carts:read"), writes=False, run=cart.get
    ),
    "cart.update": Action(
        request=cart.UpdateCart, scopes=_scopes("carts:write"), writes=True, run=cart.update
    ),
    "items.add": Action(
        request=items.AddItems,
        scopes=_scopes("carts:write"),
        writes=True,
        run=items.add,
        more_scopes=items.scopes_of_add,
    ),
    "items.update": Action(
        request=items.UpdateItems, scopes=_scopes("carts:write"), writes=True, run=items.update
    ),
    "items.remove": Action(
        request=items.RemoveItems, scopes=_scopes("carts:write"), writes=True, run=items.remove
    ),
    "shipping.options": Action(
        request=shipping.ShippingOptions,
        scopes=_scopes("carts:read"),
        writes=False,
        run=shipping.options,
    ),
    "convertToOrder": Action(
        request=convert.ConvertToOrder,
        scopes=_scopes("carts:write", "orders:write"),
        writes=True,
        run=convert.convert,
    ),
    "orders.get": Action(
        request=orders.OrderPart, scopes=_scopes("orders:read"), writes=False, run=orders.get
    ),
    "orders.list": Action(
        request=orders.ListOrders, scopes=_scopes("orders:read"), writes=False, run=orders.search
    ),
    "orders.confirmPayment": Action(
        request=orders.OrderPart,
        scopes=_scopes("orders:write"),
        writes=True,
        run=orders.confirm_payment,
    ),
    "orders.cancel": Action(
        request=orders.CancelOrder, scopes=_scopes("orders:write"), writes=True, run=orders.cancel
    ),
}
"""The actions by name, as a storefront writes them."""
