"""Inbound connections."""

from collections.abc import Sequence

from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Connections"]


class Connections:
    """The port `ConnectionRepository`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[str, Connection]) -> None:
        self._session = session
        self._rows = rows

    def find(self, client_id: str) -> Connection | None:
        """Read one."""
        return self._rows.get(client_id)

    lock = find  # one writing unit at a time: what it reads is locked

    def add(self, connection: Connection) -> None:
        """Store a new one; raises `Conflict` where the client id is taken."""
        self._session.must_write()
        if self._rows.get(connection.client_id) is not None:
            raise Conflict("The client id is taken.")
        self._rows.put(connection.client_id, connection)

    def save(self, connection: Connection) -> None:
        """Replace the one with its client id; raises `Conflict` where it is gone."""
        self._session.must_write()
        if self._rows.get(connection.client_id) is None:
            raise Conflict("The connection is gone.")
        self._rows.put(connection.client_id, connection)

    def all(self) -> Sequence[Connection]:
        """Give every connection, oldest first."""
        return sorted(self._rows.values(), key=lambda one: (one.created_at, one.client_id))
