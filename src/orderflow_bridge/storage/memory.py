"""The executable specification of a storage: plain dictionaries in one process.

A writing unit works on drafts and holds one lock; leaving it publishes every draft at once. A
reading unit sees what was published and waits for nobody. Everything is lost with the process, so
this serves tests, demos and readers who want to know what a storage must do.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.domain.forks import renew_in_children
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.domain.numbers import as_number
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.domain.session import Session
from orderflow_bridge.ports import (
    PORTS_VERSION,
    Answer,
    AnswerKey,
    Capability,
    CartQuery,
    Claim,
    KeptAnswer,
    OrderQuery,
    Taking,
)
from orderflow_bridge.settings import Settings

__all__ = ["MemoryStorage", "MemoryUnit", "open_storage"]

_K = TypeVar("_K")
_V = TypeVar("_V")


def open_storage(settings: Settings) -> "MemoryStorage":
    """Make the storage of `memory://`."""
    return MemoryStorage(timeout=settings.pool_timeout)


class MemoryStorage:
    """Keep everything in memory; the port `Storage`.

    `timeout` is how many seconds a writing unit waits for its turn before it raises
    `StorageUnavailable`.
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
        }
    )

    def __init__(self, *, timeout: float = 10.0) -> None:
        self._timeout = timeout
        self._published = _Published()
        self._turn = threading.Lock()
        renew_in_children(self)

    def __repr__(self) -> str:
        return "MemoryStorage()"

    def reading(self) -> "_Reading":
        """Open a unit on what is published; it must not change anything."""
        return _Reading(self._published)

    def writing(self) -> "_Writing":
        """Open a unit that publishes its changes when left, or none of them."""
        return _Writing(self._published, self._turn, self._timeout)

    def close(self) -> None:
        """Keep everything: what is in memory has nowhere else to be."""

    def renew(self) -> None:
        """Take a fresh lock in a forked child: the parent's may be held for ever."""
        self._turn = threading.Lock()
        self._published.renew()


class _Rows(Protocol[_K, _V]):
    """A table as a repository uses it: the published one, or a draft on top of it."""

    def get(self, key: _K) -> _V | None: ...
    def values(self) -> Iterable[_V]: ...
    def items(self) -> Iterable[tuple[_K, _V]]: ...
    def put(self, key: _K, row: _V) -> None: ...
    def remove(self, key: _K) -> None: ...


class _Table(Generic[_K, _V]):
    """Published rows; the guard makes the publishing of several tables one step for readers.

    Only a draft that is published changes them, and it holds the guard.
    """

    def __init__(self, guard: Callable[[], threading.Lock]) -> None:
        self.rows: dict[_K, _V] = {}
        self._guard = guard

    def get(self, key: _K) -> _V | None:
        with self._guard():
            return self.rows.get(key)

    def values(self) -> Iterable[_V]:
        with self._guard():
            return list(self.rows.values())

    def items(self) -> Iterable[tuple[_K, _V]]:
        with self._guard():
            return list(self.rows.items())

    def put(self, key: _K, row: _V) -> None:
        self.rows[key] = row

    def remove(self, key: _K) -> None:
        self.rows.pop(key, None)


class _Draft(Generic[_K, _V]):
    """Changes on top of a table, seen by their own unit only until they are published."""

    def __init__(self, table: _Table[_K, _V]) -> None:
        self._table = table
        self._changed: dict[_K, _V] = {}
        self._removed: set[_K] = set()

    def get(self, key: _K) -> _V | None:
        if key in self._removed:
            return None
        return self._changed[key] if key in self._changed else self._table.get(key)

    def values(self) -> Iterable[_V]:
        return [row for _, row in self.items()]

    def items(self) -> Iterable[tuple[_K, _V]]:
        merged = dict(self._table.items()) | self._changed
        return [(key, row) for key, row in merged.items() if key not in self._removed]

    def put(self, key: _K, row: _V) -> None:
        self._removed.discard(key)
        self._changed[key] = row

    def remove(self, key: _K) -> None:
        self._changed.pop(key, None)
        self._removed.add(key)

    def publish(self) -> None:
        for key, row in self._changed.items():
            self._table.put(key, row)
        for key in self._removed:
            self._table.remove(key)


class _KeptAnswer(Struct, frozen=True):
    fingerprint: bytes
    running_until: int
    until: int
    answer: Answer | None = None


class _Published:
    """Every table, as the last writing unit left it."""

    def __init__(self) -> None:
        self.guard = threading.Lock()

        def guard() -> threading.Lock:
            return self.guard

        self.connections: _Table[str, Connection] = _Table(guard)
        self.carts: _Table[str, Cart] = _Table(guard)
        self.orders: _Table[str, Order] = _Table(guard)
        self.order_of_cart: _Table[str, str] = _Table(guard)
        self.order_of_intent: _Table[str, str] = _Table(guard)
        self.products: _Table[str, CatalogueEntry] = _Table(guard)
        self.stock: _Table[str, int] = _Table(guard)
        self.intents: _Table[str, PaymentIntent] = _Table(guard)
        self.replays: _Table[tuple[str, bytes], int] = _Table(guard)
        self.answers: _Table[AnswerKey, _KeptAnswer] = _Table(guard)
        self.audit: _Table[str, AuditEntry] = _Table(guard)
        self.journal: _Table[str, JournalEntry] = _Table(guard)
        self.sessions: _Table[bytes, Session] = _Table(guard)
        self.placed = 0

    def renew(self) -> None:
        self.guard = threading.Lock()


class MemoryUnit:
    """One unit of work; the port `Unit`."""

    __slots__ = (
        "_drafts",
        "_published",
        "answers",
        "audit",
        "carts",
        "connections",
        "intents",
        "journal",
        "orders",
        "products",
        "replays",
        "sessions",
        "stock",
        "writable",
    )

    def __init__(self, published: _Published, *, writable: bool) -> None:
        self._published = published
        self._drafts: list[_Draft[Any, Any]] = []
        self.writable = writable
        rows = self._rows
        stock = rows(published.stock)
        self.connections = _Connections(self, rows(published.connections))
        self.carts = _Carts(self, rows(published.carts))
        self.orders = _Orders(
            self,
            published,
            rows(published.orders),
            rows(published.order_of_cart),
            rows(published.order_of_intent),
        )
        self.products = _Products(self, rows(published.products), stock)
        self.stock = _Stock(self, stock)
        self.intents = _Intents(self, rows(published.intents))
        self.replays = _Replays(self, rows(published.replays))
        self.answers = _Answers(self, rows(published.answers))
        self.audit = _Audit(self, rows(published.audit))
        self.journal = _Journal(self, rows(published.journal))
        self.sessions = _Sessions(self, rows(published.sessions))

    def _rows(self, table: _Table[_K, _V]) -> _Rows[_K, _V]:
        if not self.writable:
            return table
        draft = _Draft(table)
        self._drafts.append(draft)
        return draft

    def must_write(self) -> None:
        """Refuse a change in a reading unit, and in one that is over."""
        if not self.writable:
            raise RuntimeError("A reading unit changes nothing.")

    def publish(self) -> None:
        """Show every change to everyone, in one step."""
        with self._published.guard:
            for draft in self._drafts:
                draft.publish()


class _Reading:
    __slots__ = ("_published",)

    def __init__(self, published: _Published) -> None:
        self._published = published

    def __enter__(self) -> MemoryUnit:
        return MemoryUnit(self._published, writable=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class _Writing:
    __slots__ = ("_published", "_timeout", "_turn", "_unit")

    def __init__(self, published: _Published, turn: threading.Lock, timeout: float) -> None:
        self._published = published
        self._turn = turn
        self._timeout = timeout

    def __enter__(self) -> MemoryUnit:
        if not self._turn.acquire(timeout=self._timeout):
            raise StorageUnavailable("The storage is busy; try again.")
        self._unit = MemoryUnit(self._published, writable=True)
        return self._unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._unit.publish()
        finally:
            self._unit.writable = False
            self._turn.release()


def _last(found: Sequence[_V], limit: int) -> Sequence[_V]:
    return found[max(0, len(found) - limit) :]


class _Connections:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[str, Connection]) -> None:
        self._unit = unit
        self._rows = rows

    def find(self, client_id: str) -> Connection | None:
        return self._rows.get(client_id)

    lock = find  # one writing unit at a time: what it reads is locked

    def add(self, connection: Connection) -> None:
        self._unit.must_write()
        if self._rows.get(connection.client_id) is not None:
            raise Conflict("The client id is taken.")
        self._rows.put(connection.client_id, connection)

    def save(self, connection: Connection) -> None:
        self._unit.must_write()
        if self._rows.get(connection.client_id) is None:
            raise Conflict("The connection is gone.")
        self._rows.put(connection.client_id, connection)

    def all(self) -> Sequence[Connection]:
        return sorted(self._rows.values(), key=lambda one: (one.created_at, one.client_id))


class _Carts:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[str, Cart]) -> None:
        self._unit = unit
        self._rows = rows

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        cart = self._rows.get(cart_id)
        return cart if cart is not None and cart.connection == connection else None

    lock = find  # one writing unit at a time: what it reads is locked

    def add(self, cart: Cart) -> None:
        self._unit.must_write()
        if self._rows.get(cart.cart_id) is not None:
            raise Conflict("The cart id is taken.")
        self._rows.put(cart.cart_id, cart)

    def save(self, cart: Cart, *, replacing: int) -> None:
        self._unit.must_write()
        stored = self._rows.get(cart.cart_id)
        if stored is None or stored.version != replacing:
            raise Conflict("The cart has another version.")
        self._rows.put(cart.cart_id, cart)

    def crashed(self, *, before: int, limit: int) -> Sequence[Cart]:
        late = [
            (cart.conversion.lease_until, cart.cart_id, cart)
            for cart in self._rows.values()
            if cart.conversion is not None and cart.conversion.lease_until < before
        ]
        return [cart for _, _, cart in sorted(late, key=lambda one: one[:2])[:limit]]

    def of_email(self, email: str, *, after: str, limit: int) -> Sequence[Cart]:
        found = [
            cart for cart in self._rows.values() if cart.cart_id > after and _is_of(cart, email)
        ]
        return sorted(found, key=lambda cart: cart.cart_id)[:limit]

    def find_any(self, cart_id: str) -> Cart | None:
        return self._rows.get(cart_id)

    def search(self, query: CartQuery) -> Sequence[Cart]:
        found = self._listed(query)
        if query.after is not None:
            last = _place(query, *query.after)
            found = [cart for cart in found if _place(query, cart.expires_at, cart.cart_id) < last]
        return found[: query.limit]

    def newer(self, query: CartQuery, *, than: tuple[int, str]) -> Sequence[Cart]:
        first = _place(query, *than)
        found = [
            cart
            for cart in self._listed(query)
            if _place(query, cart.expires_at, cart.cart_id) > first
        ]
        return _last(found, query.limit)

    def _listed(self, query: CartQuery) -> list[Cart]:
        found = [
            cart
            for cart in self._rows.values()
            if query.status in (None, cart.status(query.now))
            and query.connection in (None, cart.connection)
            and (query.email is None or _is_of(cart, query.email))
        ]
        found.sort(key=lambda cart: _place(query, cart.expires_at, cart.cart_id), reverse=True)
        return found

    def purge(self, *, before: int, limit: int) -> int:
        self._unit.must_write()
        stale = [
            cart.cart_id
            for cart in sorted(self._rows.values(), key=lambda cart: cart.expires_at)
            if cart.expires_at < before and cart.order_id is None and cart.conversion is None
        ]
        for cart_id in stale[:limit]:
            self._rows.remove(cart_id)
        return len(stale[:limit])


def _is_of(cart: Cart, email: str) -> bool:
    return cart.customer is not None and cart.customer.email.lower() == email.lower()


def _place(query: CartQuery, expires_at: int, cart_id: str) -> tuple[int, str]:
    return (expires_at if query.status in ("open", "expired") else 0, cart_id)


class _Orders:
    __slots__ = ("_of_cart", "_of_intent", "_published", "_rows", "_unit")

    def __init__(
        self,
        unit: MemoryUnit,
        published: _Published,
        rows: _Rows[str, Order],
        of_cart: _Rows[str, str],
        of_intent: _Rows[str, str],
    ) -> None:
        self._unit = unit
        self._published = published
        self._rows = rows
        self._of_cart = of_cart
        self._of_intent = of_intent

    def find(self, order_id: str, *, connection: str | None) -> Order | None:
        order = self._rows.get(order_id)
        return order if order is not None and connection in (None, order.connection) else None

    def of_cart(self, cart_id: str) -> Order | None:
        order_id = self._of_cart.get(cart_id)
        return None if order_id is None else self._rows.get(order_id)

    def place(self, order: Order) -> Order:
        self._unit.must_write()
        if (
            self._rows.get(order.order_id) is not None
            or self._of_cart.get(order.cart_id) is not None
            or self._of_intent.get(order.payment.intent) is not None
        ):
            raise Conflict("The order, its cart or its payment intent is taken.")
        # A number is spent even where the unit fails: numbers may skip, as in a database.
        self._published.placed += 1
        placed = replace(order, number=as_number(self._published.placed))
        self._rows.put(order.order_id, placed)
        self._of_cart.put(order.cart_id, order.order_id)
        self._of_intent.put(order.payment.intent, order.order_id)
        return placed

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        self._unit.must_write()
        stored = self._rows.get(order.order_id)
        if stored is None or stored.status != expecting:
            return False
        self._rows.put(order.order_id, replace(order, number=stored.number))
        return True

    def search(self, query: OrderQuery) -> Sequence[Order]:
        return self._found(query)[: query.limit]

    def of_number(self, number: str) -> Order | None:
        return next((order for order in self._rows.values() if order.number == number), None)

    def of_intent(self, intent: str) -> Order | None:
        order_id = self._of_intent.get(intent)
        return None if order_id is None else self._rows.get(order_id)

    def newer(self, query: OrderQuery, *, than: tuple[int, str]) -> Sequence[Order]:
        found = self._found(replace(query, after=None))
        first = [order for order in found if (order.placed_at, order.order_id) > than]
        return _last(first, query.limit)

    def takings(
        self, *, connection: str | None, placed_after: int, placed_before: int
    ) -> Sequence[Taking]:
        totals: dict[tuple[OrderStatus, str], list[int]] = {}
        query = OrderQuery(
            connection=connection, placed_after=placed_after, placed_before=placed_before
        )
        for order in self._found(query):
            totals.setdefault((order.status, order.currency), []).append(order.totals.total)
        return [
            Taking(status=status, currency=currency, orders=len(found), total=sum(found))
            for (status, currency), found in sorted(totals.items())
        ]

    def _found(self, query: OrderQuery) -> list[Order]:
        found = [order for order in self._rows.values() if _matches(order, query)]
        found.sort(key=lambda order: (order.placed_at, order.order_id), reverse=True)
        return found


def _matches(order: Order, query: OrderQuery) -> bool:
    placed = order.placed_at
    return (
        query.connection in (None, order.connection)
        and query.status in (None, order.status)
        and (query.placed_after is None or placed >= query.placed_after)
        and (query.placed_before is None or placed < query.placed_before)
        and (query.email is None or order.customer.email.lower() == query.email.lower())
        and (query.after is None or (placed, order.order_id) < query.after)
    )


class _Products:
    __slots__ = ("_rows", "_stock", "_unit")

    def __init__(
        self, unit: MemoryUnit, rows: _Rows[str, CatalogueEntry], stock: _Rows[str, int]
    ) -> None:
        self._unit = unit
        self._rows = rows
        self._stock = stock

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        found = {}
        for sku in skus:
            entry = self._rows.get(sku)
            if entry is not None and entry.active:
                found[sku] = Product(
                    sku=sku,
                    name=entry.name,
                    unit_price=entry.prices.get(currency),
                    tax_class=entry.tax_class,
                )
        return found

    def put(self, entries: Sequence[CatalogueEntry]) -> None:
        self._unit.must_write()
        for entry in entries:
            stored = self._rows.get(entry.sku)
            prices = entry.prices if stored is None else stored.prices | entry.prices
            self._rows.put(entry.sku, replace(entry, prices=dict(prices), stock=None))
            if entry.stock is None:
                self._stock.remove(entry.sku)
            else:
                self._stock.put(entry.sku, entry.stock)

    def page(self, *, after: str, limit: int) -> Sequence[CatalogueEntry]:
        entries = sorted(
            (entry for entry in self._rows.values() if entry.sku > after),
            key=lambda entry: entry.sku,
        )
        return [replace(entry, stock=self._stock.get(entry.sku)) for entry in entries[:limit]]


class _Stock:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[str, int]) -> None:
        self._unit = unit
        self._rows = rows

    def available(self, skus: Sequence[str]) -> Mapping[str, int]:
        found = ((sku, self._rows.get(sku)) for sku in skus)
        return {sku: left for sku, left in found if left is not None}

    def take(self, wanted: Mapping[str, int]) -> None:
        self._unit.must_write()
        for sku, quantity in sorted(wanted.items()):
            left = self._rows.get(sku)
            if left is None or left < quantity:
                raise Conflict("The stock moved.")
            self._rows.put(sku, left - quantity)

    def give_back(self, taken: Mapping[str, int]) -> None:
        self._unit.must_write()
        for sku, quantity in sorted(taken.items()):
            left = self._rows.get(sku)
            if left is not None:
                self._rows.put(sku, left + quantity)


class _Intents:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[str, PaymentIntent]) -> None:
        self._unit = unit
        self._rows = rows

    def find(self, intent: str) -> PaymentIntent | None:
        return self._rows.get(intent)

    def add(self, intent: PaymentIntent) -> None:
        self._unit.must_write()
        if self._rows.get(intent.intent) is not None:
            raise Conflict("The payment intent is known.")
        self._rows.put(intent.intent, intent)

    def save(self, intent: PaymentIntent, *, replacing: int) -> None:
        self._unit.must_write()
        stored = self._rows.get(intent.intent)
        if stored is None or stored.version != replacing:
            raise Conflict("The payment intent has another version.")
        self._rows.put(intent.intent, intent)


class _Replays:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[tuple[str, bytes], int]) -> None:
        self._unit = unit
        self._rows = rows

    def spend(self, mac: bytes, *, connection: str, until: int) -> bool:
        self._unit.must_write()
        if self._rows.get((connection, mac)) is not None:
            return False
        self._rows.put((connection, mac), until)
        return True

    def spent_after(self, until: int, *, connection: str, limit: int) -> int:
        later = [key for key, kept in self._rows.items() if kept > until and key[0] == connection]
        return min(limit, len(later))

    def purge(self, *, before: int, limit: int) -> int:
        self._unit.must_write()
        stale = sorted((until, key) for key, until in self._rows.items() if until < before)
        for _, key in stale[:limit]:
            self._rows.remove(key)
        return len(stale[:limit])


class _Answers:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[AnswerKey, _KeptAnswer]) -> None:
        self._unit = unit
        self._rows = rows

    def claim(
        self, key: AnswerKey, *, fingerprint: bytes, now: int, running_until: int, until: int
    ) -> Claim:
        self._unit.must_write()
        kept = self._rows.get(key)
        if kept is not None and kept.until > now:
            if kept.fingerprint != fingerprint:
                return Claim("reused")
            if kept.answer is not None:
                return Claim("done", answer=kept.answer)
            if kept.running_until > now:
                return Claim("running", running_until=kept.running_until)
        self._rows.put(key, _KeptAnswer(fingerprint, running_until, until))
        return Claim("new")

    def store(self, key: AnswerKey, answer: Answer, *, running_until: int) -> bool:
        self._unit.must_write()
        kept = self._rows.get(key)
        if kept is None or kept.answer is not None or kept.running_until != running_until:
            return False
        self._rows.put(key, replace(kept, answer=answer))
        return True

    def kept_after(self, until: int, *, connection: str, limit: int) -> int:
        later = (
            key
            for key, kept in self._rows.items()
            if kept.until > until and key.connection == connection
        )
        return min(limit, sum(1 for _ in later))

    def release(self, key: AnswerKey, *, running_until: int) -> bool:
        self._unit.must_write()
        kept = self._rows.get(key)
        if kept is None or kept.answer is not None or kept.running_until != running_until:
            return False
        self._rows.remove(key)
        return True

    def page(
        self, *, connection: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[KeptAnswer]:
        found = [
            KeptAnswer(key, kept.answer)
            for key, kept in self._rows.items()
            if key.connection == connection
            and kept.answer is not None
            and (after is None or (key.action, key.key) > after)
        ]
        return sorted(found, key=lambda one: (one.key.action, one.key.key))[:limit]

    def rewrite(self, key: AnswerKey, answer: Answer, *, replacing: Answer) -> bool:
        self._unit.must_write()
        kept = self._rows.get(key)
        if kept is None or kept.answer != replacing:
            return False
        self._rows.put(key, replace(kept, answer=answer))
        return True

    def purge(self, *, before: int, limit: int) -> int:
        self._unit.must_write()
        stale = [
            key
            for key, kept in sorted(self._rows.items(), key=lambda item: item[1].until)
            if kept.until < before
        ]
        for key in stale[:limit]:
            self._rows.remove(key)
        return len(stale[:limit])


class _Audit:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[str, AuditEntry]) -> None:
        self._unit = unit
        self._rows = rows

    def append(self, entry: AuditEntry) -> None:
        self._unit.must_write()
        if self._rows.get(entry.entry_id) is not None:
            raise Conflict("The audit has that entry.")
        self._rows.put(entry.entry_id, entry)

    def page(
        self, *, subject: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[AuditEntry]:
        found = [
            entry
            for entry in self._rows.values()
            if subject in (None, entry.subject)
            and (before is None or (entry.at, entry.entry_id) < before)
        ]
        return sorted(found, key=lambda entry: (entry.at, entry.entry_id), reverse=True)[:limit]


class _Journal:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[str, JournalEntry]) -> None:
        self._unit = unit
        self._rows = rows

    def append(self, entries: Sequence[JournalEntry]) -> None:
        self._unit.must_write()
        for entry in entries:
            if self._rows.get(entry.request_id) is None:
                self._rows.put(entry.request_id, entry)

    def find(self, request_id: str) -> JournalEntry | None:
        return self._rows.get(request_id)

    def of_order(self, order_id: str) -> JournalEntry | None:
        return next((entry for entry in self._earliest() if entry.made == order_id), None)

    def page(
        self,
        *,
        connection: str | None,
        refused: bool | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> Sequence[JournalEntry]:
        found = [
            entry
            for entry in reversed(self._earliest())
            if connection in (None, entry.connection)
            and refused in (None, entry.refused)
            and (before is None or (entry.at, entry.request_id) < before)
        ]
        return found[:limit]

    def purge(self, *, before: int, limit: int) -> int:
        self._unit.must_write()
        return self._forget([entry for entry in self._earliest() if entry.at < before], limit)

    def trim(self, connection: str | None, *, keep: int, limit: int) -> int:
        self._unit.must_write()
        kept = [entry for entry in self._earliest() if entry.connection == connection]
        return self._forget(kept[: max(0, len(kept) - keep)], limit)

    def _earliest(self) -> list[JournalEntry]:
        return sorted(self._rows.values(), key=lambda entry: (entry.at, entry.request_id))

    def _forget(self, stale: Sequence[JournalEntry], limit: int) -> int:
        for entry in stale[:limit]:
            self._rows.remove(entry.request_id)
        return len(stale[:limit])


class _Sessions:
    __slots__ = ("_rows", "_unit")

    def __init__(self, unit: MemoryUnit, rows: _Rows[bytes, Session]) -> None:
        self._unit = unit
        self._rows = rows

    def add(self, session: Session) -> None:
        self._unit.must_write()
        if self._rows.get(session.digest) is not None:
            raise Conflict("The session is there.")
        self._rows.put(session.digest, session)

    def find(self, digest: bytes) -> Session | None:
        return self._rows.get(digest)

    def end(self, digest: bytes) -> bool:
        self._unit.must_write()
        found = self._rows.get(digest) is not None
        self._rows.remove(digest)
        return found

    def end_all(self, operator: str) -> int:
        self._unit.must_write()
        theirs = [one.digest for one in self._rows.values() if one.operator == operator]
        for digest in theirs:
            self._rows.remove(digest)
        return len(theirs)

    def purge(self, *, before: int, limit: int) -> int:
        self._unit.must_write()
        stale = sorted(
            (one.expires_at, one.digest) for one in self._rows.values() if one.expires_at < before
        )
        for _, digest in stale[:limit]:
            self._rows.remove(digest)
        return len(stale[:limit])
