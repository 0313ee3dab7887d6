"""What errors of the database become, and what they never tell."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connections
from orderflow_bridge.domain.errors import ConfigurationError, Conflict, StorageUnavailable
from orderflow_bridge.domain.product import CatalogueEntry

import site_databases
from orderflow_bridge_django.storage import DjangoStorage
from samples import SHOP, add, cart, find, order


@pytest.fixture(params=["postgres", "mariadb"])
def server(request, tmp_path):
    """Give an empty storage on each server."""
    storage = site_databases.open_alias(request.param, tmp_path)
    yield storage
    storage.close()


class TestConfiguration:
    """What a person has to repair."""

    @pytest.mark.parametrize("unit", ["reading", "writing"])
    def test_missing_tables_name_the_command(self, unit: str):
        """Nobody has migrated that alias."""
        storage = DjangoStorage(using="default")
        with (
            pytest.raises(ConfigurationError, match=r"manage\.py migrate"),
            getattr(storage, unit)() as opened,
        ):
            opened.carts.find("cart_1", connection=SHOP)

    def test_missing_tables_are_told_on_every_database(self, storage, alias: str):
        """Each has its own way to say so."""
        with (
            pytest.raises(ConfigurationError, match=r"manage\.py migrate"),
            storage.reading(),
            connections[alias].cursor() as cursor,
        ):
            cursor.execute("SELECT 1 FROM orderflow_bridge_of_tomorrow")

    def test_missing_columns_are_told_on_every_database(self, storage, alias: str):
        """An older schema lacks a column of a newer version."""
        with (
            pytest.raises(ConfigurationError, match=r"manage\.py migrate"),
            storage.reading(),
            connections[alias].cursor() as cursor,
        ):
            cursor.execute("SELECT of_tomorrow FROM orderflow_bridge_cart")


class TestUnavailable:
    """What passes by itself: nothing happened, try again."""

    def test_a_server_that_nobody_listens_at(self):
        """Both kinds of unit say so."""
        storage = DjangoStorage(using="nowhere")
        with pytest.raises(StorageUnavailable):
            find(storage)
        with pytest.raises(StorageUnavailable):
            add(storage, cart())

    def test_a_lock_of_sqlite_that_does_not_come(self, tmp_path):
        """It is waited for as long as the alias's `timeout`; then the turn is another's."""
        patient = site_databases.open_sqlite(tmp_path)
        hasty = DjangoStorage(using="hasty")
        with patient.writing() as unit:
            unit.carts.add(cart())
            with pytest.raises(StorageUnavailable, match="busy"):
                add(hasty, cart("cart_2"))
        add(hasty, cart("cart_2"))
        hasty.close()

    def test_a_lock_of_postgresql_that_does_not_come(self, tmp_path):
        """It is waited for as long as `lock_timeout`, and only by the bridge."""
        patient = site_databases.open_postgres(tmp_path)
        hasty = DjangoStorage(using="postgres", lock_timeout=0.1)
        add(patient, cart())

        def lock() -> None:
            with hasty.writing() as unit:
                unit.carts.lock("cart_1", connection=SHOP)

        connections["postgres"].ensure_connection()
        with ThreadPoolExecutor(1) as pool, patient.writing() as unit:
            unit.carts.lock("cart_1", connection=SHOP)
            with pytest.raises(StorageUnavailable, match="busy"):
                pool.submit(lock).result(20)
        with connections["postgres"].cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("0",)

    def test_a_unit_that_goes_on_after_a_refusal_never_commits(self, storage, alias: str):
        """It is told to try again, and nothing of it is stored."""

        def go_on() -> None:
            with storage.writing() as unit:
                unit.carts.add(cart())
                with pytest.raises(DatabaseError):
                    unit.stock.give_back({"TEA": -2})

        with storage.writing() as unit:
            unit.products.put([CatalogueEntry(sku="TEA", name="Tea", prices={}, stock=1)])
        with pytest.raises(StorageUnavailable, match="statement of this unit failed"):
            go_on()
        assert find(storage) is None


class TestConflicts:
    """Someone was faster: the bridge runs the unit again."""

    def test_two_that_wait_for_each_other(self, server):
        """One of them is told of a conflict, and the other goes on."""
        add(server, cart("cart_1"), cart("cart_2"))
        both = threading.Barrier(2)

        def lock(first: str, second: str) -> str:
            try:
                with server.writing() as unit:
                    unit.carts.lock(first, connection=SHOP)
                    both.wait(20)
                    unit.carts.lock(second, connection=SHOP)
            except Conflict:
                return "conflict"
            return "done"

        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(lock, *pair) for pair in (("cart_1", "cart_2"), ("cart_2", "cart_1"))
            ]
            assert sorted(job.result(60) for job in jobs) == ["conflict", "done"]

    def test_a_taken_key_leaves_the_unit_usable(self, storage):
        """Who expects a conflict goes on, and what comes after it is committed."""
        add(storage, cart())
        with storage.writing() as unit:
            with pytest.raises(Conflict):
                unit.carts.add(cart())
            unit.carts.add(cart("cart_2"))
        assert find(storage, "cart_2")

    def test_purging_waits_for_nobody(self, server):
        """Rows that another unit purges right now are left to it."""
        with server.writing() as unit:
            for number in range(4):
                unit.replays.spend(bytes([number]) * 32, connection=SHOP, until=number)

        def purge() -> int:
            with server.writing() as unit:
                return unit.replays.purge(before=9, limit=9)

        with ThreadPoolExecutor(1) as pool, server.writing() as unit:
            assert unit.replays.purge(before=9, limit=2) == 2
            assert pool.submit(purge).result(20) == 2


class TestFaults:
    """Statements that no database takes: a fault, without a value in it."""

    def test_stock_below_zero(self, storage):
        """A faulty statement cannot oversell."""
        with storage.writing() as unit:
            unit.products.put([CatalogueEntry(sku="SECRET", name="x", prices={}, stock=1)])
        with pytest.raises(RuntimeError, match="refused a statement") as caught:
            self._give_back(storage, {"SECRET": -2})
        assert "SECRET" not in f"{caught.value}{caught.value.__cause__}"
        assert caught.value.__suppress_context__
        with storage.reading() as unit:
            assert unit.stock.available(["SECRET"]) == {"SECRET": 1}

    def test_a_value_that_is_too_long(self, server):
        """It is never cut short: the unit fails and stores nothing."""
        with pytest.raises(RuntimeError, match="refused a statement") as caught:
            add(server, cart(currency="POUNDS"))
        assert "POUNDS" not in str(caught.value)
        assert find(server) is None

    def test_a_status_that_there_is_none_of(self, storage):
        """The table itself refuses it."""
        with (
            pytest.raises(RuntimeError, match="refused a statement"),
            storage.writing() as unit,
        ):
            unit.orders.place(order(status="lost"))

    @staticmethod
    def _give_back(storage, taken: dict[str, int]) -> None:
        with storage.writing() as unit:
            unit.stock.give_back(taken)
