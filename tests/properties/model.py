"""What a shop is, in a few lines: carts, orders and stock by the protocol's words (§8 and §9).

It knows nothing of storages, signatures or transactions, and it has one price list, one shipping
table and no tax. `tests/properties/test_storefront.py` holds the bridge to it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["Cart", "Item", "Order", "Refused", "Shop"]

LIFETIME = 90 * 86_400
SHIPPING = {None: 0, "post": 395}


class Refused(Exception):  # noqa: N818 -- the protocol's word
    """Name the code of what a shop does not do."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Item:
    """Something to be added; `own_price` is the caller's."""

    sku: str
    quantity: int
    options: tuple[tuple[str, str], ...] = ()
    own_price: int | None = None

    @property
    def kind(self) -> tuple[Any, ...]:
        """Tell what lines merge on."""
        return self.sku, frozenset(self.options), self.own_price


@dataclass
class Cart:
    """Lines in their order: a kind, a quantity and the price that was last seen."""

    updated: int
    lines: list[tuple[Item, int]] = field(default_factory=list)
    version: int = 1
    method: str | None = None
    order: "Order | None" = None

    def status(self, now: int) -> str:
        if self.order is not None:
            return "converted"
        return "expired" if now >= self.updated + LIFETIME else "open"

    @property
    def totals(self) -> dict[str, int]:
        subtotal = sum(item.quantity * price for item, price in self.lines)
        shipping = SHIPPING[self.method] if self.lines else 0
        return {
            "item_count": sum(item.quantity for item, _ in self.lines),
            "subtotal": subtotal,
            "discount": 0,
            "shipping": shipping,
            "tax": 0,
            "total": subtotal + shipping,
        }


@dataclass
class Order:
    """What a cart became."""

    cart: Cart
    intent: str
    lines: list[tuple[Item, int]]
    totals: dict[str, int]
    status: str = "pending_payment"
    payment: str = "pending"


@dataclass
class Shop:
    """A price list, tracked stock, and every order there ever was."""

    prices: dict[str, int]
    stock: dict[str, int]
    now: int = 0
    orders: list[Order] = field(default_factory=list)

    # Carts.

    def create(self, items: Sequence[Item]) -> Cart:
        cart = Cart(self.now)
        cart.lines = self._priced(self._with(cart.lines, items))
        return cart

    def add(self, cart: Cart, items: Sequence[Item], version: int | None) -> None:
        self._open(cart, version)
        self._save(cart, self._with(cart.lines, items))

    def change(self, cart: Cart, at: int, quantity: int, version: int | None) -> None:
        """Set the quantity of one line; 0 removes it."""
        self._open(cart, version)
        if at >= len(cart.lines):
            raise Refused("line_not_found")
        lines = list(cart.lines)
        item, price = lines[at]
        lines[at : at + 1] = [(replace(item, quantity=quantity), price)] if quantity else []
        if quantity:
            self._need(lines, {item.sku})
        self._save(cart, lines)

    def ship(self, cart: Cart, method: str | None) -> None:
        self._open(cart, None)
        if method not in SHIPPING:
            raise Refused("unknown_shipping_method")
        cart.method = method
        self._save(cart, cart.lines)

    def _open(self, cart: Cart, version: int | None) -> None:
        if cart.order is not None:
            raise Refused("cart_converted")
        if cart.status(self.now) == "expired":
            raise Refused("cart_expired")
        if version not in (None, cart.version):
            raise Refused("version_conflict")

    def _with(self, lines: list[tuple[Item, int]], items: Sequence[Item]) -> list[tuple[Item, int]]:
        lines = list(lines)
        for item in items:
            if item.sku not in self.prices:
                raise Refused("unknown_sku")
            for at, (line, price) in enumerate(lines):
                if line.kind == item.kind:
                    more = replace(line, quantity=line.quantity + item.quantity)
                    lines[at] = (more, price)
                    break
            else:
                lines.append((item, self.prices[item.sku]))
        self._need(lines, {item.sku for item in items})
        return lines

    def _need(self, lines: Sequence[tuple[Item, int]], skus: set[str]) -> None:
        wanted = self.taken(lines)
        if any(wanted[sku] > self.stock[sku] for sku in skus & self.stock.keys()):
            raise Refused("out_of_stock")

    def taken(self, lines: Sequence[tuple[Item, int]]) -> Counter[str]:
        """Count what is tracked, per sku over all lines."""
        wanted: Counter[str] = Counter()
        for item, _ in lines:
            if item.sku in self.stock:
                wanted[item.sku] += item.quantity
        return wanted

    def _priced(self, lines: Sequence[tuple[Item, int]]) -> list[tuple[Item, int]]:
        return [
            (item, self.prices[item.sku] if item.own_price is None else item.own_price)
            for item, _ in lines
        ]

    def _save(self, cart: Cart, lines: Sequence[tuple[Item, int]]) -> None:
        cart.lines = self._priced(lines)
        cart.version += 1
        cart.updated = self.now

    # Orders.

    def convert(self, cart: Cart, intent: str, expected_total: int | None) -> Order:
        if cart.order is not None:
            if cart.order.intent == intent:
                return cart.order
            raise Refused("cart_converted")
        if cart.status(self.now) == "expired":
            raise Refused("cart_expired")
        if not cart.lines:
            raise Refused("cart_empty")
        priced = replace(cart, lines=self._priced(cart.lines))
        if expected_total not in (None, priced.totals["total"]):
            raise Refused("total_changed")
        self._need(priced.lines, set(self.stock))
        if any(order.intent == intent for order in self.orders):
            raise Refused("payment_intent_used")
        for sku, quantity in self.taken(priced.lines).items():
            self.stock[sku] -= quantity
        cart.lines = priced.lines
        cart.version += 1
        cart.order = Order(cart, intent, priced.lines, priced.totals)
        self.orders.append(cart.order)
        return cart.order

    def cancel(self, order: Order) -> None:
        if order.status == "paid":
            raise Refused("order_not_cancellable")
        if order.status == "pending_payment":
            order.status = "cancelled"
            for sku, quantity in self.taken(order.lines).items():
                self.stock[sku] += quantity

    def settle(self, order: Order) -> None:
        if order.status == "pending_payment":
            order.status, order.payment = "paid", "paid"
        elif order.status == "cancelled":
            order.payment = "paid_after_cancel"
