"""Who is signed in to the console."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from orderflow_bridge.domain import session as domain
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["SessionStatements", "Sessions"]


class SessionStatements:
    """What is said to `ofb_sessions`."""

    __slots__ = ("add", "end", "end_all", "find", "purge")

    def __init__(self, dialect: Dialect) -> None:
        say = dialect.text
        self.add = say(
            "INSERT INTO ofb_sessions (digest, kind, operator, role, created_at, expires_at)"
            f" VALUES (?, ?, ?, ?, ?, ?) {dialect.ignore('digest')}"
        )
        self.find = say(
            "SELECT kind, operator, role, created_at, expires_at FROM ofb_sessions WHERE digest = ?"
        )
        self.end = say("DELETE FROM ofb_sessions WHERE digest = ?")
        self.end_all = say("DELETE FROM ofb_sessions WHERE operator = ?")
        self.purge = say(
            dialect.delete_some("ofb_sessions", "digest", "expires_at < ?", "expires_at")
        )


class Sessions:
    """The port `SessionLedger`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: SessionStatements) -> None:
        self._session = session
        self._sql = sql

    def add(self, session: domain.Session) -> None:
        """Store a new one; raises `Conflict` where the digest is taken."""
        self._session.must_write()
        row = (
            session.digest,
            session.kind,
            session.operator,
            session.role,
            session.created_at,
            session.expires_at,
        )
        if self._session.count(self._sql.add, row) != 1:
            raise Conflict("The session is there.")

    def find(self, digest: bytes) -> domain.Session | None:
        """Read one."""
        row = self._session.one(self._sql.find, (digest,))
        if row is None:
            return None
        kind, operator, role, created_at, expires_at = row
        return domain.Session(
            digest=digest,
            kind=kind,
            operator=operator,
            role=role,
            created_at=created_at,
            expires_at=expires_at,
        )

    def end(self, digest: bytes) -> bool:
        """Forget one; tell whether it was there."""
        self._session.must_write()
        return self._session.count(self._sql.end, (digest,)) == 1

    def end_all(self, operator: str) -> int:
        """Forget every one of an operator; tell how many."""
        self._session.must_write()
        return self._session.count(self._sql.end_all, (operator,))

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` that expired before `before`; tell how many."""
        self._session.must_write()
        return self._session.count(self._sql.purge, (before, limit))
