"""The payment intents, one row each in the whole store."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.payment import PaymentIntent, Settlement
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["IntentStatements", "Intents"]


class IntentStatements:
    """What is said to `ofb_intents`."""

    __slots__ = ("add", "find", "save")

    def __init__(self, dialect: Dialect) -> None:
        say = dialect.text
        self.find = say(
            "SELECT version, cart_id, settled_amount, settled_currency, settled_at"
            " FROM ofb_intents WHERE intent = ?"
        )
        self.add = say(
            "INSERT INTO ofb_intents (version, cart_id, settled_amount, settled_currency,"
            " settled_at, intent, revision)"
            f" VALUES (?, ?, ?, ?, ?, ?, 1) {dialect.ignore('intent')}"
        )
        self.save = say(
            "UPDATE ofb_intents SET version = ?, cart_id = ?, settled_amount = ?,"
            " settled_currency = ?, settled_at = ?, revision = revision + 1"
            " WHERE intent = ? AND version = ?"
        )


class Intents:
    """The port `IntentLedger`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: IntentStatements) -> None:
        self._session = session
        self._sql = sql

    def find(self, intent: str) -> PaymentIntent | None:
        """Read one, without a lock."""
        row = self._session.one(self._sql.find, (intent,))
        if row is None:
            return None
        version, cart_id, amount, currency, settled_at = row
        return PaymentIntent(
            intent=intent,
            version=version,
            cart_id=cart_id,
            settlement=None
            if settled_at is None
            else Settlement(amount=amount, currency=currency, settled_at=settled_at),
        )

    def add(self, intent: PaymentIntent) -> None:
        """Store a new one; raises `Conflict` where it exists."""
        self._session.must_write()
        if self._session.count(self._sql.add, _columns(intent)) != 1:
            raise Conflict("The payment intent is known.")

    def save(self, intent: PaymentIntent, *, replacing: int) -> None:
        """Replace the one whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._session.must_write()
        if self._session.count(self._sql.save, (*_columns(intent), replacing)) != 1:
            raise Conflict("The payment intent has another version.")


def _columns(intent: PaymentIntent) -> tuple[object, ...]:
    money = intent.settlement
    settled = (
        (None, None, None) if money is None else (money.amount, money.currency, money.settled_at)
    )
    return (intent.version, intent.cart_id, *settled, intent.intent)
