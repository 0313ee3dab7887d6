"""The orders: columns for what is searched, a document for the rest, lines as rows."""

from collections.abc import Sequence
from typing import get_args

import msgspec
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce
from msgspec.structs import force_setattr, replace
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.numbers import as_serial
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.ports import OrderQuery, Taking
from orderflow_bridge.storage.bounds import newer_bounds, older_bounds

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.session import Session

__all__ = ["Orders"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Order).decode
_HALF = 32  # bits


class Orders:
    """The port `SearchableOrderRepository`; the number is the row's serial, filled in when read."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Order.objects.using(session.using)

    def find(self, order_id: str, *, connection: str | None) -> Order | None:
        """Read one; with `connection=None` of every connection."""
        found = self._rows.filter(order_id=order_id)
        if connection is not None:
            found = found.filter(connection=connection)
        return next(iter(_orders(found)), None)

    def of_cart(self, cart_id: str) -> Order | None:
        """Read the order that a cart became."""
        return next(iter(_orders(self._rows.filter(cart_id=cart_id))), None)

    def of_number(self, number: str) -> Order | None:
        """Read the order with a number; None for what is no number."""
        serial = as_serial(number)
        if serial is None:
            return None
        return next(iter(_orders(self._rows.filter(serial=serial))), None)

    def of_intent(self, intent: str) -> Order | None:
        """Read the order that a payment intent pays for."""
        return next(iter(_orders(self._rows.filter(intent=intent))), None)

    def place(self, order: Order) -> Order:
        """Store a new order and give it back with its number.

        Raises `Conflict` where the order id, the cart or the payment intent is taken.
        """
        row = models.Order(
            order_id=order.order_id,
            cart_id=order.cart_id,
            intent=order.payment.intent,
            connection=order.connection,
            status=order.status,
            currency=order.currency,
            total=order.totals.total,
            email=order.customer.email.lower(),
            placed_at=order.placed_at,
            updated_at=order.updated_at,
            document=_encode(order).decode(),
        )
        if not self._session.insert(row):
            raise Conflict("The order, its cart or its payment intent is taken.")
        models.OrderLine.objects.using(self._session.using).bulk_create(
            [
                models.OrderLine(
                    order=row,
                    position=position,
                    sku=line.sku,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    total=line.total,
                )
                for position, line in enumerate(order.lines)
            ],
            batch_size=500,
        )
        return replace(order, number=row.number)

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        """Replace the order while its stored status is `expecting`; tell whether it was.

        The lines' rows stay: an order's lines are written once.
        """
        self._session.must_write()
        saved = self._rows.filter(order_id=order.order_id, status=expecting).update(
            status=order.status,
            total=order.totals.total,
            email=order.customer.email.lower(),
            updated_at=order.updated_at,
            document=_encode(order).decode(),
        )
        return saved == 1

    def search(self, query: OrderQuery) -> Sequence[Order]:
        """Give the orders that match, newest first, at most `query.limit`."""
        query = older_bounds(query)
        found = _matching(self._rows.order_by("-placed_at", "-order_id"), query)
        if query.after is not None:
            placed_at, order_id = query.after
            # Not a comparison of rows: MariaDB would not use its index for one.
            found = found.filter(
                Q(placed_at__lt=placed_at) | Q(order_id__lt=order_id), placed_at__lte=placed_at
            )
        return _orders(found[: query.limit])

    def newer(self, query: OrderQuery, *, than: tuple[int, str]) -> Sequence[Order]:
        """Give the page before the order with `than`, newest first."""
        query, last = newer_bounds(query, than)
        found = _matching(self._rows.order_by("placed_at", "order_id"), query)
        if last is not None:
            placed_at, order_id = last
            found = found.filter(
                Q(placed_at__gt=placed_at) | Q(order_id__gt=order_id), placed_at__gte=placed_at
            )
        return _orders(found[: query.limit])[::-1]

    def takings(
        self, *, connection: str | None, placed_after: int, placed_before: int
    ) -> Sequence[Taking]:
        """Count and sum the orders of a time, by status and currency."""
        # Every status is named, and the index of the statuses has all that is summed.
        found = self._rows.filter(
            status__in=get_args(OrderStatus),
            placed_at__gte=placed_after,
            placed_at__lt=placed_before,
        )
        if connection is not None:
            found = found.filter(connection=connection)
        # In two halves: SQLite refuses a sum beyond 64 bits.
        high, low = F("total").bitrightshift(_HALF), F("total").bitand(2**_HALF - 1)
        rows = (
            found.values_list("status", "currency")
            .annotate(orders=Count("serial"), high=Sum(high), low=Sum(low))
            .order_by("status", "currency")
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


def _matching(found: "QuerySet[models.Order]", query: OrderQuery) -> "QuerySet[models.Order]":
    connection, status = "connection", "status"
    if query.email is not None:
        # One buyer's orders are few, yet a planner without statistics may walk a connection's:
        # expressions keep it to the index of the addresses.
        found = found.filter(email=query.email.lower()).alias(
            any_connection=Coalesce(connection, Value("")),
            any_status=Coalesce(status, Value("")),
        )
        connection, status = "any_connection", "any_status"
    if query.connection is not None:
        found = found.filter(**{connection: query.connection})
    if query.status is not None:
        found = found.filter(**{status: query.status})
    if query.placed_after is not None:
        found = found.filter(placed_at__gte=query.placed_after)
    if query.placed_before is not None:
        found = found.filter(placed_at__lt=query.placed_before)
    return found


def _orders(found: "QuerySet[models.Order]") -> list[Order]:
    return [
        _numbered(models.Order(serial=serial).number, document)
        for serial, document in found.values_list("serial", "document")
    ]


def _numbered(number: str, document: str) -> Order:
    order = _decode(document)
    # Nobody else has seen this object yet, so completing it in place breaks no promise.
    force_setattr(order, "number", number)
    return order
