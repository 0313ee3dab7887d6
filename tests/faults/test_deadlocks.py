"""Deadlocks and serialisation failures that a database really has, seen by a storefront."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from orderflow_bridge.capabilities import stock_of
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Unit
from orderflow_bridge.testing.faults import Fault, FaultyStorage
from tests.databases import ADAPTED, SERVERS
from tests.faults.seeds import rounds
from tests.faults.traffic import Market, in_process, prove, run
from tests.rig import CountedEntropy, Storefront, TestShop, item, open_shop

ON_SERVERS = [*SERVERS, *(kind for kind in ADAPTED if not kind.endswith("sqlite"))]


@pytest.fixture(params=ON_SERVERS)
def crowded(request, fresh_url):
    """Give a stocked shop on each server that locks rows."""
    shop = open_shop(fresh_url(request.param))
    yield shop
    shop.bridge.close()


def test_a_deadlock_is_not_seen_by_the_storefront(crowded: TestShop) -> None:
    """A conversion and another unit wait for each other: one runs again, both come to be."""
    front = crowded.storefront()
    cart_id = front.cart(item("lamp"))["cart_id"]
    storage = crowded.bridge._storage
    has_the_stock, has_the_cart = threading.Event(), threading.Event()

    def meet() -> None:
        has_the_cart.set()
        assert has_the_stock.wait(30)

    slow = open_shop(
        storage=FaultyStorage(storage, Fault("stock.take", meet)),
        stocked=False,
        clock=crowded.clock,
        entropy=CountedEntropy(b"slow"),
    )
    buyer = Storefront(slow.bridge, front.client_id, front.secret, crowded.clock)

    def other() -> str:
        try:
            with storage.writing() as unit:
                stock_of(unit).take({"lamp": 1})
                has_the_stock.set()
                assert has_the_cart.wait(30)
                unit.carts.lock(cart_id, connection=front.client_id)
        except Conflict:
            return "conflict"
        return "done"

    with ThreadPoolExecutor(2) as threads:
        running = threads.submit(other)
        order = threads.submit(buyer.order, cart_id)
        assert order.result(60)["cart_id"] == cart_id
        taken = 1 if running.result(60) == "done" else 0
    assert crowded.stock("lamp") == 2 - taken
    assert len(crowded.bridge.orders.search()) == 1


@rounds(1, 20)
def test_serialisation_failures_are_run_again(fresh_url, seeds) -> None:
    """PostgreSQL that serialises everything refuses often, and no promise is broken."""
    conflicts = 0
    for seed in seeds:
        shop = open_shop(fresh_url("postgres"))
        # The level that the storage asks for is the one that never refuses so.
        shop.bridge._storage._dialect.begin = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
        watched = Watched(shop.bridge._storage)
        server = open_shop(
            storage=watched, stocked=False, clock=shop.clock, entropy=CountedEntropy(b"serial")
        )
        market = Market.of(shop, connections=1)
        run(
            market,
            in_process(server.bridge),
            seed=seed,
            clients=6,
            steps=15,
            threads=True,
            patience=50,
        )
        prove(market, shop, seed=seed, faults_leave_nothing=True)
        conflicts += watched.conflicts
        shop.bridge.close()
    assert conflicts


class Watched(FaultyStorage):
    """Count the conflicts that the database answers with."""

    conflicts = 0

    @contextmanager
    def writing(self) -> Iterator[Unit]:
        """Open a unit, and look at how it ends."""
        try:
            with super().writing() as unit:
                yield unit
        except Conflict:
            self.conflicts += 1
            raise
