"""The thread's own connection, lent to a unit and left as it was found.

Django keeps one connection per thread and alias, and gives it back at the end of a request. The
bridge's threads have no requests, so a unit gives back what it opened; and what the site opened,
with its cursors and temporary tables, a unit leaves alone.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionDoesNotExist
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.forks import renew_in_children

__all__ = ["Lender"]


class Lender:
    """Lend connections to the units of one storage."""

    def __init__(self) -> None:
        # The connections that units opened and that CONN_MAX_AGE keeps, of each thread.
        self._opened = threading.local()
        self._aliases: set[str] = set()
        self._inherited: list[BaseDatabaseWrapper] = []
        renew_in_children(self)

    @contextmanager
    def lent(self, alias: str) -> Iterator[BaseDatabaseWrapper]:
        """Lend this thread's connection; what this opens is closed when CONN_MAX_AGE says so."""
        connection = self._connection(alias)
        self._aliases.add(alias)
        if connection.in_atomic_block:
            yield connection
            return
        self._check(connection)
        before: Any = connection.connection
        try:
            yield connection
        finally:
            # In a child that forked in this block the connection is the parent's.
            inherited = connections[alias] is not connection
            if connection.connection is not before and not inherited:
                connection.close_if_unusable_or_obsolete()
                self._opened.__dict__[alias] = connection.connection

    def give_back(self, alias: str) -> None:
        """Close this thread's connection, unless a transaction of the site is using it."""
        connection = self._connection(alias)
        if not connection.in_atomic_block:
            connection.close()
        self._opened.__dict__.pop(alias, None)

    def renew(self) -> None:
        """Forget, in a forked child, the connections that are the parent's.

        They are kept but never used, closed or collected: closing a socket or a SQLite file here
        would end them there. A database in memory was copied, and stays.
        """
        for connection in connections.all(initialized_only=True):
            if connection.alias not in self._aliases or connection.connection is None:
                continue
            if not _is_in_memory(connection):
                self._inherited.append(connection)
                del connections[connection.alias]

    def _connection(self, alias: str) -> BaseDatabaseWrapper:
        try:
            return connections[alias]
        except ConnectionDoesNotExist:
            raise ConfigurationError(
                f"Django's DATABASES has no alias {alias!r}: correct `using`, or add it."
            ) from None

    def _check(self, connection: BaseDatabaseWrapper) -> None:
        """Close a connection that is of no more use, so that the unit opens another."""
        present: Any = connection.connection
        if present is None:
            return
        if self._opened.__dict__.get(connection.alias) is present:
            connection.close_if_unusable_or_obsolete()
        elif connection.errors_occurred and not connection.is_usable():
            connection.close()


def _is_in_memory(connection: BaseDatabaseWrapper) -> bool:
    in_memory = getattr(connection, "is_in_memory_db", None)
    return in_memory is not None and bool(in_memory())
