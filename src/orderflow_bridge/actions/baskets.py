"""What every change of a cart goes through: open, refresh, price, save (protocol §4, Cart)."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from orderflow_bridge.actions.action import Work
from orderflow_bridge.actions.answers import cart_answer
from orderflow_bridge.actions.claims import give_up_claim, refuse_while_converting
from orderflow_bridge.domain.cart import Cart, Notice
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.money import MAX_AMOUNT
from orderflow_bridge.domain.order import Line, Totals
from orderflow_bridge.domain.pricing import Basket, BasketLine, Priced, ShippingOption
from orderflow_bridge.domain.product import Product

__all__ = [
    "find_cart",
    "open_cart",
    "priced",
    "refuse_bulk",
    "refuse_shortage",
    "refuse_unknown_method",
    "refuse_unless_open",
    "save_cart",
    "shipping_options",
]


_encode = msgspec.json.Encoder().encode
_LARGEST = 4 * 1024 * 1024


def find_cart(work: Work, cart_id: str) -> Cart:
    """Read a cart of this connection."""
    cart = work.unit.carts.find(cart_id, connection=work.connection.client_id)
    if cart is None:
        raise BridgeError("cart_not_found", "This connection has no cart with that id.")
    return cart


def open_cart(work: Work, cart_id: str, *, expected_version: int | None) -> Cart:
    """Lock a cart of this connection for a change, or refuse in the protocol's order."""
    cart = work.unit.carts.lock(cart_id, connection=work.connection.client_id)
    if cart is None:
        raise BridgeError("cart_not_found", "This connection has no cart with that id.")
    if cart.order_id is not None:
        raise BridgeError(
            "cart_converted",
            "The cart became an order; make a new cart.",
            {"order_id": cart.order_id},
        )
    refuse_unless_open(work, cart)
    if expected_version is not None and expected_version != cart.version:
        raise BridgeError(
            "version_conflict",
            "The cart changed since that version; look at `cart` and decide again.",
            {"cart": cart_answer(cart, work.now)},
        )
    return cart


def refuse_unless_open(work: Work, cart: Cart) -> None:
    """Refuse a cart that is being converted or has expired."""
    refuse_while_converting(work, cart)
    if cart.status(work.now) == "expired":
        raise BridgeError("cart_expired", "The cart was untouched for too long; make a new one.")


def _basket(
    cart: Cart, lines: Sequence[Line], products: Mapping[str, Product]
) -> tuple[Basket, list[Notice]]:
    """Refresh the catalogue's prices, and name each line whose price moved."""
    notices: list[Notice] = []
    items: list[BasketLine] = []
    for line in lines:
        product = products.get(line.sku)
        unit_price = line.unit_price
        if line.line_id not in cart.own_prices:
            offered = product.unit_price if product is not None else None
            if offered is None:
                notices.append(Notice(code="product_unavailable", line_id=line.line_id))
            elif offered != unit_price:
                notices.append(
                    Notice(
                        code="price_changed", line_id=line.line_id, before=unit_price, to=offered
                    )
                )
                unit_price = offered
        items.append(
            BasketLine(
                sku=line.sku,
                quantity=line.quantity,
                unit_price=unit_price,
                tax_class="default" if product is None else product.tax_class,
            )
        )
    basket = Basket(
        currency=cart.currency, lines=tuple(items), shipping_address=cart.shipping_address
    )
    return basket, notices


def _checked(amounts: Priced) -> Priced:
    """Hold a pricing, ours or a host's, to the protocol's sums and its largest amount."""
    totals = amounts.totals
    subtotal = discount = tax = total = 0
    for line in amounts.lines:
        subtotal += line.subtotal
        discount += line.discount
        tax += line.tax
        total += line.total
    if max(subtotal, total + totals.shipping, tax) > MAX_AMOUNT:
        raise BridgeError("amount_limit", f"Amounts go up to {MAX_AMOUNT} minor units.")
    if (subtotal, discount, tax, total + totals.shipping) != (
        totals.subtotal,
        totals.discount,
        totals.tax,
        totals.total,
    ):
        raise ValueError("the pricing's lines do not add up to its totals")
    return amounts


def _with_amounts(line: Line, item: BasketLine, amounts: Priced, position: int) -> Line:
    found = amounts.lines[position]
    if (
        line.unit_price == item.unit_price
        and line.subtotal == found.subtotal
        and line.total == found.total
        and line.tax == found.tax
        and line.discount == found.discount
    ):
        return line
    return Line(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price=item.unit_price,
        subtotal=found.subtotal,
        discount=found.discount,
        tax=found.tax,
        total=found.total,
        options=line.options,
        metadata=line.metadata,
    )


def _chosen(options: Sequence[ShippingOption], method: str | None) -> ShippingOption | None:
    return next((option for option in options if option.method == method), None)


def priced(
    work: Work, cart: Cart, lines: Sequence[Line], products: Mapping[str, Product] | None = None
) -> Cart:
    """Give `cart` with `lines` at today's prices, its totals and notices; nothing is saved.

    `products` saves asking the catalogue again for what the caller has just asked. The lines'
    own amounts are recomputed; only their quantity, and a caller's own unit price, count.
    """
    if products is None:
        products = work.find_products([line.sku for line in lines], cart.currency)
    basket, notices = _basket(cart, lines, products)
    shipping = None
    if cart.shipping_method is not None and lines:
        shipping = _chosen(work.shop.pricing.shipping_options(basket), cart.shipping_method)
        if shipping is None:
            notices.append(Notice(code="shipping_unavailable"))
    amounts = _checked(work.shop.pricing.price(basket, shipping))
    return replace(
        cart,
        lines=tuple(
            [
                _with_amounts(line, item, amounts, position)
                for position, (line, item) in enumerate(zip(lines, basket.lines, strict=True))
            ]
        ),
        totals=amounts.totals if lines else Totals(),
        notices=tuple(notices),
    )


def save_cart(work: Work, cart: Cart) -> Cart:
    """Save an open cart as its next version, alive for another lifetime."""
    refuse_bulk(cart)
    saved = replace(
        give_up_claim(work, cart),
        version=cart.version + 1,
        updated_at=work.now,
        expires_at=work.now + work.shop.settings.cart_lifetime * 1000,
    )
    work.unit.carts.save(saved, replacing=cart.version)
    return saved


def refuse_bulk(cart: Cart) -> None:
    """Refuse a cart whose lines' texts grow beyond what a database takes in one piece."""
    if len(_encode(cart.lines)) > _LARGEST:
        raise BridgeError(
            "line_limit",
            f"The cart's lines hold at most {_LARGEST} bytes; say less in options and metadata.",
            {"limit": _LARGEST},
        )


def shipping_options(work: Work, cart: Cart) -> Sequence[ShippingOption]:
    """Give the ways to ship `cart` as it stands."""
    products = work.find_products([line.sku for line in cart.lines], cart.currency)
    basket, _ = _basket(cart, cart.lines, products)
    return work.shop.pricing.shipping_options(basket)


def refuse_unknown_method(work: Work, cart: Cart) -> None:
    """Refuse a cart whose chosen shipping method does not go where it should."""
    method = cart.shipping_method
    if method is not None and _chosen(shipping_options(work, cart), method) is None:
        raise BridgeError(
            "unknown_shipping_method",
            "Ask `shipping.options` for the methods that this cart can have.",
        )


def refuse_shortage(
    work: Work, lines: Sequence[Line], *, held: Mapping[str, int], only: frozenset[str] | None
) -> dict[str, int]:
    """Refuse what is not in stock; give what is to be taken of the tracked skus.

    Counted per sku over all lines. `held` is stock that this cart has taken already; `only`
    limits the check to the skus a change touches.
    """
    wanted: dict[str, int] = {}
    for line in lines:
        if only is None or line.sku in only:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    available = work.stock.available(sorted(wanted)) if wanted else {}
    short = [
        {
            "sku": sku,
            "requested": wanted[sku],
            "available": available[sku] + held.get(sku, 0),
        }
        for sku in sorted(available)
        if wanted[sku] > available[sku] + held.get(sku, 0)
    ]
    if short:
        raise BridgeError(
            "out_of_stock", "Lower the quantities to what is available.", {"items": short}
        )
    return {sku: wanted[sku] for sku in available}
