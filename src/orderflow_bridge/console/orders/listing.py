"""One page of the list of orders, and the ways to those beside it."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from orderflow_bridge.console.orders.filters import Filter, Position
from orderflow_bridge.domain.order import Order
from orderflow_bridge.orders import Orders

__all__ = ["ROWS", "Listing", "list_orders"]

ROWS = 50
"""How many orders a page has."""


class Listing(Struct, frozen=True, kw_only=True):
    """Orders, newest first; `newer` and `older` are query strings, None where there are none."""

    orders: Sequence[Order]
    newer: str | None
    older: str | None


def list_orders(orders: Orders, asked: Filter, *, can_search: bool) -> Listing:
    """Read a page; without the capability `search` the only way to newer ones is the first page."""
    position = asked.position
    if position is not None and position.direction == "newer" and can_search:
        return _newer(orders, asked, position)
    after = position.order if position is not None and position.direction == "after" else None
    found = orders.search(replace(asked.query, after=after, limit=ROWS + 1))
    rows = found[:ROWS]
    newer = None
    if after is not None:
        # The order that the page comes after is newer: there is always a way to it.
        newer = (
            asked.href(Position("newer", _place(rows[0]))) if rows and can_search else _top(asked)
        )
    older = asked.href(Position("after", _place(rows[-1]))) if len(found) > ROWS else None
    return Listing(orders=rows, newer=newer, older=older)


def _newer(orders: Orders, asked: Filter, position: Position) -> Listing:
    found = orders.newer(replace(asked.query, limit=ROWS + 1), than=position.order)
    rows = found[-ROWS:]
    if not rows:
        return list_orders(orders, replace(asked, position=None), can_search=True)
    newer = asked.href(Position("newer", _place(rows[0]))) if len(found) > ROWS else None
    return Listing(orders=rows, newer=newer, older=asked.href(Position("after", _place(rows[-1]))))


def _top(asked: Filter) -> str:
    return asked.href() or "?"


def _place(order: Order) -> tuple[int, str]:
    return order.placed_at, order.order_id
