"""Who is signed in to the console."""

from typing import Any

from orderflow_bridge.domain import session as domain
from orderflow_bridge.domain.errors import Conflict

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.purging import delete_first
from orderflow_bridge_django.storage.session import Session

__all__ = ["Sessions"]


class Sessions:
    """The port `SessionLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Session.objects.using(session.using)

    def add(self, session: domain.Session) -> None:
        """Store a new one; raises `Conflict` where the digest is taken."""
        row = models.Session(
            digest=session.digest.hex(),
            kind=session.kind,
            operator=session.operator,
            role=session.role,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )
        if not self._session.insert(row):
            raise Conflict("The session is there.")

    def find(self, digest: bytes) -> domain.Session | None:
        """Read one."""
        row: Any = self._rows.filter(pk=digest.hex()).first()  # its texts are not any text
        if row is None:
            return None
        return domain.Session(
            digest=digest,
            kind=row.kind,
            operator=row.operator,
            role=row.role,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )

    def end(self, digest: bytes) -> bool:
        """Forget one; tell whether it was there."""
        self._session.must_write()
        return self._rows.filter(pk=digest.hex()).delete()[0] == 1

    def end_all(self, operator: str) -> int:
        """Forget every one of an operator; tell how many."""
        self._session.must_write()
        return self._rows.filter(operator=operator).delete()[0]

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` that expired before `before`; tell how many."""
        self._session.must_write()
        return delete_first(self._rows.filter(expires_at__lt=before).order_by("expires_at"), limit)
