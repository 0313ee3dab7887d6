"""A shop with two storefronts, and servers over its database."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orderflow_bridge.capabilities import counting
from orderflow_bridge.system import SystemClock, SystemEntropy
from tests.databases import (
    ADAPTED,
    SHARED,
    Databases,
    databases,  # noqa: F401 -- a fixture
)
from tests.rig import Storefront, TestShop, item, open_shop
from tests.servers.servers import DEFAULT, SERVERS, Live, running
from tests.servers.wire import Front

EVERYTHING = 1_000_000


@dataclass
class Target:
    """A live server, who signs for it, and what its database holds."""

    live: Live
    shop: TestShop
    front: Front
    other: Front

    def connected(self, number: int, sent: bytes) -> list[socket.socket]:
        """Open connections, send the same on each, and leave them open."""
        made = [socket.create_connection(("127.0.0.1", self.live.port)) for _ in range(number)]
        for connection in made:
            connection.sendall(sent)
        return made

    def holds(self) -> dict[str, Any]:
        """Tell everything that an action of the storefront would change."""
        with self.shop.bridge._storage.reading() as unit:
            cart = unit.carts.find(self.front.cart_id, connection=self.front.client_id)
            return {
                "mugs": cart.lines[0].quantity,
                "spent": counting(unit).spent_after(
                    0, connection=self.front.client_id, limit=EVERYTHING
                ),
                "stock": dict(unit.stock.available(["book", "lamp"])),
                "orders": len(self.shop.bridge.orders.search()),
            }


@contextmanager
def targeted(name: str, url: str, home: Path) -> Iterator[Target]:
    """Run a server over a stocked shop in an empty database."""
    shop = open_shop(url, clock=SystemClock(), entropy=SystemEntropy())
    with closing(shop.bridge):
        fronts = [_front(shop.storefront(who)) for who in ("Storefront", "Another")]
        with running(name, home, url) as live:
            yield Target(live, shop, *fronts)


def _front(storefront: Storefront) -> Front:
    cart = storefront.cart(item("mug"))
    return Front(storefront.client_id, storefront.secret, cart["cart_id"])


PAIRS = [
    pytest.param(
        (name, kind),
        id=f"{name.replace(' ', '-')}-{kind}",
        marks=() if name in DEFAULT and kind == "sqlite" else pytest.mark.long,
    )
    for kind in SHARED
    for name in SERVERS
]
"""Every server on every database; with each change two servers on one."""

PAIRS += [
    pytest.param((name, kind), id=f"{name.replace(' ', '-')}-{kind}", marks=pytest.mark.long)
    for kind in ADAPTED
    for name in (["runserver"] if kind.startswith("django-") else DEFAULT)
]


@pytest.fixture(scope="module", params=PAIRS)
def target(
    request: pytest.FixtureRequest,
    databases: Databases,  # noqa: F811 -- a fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Target]:
    """Give each server over each database."""
    name, kind = request.param
    with targeted(name, databases.fresh(kind), tmp_path_factory.mktemp("server")) as made:
        yield made
