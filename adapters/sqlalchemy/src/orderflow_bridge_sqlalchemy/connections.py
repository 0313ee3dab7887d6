"""The inbound connections."""

from collections.abc import Sequence

import msgspec
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.latest import Latest
from sqlalchemy import bindparam, select, update

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["ConnectionStatements", "Connections"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Connection).decode
# The same text always means the same connection; a long allow-list is not decoded for each request.
_latest: Latest[str, Connection] = Latest(_decode)


class ConnectionStatements:
    """What is said to the table of connections."""

    __slots__ = ("add", "all", "find", "lock", "save")

    def __init__(self, tables: Tables) -> None:
        table = tables.connections
        of_id = table.c.client_id == bindparam("of_id")
        self.find = select(table.c.document).where(of_id)
        self.lock = self.find.with_for_update()
        self.add = insert_or_ignore(table)
        self.save = (
            update(table)
            .where(of_id)
            .values(
                status=bindparam("status"),
                updated_at=bindparam("updated_at"),
                document=bindparam("document"),
                revision=table.c.revision + 1,
            )
        )
        self.all = select(table.c.document).order_by(table.c.created_at, table.c.client_id)


class Connections:
    """The port `ConnectionRepository`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: ConnectionStatements) -> None:
        self._executor = executor
        self._say = statements

    def find(self, client_id: str) -> Connection | None:
        """Read one."""
        row = self._executor.one(self._say.find, of_id=client_id)
        return None if row is None else _latest.of(client_id, row[0])

    def lock(self, client_id: str) -> Connection | None:
        """Read one, and let no other unit change it until this one ends."""
        row = self._executor.one(self._say.lock, of_id=client_id)
        return None if row is None else _latest.of(client_id, row[0])

    def add(self, connection: Connection) -> None:
        """Store a new one; raises `Conflict` where the client id is taken."""
        self._executor.must_write()
        added = self._executor.count(
            self._say.add,
            client_id=connection.client_id,
            status=connection.status,
            created_at=connection.created_at,
            updated_at=connection.updated_at,
            revision=1,
            document=_encode(connection).decode(),
        )
        if added != 1:
            raise Conflict("The client id is taken.")

    def save(self, connection: Connection) -> None:
        """Replace the one with its client id; raises `Conflict` where it is gone."""
        self._executor.must_write()
        saved = self._executor.count(
            self._say.save,
            of_id=connection.client_id,
            status=connection.status,
            updated_at=connection.updated_at,
            document=_encode(connection).decode(),
        )
        if saved != 1:
            raise Conflict("The connection is gone.")

    def all(self) -> Sequence[Connection]:
        """Give every connection, oldest first."""
        return [_decode(document) for (document,) in self._executor.all(self._say.all)]
