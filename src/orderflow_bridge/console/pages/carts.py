"""Carts: those that are open, became orders, or expired; and one of them whole."""

import re

from msgspec.structs import replace

from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.links import query_of
from orderflow_bridge.console.routes import Route
from orderflow_bridge.domain.cart import Cart, CartStatus
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.ports import CartQuery

__all__ = ["ROUTES"]

_STATUSES: dict[str, CartStatus] = {"open": "open", "converted": "converted", "expired": "expired"}
_ROWS = 50
_CART_ID = re.compile(r"cart_[0-9A-Za-z_]{1,59}", re.ASCII)
_CURSOR = re.compile(r"([0-9]{1,15})\.([A-Za-z0-9_]{1,64})")


def listed(desk: Desk, visit: Visit) -> Answer:
    """Show carts, newest first, and keep every choice in the address of the page."""
    asked = visit.request.query
    if _is_there(desk, asked.first("email")):
        return redirect(visit.request, f"/carts/{asked.first('email')}")
    query = CartQuery(
        status=_STATUSES.get(asked.first("status")),
        connection=asked.first("connection") or None,
        email=asked.first("email") or None,
        now=visit.now,
        limit=_ROWS + 1,
    )
    kept = {name: asked.first(name) for name in ("status", "connection", "email")}
    before, after = _cursor(asked.first("newer")), _cursor(asked.first("after"))
    if "search" not in desk.bridge.capabilities:
        carts, newer, older = [], None, None
    elif before is not None:
        found = list(desk.bridge.carts.newer(query, than=before))
        carts = found[-_ROWS:]
        newer = carts[0] if len(found) > _ROWS else None
        older = carts[-1] if carts else None
    else:
        found = list(desk.bridge.carts.search(replace(query, after=after)))
        carts = found[:_ROWS]
        newer = carts[0] if after is not None and carts else None
        older = carts[-1] if len(found) > _ROWS else None
    return desk.show(
        visit,
        "carts/list.html",
        is_kept="search" in desk.bridge.capabilities,
        carts=carts,
        names=desk.names(),
        kept=kept,
        is_filtered=any(kept.values()),
        tabs=[
            (word, query_of(kept | {"status": status}), status == kept["status"])
            for status, word in (
                ("", "All"),
                ("open", "Open"),
                ("converted", "Became an order"),
                ("expired", "Expired"),
            )
        ],
        newer=newer and query_of(kept | {"newer": _written(newer)}),
        older=older and query_of(kept | {"after": _written(older)}),
    )


def shown(desk: Desk, visit: Visit) -> Answer:
    """Show one cart."""
    cart = desk.bridge.carts.find(visit.place["cart_id"])
    connection = desk.connection(cart.connection)
    return desk.show(
        visit,
        "carts/one.html",
        cart=cart,
        name=None if connection is None else connection.name,
        number=_number(desk, cart.order_id),
    )


def _is_there(desk: Desk, text: str) -> bool:
    """Tell whether what was typed is the id of a cart."""
    if _CART_ID.fullmatch(text) is None:
        return False
    try:
        desk.bridge.carts.find(text)
    except BridgeError as refusal:
        if refusal.code != "cart_not_found":
            raise
        return False
    return True


def _number(desk: Desk, order_id: str | None) -> str | None:
    """Give the number of the order that a cart became; None where it cannot be found."""
    if order_id is None:
        return None
    try:
        return desk.bridge.orders.find(order_id).number
    except BridgeError as refusal:
        if refusal.code != "order_not_found":
            raise
        return None


def _cursor(text: str) -> tuple[int, str] | None:
    """Read a place in the list; what is none begins at the newest."""
    found = _CURSOR.fullmatch(text)
    return (int(found[1]), found[2]) if found else None


def _written(cart: Cart) -> str:
    return f"{cart.expires_at}.{cart.cart_id}"


ROUTES = (
    Route(method="GET", path="/carts", page=listed),
    Route(method="GET", path="/carts/{cart_id}", page=shown),
)
