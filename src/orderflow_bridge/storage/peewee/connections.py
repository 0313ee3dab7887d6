"""The inbound connections."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from collections.abc import Sequence

import msgspec

from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.latest import Latest
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["ConnectionStatements", "Connections"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Connection).decode
# The same text always means the same connection; a long allow-list is not decoded for each request.
_latest: Latest[str, Connection] = Latest(_decode)


class ConnectionStatements:
    """What is said to `ofb_connections`."""

    __slots__ = ("add", "all", "find", "lock", "save")

    def __init__(self, dialect: Dialect) -> None:
        say = dialect.text
        self.find = say("SELECT document FROM ofb_connections WHERE client_id = ?")
        self.lock = self.find + dialect.update
        self.add = say(
            "INSERT INTO ofb_connections"
            " (client_id, status, created_at, updated_at, revision, document)"
            f" VALUES (?, ?, ?, ?, 1, ?) {dialect.ignore('client_id')}"
        )
        self.save = say(
            "UPDATE ofb_connections SET status = ?, updated_at = ?, revision = revision + 1,"
            " document = ? WHERE client_id = ?"
        )
        self.all = "SELECT document FROM ofb_connections ORDER BY created_at, client_id"


class Connections:
    """The port `ConnectionRepository`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: ConnectionStatements) -> None:
        self._session = session
        self._sql = sql

    def find(self, client_id: str) -> Connection | None:
        """Read one."""
        row = self._session.one(self._sql.find, (client_id,))
        return None if row is None else _latest.of(client_id, row[0])

    def lock(self, client_id: str) -> Connection | None:
        """Read one, and let no other unit change it until this one ends."""
        row = self._session.one(self._sql.lock, (client_id,))
        return None if row is None else _latest.of(client_id, row[0])

    def add(self, connection: Connection) -> None:
        """Store a new one; raises `Conflict` where the client id is taken."""
        self._session.must_write()
        row = (
            connection.client_id,
            connection.status,
            connection.created_at,
            connection.updated_at,
            _encode(connection).decode(),
        )
        if self._session.count(self._sql.add, row) != 1:
            raise Conflict("The client id is taken.")

    def save(self, connection: Connection) -> None:
        """Replace the one with its client id; raises `Conflict` where it is gone."""
        self._session.must_write()
        row = (
            connection.status,
            connection.updated_at,
            _encode(connection).decode(),
            connection.client_id,
        )
        if self._session.count(self._sql.save, row) != 1:
            raise Conflict("The connection is gone.")

    def all(self) -> Sequence[Connection]:
        """Give every connection, oldest first."""
        return [_decode(document) for (document,) in self._session.all(self._sql.all, ())]
