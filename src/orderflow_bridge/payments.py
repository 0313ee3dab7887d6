"""Settlement: how the bridge learns that the money came; and a provider for demo and tests."""

import re
from collections.abc import Callable, Mapping

from orderflow_bridge.actions.payment import (
    held,
    mark_paid,
    mismatch,
    record_settlement,
    refuse_mismatch,
)
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.money import CURRENCIES, MAX_AMOUNT
from orderflow_bridge.domain.order import Order
from orderflow_bridge.domain.payment import INTENT, PaymentReport, Settlement
from orderflow_bridge.ports import Clock, Storage, Unit
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.transactions import transact

__all__ = ["SimulatedProvider", "settle"]


def settle(
    storage: Storage,
    clock: Clock,
    intent: str,
    *,
    amount: int,
    currency: str,
    paying: Callable[[Unit, Order], object] | None = None,
) -> Order | None:
    """Record that `amount` (minor units of `currency`) arrived for a payment intent.

    May come before or after the order, and any number of times: the first counts, the same again
    changes nothing. Gives the order that it pays, None while there is none. `paying` is called
    in the unit in which an order is paid by it, with that order. Raises `BridgeError`
    `payment_mismatch` where the amount or currency is not the order's or not the first one's, and
    `invalid_request` for an intent that no order can have.
    """
    if currency not in CURRENCIES or not 0 <= amount <= MAX_AMOUNT:
        raise BridgeError("invalid_request", "Give whole minor units and an ISO 4217 currency.")
    if re.match(INTENT, intent) is None or is_card(intent):
        raise BridgeError("invalid_request", "Give the provider's reference as the order has it.")

    def act(unit: Unit) -> Order | None:
        now = clock.now()
        settlement = Settlement(amount=amount, currency=currency, settled_at=now)
        known = unit.intents.find(intent)
        order = None
        if known is not None:
            earlier = known.settlement
            if earlier is not None and (earlier.amount, earlier.currency) != (amount, currency):
                raise mismatch("This intent was settled with another amount or currency.")
            if known.cart_id is not None:
                order = unit.orders.of_cart(known.cart_id)
        if order is not None and order.payment.intent == intent:
            order = held(unit, order)
            refuse_mismatch(settlement, order)
        else:
            order = None
        record_settlement(unit, known, intent, settlement)
        if order is None:
            return None
        paid = mark_paid(unit, order, now)
        if paying is not None and paid is not order:
            paying(unit, paid)
        return paid

    return transact(storage, act)


class SimulatedProvider:
    """A deterministic payment provider in memory: what is announced is what it answers.

    `failing` makes every question fail, as a provider that is down does.
    """

    def __init__(self, reports: Mapping[str, PaymentReport] | None = None) -> None:
        self._reports = dict(reports or {})
        self.failing = False

    def announce(self, intent: str, *, amount: int, currency: str, paid: bool = False) -> None:
        """Make the provider know `intent`, for `amount` minor units of `currency`."""
        self._reports[intent] = PaymentReport(
            state="paid" if paid else "pending", amount=amount, currency=currency
        )

    def find(self, intent: str) -> PaymentReport | None:
        """Tell what was announced for `intent`; None where nothing was."""
        if self.failing:
            raise ConnectionError("the simulated provider is down")
        return self._reports.get(intent)
