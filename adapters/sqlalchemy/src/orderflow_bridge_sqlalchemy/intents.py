"""The payment intents, one row each in the whole store."""

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.payment import PaymentIntent, Settlement
from sqlalchemy import bindparam, select, update

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["IntentStatements", "Intents"]

_SAVED = ("version", "cart_id", "settled_amount", "settled_currency", "settled_at")


class IntentStatements:
    """What is said to the table of payment intents."""

    __slots__ = ("add", "find", "save")

    def __init__(self, tables: Tables) -> None:
        table = tables.intents
        of_id = table.c.intent == bindparam("of_id")
        self.find = select(*(table.c[name] for name in _SAVED)).where(of_id)
        self.add = insert_or_ignore(table)
        self.save = (
            update(table)
            .where(of_id, table.c.version == bindparam("replacing"))
            .values({name: bindparam(name) for name in _SAVED} | {"revision": table.c.revision + 1})
        )


class Intents:
    """The port `IntentLedger`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: IntentStatements) -> None:
        self._executor = executor
        self._say = statements

    def find(self, intent: str) -> PaymentIntent | None:
        """Read one, without a lock."""
        row = self._executor.one(self._say.find, of_id=intent)
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
        self._executor.must_write()
        row = {"intent": intent.intent, "revision": 1} | _saved(intent)
        if self._executor.count(self._say.add, **row) != 1:
            raise Conflict("The payment intent is known.")

    def save(self, intent: PaymentIntent, *, replacing: int) -> None:
        """Replace the one whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._executor.must_write()
        saved = self._executor.count(
            self._say.save, of_id=intent.intent, replacing=replacing, **_saved(intent)
        )
        if saved != 1:
            raise Conflict("The payment intent has another version.")


def _saved(intent: PaymentIntent) -> dict[str, object]:
    money = intent.settlement
    return {
        "version": intent.version,
        "cart_id": intent.cart_id,
        "settled_amount": None if money is None else money.amount,
        "settled_currency": None if money is None else money.currency,
        "settled_at": None if money is None else money.settled_at,
    }
