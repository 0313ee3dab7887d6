"""The demo's storefront: what a remote shop does with signed requests over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.sample import ADDRESS, CUSTOMER
from orderflow_bridge.cli.sending import Target, send, sign_request
from orderflow_bridge.domain.money import format_price

__all__ = ["Storefront"]

_SUCCESS = 200
_PATIENCE = 30.0

_Document = dict[str, Any]


class Storefront:
    """Buy something, and tell each step with `tell`.

    Every step is a request over HTTP; one that is refused raises `CommandFailed`.
    """

    def __init__(
        self, target: Target, *, client_id: str, secret: str, tell: Callable[[str], None]
    ) -> None:
        self._target = target
        self._client_id = client_id
        self._secret = secret
        self._tell = tell

    def fill_cart(self) -> _Document:
        """Create a cart; add, change and remove items; say who buys and where it goes."""
        self._step("A storefront opens a cart with two items.")
        items = [{"sku": "LAMP-01", "quantity": 1}, {"sku": "MUG-BLUE", "quantity": 2}]
        cart = self._cart("cart.create", items=items)
        cart_id = cart["cart_id"]
        self._step("The buyer adds three more.")
        items = [
            {"sku": "BOOK-TIDE", "quantity": 1},
            {"sku": "NOTE-A5", "quantity": 2, "options": {"cover": "green"}},
            {"sku": "MUG-BLUE", "quantity": 1},
        ]
        cart = self._cart("items.add", cart_id=cart_id, items=items)
        lines = {line["sku"]: line["line_id"] for line in cart["lines"]}
        self._step("The buyer wants four mugs.")
        items = [{"line_id": lines["MUG-BLUE"], "quantity": 4}]
        self._cart("items.update", cart_id=cart_id, items=items)
        self._step("And no notebooks after all.")
        self._cart("items.remove", cart_id=cart_id, line_ids=[lines["NOTE-A5"]])
        self._step("Who buys, and where it goes: now shipping and tax are known.")
        self._cart("cart.update", cart_id=cart_id, customer=CUSTOMER, shipping_address=ADDRESS)
        ways = self._send("shipping.options", cart_id=cart_id)["options"]
        for way in ways:
            price = format_price(way["price"], cart["currency"])
            self._tell(f"      {way['method']}: {way['name']}, {price} {cart['currency']}")
        return self._cart("cart.update", cart_id=cart_id, shipping_method="express")

    def place_order(self, cart: _Document, *, intent: str) -> _Document:
        """Turn the cart into an order, for the total that the buyer saw."""
        self._step("The buyer confirms: the cart becomes an order, exactly one.")
        order = self._send(
            "convertToOrder",
            cart_id=cart["cart_id"],
            payment_intent=intent,
            expected_total=cart["totals"]["total"],
        )
        self._tell(f"      {order['number']} is {order['status']}")
        return order

    def look_at_order(self, order: _Document) -> _Document:
        """Read the order again."""
        self._step("The storefront looks at its order.")
        found = self._send("orders.get", order_id=order["order_id"])
        total = format_price(found["totals"]["total"], found["currency"])
        self._tell(f"      {found['number']} is {found['status']}: {total} {found['currency']}")
        return found

    def _step(self, text: str) -> None:
        self._tell(f"\n  {text}")

    def _cart(self, action: str, **fields: object) -> _Document:
        """Send a cart action, and show the lines and totals that came back."""
        cart = self._send(action, **fields)
        currency = cart["currency"]
        for line in cart["lines"]:
            price = format_price(line["subtotal"], currency)
            self._tell(f"      {line['quantity']:3} x {line['name']:36} {price:>9}")
        totals = ", ".join(
            f"{name} {format_price(cart['totals'][name], currency)}"
            for name in ("subtotal", "shipping", "tax", "total")
        )
        self._tell(f"      {totals} {currency}")
        return cart

    def _send(self, action: str, **fields: object) -> _Document:
        signed = sign_request(
            client_id=self._client_id,
            secret=self._secret,
            action=action,
            body=msgspec.json.encode(fields),
            key=str(uuid4()) if ACTIONS[action].writes else None,
        )
        answered = send(
            self._target, signed.path, headers=signed.headers, body=signed.body, timeout=_PATIENCE
        )
        self._tell(f"    POST {self._target.prefix}{signed.path} -> {answered.status}")
        document: _Document = msgspec.json.decode(answered.body, type=dict[str, Any])
        if answered.status != _SUCCESS:
            raise CommandFailed(str(document.get("code")), str(document.get("detail")))
        return document
