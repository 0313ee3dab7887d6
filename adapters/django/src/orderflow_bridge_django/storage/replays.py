"""The signatures that were spent."""

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.purging import delete_first
from orderflow_bridge_django.storage.session import Session

__all__ = ["Replays"]


class Replays:
    """The port `CountingReplayLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Replay.objects.using(session.using)

    def spend(self, mac: bytes, *, connection: str, until: int) -> bool:
        """Remember a signature until `until` (Unix ms); False where it was spent before."""
        row = models.Replay(connection=connection, mac=mac.hex(), kept_until=until)
        return self._session.insert(row)

    def spent_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's signatures with a later `until` (Unix ms), up to `limit`."""
        return self._rows.filter(kept_until__gt=until, connection=connection)[:limit].count()

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` signatures whose `until` is before `before`; tell how many."""
        self._session.must_write()
        return delete_first(self._rows.filter(kept_until__lt=before).order_by("kept_until"), limit)
