"""Shop → Orders: the list, and what it exports."""

from collections.abc import Mapping
from urllib.parse import quote

from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.links import query_of
from orderflow_bridge.console.orders.export import export, written
from orderflow_bridge.console.orders.filters import Filter, read_filter
from orderflow_bridge.console.orders.finding import (
    HINT,
    NOT_BY_NUMBER,
    find_named,
    is_name,
    needs_search,
)
from orderflow_bridge.console.orders.listing import Listing, list_orders
from orderflow_bridge.console.routes import Route
from orderflow_bridge.domain.order import Order
from orderflow_bridge.security.cards import is_card

__all__ = ["ROUTES"]

_TABS = (
    ("", "All"),
    ("pending_payment", "Pending payment"),
    ("paid", "Paid"),
    ("cancelled", "Cancelled"),
)
_SAID: Mapping[str, str] = {
    "card": "What was typed looks like a card number. It was not searched for; clear it from the"
    " browser's history, too.",
}
_INVALID = 422


def listed(desk: Desk, visit: Visit) -> Answer:
    """Show a page of the list, or go straight to the one order that was looked for by its name."""
    names = desk.names()
    asked = read_filter(visit.request.query, visit.zone, names)
    refused = _refused(desk, visit, asked, names)
    if refused is not None:
        return refused
    if asked.text:
        named = _named(desk, asked)
        if named is not None:
            return _to(visit, named)
        return _shown(desk, visit, asked, names, Listing(orders=(), newer=None, older=None))
    listing = list_orders(desk.bridge.orders, asked, can_search=_can_search(desk))
    if set(asked.typed) == {"q"} and asked.position is None and len(listing.orders) == 1:
        return _to(visit, listing.orders[0])
    return _shown(desk, visit, asked, names, listing)


def exported(desk: Desk, visit: Visit) -> Answer:
    """Send every order of the list as CSV, however many pages it has."""
    names = desk.names()
    asked = read_filter(visit.request.query, visit.zone, names)
    refused = _refused(desk, visit, asked, names)
    if refused is not None:
        return refused
    day = f"{visit.zone.local(visit.now):%Y-%m-%d}"
    headers = (
        ("Content-Type", "text/csv; charset=utf-8; header=present"),
        ("Content-Disposition", f'attachment; filename="orders-{day}.csv"'),
    )
    if asked.text:
        named = _named(desk, asked)
        one = [] if named is None else [named]
        return Answer(headers=headers, body=written(one, names, header=True))
    return Answer(headers=headers, body=export(desk.bridge.orders, asked.query, names))


def _can_search(desk: Desk) -> bool:
    return "search" in desk.bridge.capabilities


def _named(desk: Desk, asked: Filter) -> Order | None:
    found = find_named(desk.bridge.orders, asked.text, can_search=_can_search(desk))
    return found if found is not None and asked.admits(found) else None


def _to(visit: Visit, order: Order) -> Answer:
    return redirect(visit.request, f"/orders/{quote(order.order_id, safe='')}")


def _refused(desk: Desk, visit: Visit, asked: Filter, names: Mapping[str, str]) -> Answer | None:
    """Answer what cannot be asked; a card number does not stay in the address of the page."""
    if any(is_card(text) for text in asked.typed.values()):
        return redirect(visit.request, "/orders?said=card")
    problems = dict(asked.problems)
    if asked.text and not is_name(asked.text):
        problems["q"] = "Nothing is called that. Names are not searched."
    elif asked.text and needs_search(asked.text) and not _can_search(desk):
        problems["q"] = NOT_BY_NUMBER
    if not problems:
        return None
    nothing = Listing(orders=(), newer=None, older=None)
    return _shown(desk, visit, asked, names, nothing, problems=problems)


def _shown(
    desk: Desk,
    visit: Visit,
    asked: Filter,
    names: Mapping[str, str],
    listing: Listing,
    *,
    problems: Mapping[str, str] | None = None,
) -> Answer:
    return desk.show(
        visit,
        "orders/list.html",
        status=_INVALID if problems else 200,
        asked=asked,
        names=names,
        listing=listing,
        problems=problems or {},
        said=_SAID.get(visit.request.query.first("said")),
        tabs=[(status, text, asked.href(status=status)) for status, text in _TABS],
        everywhere=query_of({"q": asked.typed.get("q", "")}) if len(asked.typed) > 1 else None,
        hint=HINT,
        can_search=_can_search(desk),
    )


ROUTES = (
    Route(method="GET", path="/orders", page=listed),
    Route(method="GET", path="/orders.csv", page=exported),
)
