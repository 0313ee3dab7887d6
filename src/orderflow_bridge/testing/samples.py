"""Carts, orders, connections and products to keep: what the storage contracts work with."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec.structs import replace

from orderflow_bridge.capabilities import products_of
from orderflow_bridge.domain.cart import Cart, Conversion, Notice
from orderflow_bridge.domain.connection import Connection, Issue
from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.order import Line, Order, Payment, Totals
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.ports import Storage, Unit

__all__ = [
    "ADDRESS",
    "NOW",
    "OTHER",
    "SHOP",
    "add",
    "cart",
    "claimed",
    "connection",
    "entry",
    "line",
    "most",
    "order",
    "put",
    "transact",
]

_T = TypeVar("_T")
_ATTEMPTS = 50

SHOP = "ofc_shop0000000000000000"
"""The client id of the connection that the samples belong to."""
OTHER = "ofc_other000000000000000"
"""The client id of another one."""
NOW = 1_800_000_000_123
"""A time as it really is, in Unix ms: far beyond 32 bits, where most samples are small."""

ADDRESS = Address(
    name="Zoë 🌍", line1="1 High Street", city="Leeds", postal_code="LS1 1AA", country="GB"
)


def connection(client_id: str = SHOP, **changes: Any) -> Connection:
    """Make a connection with everything set."""
    return replace(
        Connection(
            client_id=client_id,
            name="Zoë's shop",
            channel="shop",
            scopes=frozenset({"carts:read", "orders:write"}),
            allow_list=("203.0.113.0/24",),
            current=Issue("k1", bytes(range(16))),
            previous=Issue("k0", bytes(16)),
            previous_until=5,
            created_at=1,
            updated_at=1,
        ),
        **changes,
    )


def line(sku: str = "TEA-1", quantity: int = 2) -> Line:
    """Make a line at 250 a piece."""
    return Line(
        line_id=f"line_{sku}",
        sku=sku,
        name="Tea ☕",
        quantity=quantity,
        unit_price=250,
        subtotal=250 * quantity,
        discount=0,
        tax=0,
        total=250 * quantity,
        options={"size": "L"},
        metadata={"gift": True, "count": 3, "note": 'a "quote", \\ and \x7f'},
    )


def most() -> Totals:
    """Make the totals of the largest amount that JSON carries exactly."""
    return Totals(item_count=1, subtotal=2**53 - 1, total=2**53 - 1)


def cart(cart_id: str = "cart_1", **changes: Any) -> Cart:
    """Make an open cart of two lines that expires at 1,000."""
    lines = (line("TEA-1"), line("CUP-1", 1))
    return replace(
        Cart(
            cart_id=cart_id,
            connection=SHOP,
            currency="GBP",
            lines=lines,
            own_prices=frozenset({"line_CUP-1"}),
            totals=Totals(item_count=3, subtotal=750, total=750),
            customer=Customer(email="Zoe@Example.com", name="Zoë"),
            shipping_address=ADDRESS,
            notices=(Notice(code="price_changed", line_id="line_TEA-1", before=1, to=2),),
            created_at=1,
            updated_at=1,
            expires_at=1_000,
        ),
        **changes,
    )


def claimed(cart_id: str, lease_until: int, **changes: Any) -> Cart:
    """Make a cart that a conversion claims until `lease_until`."""
    conversion = Conversion(token=SHOP, lease_until=lease_until, draft=order("order_draft"))
    return cart(cart_id, conversion=conversion, **changes)


def order(order_id: str = "order_1", **changes: Any) -> Order:
    """Make an order of its own cart and intent."""
    return replace(
        Order(
            order_id=order_id,
            connection=SHOP,
            channel="shop",
            cart_id=f"cart_of_{order_id}",
            currency="GBP",
            lines=(line("TEA-1"), line("CUP-1", 1)),
            totals=Totals(item_count=3, subtotal=750, total=750),
            customer=Customer(email="zoe@example.com"),
            shipping_address=ADDRESS,
            billing_address=ADDRESS,
            payment=Payment(intent=f"pi_{order_id}"),
            metadata={"gift": False},
            placed_at=100,
            updated_at=100,
            taken={"TEA-1": 2},
        ),
        **changes,
    )


def add(storage: Storage, *kept: Cart | Order | Connection) -> None:
    """Keep carts, orders and connections in one unit."""
    with storage.writing() as unit:
        for one in kept:
            if isinstance(one, Cart):
                unit.carts.add(one)
            elif isinstance(one, Order):
                unit.orders.place(one)
            else:
                unit.connections.add(one)


def entry(sku: str, **changes: Any) -> CatalogueEntry:
    """Make an untracked product at 100 GBP."""
    return replace(CatalogueEntry(sku=sku, name=sku, prices={"GBP": 100}), **changes)


def put(storage: Storage, *entries: CatalogueEntry) -> None:
    """Put products in a unit of their own."""
    with storage.writing() as unit:
        products_of(unit).put(entries)


def transact(storage: Storage, act: Callable[[Unit], _T]) -> _T:
    """Run `act` in a writing unit, and again after a conflict, as the bridge does."""
    for _ in range(_ATTEMPTS):
        try:
            with storage.writing() as unit:
                return act(unit)
        except Conflict:
            continue
    raise AssertionError(f"{_ATTEMPTS} conflicts in a row")
