"""A shop in a test: a settable clock, countable entropy, and a storefront that signs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.client.signing import sign
from orderflow_bridge.domain.pricing import ShippingRate, TaxRate
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.http import Head, Request, Response
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from orderflow_bridge.testing.clock import SetClock
from orderflow_bridge.testing.entropy import CountedEntropy
from tests.canary.marks import EMAIL, LINE1, MASTER_KEY, NAME, PHONE

RING = f"k1:{MASTER_KEY}"
NOW = SetClock().now()
ALL_SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write", "prices:write")

CUSTOMER = {"email": EMAIL, "name": NAME, "phone": PHONE}
ADDRESS = {
    "name": NAME,
    "line1": LINE1,
    "city": "Leeds",
    "postal_code": "LS1 1AA",
    "country": "GB",
}


@dataclass
class Reply:
    """An answer as a storefront reads it."""

    status: int
    headers: Mapping[str, str]
    json: Any
    body: bytes

    @classmethod
    def of(cls, response: Response) -> "Reply":
        return cls(
            response.status, dict(response.headers), json.loads(response.body), response.body
        )

    @property
    def code(self) -> str | None:
        return self.json.get("code")


@dataclass
class Storefront:
    """A remote storefront of one connection, which signs what it sends."""

    bridge: Bridge
    client_id: str
    secret: str
    clock: SetClock
    peer: str | None = "203.0.113.9"
    keys: int = field(default=0)

    def headers(
        self,
        action: str,
        body: bytes,
        *,
        key: str | None = None,
        timestamp: int | None = None,
        secret: str | None = None,
    ) -> dict[str, str]:
        return sign(
            client_id=self.client_id,
            secret=secret or self.secret,
            action=action,
            body=body,
            timestamp=self.clock.now() // 1000 if timestamp is None else timestamp,
            idempotency_key=key,
        )

    def new_key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    def send(
        self, action: str, body: bytes, headers: Mapping[str, str], *, peer: str | None = None
    ) -> Reply:
        head = Head(
            method="POST",
            path=f"/{self.client_id}/{action}".encode(),
            headers={name.lower().encode(): (value.encode(),) for name, value in headers.items()}
            | {b"content-length": (str(len(body)).encode(),)},
            peer=peer or self.peer,
        )
        return Reply.of(self.bridge.handle(Request(head=head, body=body)))

    def call(self, action: str, /, key: str | None = "", **fields: Any) -> Reply:
        """Sign and send; a new Idempotency-Key each time unless `key` says otherwise."""
        body = json.dumps(fields).encode()
        key = self.new_key() if key == "" else key
        return self.send(action, body, self.headers(action, body, key=key))

    def ok(self, action: str, /, **fields: Any) -> Any:
        reply = self.call(action, **fields)
        assert reply.status == 200, reply.json
        return reply.json

    def cart(self, *items: Mapping[str, Any], **fields: Any) -> Any:
        if items:
            fields["items"] = list(items)
        return self.ok("cart.create", **{"currency": "GBP"} | fields)

    def order(self, cart_id: str, *, intent: str = "pi_0001", **fields: Any) -> Any:
        return self.ok("convertToOrder", **order_fields(cart_id, intent=intent, **fields))


def order_fields(cart_id: str, *, intent: str = "pi_0001", **fields: Any) -> dict[str, Any]:
    return {
        "cart_id": cart_id,
        "customer": CUSTOMER,
        "shipping_address": ADDRESS,
        "payment_intent": intent,
    } | fields


def item(sku: str, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity} | fields


CATALOGUE = (
    CatalogueEntry(sku="mug", name="Mug", prices={"GBP": 339, "EUR": 399}),
    CatalogueEntry(sku="tea", name="Tea, 100 g", prices={"GBP": 255}),
    CatalogueEntry(sku="lamp", name="Lamp", prices={"GBP": 4200}, stock=3),
    CatalogueEntry(sku="book", name="Book", prices={"GBP": 999}, tax_class="zero", stock=10),
    CatalogueEntry(sku="gone", name="Gone", prices={"GBP": 100}, active=False),
)

SHIPPING = (
    ShippingRate(method="post", name="Post", prices={"GBP": 395}),
    ShippingRate(method="van", name="Van", prices={"GBP": 900}, countries=("GB",)),
)
TAX = (TaxRate(country="GB", rate="20"), TaxRate(country="GB", tax_class="zero", rate="0"))


@dataclass
class TestShop:
    """A bridge over one storage, with what a test moves and looks at."""

    __test__ = False

    bridge: Bridge
    clock: SetClock
    entropy: CountedEntropy

    def storefront(
        self, name: str = "Storefront", *, scopes: Iterable[str] = ALL_SCOPES, **options: Any
    ) -> Storefront:
        made = self.bridge.connections.create(name, scopes=scopes, **options)
        return Storefront(self.bridge, made.connection.client_id, made.secret, self.clock)

    def stock(self, sku: str) -> int | None:
        with self.bridge._storage.reading() as unit:
            return unit.stock.available([sku]).get(sku)


def open_shop(database: str = "memory://", **options: Any) -> TestShop:
    """Open a bridge on `database` with the test catalogue; settings go by their names."""
    clock = options.pop("clock", None) or SetClock()
    entropy = options.pop("entropy", None) or CountedEntropy()
    ports = {
        name: options.pop(name)
        for name in ("catalogue", "pricing", "payments", "rates")
        if name in options
    }
    stocked = options.pop("stocked", True)
    storage = options.pop("storage", None)
    ring = options.pop("ring", RING)
    # What is kept of requests is kept in a thread; a test that is about it asks for it.
    settings = Settings(database=database, **{"journal_rows": 0} | options)
    bridge = Bridge(
        storage=storage or open_storage(settings),
        master_keys=ring,
        settings=settings,
        clock=clock,
        entropy=entropy,
        **ports,
    )
    if stocked:
        bridge.catalogue.put(CATALOGUE)
    return TestShop(bridge, clock, entropy)
