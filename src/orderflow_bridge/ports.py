"""The ports: what the bridge asks of storage, catalogue, pricing, payments, clock and entropy.

Everything here is synchronous and is implemented structurally: a plugin inherits nothing. Money is
an integer in minor units, time is an integer of Unix milliseconds in UTC, identifiers compare as
bytes. Any storage method may raise `StorageUnavailable` (nothing happened, but for a connection
that breaks during a commit: nobody knows then) or `Conflict` (someone was faster; the bridge runs
the unit again).

A storage needs `Storage`, `Unit` and the six repositories that a unit has. What else it can do it
names in `capabilities`, and has the Protocol of that name here; a bridge on a storage that cannot
refuses the settings that need it, and the doctor says what is missing.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from msgspec import Struct

from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.cart import Cart, CartStatus
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.domain.order import Order, OrderStatus
from orderflow_bridge.domain.payment import PaymentIntent, PaymentReport
from orderflow_bridge.domain.pricing import Basket, Priced, ShippingOption
from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.domain.session import Session

__all__ = [
    "PORTS_VERSION",
    "Answer",
    "AnswerKey",
    "AnswerLedger",
    "AuditLedger",
    "AuditUnit",
    "Capability",
    "CartQuery",
    "CartRepository",
    "Claim",
    "Clock",
    "ConnectionRepository",
    "CountingAnswerLedger",
    "CountingReplayLedger",
    "Entropy",
    "IntentLedger",
    "Journal",
    "JournalUnit",
    "KeptAnswer",
    "ListedCartRepository",
    "MigratingStorage",
    "OrderQuery",
    "OrderRepository",
    "Payments",
    "Pricing",
    "ProductCatalog",
    "ProductRepository",
    "ProductsUnit",
    "RateLedger",
    "ReplayLedger",
    "RewritableAnswerLedger",
    "SearchableCartRepository",
    "SearchableOrderRepository",
    "SessionLedger",
    "SessionsUnit",
    "StockLedger",
    "StockUnit",
    "Storage",
    "Taking",
    "Unit",
]

PORTS_VERSION = 2
"""Raised when a port changes in a way that an existing plugin would notice."""

Capability = Literal[
    "products",
    "stock",
    "rates",
    "audit",
    "privacy",
    "search",
    "journal",
    "sessions",
    "migrations",
    "durable",
    "processes",
]
"""What a storage may be able to do besides.

- `products`: it keeps the default catalogue (`ProductsUnit`); needs `stock`. Without it a bridge
  needs a `catalogue` of its own.
- `stock`: it tracks stock (`StockUnit`). Without it every sku is unlimited.
- `rates`: it counts what a connection spent and what is stored for it (`CountingReplayLedger`,
  `CountingAnswerLedger`). Without it `max_writes_per_minute` is refused, and
  `max_spent_signatures` and `max_stored_answers` hold nobody.
- `audit`: it keeps who changed connections, master keys and orders (`AuditUnit`). Without it
  nobody knows.
- `privacy`: it finds carts by their customer's e-mail, and lets stored answers be read and
  rewritten (`SearchableCartRepository`, `RewritableAnswerLedger`). Without it a customer can be
  neither exported nor erased by command.
- `search`: it lists carts and orders for an operator, in both directions, finds an order by its
  number and its payment, and sums takings (`ListedCartRepository`, `SearchableOrderRepository`).
  Without it an operator has `orders.find` and `orders.search`.
- `journal`: it keeps the recent requests for an operator (`JournalUnit`). Without it only the log
  tells what came of one.
- `sessions`: it keeps who is signed in to the console (`SessionsUnit`). Without it a sign-in is
  worth nothing in another process.
- `migrations`: it has a schema that moves forward (`MigratingStorage`).
- `durable`: what was committed is there after the process has ended, however it ended.
- `processes`: several processes may use it at once, and each sees what another committed.
"""


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> int:
        """Tell the time in Unix milliseconds, UTC."""
        ...


class Entropy(Protocol):
    """Where randomness comes from."""

    def token(self, length: int) -> bytes:
        """Give `length` unpredictable bytes."""
        ...


class ProductCatalog(Protocol):
    """What is for sale. Local and quick: a remote catalogue is imported or cached."""

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`, by sku; what is missing is not sold.

        A product without a price in `currency` has `unit_price` None. Only reads. A cart's skus
        come in one call. A name that looks like a card number is not sold.
        """
        ...


class RateLedger(Protocol):
    """Where writes are counted if not in the storage: shared by all processes, and optional.

    Any method may raise anything where the ledger cannot be asked; in bounded time, since a
    storefront waits. A write then passes, and the log says so.
    """

    def take(self, connection: str, *, now: int, most: int) -> int:
        """Count a write of a connection at `now` (Unix ms) unless the last minute has `most`.

        Gives 0 where it was counted, and otherwise in how many milliseconds there will be room. A
        write that was not counted takes no room. Atomic: of any number of processes that ask at
        once, no more than the room there is get 0.
        """
        ...

    def ping(self) -> None:
        """Return where the ledger can be asked; raise otherwise. For the doctor."""
        ...

    def close(self) -> None:
        """Give back everything; a later use opens again."""
        ...


class Pricing(Protocol):
    """What things cost. Pure: no clock, no storage, no network."""

    def shipping_options(self, basket: Basket) -> Sequence[ShippingOption]:
        """Give the ways to ship `basket`, in the order a buyer should see them."""
        ...

    def price(self, basket: Basket, shipping: ShippingOption | None) -> Priced:
        """Price `basket`; the lines' parts sum exactly to the totals.

        For every line `subtotal` is quantity × unit price. Over all lines the sums of `subtotal`,
        `discount` and `tax` are the totals', and the sum of `total` plus `totals.shipping` is
        `totals.total`.
        """
        ...


class Payments(Protocol):
    """A payment provider, asked about intents and never told anything: a pure query.

    It is asked outside any transaction, may be slow and may fail: any exception is answered as 503
    `payment_provider_unavailable`. Without one, the bridge knows only what the host settles.
    """

    def find(self, intent: str) -> PaymentReport | None:
        """Tell what the provider knows of `intent`; None where it does not know it.

        A report whose currency is none of ISO 4217 counts as a failure.
        """
        ...


class ConnectionRepository(Protocol):
    """The inbound connections."""

    def find(self, client_id: str) -> Connection | None:
        """Read one, without a lock: each signed request reads its connection, twice."""
        ...

    def lock(self, client_id: str) -> Connection | None:
        """Read one in a writing unit, and let no other unit change it until this one ends."""
        ...

    def add(self, connection: Connection) -> None:
        """Store a new one; raises `Conflict` where the client id is taken."""
        ...

    def save(self, connection: Connection) -> None:
        """Replace the one that `lock` gave in the same writing unit; raises `Conflict` if gone."""
        ...

    def all(self) -> Sequence[Connection]:
        """Give every connection, oldest first."""
        ...


class CartRepository(Protocol):
    """The carts; each belongs to one connection and does not exist for another."""

    def find(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one, without a lock; None for another connection's."""
        ...

    def lock(self, cart_id: str, *, connection: str) -> Cart | None:
        """Read one in a writing unit, and let no other unit change it until this one ends."""
        ...

    def add(self, cart: Cart) -> None:
        """Store a new cart; raises `Conflict` where its id is taken."""
        ...

    def save(self, cart: Cart, *, replacing: int) -> None:
        """Replace the cart whose stored version is `replacing`; raises `Conflict` otherwise."""
        ...

    def crashed(self, *, before: int, limit: int) -> Sequence[Cart]:
        """Give up to `limit` carts whose conversion's lease ended before `before` (Unix ms).

        The earliest first.
        """
        ...

    def purge(self, *, before: int, limit: int) -> int:
        """Delete up to `limit` unconverted, unclaimed carts that expired before `before` (Unix ms).

        Those that expired first go first. Tells how many.
        """
        ...


class SearchableCartRepository(CartRepository, Protocol):
    """The capability `privacy`: a customer's carts can be found."""

    def of_email(self, email: str, *, after: str, limit: int) -> Sequence[Cart]:
        """Give at most `limit` carts whose customer has `email`, of every connection.

        `email` compares without case and as a whole, as in an `OrderQuery`. By cart id, ascending
        in bytes, beyond `after`: an operator's command may walk every cart for it.
        """
        ...


class CartQuery(Struct, frozen=True, kw_only=True):
    """Which carts of every connection, newest first.

    None does not restrict. `status` is the one at `now` (Unix ms); `email` compares without case.
    What is newest: open and expired carts come by `expires_at`, those that were used last first,
    and then by `cart_id`; converted ones, and carts of any status, by `cart_id` alone, which sorts
    by the time they were made. All descending, ids in bytes. `after` is the (expires_at, cart_id)
    of the last cart seen.
    """

    status: CartStatus | None = None
    connection: str | None = None
    email: str | None = None
    now: int
    after: tuple[int, str] | None = None
    limit: int = 20


class ListedCartRepository(CartRepository, Protocol):
    """The capability `search`: carts are listed, a page at a time and in both directions."""

    def find_any(self, cart_id: str) -> Cart | None:
        """Read one of any connection, without a lock."""
        ...

    def search(self, query: CartQuery) -> Sequence[Cart]:
        """Give the carts that match, newest first, at most `query.limit`."""
        ...

    def newer(self, query: CartQuery, *, than: tuple[int, str]) -> Sequence[Cart]:
        """Give the page before the cart with `than` (expires_at, cart_id), newest first.

        That is the last `query.limit` that match and come before it; `query.after` is not
        looked at.
        """
        ...


class OrderQuery(Struct, frozen=True, kw_only=True):
    """Which orders, newest first (`placed_at`, then `order_id`, both descending).

    None does not restrict. `placed_after` is inclusive and `placed_before` exclusive, in Unix ms;
    `email` compares without case; `after` is the (placed_at, order_id) of the last order seen.
    """

    connection: str | None = None
    status: OrderStatus | None = None
    placed_after: int | None = None
    placed_before: int | None = None
    email: str | None = None
    after: tuple[int, str] | None = None
    limit: int = 20


class OrderRepository(Protocol):
    """The orders."""

    def find(self, order_id: str, *, connection: str | None) -> Order | None:
        """Read one; an operator passes `connection=None` and sees every connection's."""
        ...

    def of_cart(self, cart_id: str) -> Order | None:
        """Read the order that a cart became."""
        ...

    def place(self, order: Order) -> Order:
        """Store a new order and give it back with its number (`OF-000123`).

        Order id, cart and payment intent are unique over all orders, the number too: a second one
        raises `Conflict`. A number may be skipped and is never given twice.
        """
        ...

    def save(self, order: Order, *, expecting: OrderStatus) -> bool:
        """Replace the order while its stored status is `expecting`; tell whether it was.

        A compare-and-swap: of two units that move an order out of one status, one gets True. The
        number stays the stored one; lines, cart and intent never change. But in a storage with
        `privacy` an erasure is a save, too: its lines have no options and metadata, and the order
        is found by its new e-mail, and no more by the one before.
        """
        ...

    def search(self, query: OrderQuery) -> Sequence[Order]:
        """Give the orders that match, newest first, at most `query.limit`."""
        ...


class Taking(Struct, frozen=True, kw_only=True):
    """How many orders there are of one status and currency, and the sum of their totals.

    `total` is in minor units.
    """

    status: OrderStatus
    currency: str
    orders: int
    total: int


class SearchableOrderRepository(OrderRepository, Protocol):
    """The capability `search`: orders are found as an operator knows them, and are summed up."""

    def of_number(self, number: str) -> Order | None:
        """Read the order with a number; None for any text that is no number (`OF-000123`)."""
        ...

    def of_intent(self, intent: str) -> Order | None:
        """Read the order that a payment intent pays for."""
        ...

    def newer(self, query: OrderQuery, *, than: tuple[int, str]) -> Sequence[Order]:
        """Give the page before the order with `than` (placed_at, order_id), newest first.

        That is the last `query.limit` that match and come before it; `query.after` is not
        looked at.
        """
        ...

    def takings(
        self, *, connection: str | None, placed_after: int, placed_before: int
    ) -> Sequence[Taking]:
        """Count and sum the orders placed in [placed_after, placed_before), in Unix ms.

        By status and currency, ascending; of every connection where that is None. Sums are exact.
        A chart asks for each of its days.
        """
        ...


class ProductRepository(ProductCatalog, Protocol):
    """The default catalogue's own storage."""

    def put(self, entries: Sequence[CatalogueEntry]) -> None:
        """Add or replace products and their tracked stock by sku.

        Prices in currencies that an entry does not name stay.
        """
        ...

    def page(self, *, after: str, limit: int) -> Sequence[CatalogueEntry]:
        """Give products in sku order, those with a sku greater than `after`."""
        ...


class StockLedger(Protocol):
    """What is left of the skus that are tracked; every other sku is unlimited."""

    def available(self, skus: Sequence[str]) -> Mapping[str, int]:
        """Tell what is left, of the tracked ones among `skus` only."""
        ...

    def take(self, wanted: Mapping[str, int]) -> None:
        """Take from tracked skus, in sku order, never below zero; raises `Conflict` if short."""
        ...

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Put back what was taken, in sku order; skus that are no longer tracked are skipped."""
        ...


class IntentLedger(Protocol):
    """The payment intents, one row each in the whole store."""

    def find(self, intent: str) -> PaymentIntent | None:
        """Read one, without a lock."""
        ...

    def add(self, intent: PaymentIntent) -> None:
        """Store a new one; raises `Conflict` where it exists."""
        ...

    def save(self, intent: PaymentIntent, *, replacing: int) -> None:
        """Replace the one whose stored version is `replacing`; raises `Conflict` otherwise."""
        ...


class ReplayLedger(Protocol):
    """The signatures that were spent."""

    def spend(self, mac: bytes, *, connection: str, until: int) -> bool:
        """Remember a signature until `until` (Unix ms); False where it was spent before.

        Insert-or-ignore: of any number of units that spend one signature, one gets True.
        """
        ...

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` signatures whose `until` is before `before`; tell how many.

        The earliest first; times in Unix ms.
        """
        ...


class CountingReplayLedger(ReplayLedger, Protocol):
    """The capability `rates`: the spent signatures tell how much a connection wrote, and when."""

    def spent_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's signatures with an `until` later than this (Unix ms), to `limit`."""
        ...


class AnswerKey(Struct, frozen=True):
    """The scope of an idempotency key."""

    connection: str
    action: str
    key: str


class Answer(Struct, frozen=True):
    """A stored answer."""

    status: int
    body: bytes


class Claim(Struct, frozen=True):
    """What came of a claim: `new` is ours to execute, `running` is another's, `done` is over.

    `reused` says that the key stands for another body. `answer` is set where it is `done`.
    `running_until` is set where it is `running`.
    """

    state: Literal["new", "running", "done", "reused"]
    answer: Answer | None = None
    running_until: int = 0


class AnswerLedger(Protocol):
    """The idempotency keys and their answers."""

    def claim(
        self, key: AnswerKey, *, fingerprint: bytes, now: int, running_until: int, until: int
    ) -> Claim:
        """Claim a key for a body's SHA-256, insert-or-ignore.

        A key past its `until`, and one whose `running_until` passed without an answer, is claimed
        anew (the latter only for the same fingerprint). A twin waits for a unit that has not
        committed its claim yet. Times in Unix ms.
        """
        ...

    def store(self, key: AnswerKey, answer: Answer, *, running_until: int) -> bool:
        """Store the answer of the claim that was made with `running_until`.

        Tells whether it did: a claim that was taken over belongs to another.
        """
        ...

    def release(self, key: AnswerKey, *, running_until: int) -> bool:
        """Forget the unanswered claim that was made with `running_until`; tell whether it did."""
        ...

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` keys whose `until` is before `before`; tell how many.

        The earliest first; times in Unix ms.
        """
        ...


class CountingAnswerLedger(AnswerLedger, Protocol):
    """The capability `rates`: the ledger tells how many keys it keeps for a connection."""

    def kept_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's keys with an `until` later than this (Unix ms), up to `limit`.

        Answered or not, and those that the unit itself claimed.
        """
        ...


class KeptAnswer(Struct, frozen=True):
    """A stored answer, and the key that it is stored for."""

    key: AnswerKey
    answer: Answer


class RewritableAnswerLedger(AnswerLedger, Protocol):
    """The capability `privacy`: what was answered can be read, and rid of a customer."""

    def page(
        self, *, connection: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[KeptAnswer]:
        """Give at most `limit` stored answers of a connection, those past their `until` too.

        By action and key, ascending in bytes, beyond `after` (action, key). A key that is claimed
        and not answered yet has none.
        """
        ...

    def rewrite(self, key: AnswerKey, answer: Answer, *, replacing: Answer) -> bool:
        """Replace a stored answer while it is `replacing`; tell whether it was.

        A compare-and-swap. The key's fingerprint and times stay, so that a retry gets `answer`.
        """
        ...


class AuditLedger(Protocol):
    """What operators did. Entries are appended, and neither changed nor removed."""

    def append(self, entry: AuditEntry) -> None:
        """Store an entry; raises `Conflict` where its id is taken."""
        ...

    def page(
        self, *, subject: str | None, before: tuple[int, str] | None, limit: int
    ) -> Sequence[AuditEntry]:
        """Give at most `limit` entries, newest first (`at`, then `entry_id`, both descending).

        Those of `subject`, or of every one where that is None; after the entry with `before`
        (`at`, `entry_id`) in that order.
        """
        ...


class Journal(Protocol):
    """The recent requests, kept for an operator. Entries are appended and never changed."""

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Store entries in one statement; one whose request id is there is skipped.

        Insert-or-ignore, so that a batch of which nobody knows whether it was stored is stored
        again. Nothing raises `Conflict` for an entry that is there.
        """
        ...

    def find(self, request_id: str) -> JournalEntry | None:
        """Read one."""
        ...

    def of_order(self, order_id: str) -> JournalEntry | None:
        """Read the one that made an order (`JournalEntry.made`); the first of several."""
        ...

    def page(
        self,
        *,
        connection: str | None,
        refused: bool | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> Sequence[JournalEntry]:
        """Give at most `limit` entries, newest first (`at`, then `request_id`, both descending).

        None does not restrict: those of every connection and of none, those refused and allowed.
        After the entry with `before` (`at`, `request_id`) in that order.
        """
        ...

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` entries that arrived before `before` (Unix ms); tell how many.

        The earliest first.
        """
        ...

    def trim(self, connection: str | None, *, keep: int, limit: int) -> int:
        """Forget up to `limit` of a connection's entries beyond its newest `keep`; tell how many.

        The earliest first. None stands for the entries of no connection.
        """
        ...


class SessionLedger(Protocol):
    """Who is signed in to the console. What has expired is found until it is purged."""

    def add(self, session: Session) -> None:
        """Store a new one; raises `Conflict` where the digest is taken."""
        ...

    def find(self, digest: bytes) -> Session | None:
        """Read one, without a lock."""
        ...

    def end(self, digest: bytes) -> bool:
        """Forget one; tell whether it was there.

        Of any number of units that end one at once, one gets True: so a link signs in once.
        """
        ...

    def end_all(self, operator: str) -> int:
        """Forget every one of an operator, links too; tell how many."""
        ...

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` whose `expires_at` is before `before` (Unix ms); tell how many.

        The earliest first.
        """
        ...


class Unit(Protocol):
    """One unit of work: reads, and in a writing unit changes that commit together or not at all.

    Used by one thread, and not after it was left. It reads what it wrote itself.
    """

    @property
    def connections(self) -> ConnectionRepository:
        """Give the inbound connections."""
        ...

    @property
    def carts(self) -> CartRepository:
        """Give the carts."""
        ...

    @property
    def orders(self) -> OrderRepository:
        """Give the orders."""
        ...

    @property
    def intents(self) -> IntentLedger:
        """Give the payment intents."""
        ...

    @property
    def replays(self) -> ReplayLedger:
        """Give the spent signatures."""
        ...

    @property
    def answers(self) -> AnswerLedger:
        """Give the stored answers."""
        ...


class StockUnit(Unit, Protocol):
    """The capability `stock`."""

    @property
    def stock(self) -> StockLedger:
        """Give the tracked stock."""
        ...


class ProductsUnit(StockUnit, Protocol):
    """The capability `products`."""

    @property
    def products(self) -> ProductRepository:
        """Give the default catalogue."""
        ...


class AuditUnit(Unit, Protocol):
    """The capability `audit`."""

    @property
    def audit(self) -> AuditLedger:
        """Give what operators did."""
        ...


class JournalUnit(Unit, Protocol):
    """The capability `journal`."""

    @property
    def journal(self) -> Journal:
        """Give the recent requests."""
        ...


class SessionsUnit(Unit, Protocol):
    """The capability `sessions`."""

    @property
    def sessions(self) -> SessionLedger:
        """Give who is signed in to the console."""
        ...


class Storage(Protocol):
    """Where everything is kept; used from any thread, and again after a fork."""

    @property
    def ports_version(self) -> int:
        """Tell which `PORTS_VERSION` it was written for; a bridge refuses another one."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Name what it can do besides; the same for its whole life, known before it is opened."""
        ...

    def reading(self) -> AbstractContextManager[Unit]:
        """Open a unit that takes no write lock; nobody changes anything in it.

        It sees what was committed, waits for no writer, and never sees half of a writing unit in
        one statement.
        """
        ...

    def writing(self) -> AbstractContextManager[Unit]:
        """Open a unit that commits when left, and rolls back where an exception leaves it.

        When leaving has returned, everyone sees all of it. The exception goes through unchanged.
        Raises `StorageUnavailable` where a lock does not come in bounded time.
        """
        ...

    def close(self) -> None:
        """Give back everything; a later use opens again."""
        ...


class MigratingStorage(Storage, Protocol):
    """The capability `migrations`: a schema that moves forward on live data."""

    def migrate(self) -> Sequence[str]:
        """Bring the schema forward; name the migrations that were applied."""
        ...

    def pending_migrations(self) -> Sequence[str]:
        """Name the migrations that `migrate` would apply; empty on an up-to-date schema."""
        ...
