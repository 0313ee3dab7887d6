"""The payment intents, one row each in the whole store."""

from typing import Any

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.payment import PaymentIntent, Settlement

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.session import Session

__all__ = ["Intents"]


class Intents:
    """The port `IntentLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Intent.objects.using(session.using)

    def find(self, intent: str) -> PaymentIntent | None:
        """Read one, without a lock."""
        return next(map(_intent, self._rows.filter(intent=intent)), None)

    def add(self, intent: PaymentIntent) -> None:
        """Store a new one; raises `Conflict` where it exists."""
        if not self._session.insert(models.Intent(intent=intent.intent, **_columns(intent))):
            raise Conflict("The payment intent is known.")

    def save(self, intent: PaymentIntent, *, replacing: int) -> None:
        """Replace the one whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._session.must_write()
        stored = self._rows.filter(intent=intent.intent, version=replacing)
        if stored.update(**_columns(intent)) != 1:
            raise Conflict("The payment intent has another version.")


def _intent(row: models.Intent) -> PaymentIntent:
    settlement = None
    if (
        row.settled_amount is not None
        and row.settled_currency is not None
        and row.settled_at is not None
    ):
        settlement = Settlement(
            amount=row.settled_amount, currency=row.settled_currency, settled_at=row.settled_at
        )
    return PaymentIntent(
        intent=row.intent, version=row.version, cart_id=row.cart_id, settlement=settlement
    )


def _columns(intent: PaymentIntent) -> dict[str, Any]:
    money = intent.settlement
    return {
        "version": intent.version,
        "cart_id": intent.cart_id,
        "settled_amount": None if money is None else money.amount,
        "settled_currency": None if money is None else money.currency,
        "settled_at": None if money is None else money.settled_at,
    }
