"""The carts: one row each, read and written whole."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from collections.abc import Sequence

import msgspec

from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import CartQuery
from orderflow_bridge.storage.bounds import needs_now
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["CartStatements", "Carts"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Cart).decode


class CartStatements:
    """What is said to `ofb_carts`."""

    __slots__ = (
        "add",
        "crashed",
        "find",
        "find_any",
        "lock",
        "of_email",
        "purge",
        "save",
        "say",
        "search",
    )

    def __init__(self, dialect: Dialect) -> None:
        say = self.say = dialect.text
        self.search = "SELECT document FROM ofb_carts"
        self.find_any = say(self.search + " WHERE cart_id = ?")
        self.find = say(self.search + " WHERE cart_id = ? AND connection = ?")
        self.lock = self.find + dialect.update
        self.add = say(
            "INSERT INTO ofb_carts (version, updated_at, expires_at, order_id, lease_until,"
            " currency, total, email, document, cart_id, connection, revision)"
            f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) {dialect.ignore('cart_id')}"
        )
        # The revision moves with each save: a database that counts changed rows counts this one.
        self.save = say(
            "UPDATE ofb_carts SET version = ?, updated_at = ?, expires_at = ?, order_id = ?,"
            " lease_until = ?, currency = ?, total = ?, email = ?, document = ?,"
            " revision = revision + 1 WHERE cart_id = ? AND version = ?"
        )
        self.crashed = say(
            "SELECT document FROM ofb_carts WHERE lease_until < ?"
            " ORDER BY lease_until, cart_id LIMIT ?"
        )
        self.of_email = say(
            "SELECT document FROM ofb_carts WHERE email = ? AND cart_id > ?"
            " ORDER BY cart_id LIMIT ?"
        )
        self.purge = say(
            dialect.delete_some(
                "ofb_carts",
                "cart_id",
                "expires_at < ? AND order_id IS NULL AND lease_until IS NULL",
                "expires_at",
            )
        )


class Carts:
    """The ports `SearchableCartRepository` and `ListedCartRepository`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: CartStatements) -> None:
        self._session = session
        self._sql = sql

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one."""
        row = self._session.one(self._sql.find, (cart_id, connection))
        return None if row is None else _decode(row[0])

    def find_any(self, cart_id: str) -> Cart | None:
        """Read one of any connection."""
        row = self._session.one(self._sql.find_any, (cart_id,))
        return None if row is None else _decode(row[0])

    def lock(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one, and let no other unit change it until this one ends."""
        row = self._session.one(self._sql.lock, (cart_id, connection))
        return None if row is None else _decode(row[0])

    def add(self, cart: Cart) -> None:
        """Store a new cart; raises `Conflict` where its id is taken."""
        self._session.must_write()
        row = (*_columns(cart), cart.cart_id, cart.connection)
        if self._session.count(self._sql.add, row) != 1:
            raise Conflict("The cart id is taken.")

    def save(self, cart: Cart, *, replacing: int) -> None:
        """Replace the cart whose stored version is `replacing`; raises `Conflict` otherwise."""
        self._session.must_write()
        row = (*_columns(cart), cart.cart_id, replacing)
        if self._session.count(self._sql.save, row) != 1:
            raise Conflict("The cart has another version.")

    def crashed(self, *, before: int, limit: int) -> Sequence[Cart]:
        """Give carts whose conversion's lease ended before `before` (Unix ms)."""
        rows = self._session.all(self._sql.crashed, (before, limit))
        return [_decode(document) for (document,) in rows]

    def of_email(self, email: str, *, after: str, limit: int) -> Sequence[Cart]:
        """Give a customer's carts by id, beyond `after`."""
        rows = self._session.all(self._sql.of_email, (email.lower(), after, limit))
        return [_decode(document) for (document,) in rows]

    def search(self, query: CartQuery) -> Sequence[Cart]:
        """Give the carts that match, newest first, at most `query.limit`."""
        return self._page(query, query.after, "<", "DESC")

    def newer(self, query: CartQuery, *, than: tuple[int, str]) -> Sequence[Cart]:
        """Give the page before the cart with `than`, newest first."""
        return self._page(query, than, ">", "ASC")[::-1]

    def _page(
        self, query: CartQuery, last: tuple[int, str] | None, beyond: str, direction: str
    ) -> list[Cart]:
        where: list[str] = []
        parameters: list[object] = []

        def restrict(condition: str, *values: object) -> None:
            where.append(condition)
            parameters.extend(values)

        connection, expires_at = "connection", "expires_at"
        if query.email is not None:
            restrict("email = ?", query.email.lower())
            # One buyer's carts are few: expressions keep a planner to the index of the addresses.
            connection, expires_at = "COALESCE(connection, '')", "COALESCE(expires_at, 0)"
        if query.connection is not None:
            restrict(f"{connection} = ?", query.connection)
        by_time = query.status in ("open", "expired")
        if query.status is not None:
            restrict("order_id IS NULL" if by_time else "order_id IS NOT NULL")
        if by_time:
            by_now, last = needs_now(query, last, newer=beyond == ">")
            if by_now:
                restrict(f"{expires_at} {'>' if query.status == 'open' else '<='} ?", query.now)
        if last is not None and by_time:
            restrict(
                f"{expires_at} {beyond}= ? AND ({expires_at} {beyond} ? OR cart_id {beyond} ?)",
                last[0],
                *last,
            )
        elif last is not None:
            restrict(f"cart_id {beyond} ?", last[1])
        sql = self._sql.search
        if where:
            sql += " WHERE " + " AND ".join(where)
        sql += f" ORDER BY {expires_at} {direction}," if by_time else " ORDER BY"
        sql += f" cart_id {direction} LIMIT ?"
        parameters.append(query.limit)
        rows = self._session.listed(self._sql.say(sql), parameters)
        return [_decode(document) for (document,) in rows]

    def purge(self, *, before: int, limit: int) -> int:
        """Delete up to `limit` unconverted, unclaimed carts that expired before `before`."""
        self._session.must_write()
        return self._session.count(self._sql.purge, (before, limit))


def _columns(cart: Cart) -> tuple[object, ...]:
    return (
        cart.version,
        cart.updated_at,
        cart.expires_at,
        cart.order_id,
        None if cart.conversion is None else cart.conversion.lease_until,
        cart.currency,
        cart.totals.total,
        None if cart.customer is None else cart.customer.email.lower(),
        _encode(cart).decode(),
    )
