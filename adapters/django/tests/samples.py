"""A cart and an order to keep."""

from msgspec.structs import replace
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.order import Line, Order, Payment, Totals

SHOP = "ofc_shop0000000000000000"


def line() -> Line:
    return Line(
        line_id="line_1",
        sku="TEA",
        name="Tea ☕",
        quantity=2,
        unit_price=250,
        subtotal=500,
        discount=0,
        tax=0,
        total=500,
    )


def cart(cart_id: str = "cart_1", **changes) -> Cart:
    """Make a cart that expires at 1,000."""
    made = Cart(
        cart_id=cart_id,
        connection=SHOP,
        currency="GBP",
        lines=(line(),),
        totals=Totals(item_count=2, subtotal=500, total=500),
        created_at=1,
        updated_at=1,
        expires_at=1_000,
    )
    return replace(made, **changes)


def order(order_id: str = "order_1", **changes) -> Order:
    """Make an order of its own cart and intent."""
    address = Address(name="Zoë 🌍", line1="1 High Street", city="Leeds", country="GB")
    made = Order(
        order_id=order_id,
        connection=SHOP,
        channel="shop",
        cart_id=f"cart_of_{order_id}",
        currency="GBP",
        lines=(line(),),
        totals=Totals(item_count=2, subtotal=500, total=500),
        customer=Customer(email="zoe@example.com"),
        shipping_address=address,
        billing_address=address,
        payment=Payment(intent=f"pi_{order_id}"),
        placed_at=100,
        updated_at=100,
    )
    return replace(made, **changes)


def add(storage, *carts: Cart) -> None:
    """Keep carts in one unit."""
    with storage.writing() as unit:
        for one in carts:
            unit.carts.add(one)


def find(storage, cart_id: str = "cart_1") -> Cart | None:
    """Read a cart in a unit of its own."""
    with storage.reading() as unit:
        return unit.carts.find(cart_id, connection=SHOP)
