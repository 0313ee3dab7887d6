"""What happened to an order, as far as it is known: by whom, and when."""

from collections.abc import Collection, Sequence

from msgspec import Struct

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.order import Order

__all__ = ["Event", "timeline"]

_LAST = 2**63
_PAGE = 100
_PAGES = 5
# An act is written down in the transaction that moves the order, which may wait for others.
_SLACK = 60_000


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened; `at` in Unix ms, None where nobody wrote down when.

    `actor` is the operator who did it, empty where it was not one, or nobody knows.
    `why` is the reason that was given, if any.
    """

    what: str
    at: int | None
    actor: str = ""
    why: str = ""


def timeline(bridge: Bridge, order: Order) -> Sequence[Event]:
    """Tell what happened, oldest first."""
    settlement = bridge.orders.settlement(order)
    wanted = set()
    if settlement is not None:
        wanted.add("order.settled")
    if order.status == "cancelled":
        wanted.add("order.cancelled")
    moved = max(order.updated_at, 0 if settlement is None else settlement.settled_at)
    acts = _acts(bridge, order, wanted, until=moved)
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
        by = "" if cancelled is None else cancelled.actor
        at = at if cancelled is None else cancelled.at
        events.append(Event(what="Cancelled", at=at, actor=by, why=order.cancel_reason or ""))
    return sorted(events, key=lambda event: _LAST if event.at is None else event.at)


def _acts(
    bridge: Bridge, order: Order, wanted: Collection[str], *, until: int
) -> dict[str, AuditEntry]:
    """Give the newest entry of each act that is wanted; none where the storage keeps no audit.

    Looks at the last 500 entries about the order up to when it was moved, whatever came later.
    """
    found: dict[str, AuditEntry] = {}
    before = (until + _SLACK, "")
    for _ in range(_PAGES if bridge.audit.is_kept else 0):
        if len(found) == len(wanted):
            break
        page = bridge.audit.page(subject=order.order_id, before=before, limit=_PAGE)
        for entry in page:
            if entry.event in wanted:
                found.setdefault(entry.event, entry)
        if len(page) < _PAGE:
            break
        before = (page[-1].at, page[-1].entry_id)
    return found
