"""The claim on a cart while a payment provider is asked (protocol §4, Order)."""

from collections.abc import Mapping

from msgspec.structs import replace

from orderflow_bridge.actions.action import Work
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import BridgeError

__all__ = ["give_up_claim", "held_stock", "refuse_while_converting", "still_converting"]


def still_converting(seconds: int) -> BridgeError:
    """Make the refusal that says: someone is converting this cart, try again."""
    return BridgeError(
        "cart_converting",
        "The cart is becoming an order; try again with a new timestamp.",
        retry_after=max(1, seconds),
    )


def refuse_while_converting(work: Work, cart: Cart) -> None:
    """Refuse a cart whose claim is still within its lease."""
    claim = cart.conversion
    if claim is not None and work.now < claim.lease_until:
        raise still_converting(min(5, (claim.lease_until - work.now) // 1000))


def held_stock(cart: Cart) -> Mapping[str, int]:
    """Tell the stock that a crashed claim still holds."""
    return {} if cart.conversion is None else cart.conversion.draft.taken


def give_up_claim(work: Work, cart: Cart) -> Cart:
    """Undo what a claim took, stock and intent; give the cart without it, not saved yet."""
    if cart.conversion is None:
        return cart
    draft = cart.conversion.draft
    if draft.taken:
        work.stock.give_back(draft.taken)
    intent = work.unit.intents.find(draft.payment.intent)
    if intent is not None and intent.cart_id == cart.cart_id:
        freed = replace(intent, cart_id=None, version=intent.version + 1)
        work.unit.intents.save(freed, replacing=intent.version)
    return replace(cart, conversion=None)
