"""The signatures that were spent."""

from sqlalchemy import bindparam, delete, func, literal, select, tuple_

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["ReplayStatements", "Replays"]


class ReplayStatements:
    """What is said to the table of spent signatures."""

    __slots__ = ("purge", "spend", "spent_after", "stale")

    def __init__(self, tables: Tables) -> None:
        table = tables.replays
        columns = table.c
        self.spend = insert_or_ignore(table)
        spent = (
            select(literal(1).label("one"))
            .where(
                columns.kept_until > bindparam("until"),
                columns.connection == bindparam("of_connection"),
            )
            .limit(bindparam("at_most"))
            .subquery("spent")
        )
        self.spent_after = select(func.count()).select_from(spent)
        # What another unit deletes right now is not waited for.
        self.stale = (
            select(columns.connection, columns.mac)
            .where(columns.kept_until < bindparam("before"))
            .order_by(columns.kept_until)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
        )
        key = tuple_(columns.connection, columns.mac)
        self.purge = delete(table).where(key.in_(bindparam("keys", expanding=True)))


class Replays:
    """The port `CountingReplayLedger`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: ReplayStatements) -> None:
        self._executor = executor
        self._say = statements

    def spend(self, mac: bytes, *, connection: str, until: int) -> bool:
        """Remember a signature until `until` (Unix ms); False where it was spent before."""
        self._executor.must_write()
        spent = self._executor.count(
            self._say.spend, connection=connection, mac=mac, kept_until=until, revision=1
        )
        return spent == 1

    def spent_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's signatures with a later `until` (Unix ms), up to `limit`."""
        row = self._executor.one(
            self._say.spent_after, until=until, of_connection=connection, at_most=limit
        )
        return int(row[0])

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` signatures whose `until` is before `before`; tell how many."""
        self._executor.must_write()
        stale = self._executor.all(self._say.stale, before=before, at_most=limit)
        if not stale:
            return 0
        return self._executor.count(self._say.purge, keys=[tuple(row) for row in stale])
