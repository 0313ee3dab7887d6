"""The carts: one row each, read and written whole."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from orderflow_bridge.domain.cart import Cart, CartStatus
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import CartQuery
from orderflow_bridge.storage.bounds import needs_now
from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

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


class Listed(NamedTuple):
    """Which list of carts: the filters that are set, and whether it goes back to newer ones."""

    status: CartStatus | None
    of_connection: bool
    of_email: bool
    by_now: bool
    beyond: bool
    backwards: bool


class CartStatements:
    """What is said to the table of carts."""

    __slots__ = (
        "_columns",
        "_lists",
        "add",
        "crashed",
        "find",
        "find_any",
        "lock",
        "of_email",
        "purge",
        "save",
        "stale",
    )

    def __init__(self, tables: Tables) -> None:
        table = tables.carts
        columns = self._columns = table.c
        self._lists: dict[Listed, Select[Any]] = {}
        of_id = columns.cart_id == bindparam("of_id")
        self.find_any = select(columns.document).where(of_id)
        self.find = self.find_any.where(columns.connection == bindparam("of_connection"))
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

    def listing(self, listed: Listed) -> Select[Any]:
        """Give the statement for the filters that are set; it is built at its first use."""
        found = self._lists.get(listed)
        if found is None:
            found = self._lists[listed] = self._listing(listed)
        return found

    def _listing(self, listed: Listed) -> Select[Any]:
        columns = self._columns
        connection: ColumnElement[Any] = columns.connection
        expires: ColumnElement[Any] = columns.expires_at
        cart_id = columns.cart_id
        where: list[ColumnElement[bool]] = []
        if listed.of_email:
            where.append(columns.email == bindparam("email"))
            # One buyer's carts are few: expressions keep a planner to the index of the addresses.
            connection = func.coalesce(connection, "")
            expires = func.coalesce(expires, literal_column("0"))
        if listed.of_connection:
            where.append(connection == bindparam("connection"))
        by_time = listed.status in ("open", "expired")
        if listed.status is not None:
            where.append(columns.order_id.is_(None) if by_time else columns.order_id.is_not(None))
        if listed.by_now:
            now: ColumnElement[int] = bindparam("now")
            where.append(expires > now if listed.status == "open" else expires <= now)
        if listed.beyond:
            at: ColumnElement[int] = bindparam("last_expires")
            last: ColumnElement[str] = bindparam("last_id")
            past = cart_id > last if listed.backwards else cart_id < last
            if by_time and listed.backwards:
                where += [expires >= at, or_(expires > at, past)]
            elif by_time:
                where += [expires <= at, or_(expires < at, past)]
            else:
                where.append(past)
        order = (expires, cart_id) if by_time else (cart_id,)
        return (
            select(columns.document)
            .where(*where)
            .order_by(*(one.asc() if listed.backwards else one.desc() for one in order))
            .limit(bindparam("at_most"))
        )


class Carts:
    """The ports `SearchableCartRepository` and `ListedCartRepository`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: CartStatements) -> None:
        self._executor = executor
        self._say = statements

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one."""
        row = self._executor.one(self._say.find, of_id=cart_id, of_connection=connection)
        return None if row is None else _decode(row[0])

    def find_any(self, cart_id: str) -> Cart | None:
        """Read one of any connection."""
        row = self._executor.one(self._say.find_any, of_id=cart_id)
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

    def search(self, query: CartQuery) -> Sequence[Cart]:
        """Give the carts that match, newest first, at most `query.limit`."""
        return self._page(query, query.after, backwards=False)

    def newer(self, query: CartQuery, *, than: tuple[int, str]) -> Sequence[Cart]:
        """Give the page before the cart with `than`, newest first."""
        return self._page(query, than, backwards=True)[::-1]

    def _page(
        self, query: CartQuery, last: tuple[int, str] | None, *, backwards: bool
    ) -> list[Cart]:
        by_now = False
        if query.status in ("open", "expired"):
            by_now, last = needs_now(query, last, newer=backwards)
        statement = self._say.listing(
            Listed(
                query.status,
                query.connection is not None,
                query.email is not None,
                by_now,
                last is not None,
                backwards,
            )
        )
        values: dict[str, object] = {"at_most": query.limit}
        if query.connection is not None:
            values["connection"] = query.connection
        if query.email is not None:
            values["email"] = query.email.lower()
        if by_now:
            values["now"] = query.now
        if last is not None:
            values["last_expires"], values["last_id"] = last
        return [_decode(document) for (document,) in self._executor.all(statement, **values)]

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
