"""What a unit promises: all or nothing, and nothing too early."""

import threading
from typing import get_args

import pytest

from orderflow_bridge.domain.errors import BridgeError, Conflict
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.ports import PORTS_VERSION, AnswerKey, Capability, Claim, Storage
from orderflow_bridge.testing.samples import SHOP, add, cart, connection, order
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["UnitsContract"]

_KEY = AnswerKey(SHOP, "cart.create", "k")


class UnitsContract(Contract):
    """The ports `Unit` and `Storage`."""

    def test_units_have_what_the_storage_declares(self, storage: Storage) -> None:
        """Version and capabilities are known, and each capability has its methods."""
        assert storage.ports_version == PORTS_VERSION
        declared = storage.capabilities
        assert declared <= set(get_args(Capability))
        assert "stock" in declared or "products" not in declared
        assert hasattr(storage, "migrate") or "migrations" not in declared
        with storage.reading() as unit:
            assert hasattr(unit, "products") == ("products" in declared)
            assert hasattr(unit, "stock") == ("stock" in declared)
            assert hasattr(unit, "audit") == ("audit" in declared)
            assert hasattr(unit, "journal") == ("journal" in declared)
            assert hasattr(unit, "sessions") == ("sessions" in declared)
            assert hasattr(unit.replays, "spent_after") or "rates" not in declared
            assert hasattr(unit.answers, "kept_after") or "rates" not in declared
        assert storage.capabilities == declared

    def test_units_leaving_commits(self, storage: Storage) -> None:
        """What a writing unit stored is there for the next unit."""
        add(storage, cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    @pytest.mark.parametrize(
        "error", [BridgeError("cart_empty"), Conflict("x"), ValueError("x"), KeyboardInterrupt()]
    )
    def test_units_an_exception_leaves_nothing(
        self, storage: Storage, error: BaseException
    ) -> None:
        """An exception goes through unchanged, and every change of its unit is gone."""

        def fail() -> None:
            with storage.writing() as unit:
                unit.connections.add(connection())
                unit.carts.add(cart())
                unit.orders.place(order())
                unit.intents.add(PaymentIntent(intent="pi_1"))
                unit.replays.spend(b"m" * 32, connection=SHOP, until=10)
                unit.answers.claim(_KEY, fingerprint=b"f", now=0, running_until=5, until=9)
                raise error

        with pytest.raises(type(error)) as caught:
            fail()
        assert caught.value is error
        with storage.writing() as unit:
            assert unit.connections.all() == []
            assert unit.carts.find("cart_1", connection=SHOP) is None
            assert unit.orders.find("order_1", connection=None) is None
            assert unit.orders.of_cart(order().cart_id) is None
            assert unit.intents.find("pi_1") is None
            assert unit.replays.spend(b"m" * 32, connection=SHOP, until=10)
            claim = unit.answers.claim(_KEY, fingerprint=b"g", now=1, running_until=5, until=9)
            assert claim == Claim("new")

    def test_units_an_exception_goes_through_a_reading_unit(self, storage: Storage) -> None:
        """It is the same exception, and the next unit reads as ever."""
        add(storage, cart())
        fault = ValueError("fault")

        def fail() -> None:
            with storage.reading() as unit:
                assert unit.carts.find("cart_1", connection=SHOP)
                raise fault

        with pytest.raises(ValueError, match="fault") as caught:
            fail()
        assert caught.value is fault
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_units_a_unit_sees_its_own_changes(self, storage: Storage) -> None:
        """What a unit wrote it reads back before it commits."""
        with storage.writing() as unit:
            unit.carts.add(cart())
            unit.carts.save(cart(version=2), replacing=1)
            found = unit.carts.lock("cart_1", connection=SHOP)
            assert found is not None
            assert found.version == 2
            unit.orders.place(order())
            assert unit.orders.of_cart(order().cart_id) is not None

    def test_units_readers_do_not_see_what_is_not_committed(self, storage: Storage) -> None:
        """Another thread's reading unit neither sees nor waits for a unit in progress."""
        add(storage, cart())
        seen: list[object] = []

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

    def test_units_reading_units_may_nest(self, storage: Storage) -> None:
        """A thread that reads may open a second reading unit."""
        add(storage, cart())
        with storage.writing() as unit:
            unit.carts.save(cart(version=2), replacing=1)
        with storage.reading() as first, storage.reading() as second:
            assert first.carts.find("cart_1", connection=SHOP) == cart(version=2)
            assert second.carts.find("cart_1", connection=SHOP) == cart(version=2)

    def test_units_a_closed_storage_opens_again(self, storage: Storage) -> None:
        """Closing gives back everything and keeps what was stored."""
        add(storage, cart())
        storage.close()
        storage.close()
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()
