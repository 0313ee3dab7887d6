"""Who is signed in to the console."""

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.session import Session
from sqlalchemy import bindparam, delete, select

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["SessionStatements", "Sessions"]


class SessionStatements:
    """What is said to the table of sessions."""

    __slots__ = ("add", "end", "end_all", "find", "forget", "stale")

    def __init__(self, tables: Tables) -> None:
        table = tables.sessions
        columns = table.c
        self.add = insert_or_ignore(table)
        self.find = select(
            columns.kind, columns.operator, columns.role, columns.created_at, columns.expires_at
        ).where(columns.digest == bindparam("of_digest"))
        self.end = delete(table).where(columns.digest == bindparam("of_digest"))
        self.end_all = delete(table).where(columns.operator == bindparam("of_operator"))
        # What another unit deletes right now is not waited for.
        self.stale = (
            select(columns.digest)
            .where(columns.expires_at < bindparam("before"))
            .order_by(columns.expires_at)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
        )
        self.forget = delete(table).where(columns.digest.in_(bindparam("keys", expanding=True)))


class Sessions:
    """The port `SessionLedger`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: SessionStatements) -> None:
        self._executor = executor
        self._say = statements

    def add(self, session: Session) -> None:
        """Store a new one; raises `Conflict` where the digest is taken."""
        self._executor.must_write()
        added = self._executor.count(
            self._say.add,
            digest=session.digest,
            kind=session.kind,
            operator=session.operator,
            role=session.role,
            created_at=session.created_at,
            expires_at=session.expires_at,
            revision=1,
        )
        if added != 1:
            raise Conflict("The session is there.")

    def find(self, digest: bytes) -> Session | None:
        """Read one."""
        row = self._executor.one(self._say.find, of_digest=digest)
        if row is None:
            return None
        return Session(
            digest=digest,
            kind=row.kind,
            operator=row.operator,
            role=row.role,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )

    def end(self, digest: bytes) -> bool:
        """Forget one; tell whether it was there."""
        self._executor.must_write()
        return self._executor.count(self._say.end, of_digest=digest) == 1

    def end_all(self, operator: str) -> int:
        """Forget every one of an operator; tell how many."""
        self._executor.must_write()
        return self._executor.count(self._say.end_all, of_operator=operator)

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` that expired before `before`; tell how many."""
        self._executor.must_write()
        stale = self._executor.all(self._say.stale, before=before, at_most=limit)
        if not stale:
            return 0
        return self._executor.count(self._say.forget, keys=[digest for (digest,) in stale])
