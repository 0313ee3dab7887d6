"""Faults happen where they were asked for, and the bridge stays right."""

from multiprocessing import get_context

import pytest

from orderflow_bridge.capabilities import products_of, stock_of
from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.faults import Fault, FaultyStorage, fail, kill, lose
from tests.rig import TestShop, item, open_shop


def shop_with(*faults: Fault) -> TestShop:
    """Open a stocked shop; the faults begin when everything is there."""
    storage = MemoryStorage()
    stocked = open_shop(storage=storage)
    return open_shop(
        storage=FaultyStorage(storage, *faults), stocked=False, entropy=stocked.entropy
    )


def test_an_error_before_a_method_is_an_error_of_the_unit() -> None:
    """The storefront reads 503, nothing happened, and the next request goes on."""
    shop = shop_with(fail("carts.add", StorageUnavailable()))
    front = shop.storefront()
    assert front.call("cart.create", currency="GBP").code == "storage_unavailable"
    assert front.call("cart.create", currency="GBP").status == 200


def test_an_error_after_a_method_takes_its_change_back() -> None:
    """What was stored in the unit is rolled back with it."""
    fault = fail("orders.place", StorageUnavailable(), when="after")
    shop = shop_with(fault)
    front = shop.storefront()
    cart_id = front.cart(item("lamp"))["cart_id"]
    fields = {"cart_id": cart_id, "customer": {"email": "zoe@example.com"}}
    address = {"name": "Zoë", "line1": "1 High Street", "city": "Leeds", "country": "GB"}
    buying = fields | {"shipping_address": address, "payment_intent": "pi_0001"}
    assert front.call("convertToOrder", **buying).code == "storage_unavailable"
    assert (fault.met, shop.bridge.orders.search(), shop.stock("lamp")) == (1, [], 3)
    assert front.call("convertToOrder", **buying).status == 200


def test_an_error_before_the_commit_leaves_nothing_and_after_it_everything() -> None:
    """Acknowledged or not, the storage decides by its commit."""
    for when, stored in (("before", 0), ("after", 1)):
        storage = MemoryStorage()
        faulty = open_shop(
            storage=FaultyStorage(storage, fail("commit", StorageUnavailable(), when=when)),
            stocked=False,
        )
        with pytest.raises(StorageUnavailable):
            faulty.bridge.connections.create("Storefront", scopes=["carts:read"])
        with storage.reading() as unit:
            assert len(unit.connections.all()) == stored


@pytest.mark.parametrize(("times", "status"), [(2, 200), (50, 503)])
def test_lost_conflicts_are_run_again_within_bounds(times: int, status: int) -> None:
    """A few are not seen by the storefront; endless ones are 503."""
    # The connection is made first: its unit is the one that passes.
    fault = lose(times=times, passing=1)
    front = shop_with(fault).storefront()
    assert front.call("cart.create", currency="GBP").status == status
    assert fault.met >= 2


def test_a_unit_that_cannot_be_opened() -> None:
    """Reading and writing can fail by themselves, for ever where that was asked for."""
    storage = FaultyStorage(
        MemoryStorage(),
        fail("writing", StorageUnavailable(), times=None),
        fail("reading", Conflict("x"), passing=1),
    )
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            storage.writing().__enter__()
    with storage.reading() as unit:
        assert unit.connections.all() == []
    with pytest.raises(Conflict):
        storage.reading().__enter__()


def test_what_the_storage_can_do_stays() -> None:
    """Capabilities, products and stock are the storage's own; what it has not is not made up."""
    inner = MemoryStorage()
    storage = FaultyStorage(inner)
    assert storage.capabilities == inner.capabilities
    with storage.writing() as unit:
        assert products_of(unit).find(["x"], "GBP") == {}
        assert stock_of(unit).available(["x"]) == {}
        assert not hasattr(unit, "outbox")


@pytest.mark.parametrize("at", ["cart.save", "carts.sav", "carts", "comit", ""])
def test_a_point_that_does_not_exist_is_refused(at: str) -> None:
    """A fault with a typing mistake would never happen, and its test never fail."""
    with pytest.raises(ValueError, match="name one of"):
        lose(at)


def die_at_a_commit() -> None:
    """Commit once, and die at the second commit."""
    storage = FaultyStorage(MemoryStorage(), kill(passing=1))
    for _ in range(2):
        with storage.writing():
            pass


def test_a_killed_process_says_nothing() -> None:
    """SIGKILL, at the commit that was named."""
    process = get_context("spawn").Process(target=die_at_a_commit)
    process.start()
    process.join(60)
    assert process.exitcode == -9
