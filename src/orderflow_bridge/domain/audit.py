"""What an operator did, as it is kept: who, when, what, and to which connection, key or order."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

__all__ = ["AuditEntry"]


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One act of an operator; written once, never changed, never a secret.

    `at` is in Unix milliseconds. `event` is a noun and a verb (`connection.rotated`), `subject` a
    client id, an order id, the id of a master key, or `catalogue`. `details` holds JSON: for a
    change, each changed field with what it was (`from`) and what it is (`to`).
    """

    entry_id: str
    at: int
    actor: str
    event: str
    subject: str
    details: Mapping[str, Any]
