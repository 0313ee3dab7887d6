"""The audit: who changed a connection, a key or an order, in the transaction of the change."""

from collections.abc import Mapping, Sequence
from typing import Any

from orderflow_bridge.capabilities import audit_of
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.ids import RANDOM_BYTES, new_id
from orderflow_bridge.ports import Clock, Entropy, Storage, Unit
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.transactions import transact

__all__ = ["UNKNOWN", "Audit"]

UNKNOWN = "unknown"
"""Who it was where the caller does not say."""

_LONGEST = 200


class Audit:
    """Write entries into units, and read them; a storage without the capability keeps none."""

    def __init__(self, *, storage: Storage, clock: Clock, entropy: Entropy) -> None:
        self._storage = storage
        self._clock = clock
        self._entropy = entropy

    @property
    def is_kept(self) -> bool:
        """Tell whether the storage has the capability `audit`."""
        return "audit" in self._storage.capabilities

    def record(
        self, unit: Unit, event: str, *, actor: str, subject: str, details: Mapping[str, Any]
    ) -> None:
        """Append an entry in `unit`: it is there if and only if the rest of the unit is.

        Raises `BridgeError` `invalid_request` for an actor that is not 1 to 200 printable
        characters, and for one that holds a card number.
        """
        actor = _checked(actor)
        if not self.is_kept:
            return
        now = self._clock.now()
        audit_of(unit).append(
            AuditEntry(
                entry_id=new_id("aud", now, self._entropy.token(RANDOM_BYTES)),
                at=now,
                actor=actor,
                event=event,
                subject=subject,
                details=details,
            )
        )

    def note(self, event: str, *, actor: str, subject: str, details: Mapping[str, Any]) -> None:
        """Append an entry by itself, for what changed nothing else: an act that was refused."""
        if self.is_kept:
            transact(
                self._storage,
                lambda unit: self.record(
                    unit, event, actor=actor, subject=subject, details=details
                ),
            )

    def page(
        self,
        *,
        subject: str | None = None,
        before: tuple[int, str] | None = None,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """Give entries, newest first: those of `subject`, older than `before` (at, entry id).

        Raises `ConfigurationError` where the storage keeps no audit.
        """
        with self._storage.reading() as unit:
            return audit_of(unit).page(subject=subject, before=before, limit=limit)


def _checked(actor: str) -> str:
    actor = actor.strip()
    if not 1 <= len(actor) <= _LONGEST or not actor.isprintable():
        raise _invalid(f"is 1 to {_LONGEST} printable characters")
    if is_card(actor):
        raise _invalid("holds what looks like a card number; give a person's name")
    return actor


def _invalid(message: str) -> BridgeError:
    return BridgeError(
        "invalid_request",
        f"actor {message}.",
        {"errors": [{"path": "/actor", "message": message}]},
    )
