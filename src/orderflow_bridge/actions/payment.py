"""Money and orders: what an intent is worth, and how an order becomes paid (protocol §4, Order)."""

import logging

from msgspec.structs import replace

from orderflow_bridge.domain.errors import BridgeError, Conflict
from orderflow_bridge.domain.order import Order, Payment
from orderflow_bridge.domain.payment import PaymentIntent, PaymentReport, Settlement
from orderflow_bridge.ports import Unit

__all__ = ["held", "mark_paid", "mismatch", "record_settlement", "refuse_mismatch"]

_log = logging.getLogger("orderflow_bridge.payments")


def mismatch(detail: str) -> BridgeError:
    """Make the refusal of a payment that is not the order's."""
    return BridgeError("payment_mismatch", detail)


def refuse_mismatch(found: Settlement | PaymentReport | None, order: Order) -> None:
    """Refuse a payment of another amount or currency, or one that the provider does not know."""
    if found is None:
        raise mismatch("The payment provider does not know this intent.")
    if (found.amount, found.currency) != (order.totals.total, order.currency):
        raise mismatch("The intent's amount and currency must be the order's total and currency.")


def held(unit: Unit, order: Order) -> Order:
    """Give an order as it is now, held until the unit ends by the lock of its cart.

    Who changes an order, or stores an answer about it, holds it: what an erasure takes away at the
    same moment would be written back otherwise.
    """
    unit.carts.lock(order.cart_id, connection=order.connection)
    return unit.orders.find(order.order_id, connection=order.connection) or order


def mark_paid(unit: Unit, order: Order, now: int) -> Order:
    """Move a pending order to paid; money for a cancelled one is kept visible, and loud."""
    if order.payment.state != "pending":
        return order
    late = order.status == "cancelled"
    paid = replace(
        order,
        status=order.status if late else "paid",
        payment=Payment(intent=order.payment.intent, state="paid_after_cancel" if late else "paid"),
        updated_at=now,
    )
    if not unit.orders.save(paid, expecting=order.status):
        raise Conflict
    if late:
        _log.error("order %s was paid after it was cancelled: refund it", order.order_id)
    return paid


def record_settlement(
    unit: Unit, known: PaymentIntent | None, intent: str, settlement: Settlement
) -> None:
    """Write down that the money came; once for each intent."""
    if known is None:
        unit.intents.add(PaymentIntent(intent=intent, settlement=settlement))
    elif known.settlement is None:
        unit.intents.save(
            replace(known, version=known.version + 1, settlement=settlement),
            replacing=known.version,
        )
