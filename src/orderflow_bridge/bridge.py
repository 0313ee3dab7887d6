"""The bridge: the floors below wired together, and what a host calls (floor 6)."""

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from orderflow_bridge.actions.action import Shop
from orderflow_bridge.audit import Audit
from orderflow_bridge.capabilities import migrating, refuse_unfit
from orderflow_bridge.carts import Carts
from orderflow_bridge.catalogue.catalogue import Catalogue
from orderflow_bridge.connections import Connections, Office
from orderflow_bridge.customers import Customers
from orderflow_bridge.domain.order import Order
from orderflow_bridge.http import Head, Request, Response
from orderflow_bridge.inspection import Inspector
from orderflow_bridge.journal import RecentRequests, Recorder
from orderflow_bridge.keys import read_ring
from orderflow_bridge.maintenance import Maintenance, Purged
from orderflow_bridge.masterkeys import MasterKeys
from orderflow_bridge.orders import Orders
from orderflow_bridge.payments import settle
from orderflow_bridge.ports import (
    Capability,
    Clock,
    Entropy,
    Payments,
    Pricing,
    ProductCatalog,
    RateLedger,
    Storage,
)
from orderflow_bridge.pricing import TablePricing
from orderflow_bridge.protocol import Admitted, Protocol
from orderflow_bridge.security.secrets import MasterKeyRing
from orderflow_bridge.settings import Settings
from orderflow_bridge.sign_ins import SignIns
from orderflow_bridge.storage import open_rate_ledger, open_storage
from orderflow_bridge.system import SystemClock, SystemEntropy

__all__ = ["Bridge"]


class Bridge:
    """A signed cart-and-order API on one storage; safe to use from any thread.

    `catalogue`, `pricing` and `payments` replace the built-in ones: the catalogue kept in the
    storage, the tables of the settings, and the ledger of what the host settles. `rates` counts
    the writes of a minute in place of the storage.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        master_keys: str | MasterKeyRing,
        settings: Settings | None = None,
        catalogue: ProductCatalog | None = None,
        pricing: Pricing | None = None,
        payments: Payments | None = None,
        rates: RateLedger | None = None,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
    ) -> None:
        self.settings: Settings = settings or Settings()
        keys = MasterKeyRing.parse(master_keys) if isinstance(master_keys, str) else master_keys
        refuse_unfit(
            storage,
            self.settings,
            own_catalogue=catalogue is not None,
            own_rates=rates is not None,
        )
        self._storage = storage
        self._rates = rates
        self._shop = Shop(
            settings=self.settings,
            pricing=pricing or TablePricing.of(self.settings),
            clock=clock or SystemClock(),
            entropy=entropy or SystemEntropy(),
            catalogue=catalogue,
            payments=payments,
        )
        self.audit: Audit = Audit(
            storage=storage, clock=self._shop.clock, entropy=self._shop.entropy
        )
        office = Office(
            storage=storage,
            keys=keys,
            clock=self._shop.clock,
            entropy=self._shop.entropy,
            settings=self.settings,
            audit=self.audit,
        )
        self.connections: Connections = Connections(office)
        self.keys: MasterKeys = MasterKeys(office)
        self.carts: Carts = Carts(storage=storage)
        self.orders: Orders = Orders(storage=storage, shop=self._shop, audit=self.audit)
        self.customers: Customers = Customers(storage=storage, shop=self._shop, audit=self.audit)
        self.catalogue: Catalogue = Catalogue(storage, audit=self.audit)
        self.sign_ins: SignIns = SignIns(
            storage=storage,
            clock=self._shop.clock,
            entropy=self._shop.entropy,
            audit=self.audit,
            lifetime=self.settings.session_lifetime,
        )
        self.journal: RecentRequests = RecentRequests(
            storage=storage, rows=self.settings.journal_rows
        )
        self.inspector: Inspector = Inspector(office, self.journal)
        self._recorder = (
            Recorder(
                storage=storage,
                clock=self._shop.clock,
                rows=self.settings.journal_rows,
                days=self.settings.journal_days,
            )
            if self.journal.is_kept
            else None
        )
        self._maintenance = Maintenance(
            storage=storage,
            shop=self._shop,
            cancel=lambda order, reason: self.orders.cancel(
                order.order_id, reason=reason, actor=None
            ),
        )
        self._protocol = Protocol(
            shop=self._shop,
            keys=keys,
            storage=storage,
            after_write=self._maintenance.after_write,
            rates=rates,
            recorder=self._recorder,
        )

    @classmethod
    def open(
        cls,
        database: str | None = None,
        *,
        home: str | os.PathLike[str] | None = None,
        storage: Storage | None = None,
        master_keys: str | None = None,
        settings: Settings | None = None,
        catalogue: ProductCatalog | None = None,
        pricing: Pricing | None = None,
        payments: Payments | None = None,
        rates: RateLedger | None = None,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
    ) -> "Bridge":
        """Open a bridge: argument > environment > `orderflow-bridge.toml` > default.

        `database` is a URL (`sqlite:///shop.db`, `postgresql://...`, `mysql://...`,
        `memory://`, or a plugin's), `home` the folder of the settings file and the key file.
        `storage` is one that the host has made, whatever `database` says, and `rates` a rate ledger
        of its own, whatever `rate_ledger` says. Nothing is opened before
        the first use. Raises `ConfigurationError` that names the fix.
        """
        settings = settings or Settings.load(home=home, database=database, master_keys=master_keys)
        return cls(
            storage=open_storage(settings) if storage is None else storage,
            master_keys=read_ring(settings),
            settings=settings,
            catalogue=catalogue,
            pricing=pricing,
            payments=payments,
            rates=open_rate_ledger(settings) if rates is None else rates,
            clock=clock,
            entropy=entropy,
        )

    # What the shells call.

    @property
    def workers(self) -> int:
        """Tell how many requests may run at once: as many as there are database connections."""
        return self.settings.pool_size

    @property
    def read_headers(self) -> tuple[bytes, ...]:
        """Name the headers, in lower case, that a shell must hand over."""
        return self._protocol.read_headers

    def refuse_aliases(self) -> None:
        """Refuse to be served where a header cannot be told from its alias, as in WSGI.

        Raises `ConfigurationError` where the client's address is read from a header, and
        `header_aliases_dropped` does not say that its aliases are dropped before.
        """
        self._protocol.refuse_aliases()

    def admit(self, head: Head) -> Admitted | Response:
        """Take steps 1–8 of the protocol; pure."""
        return self._protocol.admit(head)

    def execute(self, admitted: Admitted, body: bytes) -> Response:
        """Take steps 10–21 of the protocol; blocking, never raises."""
        return self._protocol.execute(admitted, body)

    def refuse(self, code: str, admitted: Admitted) -> Response:
        """Answer step 9 of the protocol where the body did not come as it should."""
        return self._protocol.refuse(code, admitted)

    def handle(self, request: Request) -> Response:
        """Answer a whole request."""
        return self._protocol.handle(request)

    # What the host calls.

    def settle(self, intent: str, *, amount: int, currency: str) -> Order | None:
        """Record that the money of a payment intent arrived; see `payments.settle`."""
        return settle(self._storage, self._shop.clock, intent, amount=amount, currency=currency)

    def purge(self, *, limit: int = 1_000) -> Purged:
        """Forget up to `limit` of each kind of what has expired; cancel what is unpaid too long.

        The signatures of the last writes stay until a later write proves that the clock is right.
        """
        return self._maintenance.purge(limit=limit)

    def migrate(self) -> Sequence[str]:
        """Bring the schema forward; name the migrations that were applied.

        None where the storage has no schema of its own to move.
        """
        storage = migrating(self._storage)
        return () if storage is None else storage.migrate()

    def pending_migrations(self) -> Sequence[str]:
        """Name the migrations that `migrate` would apply."""
        storage = migrating(self._storage)
        return () if storage is None else storage.pending_migrations()

    @property
    def clock(self) -> Clock:
        """Give where the bridge has its time from."""
        return self._shop.clock

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Tell what the storage can do besides; what it cannot is off."""
        return self._storage.capabilities

    @property
    def keeps_catalogue(self) -> bool:
        """Tell whether what `catalogue` lists and imports is what is sold.

        Not where the host gave a catalogue of its own, or the storage keeps no products.
        """
        return self._shop.catalogue is None and "products" in self.capabilities

    @property
    def storage_name(self) -> str:
        """Name the storage for a person: its class, and the package that it comes from."""
        kind = type(self._storage)
        return f"{kind.__name__} of {kind.__module__.partition('.')[0]}"

    @property
    def rate_ledger(self) -> RateLedger | None:
        """Give what counts the writes of a minute; None where the storage does."""
        return self._rates

    def refusals(self) -> dict[tuple[str, str], int]:
        """Tell how often this process refused, by (code, address), the most frequent first."""
        return self._protocol.refusals.seen()

    def close(self) -> None:
        """Write the requests that wait for the journal, and give back every connection.

        Those to the database and to the rate ledger; a later use opens again.
        """
        try:
            if self._recorder is not None:
                self._recorder.close()
            self._storage.close()
        finally:
            if self._rates is not None:
                self._rates.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
