"""`convertToOrder`: a cart becomes exactly one order (protocol §4, Order)."""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from orderflow_bridge.actions.action import Outside, Work
from orderflow_bridge.actions.answers import OrderAnswer, cart_answer, order_answer
from orderflow_bridge.actions.baskets import (
    priced,
    refuse_shortage,
    refuse_unknown_method,
    refuse_unless_open,
)
from orderflow_bridge.actions.claims import give_up_claim, held_stock, still_converting
from orderflow_bridge.actions.fields import CartPart, ItemMetadata, Method, Note
from orderflow_bridge.actions.payment import record_settlement, refuse_mismatch
from orderflow_bridge.domain.cart import Cart, Conversion
from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.order import Order, Payment
from orderflow_bridge.domain.payment import INTENT, PaymentIntent, PaymentReport, Settlement
from orderflow_bridge.ports import Payments

__all__ = ["ConvertToOrder", "convert"]


class ConvertToOrder(CartPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not given is the cart's; `payment_intent` is a provider's reference, not a card."""

    customer: Customer | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    payment_intent: Annotated[str, Meta(pattern=INTENT)]
    shipping_method: Method | None = None
    expected_total: int | None = None
    purchase_order: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    note: Note | None = None
    metadata: ItemMetadata | None = None


def convert(work: Work, request: ConvertToOrder) -> OrderAnswer | Outside:
    """Place the order; with a remote payment provider, claim the cart and ask first."""
    cart = work.unit.carts.lock(request.cart_id, connection=work.connection.client_id)
    if cart is None:
        raise BridgeError("cart_not_found", "This connection has no cart with that id.")
    if cart.order_id is not None:
        return order_answer(_placed_already(work, cart, request.payment_intent))
    refuse_unless_open(work, cart)
    cart = _completed(cart, request)
    draft, cart = _draft(work, cart, request)
    intent = _free_intent(work, cart, request.payment_intent)
    settlement = intent.settlement if intent is not None else None
    if settlement is not None:
        refuse_mismatch(settlement, draft)
    payments = work.shop.payments
    if cart.conversion is not None:
        cart = give_up_claim(work, cart)
        intent = work.unit.intents.find(request.payment_intent)
    if draft.taken:
        work.stock.take(draft.taken)
    _claim_intent(work, cart, intent, request.payment_intent)
    if payments is None or settlement is not None:
        return order_answer(_place(work, cart, draft, settled=settlement is not None))
    return _claimed(work, cart, draft, payments)


def _placed_already(work: Work, cart: Cart, intent: str) -> Order:
    order = work.unit.orders.of_cart(cart.cart_id)
    if order is None or order.payment.intent != intent:
        raise BridgeError(
            "cart_converted",
            "The cart became an order with another payment intent.",
            {"order_id": cart.order_id},
        )
    return order


def _completed(cart: Cart, request: ConvertToOrder) -> Cart:
    """Fill the cart from the request, and refuse what is still incomplete."""
    if not cart.lines:
        raise BridgeError("cart_empty", "Add items before you convert the cart.")
    shipping_address = request.shipping_address or cart.shipping_address
    cart = replace(
        cart,
        customer=request.customer or cart.customer,
        shipping_address=shipping_address,
        billing_address=request.billing_address or cart.billing_address or shipping_address,
        shipping_method=request.shipping_method or cart.shipping_method,
        note=cart.note if request.note is None else request.note,
        metadata=cart.metadata if request.metadata is None else request.metadata,
    )
    missing = [
        {"path": f"/{name}", "message": "is needed, here or in the cart"}
        for name in ("customer", "shipping_address")
        if getattr(cart, name) is None
    ]
    if missing:
        raise BridgeError("invalid_request", "The order is incomplete.", {"errors": missing})
    return cart


def _draft(work: Work, cart: Cart, request: ConvertToOrder) -> tuple[Order, Cart]:
    """Freeze the order as it will be placed, or refuse it; give the refreshed cart with it."""
    refuse_unknown_method(work, cart)
    cart = priced(work, cart, cart.lines)
    if request.expected_total is not None and request.expected_total != cart.totals.total:
        raise BridgeError(
            "total_changed",
            "Show the buyer the totals of `cart`, and convert with them.",
            {"cart": cart_answer(cart, work.now)},
        )
    _refuse_withdrawn(cart)
    taken = refuse_shortage(work, cart.lines, held=held_stock(cart), only=None)
    if cart.customer is None or cart.shipping_address is None:
        raise TypeError("a completed cart has a customer and an address")
    order = Order(
        order_id=work.new_id("order"),
        connection=cart.connection,
        channel=work.connection.channel,
        cart_id=cart.cart_id,
        currency=cart.currency,
        lines=cart.lines,
        totals=cart.totals,
        customer=cart.customer,
        shipping_address=cart.shipping_address,
        billing_address=cart.billing_address or cart.shipping_address,
        shipping_method=cart.shipping_method,
        payment=Payment(intent=request.payment_intent),
        purchase_order=request.purchase_order,
        note=cart.note,
        metadata=cart.metadata,
        placed_at=work.now,
        updated_at=work.now,
        taken=taken,
    )
    return order, cart


def _refuse_withdrawn(cart: Cart) -> None:
    """Refuse lines that the catalogue no longer sells: nothing of them is available."""
    gone = {notice.line_id for notice in cart.notices if notice.code == "product_unavailable"}
    if gone:
        wanted: dict[str, int] = {}
        for line in cart.lines:
            if line.line_id in gone:
                wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
        raise BridgeError(
            "out_of_stock",
            "Remove what is no longer sold.",
            {
                "items": [
                    {"sku": sku, "requested": wanted[sku], "available": 0} for sku in sorted(wanted)
                ]
            },
        )


def _free_intent(work: Work, cart: Cart, intent: str) -> PaymentIntent | None:
    known = work.unit.intents.find(intent)
    if known is not None and known.cart_id not in (None, cart.cart_id):
        raise BridgeError(
            "payment_intent_used", "Make a payment intent for this order; one pays one order."
        )
    return known


def _claim_intent(work: Work, cart: Cart, known: PaymentIntent | None, intent: str) -> None:
    if known is None:
        work.unit.intents.add(PaymentIntent(intent=intent, cart_id=cart.cart_id))
    else:
        claimed = replace(known, cart_id=cart.cart_id, version=known.version + 1)
        work.unit.intents.save(claimed, replacing=known.version)


def _place(work: Work, cart: Cart, draft: Order, *, settled: bool) -> Order:
    if settled:
        draft = replace(
            draft, status="paid", payment=Payment(intent=draft.payment.intent, state="paid")
        )
    order = work.unit.orders.place(replace(draft, placed_at=work.now, updated_at=work.now))
    converted = replace(
        cart,
        order_id=order.order_id,
        conversion=None,
        version=cart.version + 1,
        updated_at=work.now,
    )
    work.unit.carts.save(converted, replacing=cart.version)
    return order


def _claimed(work: Work, cart: Cart, draft: Order, payments: Payments) -> Outside:
    token = work.new_id("claim")
    claimed = replace(
        cart,
        version=cart.version + 1,
        updated_at=work.now,
        conversion=Conversion(
            token=token,
            lease_until=work.now + work.shop.settings.conversion_lease * 1000,
            draft=draft,
        ),
    )
    work.unit.carts.save(claimed, replacing=cart.version)
    intent = draft.payment.intent
    cart_id = cart.cart_id

    def ask() -> PaymentReport | None:
        return payments.find(intent)

    def apply(later: Work, report: PaymentReport | None) -> OrderAnswer | BridgeError:
        return _finish(later, cart_id, token, intent, report)

    def release(later: Work) -> None:
        held = _held(later, cart_id, token)
        if held is not None:
            _release(later, held)

    return Outside(ask=ask, apply=apply, release=release)


def _held(work: Work, cart_id: str, token: str) -> Cart | None:
    """Lock the cart and give it while its claim is still the one of `token`."""
    cart = work.unit.carts.lock(cart_id, connection=work.connection.client_id)
    if cart is None or cart.conversion is None or cart.conversion.token != token:
        return None
    return cart


def _release(work: Work, held: Cart) -> None:
    free = replace(give_up_claim(work, held), version=held.version + 1, updated_at=work.now)
    work.unit.carts.save(free, replacing=held.version)


def _finish(
    work: Work, cart_id: str, token: str, intent: str, report: PaymentReport | None
) -> OrderAnswer | BridgeError:
    """Place the claimed order if the claim is still ours; a late loser reads again."""
    cart = _held(work, cart_id, token)
    if cart is None or cart.conversion is None:
        lost = work.unit.carts.find(cart_id, connection=work.connection.client_id)
        if lost is not None and lost.order_id is not None:
            return order_answer(_placed_already(work, lost, intent))
        raise still_converting(1)
    draft = cart.conversion.draft
    known = work.unit.intents.find(intent)
    settlement = known.settlement if known is not None else None
    try:
        refuse_mismatch(report if settlement is None else settlement, draft)
    except BridgeError as refusal:
        _release(work, cart)
        return refusal
    paid = settlement is not None or (report is not None and report.state == "paid")
    if paid and settlement is None:
        settlement = Settlement(
            amount=draft.totals.total, currency=draft.currency, settled_at=work.now
        )
        record_settlement(work.unit, known, intent, settlement)
    elif settlement is None:
        # Written although nothing changes: a settlement at the same moment then meets a conflict
        # instead of an order that it cannot see yet.
        _claim_intent(work, cart, known, intent)
    return order_answer(_place(work, cart, draft, settled=paid))
