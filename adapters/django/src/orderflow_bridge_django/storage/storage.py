"""The storage itself: an alias of the site's `DATABASES`, and the two ways to open a unit."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.ports import PORTS_VERSION, Capability, CartRepository, OrderRepository

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.errors import translated
from orderflow_bridge_django.storage.lending import Lender
from orderflow_bridge_django.storage.session import Session
from orderflow_bridge_django.storage.unit import DjangoUnit, Replaced

__all__ = ["DjangoStorage"]


class DjangoStorage:
    """Keep everything in a database of the site; the port `Storage`.

    `using` is the alias; without it the site's routers say where carts are written, anew for each
    unit. Reading units use the same one: a replica may be behind, and a request that does not see
    what the one before it committed breaks a promise.

    `carts` and `orders` replace one repository alone: each is called with the alias of every unit,
    in the thread that runs it. Django has one connection per thread and alias, so whatever they do
    with `using(alias)` is in the unit's transaction.

    `lock_timeout` in seconds bounds the wait for a lock on PostgreSQL, which knows no bound of its
    own; the others have theirs in the `OPTIONS` of the alias. None leaves PostgreSQL's as it is.

    The tables are those of `manage.py migrate`. A connection that is lost during a commit leaves
    open whether it happened: `StorageUnavailable` is raised, and the signature or the idempotency
    key tells a retry.
    """

    ports_version = PORTS_VERSION
    capabilities: frozenset[Capability] = frozenset(
        {
            "products",
            "stock",
            "rates",
            "audit",
            "privacy",
            "search",
            "journal",
            "sessions",
            "durable",
            "processes",
        }
    )

    def __init__(
        self,
        *,
        using: str | None = None,
        carts: Callable[[str], CartRepository] | None = None,
        orders: Callable[[str], OrderRepository] | None = None,
        lock_timeout: float | None = 10.0,
    ) -> None:
        self._using = using
        self._repositories = Replaced(carts, orders)
        self._lock_timeout = lock_timeout
        self._lender = Lender()

    def __repr__(self) -> str:
        return f"DjangoStorage(using={self._using!r})"

    @contextmanager
    def reading(self) -> Iterator[DjangoUnit]:
        """Open a unit that takes no lock; each statement sees what is committed then.

        Inside a transaction of the site it reads in that one.
        """
        alias = self.alias()
        with translated(), self._lender.lent(alias):
            yield DjangoUnit(Session(alias, writable=False), self._repositories)

    @contextmanager
    def writing(self) -> Iterator[DjangoUnit]:
        """Open a unit that commits when left, and rolls back where an exception leaves it.

        It is a transaction of its own: inside one of the site it raises `RuntimeError`, because
        what it promised would be undone with that one. Only Django's `TestCase` may be around it.
        """
        alias = self.alias()
        process = os.getpid()
        session = Session(alias, writable=True)
        with translated(), self._lender.lent(alias) as connection, _transaction(connection):
            self._bound_waiting(connection)
            try:
                yield DjangoUnit(session, self._repositories)
            finally:
                session.writable = False
            if os.getpid() != process:
                raise StorageUnavailable(
                    "The process forked in this unit; only the parent ends it."
                )
            if transaction.get_rollback(using=alias):
                # Django would roll back without a word.
                raise StorageUnavailable("A statement of this unit failed; try again.")

    def close(self) -> None:
        """Close this thread's connection; other threads give back theirs after each unit."""
        with translated():
            self._lender.give_back(self.alias())

    def alias(self) -> str:
        """Tell which of the site's databases the next unit is in."""
        return self._using or router.db_for_write(models.Cart)

    def _bound_waiting(self, connection: BaseDatabaseWrapper) -> None:
        """Take SQLite's write lock, or bound PostgreSQL's waits, before anything is read."""
        if connection.vendor == "sqlite":
            # Django begins without the lock, and SQLite refuses at once to take it after a read
            # that another writer has made stale; as a first statement this waits for its turn.
            models.Replay.objects.using(connection.alias).filter(pk=0).update(kept_until=0)
        elif connection.vendor == "postgresql" and self._lock_timeout is not None:
            with connection.cursor() as cursor:
                # To the end of the transaction: the connection is left as it was found.
                bound: list[Any] = [f"{max(1, round(self._lock_timeout * 1000))}ms"]
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", bound)


@contextmanager
def _transaction(connection: BaseDatabaseWrapper) -> Iterator[None]:
    if not connection.in_atomic_block and not connection.get_autocommit():
        raise RuntimeError(
            "The bridge cannot commit where autocommit is off: leave AUTOCOMMIT on for the alias it"
            " uses, and no set_autocommit(False) around it."
        )
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(using=connection.alias, durable=True))
        except RuntimeError:
            raise RuntimeError(
                "The bridge opens a transaction of its own: leave the atomic block first, and mark"
                " a view under ATOMIC_REQUESTS with transaction.non_atomic_requests."
            ) from None
        yield
