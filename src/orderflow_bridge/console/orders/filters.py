"""What the list of orders is restricted to: the query string is the whole of its state.

Also the zone of its days is in it (`tz`), so that a link finds the same orders for everyone.
"""

import re
from collections.abc import Container, Mapping
from typing import Literal, cast, get_args
from urllib.parse import urlencode

from msgspec import Struct

from orderflow_bridge.console.forms import Fields
from orderflow_bridge.console.orders.finding import is_email
from orderflow_bridge.console.zones import Zone
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.ports import OrderQuery

__all__ = ["Filter", "Position", "read_filter"]

_FIELDS = ("status", "connection", "from", "to", "q")
_POSITION = re.compile(r"([0-9]{1,15})\.([!-~]{1,64})")
_DAYS = ("from", "to")
_ZONE = "tz"
_A_DAY = "Write a day like 2026-03-01."


class Position(Struct, frozen=True):
    """Where a page of the list begins: `after` an order, or with those `newer` than one.

    `order` is its (placed_at, order_id).
    """

    direction: Literal["after", "newer"]
    order: tuple[int, str]


class Filter(Struct, frozen=True, kw_only=True):
    """What was asked for; where `problems` (by field) are, `query` restricts nothing.

    `typed` has the fields as they were typed, without the empty ones, and where there are days,
    with the name of their `zone`. `text` is what was searched for, empty where it is an e-mail
    address and so part of `query`.
    """

    typed: Mapping[str, str]
    query: OrderQuery
    zone: Zone
    text: str
    position: Position | None
    problems: Mapping[str, str]

    def href(self, position: Position | None = None, **changes: str) -> str:
        """Give the query string of the same list, with some fields changed, at a position."""
        fields = {name: value for name, value in {**self.typed, **changes}.items() if value}
        if position is not None:
            at, order_id = position.order
            fields[position.direction] = f"{at}.{order_id}"
        return "?" + urlencode(fields) if fields else ""

    def admits(self, order: Order) -> bool:
        """Tell whether an order that was found by its name is one of those that were asked for."""
        asked = self.query
        return (
            asked.status in (None, order.status)
            and asked.connection in (None, order.connection)
            and (asked.placed_after is None or asked.placed_after <= order.placed_at)
            and (asked.placed_before is None or order.placed_at < asked.placed_before)
        )

    @property
    def restricts(self) -> bool:
        """Tell whether there may be orders that it leaves out."""
        return bool(self.typed)


def read_filter(fields: Fields, zone: Zone, connections: Container[str]) -> Filter:
    """Read a query string; `connections` are the client ids there are.

    Days are those of the zone that it names, else of `zone`.
    """
    typed = {name: fields.first(name) for name in _FIELDS if fields.first(name)}
    problems: dict[str, str] = {}
    if any(name in typed for name in _DAYS):
        named = fields.first(_ZONE) or zone.name
        known = Zone.known(named)
        if known is None:
            problems[_ZONE] = "There is no such time zone."
        else:
            zone = known
            typed[_ZONE] = named
    status, connection, text = (typed.get(name) for name in ("status", "connection", "q"))
    if status is not None and status not in get_args(OrderStatus):
        problems["status"] = "There is no such status."
    if connection is not None and connection not in connections:
        problems["connection"] = "There is no such connection."
    begin = zone.day_begins(typed["from"]) if "from" in typed else None
    end = zone.day_ends(typed["to"]) if "to" in typed else None
    if "from" in typed and begin is None:
        problems["from"] = _A_DAY
    if "to" in typed and end is None:
        problems["to"] = _A_DAY
    if begin is not None and end is not None and end <= begin:
        problems["to"] = "This day is before the first one."
    email = text if text is not None and is_email(text) else None
    position, problem = _position(fields)
    if problem:
        problems["position"] = problem
    query = OrderQuery(
        status=cast("OrderStatus | None", status),
        connection=connection,
        placed_after=begin,
        placed_before=end,
        email=email,
    )
    return Filter(
        typed=typed,
        query=OrderQuery() if problems else query,
        zone=zone,
        text="" if email is not None or text is None else text,
        position=position,
        problems=problems,
    )


def _position(fields: Fields) -> tuple[Position | None, str]:
    after, newer = fields.first("after"), fields.first("newer")
    if not after and not newer:
        return None, ""
    found = _POSITION.fullmatch(after or newer)
    if found is None or (after and newer):
        return None, "There is no such page of the list."
    return Position("after" if after else "newer", (int(found[1]), found[2])), ""
