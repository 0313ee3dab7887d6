"""What an operator does with orders: find, search, settle, cancel."""

from collections.abc import Sequence

from orderflow_bridge.actions.action import Shop, Work
from orderflow_bridge.actions.orders import LONGEST_REASON, cancel_order
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.order import Order
from orderflow_bridge.payments import settle
from orderflow_bridge.ports import OrderQuery, Storage, Unit
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.transactions import carry_out

__all__ = ["Orders"]


class Orders:
    """The orders of every connection, for the host and its operators."""

    def __init__(self, *, storage: Storage, shop: Shop) -> None:
        self._storage = storage
        self._shop = shop

    def find(self, order_id: str) -> Order:
        """Read one; raises `BridgeError` `order_not_found`."""
        with self._storage.reading() as unit:
            order = unit.orders.find(order_id, connection=None)
        if order is None:
            raise BridgeError("order_not_found", "There is no order with that id.")
        return order

    def search(self, query: OrderQuery | None = None) -> Sequence[Order]:
        """Give the orders that match, newest first."""
        with self._storage.reading() as unit:
            return unit.orders.search(query or OrderQuery())

    def settle(self, order_id: str) -> Order:
        """Record that the order's whole total arrived, and mark it paid."""
        order = self.find(order_id)
        settle(
            self._storage,
            self._shop.clock,
            order.payment.intent,
            amount=order.totals.total,
            currency=order.currency,
        )
        return self.find(order_id)

    def cancel(self, order_id: str, *, reason: str | None = None) -> Order:
        """Cancel an unpaid order; the payment provider is asked first.

        `reason` is kept with the order. Raises `BridgeError` `order_not_cancellable` for a paid
        one, and `invalid_request` for a reason of more than 300 characters, as for a storefront,
        and for one that holds a card number.
        """
        if reason is not None:
            _refuse_unfit(reason)
        order = self.find(order_id)

        def connection_of(unit: Unit) -> Connection:
            connection = unit.connections.find(order.connection)
            if connection is None:
                raise BridgeError("not_found", "The order's connection is gone.")
            return connection

        def cancelling(work: Work) -> object:
            present = work.unit.orders.find(order_id, connection=None)
            return cancel_order(work, present or order, reason)

        carry_out(self._storage, self._shop, connection_of, cancelling)
        return self.find(order_id)


def _refuse_unfit(reason: str) -> None:
    if len(reason) > LONGEST_REASON:
        message = f"has more than {LONGEST_REASON} characters"
    elif is_card(reason):
        message = "holds what looks like a card number"
    else:
        return
    raise BridgeError(
        "invalid_request",
        f"reason {message}.",
        {"errors": [{"path": "/reason", "message": message}]},
    )
