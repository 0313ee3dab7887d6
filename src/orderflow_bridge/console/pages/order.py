"""Shop → Orders → one order: what was bought, what happened, and what an operator does with it."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.done import mark, said
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.orders.addresses import lines_of
from orderflow_bridge.console.orders.origin import made_by
from orderflow_bridge.console.orders.timeline import timeline
from orderflow_bridge.console.routes import Route
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.order import Order
from orderflow_bridge.http import CODES
from orderflow_bridge.security.cards import is_card

__all__ = ["ROUTES"]

_ID = re.compile(r"[!-~]{1,64}")
_DONE: Mapping[str, str] = {
    "settled": "The payment is recorded, and the order is paid.",
    "late": "The payment is recorded. The order stays cancelled: refund it where it was paid.",
    "cancelled": "The order is cancelled, and what was counted of its stock is back.",
}
_REFUSALS: Mapping[str, str] = {
    "order_not_cancellable": (
        "The order is paid, so it was not cancelled. Refund it where the payment was made."
    ),
    "payment_mismatch": (
        "Another amount or currency arrived for this payment before, so the order was not marked"
        " as paid. Look at the payment where it was made."
    ),
    "payment_provider_unavailable": (
        "The payment provider could not be asked whether the money came, so the order was not"
        " cancelled. Try again in a moment."
    ),
    "storage_unavailable": (
        "The storage cannot be used now. Load the page again to see the order as it is."
    ),
    "not_found": "The connection of this order is gone, so it was not cancelled.",
}
_INVALID, _SERVER_ERROR = 422, 500


def shown(desk: Desk, visit: Visit) -> Answer:
    """Show one order."""
    order = _order(desk, visit)
    return _page(desk, visit, order, done=said(visit, _DONE, order))


def settled(desk: Desk, visit: Visit) -> Answer:
    """Record that the whole total arrived."""
    order = _order(desk, visit)
    if visit.request.form.first("arrived") != "yes":
        total = f"{format_price(order.totals.total, order.currency)} {order.currency}"
        problem = f"Tick that {total} arrived. Nothing was changed."
        return _page(desk, visit, order, status=_INVALID, settling=problem)
    try:
        order = desk.bridge.orders.settle(order.order_id, actor=visit.actor)
    except BridgeError as refusal:
        return _refused(desk, visit, refusal)
    return _done(visit, order, "late" if order.payment.state == "paid_after_cancel" else "settled")


def cancelled(desk: Desk, visit: Visit) -> Answer:
    """Cancel it, perhaps with a reason."""
    order = _order(desk, visit)
    reason = visit.request.form.first("reason")
    try:
        order = desk.bridge.orders.cancel(order.order_id, reason=reason or None, actor=visit.actor)
    except BridgeError as refusal:
        message = _of_field(refusal, "/reason")
        if message is None:
            return _refused(desk, visit, refusal)
        typed = "" if is_card(reason) else reason
        problem = f"The reason {message}. Nothing was changed."
        return _page(desk, visit, order, status=_INVALID, cancelling=problem, reason=typed)
    return _done(visit, order, "cancelled")


def _order(desk: Desk, visit: Visit) -> Order:
    order_id = visit.place["order_id"]
    if _ID.fullmatch(order_id) is None:
        raise BridgeError("order_not_found", "There is no order with that id.")
    return desk.bridge.orders.find(order_id)


def _done(visit: Visit, order: Order, word: str) -> Answer:
    order_id = quote(visit.place["order_id"], safe="")
    return redirect(visit.request, f"/orders/{order_id}?done={mark(visit, word, order)}")


def _refused(desk: Desk, visit: Visit, refusal: BridgeError) -> Answer:
    """Show the order as it is now, and say why it did not move."""
    status, _ = CODES.get(refusal.code, (_SERVER_ERROR, ""))
    problem = _REFUSALS.get(refusal.code) or refusal.detail
    return _page(desk, visit, _order(desk, visit), status=status, problem=problem)


def _of_field(refusal: BridgeError, path: str) -> str | None:
    errors = refusal.members.get("errors", ())
    for error in errors if isinstance(errors, list) else ():
        if error["path"] == path:
            return str(error["message"])
    return None


def _page(
    desk: Desk,
    visit: Visit,
    order: Order,
    *,
    status: int = 200,
    done: str | None = None,
    problem: str | None = None,
    settling: str | None = None,
    cancelling: str | None = None,
    reason: str = "",
) -> Answer:
    return desk.show(
        visit,
        "orders/order.html",
        status=status,
        order=order,
        connection=desk.connection(order.connection),
        lines_of=lines_of,
        events=timeline(desk.bridge, order),
        origin=made_by(desk.bridge, order.order_id),
        done=done,
        problem=problem,
        settling=settling,
        cancelling=cancelling,
        reason=reason,
    )


ROUTES = (
    Route(method="GET", path="/orders/{order_id}", page=shown),
    Route(method="POST", path="/orders/{order_id}/settle", page=settled, role="operator"),
    Route(method="POST", path="/orders/{order_id}/cancel", page=cancelled, role="operator"),
)
