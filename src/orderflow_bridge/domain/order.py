"""An order: written once from a cart, then moved through guarded states."""

from typing import Literal

from msgspec import Struct, field

from orderflow_bridge.domain.customer import Address, Customer

__all__ = ["Line", "Metadata", "Order", "OrderStatus", "Payment", "PaymentState", "Totals"]

OrderStatus = Literal["pending_payment", "paid", "cancelled"]
PaymentState = Literal["pending", "paid", "paid_after_cancel"]
Metadata = dict[str, str | int | bool]


class Line(Struct, frozen=True, kw_only=True):
    """One line of a cart or an order; money in minor units.

    Without tax in the prices `total = subtotal - discount + tax`; with it `total = subtotal -
    discount`, and `tax` is the part contained in it.
    """

    line_id: str
    sku: str
    name: str
    quantity: int
    unit_price: int
    subtotal: int
    discount: int
    tax: int
    total: int
    options: dict[str, str] = field(default_factory=dict)
    metadata: Metadata = field(default_factory=dict)


class Totals(Struct, frozen=True, kw_only=True):
    """The sums of a cart or order; each is exactly the sum of the lines' parts."""

    item_count: int = 0
    subtotal: int = 0
    discount: int = 0
    shipping: int = 0
    tax: int = 0
    total: int = 0


class Payment(Struct, frozen=True, kw_only=True):
    """The payment provider's reference, and what is known of it."""

    intent: str
    state: PaymentState = "pending"


class Order(Struct, frozen=True, kw_only=True):
    """An order of one connection; money in minor units, times in Unix ms.

    `number` is given by the storage when the order is placed. `taken` is the tracked stock that
    went with it, so that a cancellation gives back exactly that.
    """

    order_id: str
    number: str = ""
    connection: str
    channel: str
    status: OrderStatus = "pending_payment"
    cart_id: str
    currency: str
    lines: tuple[Line, ...]
    totals: Totals
    customer: Customer
    shipping_address: Address
    billing_address: Address
    shipping_method: str | None = None
    payment: Payment
    purchase_order: str | None = None
    note: str | None = None
    metadata: Metadata = field(default_factory=dict)
    placed_at: int
    updated_at: int
    taken: dict[str, int] = field(default_factory=dict)
    cancel_reason: str | None = None
