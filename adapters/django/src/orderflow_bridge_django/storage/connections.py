"""The inbound connections."""

from collections.abc import Iterable, Sequence

import msgspec
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.latest import Latest

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.session import Session

__all__ = ["Connections"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Connection).decode
# The same text always means the same connection; a long allow-list is not decoded for each request.
_latest: Latest[str, Connection] = Latest(_decode)


class Connections:
    """The port `ConnectionRepository`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Connection.objects.using(session.using)

    def find(self, client_id: str) -> Connection | None:
        """Read one."""
        found = self._rows.filter(client_id=client_id).values_list("document", flat=True)
        return _one(client_id, found)

    def lock(self, client_id: str) -> Connection | None:
        """Read one, and let no other unit change it until this one ends."""
        found = self._rows.filter(client_id=client_id).select_for_update()
        return _one(client_id, found.values_list("document", flat=True))

    def add(self, connection: Connection) -> None:
        """Store a new one; raises `Conflict` where the client id is taken."""
        row = models.Connection(
            client_id=connection.client_id,
            name=connection.name,
            channel=connection.channel,
            status=connection.status,
            created_at=connection.created_at,
            updated_at=connection.updated_at,
            document=_encode(connection).decode(),
        )
        if not self._session.insert(row):
            raise Conflict("The client id is taken.")

    def save(self, connection: Connection) -> None:
        """Replace the one with its client id; raises `Conflict` where it is gone."""
        self._session.must_write()
        saved = self._rows.filter(client_id=connection.client_id).update(
            name=connection.name,
            channel=connection.channel,
            status=connection.status,
            updated_at=connection.updated_at,
            document=_encode(connection).decode(),
        )
        if saved != 1:
            raise Conflict("The connection is gone.")

    def all(self) -> Sequence[Connection]:
        """Give every connection, oldest first."""
        rows = self._rows.order_by("created_at", "client_id")
        return [_decode(document) for document in rows.values_list("document", flat=True)]


def _one(client_id: str, documents: Iterable[str]) -> Connection | None:
    document = next(iter(documents), None)
    return None if document is None else _latest.of(client_id, document)
