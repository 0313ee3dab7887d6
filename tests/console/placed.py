"""Orders for the console's tests: as many as are wanted, when, whose and for how much."""

from collections.abc import Iterable, Sequence
from typing import Any

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import BridgeConsole
from orderflow_bridge.domain.order import Order, OrderStatus, Payment, PaymentState, Totals
from orderflow_bridge.testing import samples
from tests.console.stage import browser, by_header
from tests.rig import TestShop

__all__ = ["AT", "PLACED", "make", "numbers_of", "open_console", "place", "place_many"]

AT = "/bridge-console"
PLACED = 1_767_225_600_000
"""2026-01-01 00:00 UTC, the time that the tests' clock shows."""


def open_console(shop: TestShop | Bridge, who: str = "olga operator", **environ: str) -> Any:
    bridge = shop.bridge if isinstance(shop, TestShop) else shop
    return browser(BridgeConsole(bridge, identify=by_header), who, **environ)


def make(
    name: str, *, total: int = 750, status: OrderStatus = "pending_payment", **changes: Any
) -> Order:
    """Make an order as a conversion would have placed it; its time stands still since."""
    state: PaymentState = "paid" if status == "paid" else "pending"
    changes.setdefault("payment", Payment(intent=f"pi_{name}", state=state))
    changes.setdefault("totals", Totals(item_count=3, subtotal=total, total=total))
    placed_at = changes.pop("placed_at", PLACED)
    return samples.order(
        f"order_{name}",
        cart_id=f"cart_{name}",
        status=status,
        placed_at=placed_at,
        updated_at=placed_at,
        taken={},
        **changes,
    )


def place(bridge: Bridge, name: str, **changes: Any) -> Order:
    """Keep an order, and its connection where there is none yet."""
    return _kept(bridge, [make(name, **changes)])[0]


def place_many(bridge: Bridge, times: Iterable[int]) -> list[Order]:
    """Keep an order for each time, in one unit."""
    return _kept(bridge, [make(f"{n:04}", placed_at=at) for n, at in enumerate(times)])


def _kept(bridge: Bridge, orders: Sequence[Order]) -> list[Order]:
    with bridge._storage.writing() as unit:
        for client_id in {order.connection for order in orders}:
            if unit.connections.find(client_id) is None:
                unit.connections.add(samples.connection(client_id))
        return [unit.orders.place(order) for order in orders]


def numbers_of(page: Any) -> list[str]:
    """Read the numbers of the orders that a page lists, from the top."""
    return [row.a.get_text() for row in page.html.select("table.orders tbody th")]
