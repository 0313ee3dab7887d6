"""Payment intents."""

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Intents"]


class Intents:
    """The port `IntentLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[str, PaymentIntent]) -> None:
        self._session = session
        self._rows = rows

    def find(self, intent: str) -> PaymentIntent | None:
        """Read one, without a lock."""
        return self._rows.get(intent)

    def add(self, intent: PaymentIntent) -> None:
        """Store a new one; raises `Conflict` where it exists."""
        self._session.must_write()
        if self._rows.get(intent.intent) is not None:
            raise Conflict("The payment intent is known.")
        self._rows.put(intent.intent, intent)

    def save(self, intent: PaymentIntent, *, replacing: int) -> None:
        """Replace the one whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._session.must_write()
        stored = self._rows.get(intent.intent)
        if stored is None or stored.version != replacing:
            raise Conflict("The payment intent has another version.")
        self._rows.put(intent.intent, intent)
