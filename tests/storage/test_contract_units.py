"""What a unit promises on every storage: all or nothing, and nothing too early."""

import threading

import pytest

from orderflow_bridge.domain.errors import BridgeError, Conflict
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.ports import Storage
from tests.storage.samples import SHOP, add, cart, connection, order


class TestUnit:
    """The ports `Unit` and `Storage`."""

    def test_leaving_commits(self, storage: Storage):
        """What a writing unit stored is there for the next unit."""
        add(storage, cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    @pytest.mark.parametrize(
        "error", [BridgeError("cart_empty"), Conflict("x"), ValueError("x"), KeyboardInterrupt()]
    )
    def test_an_exception_leaves_nothing(self, storage: Storage, error: BaseException):
        """An exception goes through unchanged, and every change of its unit is gone."""
        with storage.writing() as unit:
            unit.products.put([CatalogueEntry(sku="TEA", name="Tea", prices={}, stock=5)])

        def fail() -> None:
            with storage.writing() as unit:
                unit.connections.add(connection())
                unit.carts.add(cart())
                unit.orders.place(order())
                unit.stock.take({"TEA": 2})
                unit.replays.spend(b"m" * 32, connection=SHOP, until=10)
                unit.products.put([CatalogueEntry(sku="CUP", name="Cup", prices={"GBP": 1})])
                raise error

        with pytest.raises(type(error)) as caught:
            fail()
        assert caught.value is error
        with storage.writing() as unit:
            assert unit.connections.all() == []
            assert unit.carts.find("cart_1", connection=SHOP) is None
            assert unit.orders.find("order_1", connection=None) is None
            assert unit.orders.of_cart(order().cart_id) is None
            assert unit.stock.available(["TEA"]) == {"TEA": 5}
            assert unit.products.find(["CUP"], "GBP") == {}
            assert unit.replays.spend(b"m" * 32, connection=SHOP, until=10)

    def test_a_unit_sees_its_own_changes(self, storage: Storage):
        """What a unit wrote it reads back before it commits."""
        with storage.writing() as unit:
            unit.carts.add(cart())
            unit.carts.save(cart(version=2), replacing=1)
            found = unit.carts.lock("cart_1", connection=SHOP)
            assert found is not None
            assert found.version == 2
            unit.orders.place(order())
            assert unit.orders.of_cart(order().cart_id) is not None

    def test_readers_do_not_see_what_is_not_committed(self, storage: Storage):
        """Another thread's reading unit neither sees nor waits for a unit in progress."""
        add(storage, cart())
        seen = []

        def read() -> None:
            with storage.reading() as unit:
                found = unit.carts.find("cart_1", connection=SHOP)
                seen.append((found and found.version, unit.orders.of_cart(order().cart_id)))

        with storage.writing() as unit:
            unit.carts.save(cart(version=2), replacing=1)
            unit.orders.place(order())
            reader = threading.Thread(target=read)
            reader.start()
            reader.join(5)
        assert seen == [(1, None)]

    def test_a_reading_unit_changes_nothing(self, storage: Storage):
        """A change in a reading unit is a fault of the caller, and nothing happens."""
        with pytest.raises(RuntimeError, match="reading"), storage.reading() as unit:
            unit.carts.add(cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) is None

    def test_a_closed_storage_opens_again(self, storage: Storage):
        """Closing gives back everything and keeps what was stored."""
        add(storage, cart())
        storage.close()
        storage.close()
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()
