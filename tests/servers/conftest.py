"""A shop with its storefronts, and servers over its database."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from orderflow_bridge.system import SystemClock, SystemEntropy
from tests.databases import (
    ADAPTED,
    SHARED,
    Databases,
    databases,  # noqa: F401 -- a fixture
)
from tests.rig import SetClock, TestShop, open_shop
from tests.servers.books import Books, held_for
from tests.servers.cast import SET_UP, play_the_cast
from tests.servers.servers import DEFAULT, SERVERS, Live, running
from tests.servers.wire import Front


@dataclass
class Target:
    """A live server, who signs for it, and what its database holds."""

    live: Live
    shop: TestShop
    fronts: Mapping[str, Front]

    @property
    def front(self) -> Front:
        """Give the storefront to which nothing was done."""
        return self.fronts["storefront"]

    def connected(self, number: int, sent: bytes) -> list[socket.socket]:
        """Open connections, send the same on each, and leave them open."""
        made = [socket.create_connection(("127.0.0.1", self.live.port)) for _ in range(number)]
        for connection in made:
            connection.sendall(sent)
        return made

    def holds(self) -> Books:
        """Tell everything that an action of the storefronts would change."""
        with self.shop.bridge._storage.reading() as unit:
            return {front.client_id: held_for(front, unit) for front in self.fronts.values()} | {
                "stock": dict(unit.stock.available(["book", "lamp"])),
                "orders": len(self.shop.bridge.orders.search()),
            }


@contextmanager
def targeted(name: str, url: str, home: Path) -> Iterator[Target]:
    """Run a server over a stocked shop in an empty database."""
    clock = SetClock(SystemClock().now() - 1000 * SET_UP)
    shop = open_shop(url, clock=clock, entropy=SystemEntropy())
    with closing(shop.bridge):
        fronts = play_the_cast(shop)
        with running(name, home, url) as live:
            yield Target(live, shop, fronts)


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
