"""What was ordered in the last days of the operator's zone: by status and currency, day by day."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from msgspec import Struct

from orderflow_bridge.console.zones import Zone
from orderflow_bridge.domain.order import OrderStatus
from orderflow_bridge.orders import Orders

__all__ = ["Day", "Sum", "Summary", "last_days", "summaries"]


class Day(Struct, frozen=True, kw_only=True):
    """A day `2026-03-01` where the operator is: [begin, end) in Unix ms; 23, 24 or 25 hours."""

    name: str
    begin: int
    end: int


class Sum(Struct, frozen=True):
    """How many orders there are, and the sum of their totals in minor units."""

    orders: int = 0
    total: int = 0


class Summary(Struct, frozen=True, kw_only=True):
    """The orders of one currency; `paid_by_day` has a sum for each day."""

    currency: str
    paid: Sum
    pending: Sum
    cancelled: Sum
    paid_by_day: Sequence[Sum]


def last_days(zone: Zone, now: int, number: int) -> Sequence[Day]:
    """Give the last days, the one of `now` (Unix ms) included, oldest first.

    A day that a zone leaves out is left out.
    """
    today = zone.local(now).date()
    names = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(number))]
    days = [
        Day(name=name, begin=zone.day_begins(name) or 0, end=zone.day_ends(name) or 0)
        for name in names
    ]
    return [day for day in days if day.begin < day.end]


def summaries(orders: Orders, days: Sequence[Day]) -> Sequence[Summary]:
    """Sum what was placed on those days, the currency with the most paid orders first.

    Orders count on the day that they were placed. Raises `ConfigurationError` where the storage
    has not the capability `search`.
    """
    sums: dict[str, dict[OrderStatus, Sum]] = {}
    by_day: dict[str, dict[int, Sum]] = {}
    for length, span in groupby(days, key=lambda day: day.end - day.begin):
        same = list(span)
        found = orders.takings(
            placed_after=same[0].begin, placed_before=same[-1].end, length=length
        )
        for begin, takings in found.items():
            for taking in takings:
                of_currency = sums.setdefault(taking.currency, {})
                before = of_currency.get(taking.status, Sum())
                of_currency[taking.status] = Sum(
                    before.orders + taking.orders, before.total + taking.total
                )
                if taking.status == "paid":
                    day = by_day.setdefault(taking.currency, {})
                    day[begin] = Sum(taking.orders, taking.total)
    made = [
        Summary(
            currency=currency,
            paid=found_sums.get("paid", Sum()),
            pending=found_sums.get("pending_payment", Sum()),
            cancelled=found_sums.get("cancelled", Sum()),
            paid_by_day=[by_day.get(currency, {}).get(day.begin, Sum()) for day in days],
        )
        for currency, found_sums in sums.items()
    ]
    return sorted(made, key=lambda one: (-one.paid.orders, -one.pending.orders, one.currency))
