"""`items.add`, `items.update`, `items.remove`."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from orderflow_bridge.actions.action import Work
from orderflow_bridge.actions.answers import CartAnswer, cart_answer
from orderflow_bridge.actions.baskets import open_cart, priced, refuse_shortage, save_cart
from orderflow_bridge.actions.claims import held_stock
from orderflow_bridge.actions.fields import (
    CartPart,
    Items,
    ItemToAdd,
    Quantity,
    own_price_scopes,
)
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.order import Line
from orderflow_bridge.domain.product import Product
from orderflow_bridge.security.cards import is_card

__all__ = [
    "AddItems",
    "RemoveItems",
    "UpdateItems",
    "add",
    "remove",
    "scopes_of_add",
    "update",
    "with_items",
]


class AddItems(CartPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{cart_id, items: [{sku, quantity, ...}], expected_version?}`."""

    items: Items
    expected_version: int | None = None


class NewQuantity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line's new quantity; 0 removes it."""

    line_id: str
    quantity: Quantity


class UpdateItems(CartPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{cart_id, items: [{line_id, quantity}], expected_version?}`."""

    items: Annotated[tuple[NewQuantity, ...], Meta(min_length=1)]
    expected_version: int | None = None


class RemoveItems(CartPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`{cart_id, line_ids: [...], expected_version?}`."""

    line_ids: Annotated[tuple[str, ...], Meta(min_length=1)]
    expected_version: int | None = None


def scopes_of_add(request: AddItems) -> frozenset[str]:
    """Name the scope that a caller's own prices need."""
    return own_price_scopes(request.items)


def _refuse_quantity(work: Work, quantity: int, path: str) -> None:
    limit = work.shop.settings.max_quantity
    if quantity > limit:
        raise BridgeError(
            "quantity_limit", f"A line holds at most {limit}.", {"path": path, "limit": limit}
        )


def _new_line(
    work: Work, item: ItemToAdd, product: Product | None, currency: str, path: str
) -> Line:
    """Make a line of an item, with the catalogue's name and price unless the caller gave them."""
    name = item.name if product is None else item.name or product.name
    if name is None:
        raise BridgeError(
            "unknown_sku",
            "The catalogue does not sell this sku; with the scope prices:write, give"
            " `unit_price` and `name`.",
            {"path": f"{path}/sku"},
        )
    if item.name is None and is_card(name):
        raise BridgeError(
            "unknown_sku",
            "The catalogue's name of this sku holds what looks like a card number, so it cannot be"
            " sold; ask the shop to correct it.",
            {"path": f"{path}/sku"},
        )
    unit_price = item.unit_price
    if unit_price is None and product is not None:
        unit_price = product.unit_price
    if unit_price is None:
        raise BridgeError(
            "currency_not_supported",
            f"The catalogue has no price in {currency} for this sku.",
            {"path": f"{path}/sku"},
        )
    return Line(
        line_id=work.new_id("line"),
        sku=item.sku,
        name=name,
        quantity=item.quantity,
        unit_price=unit_price,
        subtotal=0,
        discount=0,
        tax=0,
        total=0,
        options=item.options,
        metadata=item.metadata or {},
    )


def _merges_as(
    sku: str, options: Mapping[str, str], own_price: int | None
) -> tuple[str, frozenset[tuple[str, str]], int | None]:
    """Give what an item and the line that it merges into have in common."""
    return sku, frozenset(options.items()), own_price


def with_items(work: Work, cart: Cart, items: tuple[ItemToAdd, ...]) -> Cart:
    """Give `cart` with `items` added and priced, or refuse them all; nothing is saved."""
    lines = list(cart.lines)
    own = set(cart.own_prices)
    touched = frozenset(item.sku for item in items)
    products = work.find_products(
        sorted({line.sku for line in lines}.union(touched)), cart.currency
    )
    # Looked up, not searched: a body may have thousands of items of one sku.
    places: dict[tuple[str, frozenset[tuple[str, str]], int | None], int] = {}
    for at, line in enumerate(lines):
        if line.sku in touched:
            own_price = line.unit_price if line.line_id in own else None
            places.setdefault(_merges_as(line.sku, line.options, own_price), at)
    for position, item in enumerate(items):
        path = f"/items/{position}"
        place = places.setdefault(_merges_as(item.sku, item.options, item.unit_price), len(lines))
        if place == len(lines):
            line = _new_line(work, item, products.get(item.sku), cart.currency, path)
            _refuse_quantity(work, line.quantity, f"{path}/quantity")
            lines.append(line)
            if item.unit_price is not None:
                own.add(line.line_id)
        else:
            lines[place] = _merged(work, lines[place], item, products, path)
    limit = work.shop.settings.max_lines
    if len(lines) > limit:
        raise BridgeError("line_limit", f"A cart holds at most {limit} lines.", {"limit": limit})
    refuse_shortage(work, lines, held=held_stock(cart), only=touched)
    return priced(work, replace(cart, own_prices=frozenset(own)), lines, products)


def _merged(
    work: Work, line: Line, item: ItemToAdd, products: Mapping[str, Product], path: str
) -> Line:
    quantity = line.quantity + item.quantity
    if item.unit_price is None and item.sku not in products:
        raise _not_sold_now(f"{path}/sku")
    _refuse_quantity(work, quantity, f"{path}/quantity")
    metadata = line.metadata if item.metadata is None else item.metadata
    return replace(line, quantity=quantity, metadata=metadata)


def add(work: Work, request: AddItems) -> CartAnswer:
    """Add quantities; a delta, safe to send without a version."""
    cart = open_cart(work, request.cart_id, expected_version=request.expected_version)
    return cart_answer(save_cart(work, with_items(work, cart, request.items)), work.now)


def update(work: Work, request: UpdateItems) -> CartAnswer:
    """Set quantities; 0 removes the line."""
    cart = open_cart(work, request.cart_id, expected_version=request.expected_version)
    products = work.find_products(sorted({line.sku for line in cart.lines}), cart.currency)
    quantities = _quantities(work, cart, request, products)
    lines = [
        line if line.line_id not in quantities else replace(line, quantity=quantities[line.line_id])
        for line in cart.lines
        if quantities.get(line.line_id, 1) > 0
    ]
    touched = frozenset(line.sku for line in lines if quantities.get(line.line_id, 0) > 0)
    refuse_shortage(work, lines, held=held_stock(cart), only=touched)
    return _saved(work, cart, lines, products)


def _quantities(
    work: Work, cart: Cart, request: UpdateItems, products: Mapping[str, Product]
) -> dict[str, int]:
    present = {line.line_id: line for line in cart.lines}
    quantities: dict[str, int] = {}
    for position, item in enumerate(request.items):
        path = f"/items/{position}"
        line = present.get(item.line_id)
        if line is None:
            raise _no_line(f"{path}/line_id")
        withdrawn = line.sku not in products and item.line_id not in cart.own_prices
        if withdrawn and item.quantity > line.quantity:
            raise _not_sold_now(f"{path}/line_id")
        _refuse_quantity(work, item.quantity, f"{path}/quantity")
        quantities[item.line_id] = item.quantity
    return quantities


def remove(work: Work, request: RemoveItems) -> CartAnswer:
    """Remove lines."""
    cart = open_cart(work, request.cart_id, expected_version=request.expected_version)
    present = {line.line_id for line in cart.lines}
    for position, line_id in enumerate(request.line_ids):
        if line_id not in present:
            raise _no_line(f"/line_ids/{position}")
    gone = set(request.line_ids)
    return _saved(work, cart, [line for line in cart.lines if line.line_id not in gone])


def _not_sold_now(path: str) -> BridgeError:
    return BridgeError("unknown_sku", "The catalogue does not sell this sku now.", {"path": path})


def _no_line(path: str) -> BridgeError:
    return BridgeError("line_not_found", "The cart has no line with that id.", {"path": path})


def _saved(
    work: Work, cart: Cart, lines: list[Line], products: Mapping[str, Product] | None = None
) -> CartAnswer:
    kept = cart.own_prices.intersection([line.line_id for line in lines])
    changed = priced(work, replace(cart, own_prices=kept), lines, products)
    return cart_answer(save_cart(work, changed), work.now)
