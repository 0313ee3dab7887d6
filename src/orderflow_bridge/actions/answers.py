"""Carts and orders as a storefront sees them (protocol §4)."""

from datetime import datetime

from msgspec import Struct

from orderflow_bridge.domain.cart import Cart, CartStatus, Notice
from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.order import Line, Metadata, Order, OrderStatus, Payment, Totals
from orderflow_bridge.domain.time import as_utc

__all__ = ["CartAnswer", "OrderAnswer", "cart_answer", "order_answer"]


class CartAnswer(Struct, frozen=True):
    """A cart in an answer."""

    cart_id: str
    status: CartStatus
    version: int
    currency: str
    lines: tuple[Line, ...]
    totals: Totals
    customer: Customer | None
    shipping_address: Address | None
    billing_address: Address | None
    shipping_method: str | None
    note: str | None
    metadata: Metadata
    notices: tuple[Notice, ...]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


class OrderAnswer(Struct, frozen=True):
    """An order in an answer."""

    order_id: str
    number: str
    status: OrderStatus
    cart_id: str
    channel: str
    currency: str
    lines: tuple[Line, ...]
    totals: Totals
    customer: Customer
    shipping_address: Address
    billing_address: Address
    shipping_method: str | None
    payment: Payment
    purchase_order: str | None
    note: str | None
    metadata: Metadata
    placed_at: datetime
    updated_at: datetime


def cart_answer(cart: Cart, now: int) -> CartAnswer:
    """Show `cart` as it is at `now` (Unix ms)."""
    return CartAnswer(
        cart.cart_id,
        cart.status(now),
        cart.version,
        cart.currency,
        cart.lines,
        cart.totals,
        cart.customer,
        cart.shipping_address,
        cart.billing_address,
        cart.shipping_method,
        cart.note,
        cart.metadata,
        cart.notices,
        as_utc(cart.created_at),
        as_utc(cart.updated_at),
        as_utc(cart.expires_at),
    )


def order_answer(order: Order) -> OrderAnswer:
    """Show `order`."""
    return OrderAnswer(
        order.order_id,
        order.number,
        order.status,
        order.cart_id,
        order.channel,
        order.currency,
        order.lines,
        order.totals,
        order.customer,
        order.shipping_address,
        order.billing_address,
        order.shipping_method,
        order.payment,
        order.purchase_order,
        order.note,
        order.metadata,
        as_utc(order.placed_at),
        as_utc(order.updated_at),
    )
