"""What happened to an order, as far as it is known: by whom, and when."""

from collections.abc import Sequence

from msgspec import Struct

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.order import Order

__all__ = ["Event", "timeline"]

_LAST = 2**63


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened; `at` in Unix ms, None where nobody wrote down when.

    `actor` is the operator who did it, empty where it was not one, or nobody knows.
    """

    what: str
    at: int | None
    actor: str = ""


def timeline(bridge: Bridge, order: Order) -> Sequence[Event]:
    """Tell what happened, oldest first."""
    acts = _acts(bridge, order)
    settlement = bridge.orders.settlement(order)
    settled, cancelled = acts.get("order.settled"), acts.get("order.cancelled")
    events = [Event(what="Placed", at=order.placed_at)]
    if settlement is not None:
        what = "Payment arrived"
        if order.payment.state == "paid_after_cancel":
            what = "Payment arrived after the cancellation"
        elif order.payment.state == "pending":
            what = "Another amount arrived"
        by = "" if settled is None else settled.actor
        events.append(Event(what=what, at=settlement.settled_at, actor=by))
    if order.status == "cancelled":
        # Money that came later has moved the time of the last change.
        untouched = order.payment.state == "pending"
        at = order.updated_at if untouched else None
        events.append(
            Event(what="Cancelled", at=at)
            if cancelled is None
            else Event(what="Cancelled", at=cancelled.at, actor=cancelled.actor)
        )
    return sorted(events, key=lambda event: _LAST if event.at is None else event.at)


def _acts(bridge: Bridge, order: Order) -> dict[str, AuditEntry]:
    """Give the newest entry of each act on it; none where the storage keeps no audit."""
    if not bridge.audit.is_kept:
        return {}
    return {entry.event: entry for entry in reversed(bridge.audit.page(subject=order.order_id))}
