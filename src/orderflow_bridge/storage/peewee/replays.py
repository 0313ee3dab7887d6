"""The signatures that were spent."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["ReplayStatements", "Replays"]


class ReplayStatements:
    """What is said to `ofb_replays`."""

    __slots__ = ("purge", "spend", "spent_after")

    def __init__(self, dialect: Dialect) -> None:
        self.spend = dialect.text(
            "INSERT INTO ofb_replays (connection, mac, kept_until)"
            f" VALUES (?, ?, ?) {dialect.ignore('mac')}"
        )
        self.spent_after = dialect.text(
            "SELECT COUNT(*) FROM (SELECT 1 FROM ofb_replays"
            " WHERE kept_until > ? AND connection = ? LIMIT ?) AS spent"
        )
        self.purge = dialect.text(
            dialect.delete_some("ofb_replays", "connection, mac", "kept_until < ?", "kept_until")
        )


class Replays:
    """The port `CountingReplayLedger`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: ReplayStatements) -> None:
        self._session = session
        self._sql = sql

    def spend(self, mac: bytes, *, connection: str, until: int) -> bool:
        """Remember a signature until `until` (Unix ms); False where it was spent before."""
        self._session.must_write()
        return self._session.count(self._sql.spend, (connection, mac, until)) == 1

    def spent_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's signatures with a later `until` (Unix ms), up to `limit`."""
        return int(self._session.one(self._sql.spent_after, (until, connection, limit))[0])

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` signatures whose `until` is before `before`; tell how many."""
        self._session.must_write()
        return self._session.count(self._sql.purge, (before, limit))
