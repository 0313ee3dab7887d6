"""What operators did."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db.models import Q
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.errors import Conflict

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.session import Session

__all__ = ["Audit"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Audit:
    """The port `AuditLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.AuditEntry.objects.using(session.using)

    def append(self, entry: AuditEntry) -> None:
        """Store an entry; raises `Conflict` where its id is taken."""
        row = models.AuditEntry(
            entry_id=entry.entry_id,
            happened_at=entry.at,
            actor=entry.actor,
            event=entry.event,
            subject=entry.subject,
            details=_encode(entry.details).decode(),
        )
        if not self._session.insert(row):
            raise Conflict("The audit has that entry.")

    def page(
        self, *, subject: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[AuditEntry]:
        """Give entries, newest first, at most `limit`."""
        found = self._rows.order_by("-happened_at", "-entry_id")
        if subject is not None:
            found = found.filter(subject=subject)
        if before is not None:
            at, entry_id = before
            found = found.filter(
                Q(happened_at__lt=at) | Q(entry_id__lt=entry_id), happened_at__lte=at
            )
        return [
            AuditEntry(
                entry_id=row.entry_id,
                at=row.happened_at,
                actor=row.actor,
                event=row.event,
                subject=row.subject,
                details=_decode(row.details),
            )
            for row in found[:limit]
        ]
