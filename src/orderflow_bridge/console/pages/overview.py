"""The overview: what was ordered lately, what was refused, and what to do first."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from msgspec import Struct

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console.charts import Bar, bar_chart
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer
from orderflow_bridge.console.routes import Route
from orderflow_bridge.console.takings import Day, Summary, last_days, summaries
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.http import CODES
from orderflow_bridge.ports import CartQuery, OrderQuery

__all__ = ["ROUTES"]

_DAYS = 30
_NEWEST = 5
_CHARTS = 3
_SCREENS: Mapping[str, int] = {"wide": 720, "narrow": 340}
_REFUSALS = 10
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Chart(Struct, frozen=True, kw_only=True):
    """What was paid in one currency, as a picture and as the days of its table."""

    summary: Summary
    pictures: Mapping[str, Markup]
    """One for each kind of screen, by the class that shows it."""
    days: Sequence[tuple[str, int, int]]
    """Day, orders and sum."""


class Refused(Struct, frozen=True, kw_only=True):
    """How often a code was answered, and what it says."""

    code: str
    title: str
    times: int


class Steps(Struct, frozen=True, kw_only=True):
    """How far a new bridge has come."""

    connected: bool
    signed: bool
    ordered: bool


def shown(desk: Desk, visit: Visit) -> Answer:
    """Show the overview."""
    bridge = desk.bridge
    connections = bridge.connections.all()
    newest = bridge.orders.search(OrderQuery(limit=_NEWEST))
    days = last_days(visit.zone, visit.now, _DAYS)
    can_sum = "search" in bridge.capabilities
    found = summaries(bridge.orders, days) if can_sum else ()
    return desk.show(
        visit,
        "overview.html",
        days=_DAYS,
        can_sum=can_sum,
        summaries=found[:_CHARTS],
        others=found[_CHARTS:],
        charts=[_chart(one, days) for one in found[:_CHARTS] if one.paid.orders],
        newest=newest,
        names={one.client_id: one.name for one in connections},
        connections=len(connections),
        enabled=sum(one.status == "enabled" for one in connections),
        refused=_refused(desk),
        steps=Steps(
            connected=bool(connections),
            signed=bool(newest) or _was_signed(bridge, visit.now),
            ordered=bool(newest),
        ),
    )


def _chart(summary: Summary, days: Sequence[Day]) -> Chart:
    currency = summary.currency
    by_day = list(zip(days, summary.paid_by_day, strict=True))
    bars = [
        Bar(
            value=one.total,
            label=_day(day.name),
            text=f"{day.name}: {format_price(one.total, currency)} {currency}",
        )
        for day, one in by_day
    ]
    total = f"{format_price(summary.paid.total, currency)} {currency}"
    return Chart(
        summary=summary,
        pictures={
            screen: bar_chart(
                bars,
                name=f"paid-{currency}-{screen}",
                title=f"Paid orders in {currency} by day",
                description=f"{total} in {summary.paid.orders} orders since {days[0].name}.",
                scale=lambda amount: _price(amount, currency),
                width=width,
            )
            for screen, width in _SCREENS.items()
        },
        days=[(day.name, one.orders, one.total) for day, one in by_day],
    )


def _day(name: str) -> Markup:
    """Write a day without its year; a script may write it as the reader's language does."""
    _, month, day = name.split("-")
    text = f"{int(day)} {_MONTHS[int(month) - 1]}"
    return Markup('<tspan data-day="{}">{}</tspan>').format(name, text)


def _price(amount: int, currency: str) -> Markup:
    """Write an amount at the grid; a script adds the currency, as the reader's language does."""
    price = format_price(amount, currency)
    return Markup('<tspan data-price="{}" data-currency="{}">{}</tspan>').format(
        price, currency, price
    )


def _refused(desk: Desk) -> Sequence[Refused]:
    return [
        Refused(code=code, title=CODES[code][1] if code in CODES else "", times=times)
        for code, times in desk.refusals()[:_REFUSALS]
    ]


def _was_signed(bridge: Bridge, now: int) -> bool:
    """Tell whether a storefront got in once, as far as anything is left of it."""
    if bridge.journal.is_kept and bridge.journal.page(refused=False, limit=1):
        return True
    return "search" in bridge.capabilities and bool(
        bridge.carts.search(CartQuery(now=now, limit=1))
    )


ROUTES = (Route(method="GET", path="/", page=shown),)
