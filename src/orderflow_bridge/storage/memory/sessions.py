"""Sessions of the console's operators."""

from orderflow_bridge.domain import session as domain
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Sessions"]


class Sessions:
    """The port `SessionLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[bytes, domain.Session]) -> None:
        self._session = session
        self._rows = rows

    def add(self, session: domain.Session) -> None:
        """Store a new one; raises `Conflict` where the digest is taken."""
        self._session.must_write()
        if self._rows.get(session.digest) is not None:
            raise Conflict("The session is there.")
        self._rows.put(session.digest, session)

    def find(self, digest: bytes) -> domain.Session | None:
        """Read one."""
        return self._rows.get(digest)

    def end(self, digest: bytes) -> bool:
        """Forget one; tell whether it was there."""
        self._session.must_write()
        found = self._rows.get(digest) is not None
        self._rows.remove(digest)
        return found

    def end_all(self, operator: str) -> int:
        """Forget every one of an operator; tell how many."""
        self._session.must_write()
        theirs = [one.digest for one in self._rows.values() if one.operator == operator]
        for digest in theirs:
            self._rows.remove(digest)
        return len(theirs)

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` that expired before `before`; tell how many."""
        self._session.must_write()
        stale = sorted(
            (one.expires_at, one.digest) for one in self._rows.values() if one.expires_at < before
        )
        for _, digest in stale[:limit]:
            self._rows.remove(digest)
        return len(stale[:limit])
