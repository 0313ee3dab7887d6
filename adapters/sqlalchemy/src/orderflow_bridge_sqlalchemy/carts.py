"""The carts: one row each, read and written whole."""

from collections.abc import Sequence

import msgspec
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import Conflict
from sqlalchemy import bindparam, delete, select, update

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["CartStatements", "Carts"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Cart).decode

_SAVED = (
    "version",
    "updated_at",
    "expires_at",
    "order_id",
    "lease_until",
    "currency",
    "total",
    "email",
    "document",
)


class CartStatements:
    """What is said to the table of carts."""

    __slots__ = ("add", "crashed", "find", "lock", "of_email", "purge", "save", "stale")

    def __init__(self, tables: Tables) -> None:
        table = tables.carts
        columns = table.c
        of_id = columns.cart_id == bindparam("of_id")
        self.find = select(columns.document).where(
            of_id, columns.connection == bindparam("of_connection")
        )
        self.lock = self.find.with_for_update()
        self.add = insert_or_ignore(table)
        # The revision moves with each save: a database that counts changed rows counts this one.
        self.save = (
            update(table)
            .where(of_id, columns.version == bindparam("replacing"))
            .values({name: bindparam(name) for name in _SAVED} | {"revision": columns.revision + 1})
        )
        self.crashed = (
            select(columns.document)
            .where(columns.lease_until < bindparam("before"))
            .order_by(columns.lease_until, columns.cart_id)
            .limit(bindparam("at_most"))
        )
        # No index: one more would cost every request, and this is asked by an operator alone.
        self.of_email = (
            select(columns.document)
            .where(columns.email == bindparam("email"), columns.cart_id > bindparam("beyond"))
            .order_by(columns.cart_id)
            .limit(bindparam("at_most"))
        )
        # What another unit works on is not stale, or deleted by that one.
        self.stale = (
            select(columns.cart_id)
            .where(
                columns.expires_at < bindparam("before"),
                columns.order_id.is_(None),
                columns.lease_until.is_(None),
            )
            .order_by(columns.expires_at)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
        )
        self.purge = delete(table).where(columns.cart_id.in_(bindparam("ids", expanding=True)))


class Carts:
    """The port `SearchableCartRepository`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: CartStatements) -> None:
        self._executor = executor
        self._say = statements

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one."""
        row = self._executor.one(self._say.find, of_id=cart_id, of_connection=connection)
        return None if row is None else _decode(row[0])

    def lock(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one, and let no other unit change it until this one ends."""
        row = self._executor.one(self._say.lock, of_id=cart_id, of_connection=connection)
        return None if row is None else _decode(row[0])

    def add(self, cart: Cart) -> None:
        """Store a new cart; raises `Conflict` where its id is taken."""
        self._executor.must_write()
        added = self._executor.count(
            self._say.add,
            cart_id=cart.cart_id,
            connection=cart.connection,
            revision=1,
            **_saved(cart),
        )
        if added != 1:
            raise Conflict("The cart id is taken.")

    def save(self, cart: Cart, *, replacing: int) -> None:
        """Replace the cart whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._executor.must_write()
        saved = self._executor.count(
            self._say.save, of_id=cart.cart_id, replacing=replacing, **_saved(cart)
        )
        if saved != 1:
            raise Conflict("The cart has another version.")

    def crashed(self, *, before: int, limit: int) -> Sequence[Cart]:
        """Give carts whose conversion's lease ended before `before` (Unix ms)."""
        rows = self._executor.all(self._say.crashed, before=before, at_most=limit)
        return [_decode(document) for (document,) in rows]

    def of_email(self, email: str, *, after: str, limit: int) -> Sequence[Cart]:
        """Give a customer's carts by id, beyond `after`."""
        rows = self._executor.all(
            self._say.of_email, email=email.lower(), beyond=after, at_most=limit
        )
        return [_decode(document) for (document,) in rows]

    def purge(self, *, before: int, limit: int) -> int:
        """Delete up to `limit` unconverted, unclaimed carts that expired before `before`."""
        self._executor.must_write()
        stale = self._executor.all(self._say.stale, before=before, at_most=limit)
        if not stale:
            return 0
        return self._executor.count(self._say.purge, ids=[cart_id for (cart_id,) in stale])


def _saved(cart: Cart) -> dict[str, object]:
    return {
        "version": cart.version,
        "updated_at": cart.updated_at,
        "expires_at": cart.expires_at,
        "order_id": cart.order_id,
        "lease_until": None if cart.conversion is None else cart.conversion.lease_until,
        "currency": cart.currency,
        "total": cart.totals.total,
        "email": None if cart.customer is None else cart.customer.email.lower(),
        "document": _encode(cart).decode(),
    }
