"""Orders that tell the site what became of them, once it is committed."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.ports import OrderQuery, OrderRepository

from orderflow_bridge_django import models
from orderflow_bridge_django.signals import (
    OrderSignal,
    order_cancelled,
    order_paid,
    order_paid_after_cancel,
    order_placed,
)

__all__ = ["AnnouncingOrders"]


class AnnouncingOrders:
    """The port `OrderRepository` around another one: the site's own, or this package's.

    What that one can do besides is asked of it straight.
    """

    __slots__ = ("_orders", "_using")

    def __init__(self, orders: OrderRepository, using: str) -> None:
        self._orders = orders
        self._using = using

    def __getattr__(self, name: str) -> Any:
        return getattr(self._orders, name)

    def find(self, order_id: str, *, connection: str | None) -> Order | None:
        """Read one; with `connection=None` of every connection."""
        return self._orders.find(order_id, connection=connection)

    def of_cart(self, cart_id: str) -> Order | None:
        """Read the order that a cart became."""
        return self._orders.of_cart(cart_id)

    def search(self, query: OrderQuery) -> Sequence[Order]:
        """Give the orders that match, newest first, at most `query.limit`."""
        return self._orders.search(query)

    def place(self, order: Order) -> Order:
        """Store a new order, and announce it; one that is paid already is announced as paid too."""
        placed = self._orders.place(order)
        self._announce(order_placed, placed)
        if placed.status == "paid":
            self._announce(order_paid, placed)
        return placed

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        """Replace the order while its stored status is `expecting`, and announce where it went."""
        told_before = order.status == expecting == "cancelled" and self._was_paid_late(order)
        if not self._orders.save(order, expecting=expecting):
            return False
        if order.status == "paid" and expecting != "paid":
            self._announce(order_paid, order)
        elif order.status == "cancelled" and expecting != "cancelled":
            self._announce(order_cancelled, order)
        elif (
            order.status == "cancelled"
            and order.payment.state == "paid_after_cancel"
            and not told_before
        ):
            self._announce(order_paid_after_cancel, order)
        return True

    def _was_paid_late(self, order: Order) -> bool:
        """Tell whether that was announced before: an erasure saves a cancelled order again."""
        before = self._orders.find(order.order_id, connection=order.connection)
        return before is not None and before.payment.state == "paid_after_cancel"

    def _announce(self, signal: OrderSignal, order: Order) -> None:
        using = self._using

        def send() -> None:
            signal.send_robust(sender=models.Order, order=order, using=using)

        # Robust: what is committed stays so, whatever becomes of its announcement.
        transaction.on_commit(send, using=using, robust=True)
