"""The orders: columns for what is searched, a document for the rest, lines as rows."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import force_setattr, replace

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.numbers import as_number, as_serial
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.ports import OrderQuery, Taking
from orderflow_bridge.storage.bounds import newer_bounds, older_bounds
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["OrderStatements", "Orders"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Order).decode


class OrderStatements:
    """What is said to `ofb_orders` and `ofb_order_lines`."""

    __slots__ = (
        "add_lines",
        "columnar",
        "find",
        "find_any",
        "of_cart",
        "of_intent",
        "of_number",
        "place",
        "save",
        "say",
        "search",
        "takings",
        "takings_of",
    )

    def __init__(self, dialect: Dialect) -> None:
        say = self.say = dialect.text
        self.search = "SELECT serial, document FROM ofb_orders"
        self.find_any = say(self.search + " WHERE order_id = ?")
        self.find = say(self.search + " WHERE order_id = ? AND connection = ?")
        self.of_cart = say(self.search + " WHERE cart_id = ?")
        self.of_intent = say(self.search + " WHERE intent = ?")
        self.of_number = say(self.search + " WHERE serial = ?")
        # Every status is named, and the index of the statuses has all that is summed. In two
        # halves: SQLite refuses a sum beyond 64 bits.
        takings = (
            "SELECT status, currency, COUNT(*), SUM(total >> 32), SUM(total & 4294967295)"
            " FROM ofb_orders WHERE status IN ('pending_payment', 'paid', 'cancelled')"
            " AND placed_at >= ? AND placed_at < ?"
        )
        grouped = " GROUP BY status, currency ORDER BY status, currency"
        self.takings = say(takings + grouped)
        self.takings_of = say(f"{takings} AND connection = ?{grouped}")
        self.place = say(
            "INSERT INTO ofb_orders (order_id, cart_id, intent, connection, status, currency,"
            " total, email, placed_at, updated_at, revision, document)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)"
            f" {dialect.ignore('order_id')}{dialect.serial}"
        )
        self.save = say(
            "UPDATE ofb_orders SET status = ?, total = ?, email = ?, updated_at = ?,"
            " revision = revision + 1, document = ? WHERE order_id = ? AND status = ?"
        )
        self.columnar = dialect.columnar
        lines = "INSERT INTO ofb_order_lines"
        lines += " (order_serial, position, sku, quantity, unit_price, total)"
        if self.columnar:
            self.add_lines = say(
                lines + " SELECT ?, line.* FROM unnest("
                "?::int[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[]) AS line"
            )
        else:
            self.add_lines = say(lines + " VALUES (?, ?, ?, ?, ?, ?)")


class Orders:
    """The port `SearchableOrderRepository`; the number is the row's serial, filled in when read."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: OrderStatements) -> None:
        self._session = session
        self._sql = sql

    def find(self, order_id: str, *, connection: str | None) -> Order | None:
        """Read one; with `connection=None` of every connection."""
        if connection is None:
            return _order(self._session.one(self._sql.find_any, (order_id,)))
        return _order(self._session.one(self._sql.find, (order_id, connection)))

    def of_cart(self, cart_id: str) -> Order | None:
        """Read the order that a cart became."""
        return _order(self._session.one(self._sql.of_cart, (cart_id,)))

    def of_number(self, number: str) -> Order | None:
        """Read the order with a number; None for what is no number."""
        serial = as_serial(number)
        return None if serial is None else _order(self._session.one(self._sql.of_number, (serial,)))

    def of_intent(self, intent: str) -> Order | None:
        """Read the order that a payment intent pays for."""
        return _order(self._session.one(self._sql.of_intent, (intent,)))

    def place(self, order: Order) -> Order:
        """Store a new order and give it back with its number.

        Raises `Conflict` where the order id, the cart or the payment intent is taken.
        """
        self._session.must_write()
        row = (
            order.order_id,
            order.cart_id,
            order.payment.intent,
            order.connection,
            order.status,
            order.currency,
            order.totals.total,
            order.customer.email.lower(),
            order.placed_at,
            order.updated_at,
            _encode(order).decode(),
        )
        serial = self._session.serial(self._sql.place, row)
        if serial is None:
            raise Conflict("The order, its cart or its payment intent is taken.")
        self._add_lines(serial, order)
        return replace(order, number=as_number(serial))

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        """Replace the order while its stored status is `expecting`; tell whether it was.

        The lines' rows stay: an order's lines are written once.
        """
        self._session.must_write()
        row = (
            order.status,
            order.totals.total,
            order.customer.email.lower(),
            order.updated_at,
            _encode(order).decode(),
            order.order_id,
            expecting,
        )
        return self._session.count(self._sql.save, row) == 1

    def search(self, query: OrderQuery) -> Sequence[Order]:
        """Give the orders that match, newest first, at most `query.limit`."""
        # Not a comparison of rows: MariaDB would not use its index for one.
        beyond = "placed_at <= ? AND (placed_at < ? OR order_id < ?)"
        query = older_bounds(query)
        return self._page(query, beyond, query.after, "DESC")

    def newer(self, query: OrderQuery, *, than: tuple[int, str]) -> Sequence[Order]:
        """Give the page before the order with `than`, newest first."""
        beyond = "placed_at >= ? AND (placed_at > ? OR order_id > ?)"
        query, last = newer_bounds(query, than)
        return self._page(query, beyond, last, "ASC")[::-1]

    def takings(
        self, *, connection: str | None, placed_after: int, placed_before: int
    ) -> Sequence[Taking]:
        """Count and sum the orders of a time, by status and currency."""
        times = (placed_after, placed_before)
        rows = (
            self._session.all(self._sql.takings, times)
            if connection is None
            else self._session.all(self._sql.takings_of, (*times, connection))
        )
        return [
            Taking(
                status=status,
                currency=currency,
                orders=orders,
                total=(int(high) << 32) + int(low),
            )
            for status, currency, orders, high, low in rows
        ]

    def _page(
        self, query: OrderQuery, beyond: str, last: tuple[int, str] | None, direction: str
    ) -> list[Order]:
        where: list[str] = []
        parameters: list[object] = []

        def restrict(condition: str, *values: object) -> None:
            where.append(condition)
            parameters.extend(values)

        equals = "{} = ?"
        if query.email is not None:
            restrict("email = ?", query.email.lower())
            # One buyer's orders are few, yet a planner without statistics may walk a connection's:
            # an expression keeps it to the index of the addresses.
            equals = "COALESCE({}, '') = ?"
        if query.connection is not None:
            restrict(equals.format("connection"), query.connection)
        if query.status is not None:
            restrict(equals.format("status"), query.status)
        if query.placed_after is not None:
            restrict("placed_at >= ?", query.placed_after)
        if query.placed_before is not None:
            restrict("placed_at < ?", query.placed_before)
        if last is not None:
            placed_at, order_id = last
            restrict(beyond, placed_at, placed_at, order_id)
        sql = self._sql.search
        if where:
            sql += " WHERE " + " AND ".join(where)
        sql += f" ORDER BY placed_at {direction}, order_id {direction} LIMIT ?"
        parameters.append(query.limit)
        rows = self._session.all(self._sql.say(sql), parameters)
        return [_numbered(row) for row in rows]

    def _add_lines(self, serial: int, order: Order) -> None:
        rows = [
            (position, line.sku, line.quantity, line.unit_price, line.total)
            for position, line in enumerate(order.lines)
        ]
        if not rows:
            return
        if self._sql.columnar:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self._session.count(self._sql.add_lines, (serial, *columns))
        else:
            self._session.many(self._sql.add_lines, [(serial, *row) for row in rows])


def _order(row: Any) -> Order | None:
    return None if row is None else _numbered(row)


def _numbered(row: Any) -> Order:
    order = _decode(row[1])
    # Nobody else has seen this object yet, so completing it in place breaks no promise.
    force_setattr(order, "number", as_number(row[0]))
    return order
