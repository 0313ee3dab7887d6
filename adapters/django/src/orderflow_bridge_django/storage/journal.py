"""The recent requests: columns for what is searched, and the whole entry as a document."""

from collections.abc import Sequence

import msgspec
from django.db.models import Q
from orderflow_bridge.domain.journal import JournalEntry

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.purging import delete_first
from orderflow_bridge_django.storage.session import Session

__all__ = ["Journal"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JournalEntry).decode
_OF_NONE = ""
"""What stands in the column of the connection where there is none."""


class Journal:
    """The port `Journal`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.JournalEntry.objects.using(session.using)

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Store entries; one whose request id is there is skipped."""
        self._session.must_write()
        # In one order, so that two batches with the same entries do not wait for each other.
        ordered = sorted(entries, key=lambda entry: entry.request_id)
        self._rows.bulk_create([_row(entry) for entry in ordered], ignore_conflicts=True)

    def find(self, request_id: str) -> JournalEntry | None:
        """Read one."""
        found = self._rows.filter(pk=request_id).values_list("document", flat=True).first()
        return None if found is None else _decode(found)

    def of_order(self, order_id: str) -> JournalEntry | None:
        """Read the one that made an order."""
        # Without an order: PostgreSQL might walk the index of that, for the sake of one row.
        found = self._rows.filter(made_order=order_id).order_by()
        made = (_decode(document) for document in found.values_list("document", flat=True))
        return min(made, key=lambda entry: (entry.at, entry.request_id), default=None)

    def page(
        self,
        *,
        connection: str | None,
        refused: bool | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> Sequence[JournalEntry]:
        """Give entries, newest first, at most `limit`."""
        found = self._rows.order_by("-arrived_at", "-request_id")
        if connection is not None:
            found = found.filter(connection=connection)
        if refused is not None:
            found = found.filter(refused=int(refused))
        if before is not None:
            at, request_id = before
            found = found.filter(
                Q(arrived_at__lt=at) | Q(request_id__lt=request_id), arrived_at__lte=at
            )
        return [_decode(document) for document in found.values_list("document", flat=True)[:limit]]

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` entries that arrived before `before`; tell how many."""
        self._session.must_write()
        stale = self._rows.filter(arrived_at__lt=before)
        return delete_first(stale.order_by("arrived_at", "request_id"), limit)

    def trim(self, connection: str | None, *, keep: int, limit: int) -> int:
        """Forget up to `limit` of a connection's entries beyond its newest `keep`."""
        self._session.must_write()
        of = self._rows.filter(connection=connection or _OF_NONE)
        newest = of.order_by("-arrived_at", "-request_id").values_list("arrived_at", "request_id")
        last = list(newest[keep : keep + 1])
        if not last:
            return 0
        [(at, request_id)] = last
        surplus = of.filter(
            Q(arrived_at__lt=at) | Q(request_id__lte=request_id), arrived_at__lte=at
        )
        return delete_first(surplus.order_by("arrived_at", "request_id"), limit)


def _row(entry: JournalEntry) -> models.JournalEntry:
    return models.JournalEntry(
        request_id=entry.request_id,
        arrived_at=entry.at,
        connection=entry.connection or _OF_NONE,
        refused=int(entry.refused),
        made_order=entry.made,
        document=_encode(entry).decode(),
    )
