"""`orders.get`, `orders.list`, `orders.confirmPayment`, `orders.cancel`."""

import binascii
import logging
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from orderflow_bridge.actions.action import Outside, Work
from orderflow_bridge.actions.answers import OrderAnswer, order_answer
from orderflow_bridge.actions.payment import held, mark_paid, record_settlement, refuse_mismatch
from orderflow_bridge.domain.errors import BridgeError, Conflict
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.domain.payment import PaymentIntent, PaymentReport, Settlement
from orderflow_bridge.domain.time import as_milliseconds
from orderflow_bridge.ports import OrderQuery, Payments, Unit

__all__ = [
    "LONGEST_REASON",
    "CancelOrder",
    "ListOrders",
    "OrderPart",
    "OrdersAnswer",
    "cancel",
    "cancel_order",
    "confirm_payment",
    "get",
    "search",
]

_encode = msgspec.json.Encoder().encode
# With one more, which tells whether there is a next page, a page of 20 is read in three turns.
_AT_ONCE = 7
_FULL_PAGE = 8 * 1024 * 1024
_log = logging.getLogger("orderflow_bridge.payments")
_POSITION = re.compile(r"\A[0-9]{1,15}:([ -~]{1,64})\Z")
LONGEST_REASON = 300
"""Of a cancel, in characters."""

_Instant = Annotated[datetime, Meta(tz=True)]


class OrderPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{order_id}`."""

    order_id: str


class CancelOrder(OrderPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{order_id, reason?}`."""

    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] | None = None


class ListOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every field restricts; `cursor` goes on after an earlier answer."""

    status: OrderStatus | None = None
    placed_after: _Instant | None = None
    placed_before: _Instant | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=200)] | None = None


class OrdersAnswer(Struct, frozen=True):
    """Orders, newest first, and the cursor of the next page if there is one."""

    orders: tuple[OrderAnswer, ...]
    next_cursor: str | None


def _found(work: Work, order_id: str) -> Order:
    order = work.unit.orders.find(order_id, connection=work.connection.client_id)
    if order is None:
        raise BridgeError("order_not_found", "This connection has no order with that id.")
    return order


def get(work: Work, request: OrderPart) -> OrderAnswer:
    """Show an order."""
    return order_answer(_found(work, request.order_id))


def search(work: Work, request: ListOrders) -> OrdersAnswer:
    """Give one page of this connection's orders; it ends early with the order that fills it."""
    after, before = request.placed_after, request.placed_before
    query = OrderQuery(
        connection=work.connection.client_id,
        status=request.status,
        placed_after=None if after is None else as_milliseconds(after),
        placed_before=None if before is None else as_milliseconds(before),
        email=request.email,
        after=None if request.cursor is None else _position(work, request.cursor),
        limit=min(_AT_ONCE, request.limit + 1),
    )
    page: list[OrderAnswer] = []
    size = 0
    next_cursor = ""
    for order in _found_in_turn(work, query):
        if len(page) == request.limit or size >= _FULL_PAGE:
            return OrdersAnswer(tuple(page), next_cursor)
        page.append(order_answer(order))
        size += len(_encode(page[-1]))
        next_cursor = _cursor(order)
    return OrdersAnswer(tuple(page), None)


def _found_in_turn(work: Work, query: OrderQuery) -> Iterator[Order]:
    """Give every order that matches, a few in memory at once: one may have some MiB."""
    while found := work.unit.orders.search(query):
        yield from found
        if len(found) < query.limit:
            return
        query = replace(query, after=(found[-1].placed_at, found[-1].order_id))


def _cursor(order: Order) -> str:
    return urlsafe_b64encode(f"{order.placed_at}:{order.order_id}".encode()).decode().rstrip("=")


def _position(work: Work, cursor: str) -> tuple[int, str]:
    """Give the place of the order that a page ended with; any other text was never given."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        text = ""
    named = _POSITION.match(text)
    order = named and work.unit.orders.find(named[1], connection=work.connection.client_id)
    if order is None or _cursor(order) != cursor:
        raise BridgeError(
            "invalid_request",
            "Send `next_cursor` as it was given.",
            {"errors": [{"path": "/cursor", "message": "is not a cursor"}]},
        )
    return order.placed_at, order.order_id


def confirm_payment(work: Work, request: OrderPart) -> OrderAnswer | Outside:
    """Ask the payment provider again, and mark the order paid where the money came."""
    order = held(work.unit, _found(work, request.order_id))
    payments = work.shop.payments
    if order.payment.state != "pending" or payments is None:
        return order_answer(order)

    def apply(later: Work, report: PaymentReport | None) -> OrderAnswer | BridgeError:
        return order_answer(_with_report(later, request.order_id, report))

    return _asking(payments, order, apply)


def cancel(work: Work, request: CancelOrder) -> OrderAnswer | Outside:
    """Cancel an unpaid order of this connection."""
    order = held(work.unit, _found(work, request.order_id))
    return cancel_order(work, order, request.reason)


def cancel_order(
    work: Work,
    order: Order,
    reason: str | None,
    *,
    cancelled: Callable[[Unit, Order], object] | None = None,
) -> OrderAnswer | Outside:
    """Cancel an unpaid order and give its stock back, once; the payment provider is asked first.

    `cancelled` is called in the unit in which it is cancelled, with the order as it is then.
    """
    payments = work.shop.payments
    if order.status == "pending_payment" and payments is not None:

        def apply(later: Work, report: PaymentReport | None) -> OrderAnswer | BridgeError:
            fresh = held(later.unit, order)
            known = later.unit.intents.find(fresh.payment.intent)
            report = _known_payment(known, report)
            if report is None or report.state != "paid":
                return order_answer(_cancelled(later, fresh, reason, cancelled))
            found = _record_payment(later, fresh, known, report)
            return order_answer(found) if found.status == "cancelled" else _not_cancellable()

        return _asking(payments, order, apply)
    return order_answer(_cancelled(work, order, reason, cancelled))


def _asking(
    payments: Payments,
    order: Order,
    apply: Callable[[Work, PaymentReport | None], OrderAnswer | BridgeError],
) -> Outside:
    intent = order.payment.intent
    return Outside(
        ask=lambda: payments.find(intent),
        apply=apply,
        release=lambda _work: None,
    )


def _known_payment(
    known: PaymentIntent | None, report: PaymentReport | None
) -> PaymentReport | None:
    """Give what is known of a payment: the host's settlement comes before the provider's word."""
    settlement = known.settlement if known is not None else None
    if settlement is None:
        return report
    return PaymentReport(state="paid", amount=settlement.amount, currency=settlement.currency)


def _record_payment(
    work: Work, order: Order, known: PaymentIntent | None, report: PaymentReport
) -> Order:
    """Write down money that was found; it pays the order where it is the order's."""
    settlement = Settlement(amount=report.amount, currency=report.currency, settled_at=work.now)
    record_settlement(work.unit, known, order.payment.intent, settlement)
    if (report.amount, report.currency) == (order.totals.total, order.currency):
        return mark_paid(work.unit, order, work.now)
    _log.error("order %s was paid with another amount: look at its intent", order.order_id)
    return order


def _with_report(work: Work, order_id: str, report: PaymentReport | None) -> Order:
    order = held(work.unit, _found(work, order_id))
    known = work.unit.intents.find(order.payment.intent)
    report = _known_payment(known, report)
    refuse_mismatch(report, order)
    if report is None or report.state != "paid":
        return order
    return _record_payment(work, order, known, report)


def _not_cancellable() -> BridgeError:
    return BridgeError("order_not_cancellable", "The order is paid; it takes a refund.")


def _cancelled(
    work: Work,
    order: Order,
    reason: str | None,
    tell: Callable[[Unit, Order], object] | None,
) -> Order:
    if order.status == "cancelled":
        return order
    if order.status == "paid":
        raise _not_cancellable()
    cancelled = replace(order, status="cancelled", updated_at=work.now, cancel_reason=reason)
    if not work.unit.orders.save(cancelled, expecting="pending_payment"):
        raise Conflict
    if order.taken:
        work.stock.give_back(order.taken)
    if tell is not None:
        tell(work.unit, cancelled)
    return cancelled
