"""The orders: columns for what is searched, a document for the rest, lines as rows."""

from collections.abc import Sequence
from typing import Any, get_args

import msgspec
from msgspec.structs import force_setattr, replace
from orderflow_bridge.domain.numbers import as_number, as_serial
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.ports import OrderQuery, Taking
from orderflow_bridge.storage.bounds import newer_bounds, older_bounds
from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["OrderStatements", "Orders"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Order).decode
_HALF = 32  # bits


class OrderStatements:
    """What is said to the tables of orders and of their lines."""

    __slots__ = (
        "_columns",
        "_searches",
        "add_lines",
        "find",
        "find_any",
        "of_cart",
        "of_intent",
        "of_number",
        "place",
        "save",
        "takings",
        "takings_of",
    )

    def __init__(self, tables: Tables) -> None:
        table = tables.orders
        columns = self._columns = table.c
        read = select(columns.serial, columns.document)
        of_id = columns.order_id == bindparam("of_id")
        self.find_any = read.where(of_id)
        self.find = self.find_any.where(columns.connection == bindparam("of_connection"))
        self.of_cart = read.where(columns.cart_id == bindparam("of_cart"))
        self.of_intent = read.where(columns.intent == bindparam("of_intent"))
        self.of_number = read.where(columns.serial == bindparam("of_serial"))
        self.takings = _takings(columns)
        self.takings_of = self.takings.where(columns.connection == bindparam("of_connection"))
        self.place = insert(table)
        self.add_lines = insert(tables.order_lines)
        self.save = (
            update(table)
            .where(of_id, columns.status == bindparam("expecting"))
            .values(
                status=bindparam("status"),
                total=bindparam("total"),
                email=bindparam("email"),
                updated_at=bindparam("updated_at"),
                document=bindparam("document"),
                revision=columns.revision + 1,
            )
        )
        self._searches: dict[tuple[frozenset[str], bool], Select[Any]] = {}

    def search(self, restricted: frozenset[str], *, backwards: bool = False) -> Select[Any]:
        """Give the statement for the filters that are set; it is built at its first use."""
        found = self._searches.get((restricted, backwards))
        if found is None:
            found = self._search(restricted, backwards=backwards)
            self._searches[restricted, backwards] = found
        return found

    def _search(self, restricted: frozenset[str], *, backwards: bool) -> Select[Any]:
        columns = self._columns
        connection: ColumnElement[Any] = columns.connection
        status: ColumnElement[Any] = columns.status
        if "email" in restricted:
            # One buyer's orders are few, yet a planner without statistics may walk a connection's:
            # an expression keeps it to the index of the addresses.
            connection, status = func.coalesce(connection, ""), func.coalesce(status, "")
        placed, order_id = columns.placed_at, columns.order_id
        at: ColumnElement[int] = bindparam("last_placed")
        last: ColumnElement[str] = bindparam("last_id")
        # Not a comparison of rows: MariaDB would not use its index for one.
        older = (placed <= at) & or_(placed < at, order_id < last)
        newer = (placed >= at) & or_(placed > at, order_id > last)
        filters = {
            "connection": connection == bindparam("connection"),
            "status": status == bindparam("status"),
            "placed_after": placed >= bindparam("placed_after"),
            "placed_before": placed < bindparam("placed_before"),
            "email": columns.email == bindparam("email"),
            "after": newer if backwards else older,
        }
        return (
            select(columns.serial, columns.document)
            .where(*(condition for name, condition in filters.items() if name in restricted))
            .order_by(*(one.asc() if backwards else one.desc() for one in (placed, order_id)))
            .limit(bindparam("at_most"))
        )


def _takings(columns: ReadOnlyColumnCollection[str, Column[Any]]) -> Select[Any]:
    placed, status, currency, total = (
        columns.placed_at,
        columns.status,
        columns.currency,
        columns.total,
    )
    return (
        select(
            status,
            currency,
            func.count(),
            # In two halves: SQLite refuses a sum beyond 64 bits.
            func.sum(total.bitwise_rshift(literal_column(str(_HALF)))),
            func.sum(total.bitwise_and(literal_column(str(2**_HALF - 1)))),
        )
        .where(
            # Every status is named, and the index of the statuses has all that is summed.
            status.in_(get_args(OrderStatus)),
            placed >= bindparam("since"),
            placed < bindparam("until"),
        )
        .group_by(status, currency)
        .order_by(status, currency)
    )


class Orders:
    """The port `SearchableOrderRepository`; the number is the row's serial, filled in when read."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: OrderStatements) -> None:
        self._executor = executor
        self._say = statements

    def find(self, order_id: str, *, connection: str | None) -> Order | None:
        """Read one; with `connection=None` of every connection."""
        if connection is None:
            return _order(self._executor.one(self._say.find_any, of_id=order_id))
        return _order(self._executor.one(self._say.find, of_id=order_id, of_connection=connection))

    def of_cart(self, cart_id: str) -> Order | None:
        """Read the order that a cart became."""
        return _order(self._executor.one(self._say.of_cart, of_cart=cart_id))

    def of_number(self, number: str) -> Order | None:
        """Read the order with a number; None for what is no number."""
        serial = as_serial(number)
        if serial is None:
            return None
        return _order(self._executor.one(self._say.of_number, of_serial=serial))

    def of_intent(self, intent: str) -> Order | None:
        """Read the order that a payment intent pays for."""
        return _order(self._executor.one(self._say.of_intent, of_intent=intent))

    def place(self, order: Order) -> Order:
        """Store a new order and give it back with its number.

        Raises `Conflict` where the order id, the cart or the payment intent is taken; the unit is
        to be rolled back.
        """
        self._executor.must_write()
        serial = self._executor.serial(
            self._say.place,
            order_id=order.order_id,
            cart_id=order.cart_id,
            intent=order.payment.intent,
            connection=order.connection,
            currency=order.currency,
            placed_at=order.placed_at,
            revision=1,
            **_saved(order),
        )
        self._executor.many(
            self._say.add_lines,
            [
                {
                    "order_serial": serial,
                    "position": position,
                    "sku": line.sku,
                    "quantity": line.quantity,
                    "unit_price": line.unit_price,
                    "total": line.total,
                }
                for position, line in enumerate(order.lines)
            ],
        )
        return replace(order, number=as_number(serial))

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        """Replace the order while its stored status is `expecting`; tell whether it was.

        The lines' rows stay: an order's lines are written once.
        """
        self._executor.must_write()
        saved = self._executor.count(
            self._say.save, of_id=order.order_id, expecting=expecting, **_saved(order)
        )
        return saved == 1

    def search(self, query: OrderQuery) -> Sequence[Order]:
        """Give the orders that match, newest first, at most `query.limit`."""
        query = older_bounds(query)
        return self._page(query, query.after, backwards=False)

    def newer(self, query: OrderQuery, *, than: tuple[int, str]) -> Sequence[Order]:
        """Give the page before the order with `than`, newest first."""
        query, last = newer_bounds(query, than)
        return self._page(query, last, backwards=True)[::-1]

    def takings(
        self, *, connection: str | None, placed_after: int, placed_before: int
    ) -> Sequence[Taking]:
        """Count and sum the orders of a time, by status and currency."""
        times: dict[str, object] = {"since": placed_after, "until": placed_before}
        rows = (
            self._executor.all(self._say.takings, **times)
            if connection is None
            else self._executor.all(self._say.takings_of, of_connection=connection, **times)
        )
        return [
            Taking(
                status=status,
                currency=currency,
                orders=orders,
                total=(int(high) << _HALF) + int(low),
            )
            for status, currency, orders, high, low in rows
        ]

    def _page(
        self, query: OrderQuery, last: tuple[int, str] | None, *, backwards: bool
    ) -> list[Order]:
        filters = {
            "connection": query.connection,
            "status": query.status,
            "placed_after": query.placed_after,
            "placed_before": query.placed_before,
            "email": None if query.email is None else query.email.lower(),
            "after": last,
        }
        values: dict[str, object] = {
            name: value for name, value in filters.items() if value is not None
        }
        statement = self._say.search(frozenset(values), backwards=backwards)
        if last is not None:
            del values["after"]
            values["last_placed"], values["last_id"] = last
        return [
            _numbered(row) for row in self._executor.all(statement, at_most=query.limit, **values)
        ]


def _saved(order: Order) -> dict[str, object]:
    return {
        "status": order.status,
        "total": order.totals.total,
        "email": order.customer.email.lower(),
        "updated_at": order.updated_at,
        "document": _encode(order).decode(),
    }


def _order(row: Any) -> Order | None:
    return None if row is None else _numbered(row)


def _numbered(row: Any) -> Order:
    order = _decode(row[1])
    # Nobody else has seen this object yet, so completing it in place breaks no promise.
    force_setattr(order, "number", as_number(row[0]))
    return order
