"""A storage that was used before a fork works in the parent and in the child."""

import threading

import pytest
from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.ports import Storage
from orderflow_bridge.testing.samples import SHOP, add, cart
from sqlalchemy import select
from tests.forking import FORKS, in_child

from orderflow_bridge_sqlalchemy import SQLAlchemyStorage

pytestmark = FORKS


def find(storage: Storage, cart_id: str):
    """Read a cart in a unit of its own."""
    with storage.reading() as unit:
        return unit.carts.find(cart_id, connection=SHOP)


def test_child_and_parent_both_go_on(url, open_at):
    """Neither sees broken answers, and each reads what the other committed."""
    storage = open_at(url)
    add(storage, cart())

    def child(name: str) -> None:
        assert find(storage, "cart_1") == cart()
        add(storage, cart(name))
        storage.close()

    for turn in range(3):
        name = f"cart_of_child_{turn}"
        assert in_child(lambda name=name: child(name)) == 0
        assert find(storage, name) == cart(name)
        add(storage, cart(f"cart_of_parent_{turn}"))
    assert find(storage, "cart_1") == cart()


def test_the_child_of_a_child_goes_on(url, open_at):
    """Forgetting works again and again."""
    storage = open_at(url)
    add(storage, cart())

    def child() -> None:
        assert find(storage, "cart_1") == cart()
        assert in_child(lambda: add(storage, cart("cart_2"))) == 0
        assert find(storage, "cart_2") == cart("cart_2")

    assert in_child(child) == 0
    assert find(storage, "cart_2") == cart("cart_2")


def test_locks_of_other_threads_do_not_reach_the_child(url, open_at):
    """A fork while another thread writes, and while the storage is being prepared."""
    storage = open_at(url)
    add(storage, cart())
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with storage.writing():
            inside.set()
            leave.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(20)
    with storage._preparing:
        assert in_child(lambda: find(storage, "cart_1")) == 0
    leave.set()
    holder.join()
    assert in_child(lambda: add(storage, cart("cart_of_child"))) == 0
    assert find(storage, "cart_of_child")


def test_a_sites_engine_goes_on_in_both(url, make_engine):
    """The child's pool is a new one, and the parent's connections stay the parent's."""
    engine = make_engine(url)
    storage = SQLAlchemyStorage(engine)
    add(storage, cart())

    def child() -> None:
        assert engine.pool.checkedin() == 0
        with engine.connect() as connection:
            assert connection.execute(select(storage.tables.carts.c.cart_id)).scalar() == "cart_1"
        add(storage, cart("cart_of_child"))

    assert in_child(child) == 0
    assert engine.pool.checkedin() > 0
    assert find(storage, "cart_of_child") == cart("cart_of_child")


def test_a_unit_is_not_ended_by_the_child(url, open_at):
    """Leaving an inherited unit in the child commits and rolls back nothing of the parent's."""
    storage = open_at(url)
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


def test_a_reading_unit_is_not_ended_by_the_child(url, open_at):
    """Leaving it in the child leaves the parent's connection as it is."""
    storage = open_at(url, pool_size=1)
    add(storage, cart())
    reading = storage.reading()
    unit = reading.__enter__()
    assert in_child(lambda: reading.__exit__(None, None, None)) == 0
    assert unit.carts.find("cart_1", connection=SHOP) == cart()
    reading.__exit__(None, None, None)
    assert find(storage, "cart_1") == cart()
