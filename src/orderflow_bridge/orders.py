"""What an operator does with orders: find, search, settle, cancel."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from orderflow_bridge.actions.action import Shop, Work
from orderflow_bridge.actions.orders import LONGEST_REASON, cancel_order
from orderflow_bridge.audit import UNKNOWN, Audit
from orderflow_bridge.capabilities import refuse_unsearchable, searchable_orders
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.order import Order
from orderflow_bridge.domain.payment import Settlement
from orderflow_bridge.domain.storable import is_storable, storable_time
from orderflow_bridge.payments import settle
from orderflow_bridge.ports import (
    OrderQuery,
    SearchableOrderRepository,
    Storage,
    Taking,
    Unit,
)
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.transactions import carry_out

__all__ = ["Orders"]

_MOST_PIECES = 1_000


class Orders:
    """The orders of every connection, for the host and its operators.

    `by_number`, `by_intent`, `newer` and `takings` need a storage with the capability `search`, and
    raise `ConfigurationError` on another one.

    What settles or cancels one is told to the audit in the same transaction; `actor` is the person
    who did it, as the audit names them. The audit has ids and amounts, and no word of a customer's.
    """

    def __init__(self, *, storage: Storage, shop: Shop, audit: Audit) -> None:
        self._storage = storage
        self._shop = shop
        self._audit = audit

    def find(self, order_id: str) -> Order:
        """Read one; raises `BridgeError` `order_not_found`."""
        order = None
        if is_storable(order_id):
            with self._storage.reading() as unit:
                order = unit.orders.find(order_id, connection=None)
        return _found(order, "id")

    def by_number(self, number: str) -> Order:
        """Read the order with a number (`OF-000123`); raises `BridgeError` `order_not_found`."""
        return _found(self._ask(number, lambda orders: orders.of_number(number)), "number")

    def by_intent(self, intent: str) -> Order:
        """Read the order of a payment intent; raises `BridgeError` `order_not_found`."""
        return _found(self._ask(intent, lambda orders: orders.of_intent(intent)), "payment intent")

    def search(self, query: OrderQuery | None = None) -> Sequence[Order]:
        """Give the orders that match, newest first."""
        query = query or OrderQuery()
        if not _is_askable(query):
            return ()
        with self._storage.reading() as unit:
            return unit.orders.search(_askable(query))

    def newer(self, query: OrderQuery, *, than: tuple[int, str]) -> Sequence[Order]:
        """Give the page before the order with `than` (placed_at, order_id), newest first."""
        refuse_unsearchable(self._storage)
        query = replace(query, after=than)
        if not _is_askable(query):
            return ()
        query = _askable(query)
        with self._storage.reading() as unit:
            return searchable_orders(unit).newer(query, than=query.after or than)

    def takings(
        self, *, placed_after: int, placed_before: int, length: int, connection: str | None = None
    ) -> Mapping[int, Sequence[Taking]]:
        """Count and sum the orders placed in [placed_after, placed_before), in Unix ms.

        In pieces of `length` ms from `placed_after` on, each by its beginning, also those without
        orders; the last one may be shorter. Raises `ValueError` for no time at all, and for more
        than 1,000 pieces.
        """
        refuse_unsearchable(self._storage)
        first, last = storable_time(placed_after), storable_time(placed_before)
        if length < 1 or not 0 < last - first <= length * _MOST_PIECES:
            raise ValueError(f"Ask for 1 to {_MOST_PIECES:,} pieces of at least a millisecond.")
        if connection is not None and not is_storable(connection):
            return dict.fromkeys(range(first, last, length), ())
        with self._storage.reading() as unit:
            orders = searchable_orders(unit)
            return {
                start: orders.takings(
                    connection=connection,
                    placed_after=start,
                    placed_before=min(start + length, last),
                )
                for start in range(first, last, length)
            }

    def of_cart(self, cart_id: str) -> Order | None:
        """Read the order that a cart became."""
        if not is_storable(cart_id):
            return None
        with self._storage.reading() as unit:
            return unit.orders.of_cart(cart_id)

    def settlement(self, order: Order) -> Settlement | None:
        """Tell what arrived for an order's payment intent, and when; None where nothing did."""
        with self._storage.reading() as unit:
            known = unit.intents.find(order.payment.intent)
        return None if known is None else known.settlement

    def settle(self, order_id: str, *, actor: str = UNKNOWN) -> Order:
        """Record that the order's whole total arrived, and mark it paid."""
        order = self.find(order_id)
        settle(
            self._storage,
            self._shop.clock,
            order.payment.intent,
            amount=order.totals.total,
            currency=order.currency,
            paying=self._telling("order.settled", actor),
        )
        return self.find(order_id)

    def cancel(
        self, order_id: str, *, reason: str | None = None, actor: str | None = UNKNOWN
    ) -> Order:
        """Cancel an unpaid order; the payment provider is asked first.

        `reason` is kept with the order. Where `actor` is None, nobody did it but the time that
        passed, and the audit is not told. Raises `BridgeError` `order_not_cancellable` for a paid
        one, and `invalid_request` for a reason of more than 300 characters, with NUL, or one that
        holds a card number.
        """
        if reason is not None:
            _refuse_unfit(reason)
        order = self.find(order_id)
        cancelled = None if actor is None else self._telling("order.cancelled", actor)

        def connection_of(unit: Unit) -> Connection:
            connection = unit.connections.find(order.connection)
            if connection is None:
                raise BridgeError("not_found", "The order's connection is gone.")
            return connection

        def cancelling(work: Work) -> object:
            present = work.unit.orders.find(order_id, connection=None)
            return cancel_order(work, present or order, reason, cancelled=cancelled)

        carry_out(self._storage, self._shop, connection_of, cancelling)
        return self.find(order_id)

    def _ask(
        self, text: str, read: Callable[[SearchableOrderRepository], Order | None]
    ) -> Order | None:
        refuse_unsearchable(self._storage)
        if not is_storable(text):
            return None
        with self._storage.reading() as unit:
            return read(searchable_orders(unit))

    def _telling(self, event: str, actor: str) -> Callable[[Unit, Order], None]:
        """Make what tells the audit of an order that was moved, in the unit that moves it."""

        def tell(unit: Unit, order: Order) -> None:
            self._audit.record(
                unit,
                event,
                actor=actor,
                subject=order.order_id,
                details={
                    "number": order.number,
                    "total": order.totals.total,
                    "currency": order.currency,
                },
            )

        return tell


def _found(order: Order | None, what: str) -> Order:
    if order is None:
        raise BridgeError("order_not_found", f"There is no order with that {what}.")
    return order


def _is_askable(query: OrderQuery) -> bool:
    texts = (query.connection, query.email, query.after and query.after[1])
    return all(text is None or is_storable(text) for text in texts)


def _askable(query: OrderQuery) -> OrderQuery:
    after, before = query.placed_after, query.placed_before
    return replace(
        query,
        placed_after=None if after is None else storable_time(after),
        placed_before=None if before is None else storable_time(before),
        after=query.after and (storable_time(query.after[0]), query.after[1]),
    )


def _refuse_unfit(reason: str) -> None:
    if len(reason) > LONGEST_REASON:
        message = f"has more than {LONGEST_REASON} characters"
    elif "\0" in reason:
        message = "must not contain NUL"
    elif is_card(reason):
        message = "holds what looks like a card number"
    else:
        return
    raise BridgeError(
        "invalid_request",
        f"reason {message}.",
        {"errors": [{"path": "/reason", "message": message}]},
    )
