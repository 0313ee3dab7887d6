"""`orders`: find, settle and cancel what was ordered."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import click
import msgspec

from orderflow_bridge.actions.answers import order_answer
from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.actor import actor_option
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import plain, table
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.ports import OrderQuery

__all__ = ["orders"]

_NUMBER = re.compile(r"OF-[0-9]+", re.IGNORECASE)
_PAGE = 500
_ORDER = "order"


@click.group(cls=LazyGroup, short_help="Find, settle and cancel orders.")
def orders() -> None:
    """Find, settle and cancel orders; ORDER is an order id or a number such as OF-000123."""


@orders.command(name="list")
@click.option("--status", type=click.Choice(get_args(OrderStatus)), help="Only this status.")
@click.option("--email", help="Only this customer's; upper and lower case are the same.")
@click.option("--connection", metavar="CLIENT_ID", help="Only this connection's.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The most to list."
)
@click.pass_obj
def list_(
    invocation: Invocation,
    *,
    status: OrderStatus | None,
    email: str | None,
    connection: str | None,
    limit: int,
) -> None:
    """List orders, newest first."""
    query = OrderQuery(status=status, email=email, connection=connection, limit=limit)
    with invocation.bridge() as bridge:
        if connection is not None:
            bridge.connections.find(connection)
        found = bridge.orders.search(query)
    text = table(
        ("number", "status", "total", "currency", "email", "placed at", "order id"),
        [
            (
                order.number,
                order.status,
                format_price(order.totals.total, order.currency),
                order.currency,
                order.customer.email,
                as_utc(order.placed_at).isoformat(timespec="seconds"),
                order.order_id,
            )
            for order in found
        ],
        right=("total",),
    )
    empty = "No such order." if status or email or connection else "There is no order."
    invocation.output.show(
        {"orders": [_document(order) for order in found]}, text if found else empty
    )


@orders.command()
@click.argument(_ORDER)
@click.pass_obj
def show(invocation: Invocation, *, order: str) -> None:
    """Show one order whole."""
    with invocation.bridge() as bridge:
        found = _find(bridge, order)
    _show(invocation, found)


@orders.command()
@click.argument(_ORDER)
@actor_option
@click.pass_obj
def settle(invocation: Invocation, *, order: str, actor: str) -> None:
    """Record that the whole total of an order arrived, and mark it paid."""
    with invocation.bridge() as bridge, _silent_payments():
        found = bridge.orders.settle(_find(bridge, order).order_id, actor=actor)
    _show(invocation, found)


@orders.command()
@click.argument(_ORDER)
@click.option("--reason", help="Why, in up to 300 characters; kept with the order.")
@actor_option
@click.pass_obj
def cancel(invocation: Invocation, *, order: str, reason: str | None, actor: str) -> None:
    """Cancel an unpaid order, and give back its stock."""
    with invocation.bridge() as bridge:
        found = bridge.orders.cancel(_find(bridge, order).order_id, reason=reason, actor=actor)
    _show(invocation, found)


@contextmanager
def _silent_payments() -> Iterator[None]:
    """Keep the payments' log quiet: what it would say is printed as a warning."""
    log = logging.getLogger("orderflow_bridge.payments")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _find(bridge: Bridge, order: str) -> Order:
    """Find an order by its id, or by its number: that one by looking from the newest back."""
    if not _NUMBER.fullmatch(order):
        return bridge.orders.find(order)
    number = order.upper()
    after: tuple[int, str] | None = None
    while page := bridge.orders.search(OrderQuery(after=after, limit=_PAGE)):
        for found in page:
            if found.number == number:
                return found
        after = (page[-1].placed_at, page[-1].order_id)
    raise BridgeError("order_not_found", "There is no order with that number.")


def _document(order: Order) -> dict[str, Any]:
    answer = msgspec.structs.asdict(order_answer(order))
    return {
        **answer,
        "connection": order.connection,
        "cancel_reason": order.cancel_reason,
        "warnings": _warnings(order),
    }


def _warnings(order: Order) -> list[str]:
    if order.payment.state == "paid_after_cancel":
        return ["The order was cancelled before the money came: refund it."]
    return []


def _show(invocation: Invocation, order: Order) -> None:
    def money(amount: int) -> str:
        return format_price(amount, order.currency)

    address = order.shipping_address
    place = (address.name, address.line1, address.postal_code, address.city, address.country)
    totals = order.totals
    facts = {
        "number": order.number,
        "order id": order.order_id,
        "status": order.status,
        "payment": f"{order.payment.state} ({order.payment.intent})",
        "customer": order.customer.email,
        "ship to": ", ".join(part for part in place if part),
        "placed": as_utc(order.placed_at).isoformat(timespec="seconds"),
        "connection": f"{order.connection} ({order.channel})",
    }
    if order.cancel_reason:
        facts["cancelled"] = order.cancel_reason
    lines = table(
        ("sku", "name", "quantity", "unit price", "total"),
        [
            (line.sku, line.name, str(line.quantity), money(line.unit_price), money(line.total))
            for line in order.lines
        ],
        right=("quantity", "unit price", "total"),
    )
    sums = (
        f"subtotal {money(totals.subtotal)}, discount {money(totals.discount)},"
        f" shipping {money(totals.shipping)}, tax {money(totals.tax)},"
        f" total {money(totals.total)} {order.currency}"
    )
    head = "\n".join(f"{name + ':':12}{plain(fact)}" for name, fact in facts.items())
    invocation.output.show(_document(order), f"{head}\n\n{lines}\n\n{sums}")
    for warning in _warnings(order):
        invocation.output.warn(warning)
