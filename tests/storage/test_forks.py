"""A storage that was used before a fork works in the parent and in the child."""

import os
import threading

import pytest

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.ports import Storage
from orderflow_bridge.testing.samples import SHOP, add, cart
from tests.forking import FORKS, in_child

pytestmark = FORKS


def find(storage: Storage, cart_id: str):
    """Read a cart in a unit of its own."""
    with storage.reading() as unit:
        return unit.carts.find(cart_id, connection=SHOP)


def test_child_and_parent_both_go_on(shared_url: str, open_at):
    """Neither sees broken answers, and each reads what the other committed."""
    storage = open_at(shared_url)
    add(storage, cart())

    def child() -> None:
        assert find(storage, "cart_1") == cart()
        add(storage, cart("cart_of_child"))
        storage.close()

    for _ in range(3):
        assert in_child(child) in (0, 1)
        assert find(storage, "cart_of_child") == cart("cart_of_child")
        add(storage, cart(f"cart_{os.urandom(4).hex()}"))
    assert find(storage, "cart_1") == cart()


def test_the_child_of_a_child_goes_on(shared_url: str, open_at):
    """Forgetting works again and again."""
    storage = open_at(shared_url)
    add(storage, cart())

    def child() -> None:
        assert find(storage, "cart_1") == cart()
        assert in_child(lambda: add(storage, cart("cart_2"))) == 0
        assert find(storage, "cart_2") == cart("cart_2")

    assert in_child(child) == 0
    assert find(storage, "cart_2") == cart("cart_2")


def test_locks_of_other_threads_do_not_reach_the_child(shared_url: str, open_at):
    """A fork while another thread writes, and while the pool's own lock is held."""
    storage = open_at(shared_url)
    add(storage, cart())
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with storage.writing():
            inside.set()
            leave.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(20)
    with (
        storage._readers._mutex,
        storage._writers._mutex if (storage._readers is not storage._writers) else threading.Lock(),
    ):
        assert in_child(lambda: find(storage, "cart_1")) == 0
    leave.set()
    holder.join()
    assert in_child(lambda: add(storage, cart("cart_of_child"))) == 0
    assert find(storage, "cart_of_child")


def test_a_unit_is_not_ended_by_the_child(shared_url: str, open_at):
    """Leaving an inherited unit in the child commits and rolls back nothing of the parent's."""
    storage = open_at(shared_url)
    unit = storage.writing()
    changes = unit.__enter__()
    changes.carts.add(cart())

    def commit() -> None:
        with pytest.raises(StorageUnavailable, match="forked"):
            unit.__exit__(None, None, None)

    def fail() -> None:
        unit.__exit__(ValueError, ValueError("x"), None)

    assert in_child(commit) == 0
    assert in_child(fail) == 0
    assert find(storage, "cart_1") is None
    unit.__exit__(None, None, None)
    assert find(storage, "cart_1") == cart()


def test_memory_in_a_child_does_not_wait_for_the_parent(open_at):
    """The lock that a thread of the parent held is not held in the child."""
    storage = open_at("memory://", pool_timeout=1)
    unit = storage.writing()
    unit.__enter__()
    assert in_child(lambda: add(storage, cart())) == 0
    unit.__exit__(None, None, None)
