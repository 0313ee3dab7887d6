"""Orders, and which cart and payment intent each took."""

from collections.abc import Sequence

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.numbers import as_number
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.ports import OrderQuery, Taking
from orderflow_bridge.storage.memory.published import Published
from orderflow_bridge.storage.memory.rows import Rows, last
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Orders"]


class Orders:
    """The port `SearchableOrderRepository`; numbers count what was placed."""

    __slots__ = ("_of_cart", "_of_intent", "_published", "_rows", "_session")

    def __init__(
        self,
        session: Session,
        published: Published,
        rows: Rows[str, Order],
        of_cart: Rows[str, str],
        of_intent: Rows[str, str],
    ) -> None:
        self._session = session
        self._published = published
        self._rows = rows
        self._of_cart = of_cart
        self._of_intent = of_intent

    def find(self, order_id: str, *, connection: str | None) -> Order | None:
        """Read one; with `connection=None` of every connection."""
        order = self._rows.get(order_id)
        return order if order is not None and connection in (None, order.connection) else None

    def of_cart(self, cart_id: str) -> Order | None:
        """Read the order that a cart became."""
        order_id = self._of_cart.get(cart_id)
        return None if order_id is None else self._rows.get(order_id)

    def place(self, order: Order) -> Order:
        """Store a new order and give it back with its number.

        Raises `Conflict` where the order id, the cart or the payment intent is taken.
        """
        self._session.must_write()
        if (
            self._rows.get(order.order_id) is not None
            or self._of_cart.get(order.cart_id) is not None
            or self._of_intent.get(order.payment.intent) is not None
        ):
            raise Conflict("The order, its cart or its payment intent is taken.")
        # A number is spent even where the unit fails: numbers may skip, as in a database.
        self._published.placed += 1
        placed = replace(order, number=as_number(self._published.placed))
        self._rows.put(order.order_id, placed)
        self._of_cart.put(order.cart_id, order.order_id)
        self._of_intent.put(order.payment.intent, order.order_id)
        return placed

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        """Replace the order while its stored status is `expecting`; tell whether it was.

        The lines' rows stay: an order's lines are written once.
        """
        self._session.must_write()
        stored = self._rows.get(order.order_id)
        if stored is None or stored.status != expecting:
            return False
        self._rows.put(order.order_id, replace(order, number=stored.number))
        return True

    def search(self, query: OrderQuery) -> Sequence[Order]:
        """Give the orders that match, newest first, at most `query.limit`."""
        return self._found(query)[: query.limit]

    def of_number(self, number: str) -> Order | None:
        """Read the order with a number; None for what is no number."""
        return next((order for order in self._rows.values() if order.number == number), None)

    def of_intent(self, intent: str) -> Order | None:
        """Read the order that a payment intent pays for."""
        order_id = self._of_intent.get(intent)
        return None if order_id is None else self._rows.get(order_id)

    def newer(self, query: OrderQuery, *, than: tuple[int, str]) -> Sequence[Order]:
        """Give the page before the order with `than`, newest first."""
        found = self._found(replace(query, after=None))
        first = [order for order in found if (order.placed_at, order.order_id) > than]
        return last(first, query.limit)

    def takings(
        self, *, connection: str | None, placed_after: int, placed_before: int
    ) -> Sequence[Taking]:
        """Count and sum the orders of a time, by status and currency."""
        totals: dict[tuple[OrderStatus, str], list[int]] = {}
        query = OrderQuery(
            connection=connection, placed_after=placed_after, placed_before=placed_before
        )
        for order in self._found(query):
            totals.setdefault((order.status, order.currency), []).append(order.totals.total)
        return [
            Taking(status=status, currency=currency, orders=len(found), total=sum(found))
            for (status, currency), found in sorted(totals.items())
        ]

    def _found(self, query: OrderQuery) -> list[Order]:
        found = [order for order in self._rows.values() if _matches(order, query)]
        found.sort(key=lambda order: (order.placed_at, order.order_id), reverse=True)
        return found


def _matches(order: Order, query: OrderQuery) -> bool:
    placed = order.placed_at
    return (
        query.connection in (None, order.connection)
        and query.status in (None, order.status)
        and (query.placed_after is None or placed >= query.placed_after)
        and (query.placed_before is None or placed < query.placed_before)
        and (query.email is None or order.customer.email.lower() == query.email.lower())
        and (query.after is None or (placed, order.order_id) < query.after)
    )
