"""`cart.create`, `cart.get`, `cart.update`."""

from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from orderflow_bridge.actions.action import Work
from orderflow_bridge.actions.answers import CartAnswer, cart_answer
from orderflow_bridge.actions.baskets import (
    find_cart,
    open_cart,
    priced,
    refuse_bulk,
    refuse_unknown_method,
    save_cart,
)
from orderflow_bridge.actions.fields import (
    CartPart,
    Currency,
    ItemMetadata,
    Items,
    Method,
    Note,
    own_price_scopes,
)
from orderflow_bridge.actions.items import with_items
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.money import CURRENCIES
from orderflow_bridge.domain.order import Totals

_T = TypeVar("_T")

__all__ = ["CreateCart", "GetCart", "UpdateCart", "create", "get", "scopes_of_create", "update"]


class CreateCart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{currency?, items?, customer?, metadata?}`."""

    currency: Currency | None = None
    items: Items | None = None
    customer: Customer | None = None
    metadata: ItemMetadata | None = None


class GetCart(CartPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{cart_id}`."""


class UpdateCart(CartPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Absent keeps, null clears, an object replaces whole."""

    customer: Customer | UnsetType | None = UNSET
    shipping_address: Address | UnsetType | None = UNSET
    billing_address: Address | UnsetType | None = UNSET
    shipping_method: Method | UnsetType | None = UNSET
    note: Note | UnsetType | None = UNSET
    metadata: ItemMetadata | UnsetType | None = UNSET
    expected_version: int | None = None


def scopes_of_create(request: CreateCart) -> frozenset[str]:
    """Name the scope that a caller's own prices need."""
    return own_price_scopes(request.items or ())


def create(work: Work, request: CreateCart) -> CartAnswer:
    """Make a cart, with items if they are given."""
    currency = request.currency or work.connection.default_currency
    if currency is None:
        raise BridgeError(
            "invalid_request",
            "Give `currency`: the connection has no default.",
            {"errors": [{"path": "/currency", "message": "is required for this connection"}]},
        )
    if currency not in CURRENCIES:
        raise BridgeError("currency_not_supported", "Use a currency code of ISO 4217.")
    cart = Cart(
        cart_id=work.new_id("cart"),
        connection=work.connection.client_id,
        currency=currency,
        customer=request.customer,
        metadata=request.metadata or {},
        totals=Totals(),
        created_at=work.now,
        updated_at=work.now,
        expires_at=work.now + work.shop.settings.cart_lifetime * 1000,
    )
    if request.items:
        cart = with_items(work, cart, request.items)
        refuse_bulk(cart)
    work.unit.carts.add(cart)
    return cart_answer(cart, work.now)


def get(work: Work, request: GetCart) -> CartAnswer:
    """Show a cart; nothing is written, not even its expiry."""
    return cart_answer(find_cart(work, request.cart_id), work.now)


def _kept(given: _T | UnsetType, present: _T) -> _T:
    return present if isinstance(given, UnsetType) else given


def update(work: Work, request: UpdateCart) -> CartAnswer:
    """Change who and where; prices and shipping are computed anew."""
    cart = open_cart(work, request.cart_id, expected_version=request.expected_version)
    changed = replace(
        cart,
        customer=_kept(request.customer, cart.customer),
        shipping_address=_kept(request.shipping_address, cart.shipping_address),
        billing_address=_kept(request.billing_address, cart.billing_address),
        shipping_method=_kept(request.shipping_method, cart.shipping_method),
        note=_kept(request.note, cart.note),
        metadata=_kept(request.metadata, cart.metadata) or {},
    )
    if request.shipping_method is not UNSET:
        refuse_unknown_method(work, changed)
    return cart_answer(save_cart(work, priced(work, changed, changed.lines)), work.now)
