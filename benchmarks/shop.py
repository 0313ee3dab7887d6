"""The shop that is measured: its products, its storefront, and the requests that it signs."""

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.client.signing import sign
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.http import Head, Request

RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
SKUS = tuple(f"sku-{number:02}" for number in range(20))
PRICE = 339
SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write")
WINDOW = 300

CUSTOMER = {"email": "zoe@example.com", "name": "Zoe"}
ADDRESS = {
    "name": "Zoe",
    "line1": "1 High Street",
    "city": "Leeds",
    "postal_code": "LS1 1AA",
    "country": "GB",
}


@dataclass(frozen=True)
class Call:
    """One signed request."""

    client_id: str
    action: str
    body: bytes
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return f"/{self.client_id}/{self.action}"

    def over_http(self) -> bytes:
        """Write it as it goes over a socket."""
        lines = [
            f"POST /bridge{self.path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def in_process(self) -> Request:
        """Write it as a shell hands it to the core."""
        headers = {name.lower().encode(): (value.encode(),) for name, value in self.headers.items()}
        headers[b"content-length"] = (str(len(self.body)).encode(),)
        return Request(
            head=Head(method="POST", path=self.path.encode(), headers=headers, peer="127.0.0.1"),
            body=self.body,
        )


@dataclass(frozen=True)
class Storefront:
    """Whoever signs."""

    client_id: str
    secret: str

    def call(self, action: str, /, **fields) -> Call:
        """Sign a request now, with a key of its own as storefronts send one."""
        body = json.dumps(fields, separators=(",", ":")).encode()
        headers = sign(
            client_id=self.client_id,
            secret=self.secret,
            action=action,
            body=body,
            timestamp=int(time.time()),
            idempotency_key=str(uuid.uuid4()),
        )
        return Call(self.client_id, action, body, headers)

    def create(self, lines: int = 0) -> Call:
        """Make a cart, with so many lines."""
        items = [{"sku": sku, "quantity": 1} for sku in SKUS[:lines]]
        return self.call("cart.create", currency="GBP", **({"items": items} if items else {}))

    def add(self, cart_id: str) -> Call:
        """Add one more of the first product."""
        return self.call("items.add", cart_id=cart_id, items=[{"sku": SKUS[0], "quantity": 1}])

    def get(self, cart_id: str) -> Call:
        """Read a cart."""
        return self.call("cart.get", cart_id=cart_id)

    def convert(self, cart_id: str) -> Call:
        """Order a cart."""
        return self.call(
            "convertToOrder",
            cart_id=cart_id,
            customer=CUSTOMER,
            shipping_address=ADDRESS,
            payment_intent=f"pi_{uuid.uuid4().hex}",
        )


def open_bridge(file: Path) -> Bridge:
    """Open a bridge on a SQLite file."""
    return Bridge.open(f"sqlite:///{file.absolute()}", home=file.parent, master_keys=RING)


def set_up(file: Path) -> Storefront:
    """Make the shop in a new SQLite file; give its storefront."""
    with open_bridge(file) as bridge:
        bridge.catalogue.put(
            [
                CatalogueEntry(sku=sku, name=f"Product {sku}", prices={"GBP": PRICE}, stock=10**9)
                for sku in SKUS
            ]
        )
        made = bridge.connections.create("Benchmark", scopes=SCOPES, window=WINDOW)
    return Storefront(made.connection.client_id, made.secret)
