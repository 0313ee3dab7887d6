"""What becomes of Django's connections, of which each thread has its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction
from orderflow_bridge.domain.errors import StorageUnavailable
from tests.forking import FORKS, in_child

import site_databases
from orderflow_bridge_django.storage import DjangoStorage
from samples import add, cart, find
from shop.models import Sale

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def sessions() -> int:
    """Count the sessions that the PostgreSQL database has, without the one that asks."""
    with connections["postgres"].cursor() as cursor:
        cursor.execute(SESSIONS)
        found = cursor.fetchone()[0] - 1
    connections["postgres"].close()
    return found


def wait_for(count: int) -> None:
    """Wait until PostgreSQL has noticed who went."""
    for _ in range(100):
        if sessions() == count:
            return
        threading.Event().wait(0.05)
    assert sessions() == count


@pytest.fixture
def kept(tmp_path):
    """Give a storage whose connections are kept, on the emptied PostgreSQL database."""
    site_databases.open_postgres(tmp_path).close()
    storage = DjangoStorage(using="kept")
    yield storage
    storage.close()


def kill(storage) -> None:
    """End this thread's session from outside."""
    with storage.reading() as unit, connections[unit.using].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        process = cursor.fetchone()[0]
    with connections["postgres"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    connections["postgres"].close()


class TestClosing:
    """Connections that are not kept."""

    def test_a_thread_that_lives_on_holds_none(self, tmp_path):
        """A worker that waits for its next job has given its connection back."""
        storage = site_databases.open_postgres(tmp_path)
        with ThreadPoolExecutor(4) as pool:
            gate = threading.Barrier(4)

            def work(number: int) -> None:
                add(storage, cart(f"cart_{number}"))
                gate.wait(20)
                assert find(storage, f"cart_{number}")

            list(pool.map(work, range(4)))
            wait_for(0)

    def test_a_failed_unit_gives_back_too(self, tmp_path):
        """Whatever went wrong in it."""
        storage = site_databases.open_postgres(tmp_path)
        for error in (ValueError("x"), KeyboardInterrupt(), StorageUnavailable()):
            with pytest.raises(type(error)), storage.writing():
                raise error
            with pytest.raises(type(error)), storage.reading():
                raise error
        wait_for(0)

    def test_what_the_site_opened_stays_open(self, storage, alias: str):
        """Its cursors and temporary tables are still there after a unit."""
        connection = connections[alias]
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE of_the_site (n INTEGER)")
        add(storage, cart())
        assert find(storage) == cart()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM of_the_site")
            assert cursor.fetchone() == (0,)
            cursor.execute("DROP TABLE of_the_site")

    def test_close_leaves_a_transaction_of_the_site_alone(self, storage, alias: str):
        """The site's own changes are committed all the same."""
        with transaction.atomic(using=alias):
            Sale.objects.using(alias).create(order_id="o", cart_id="c", status="paid")
            storage.close()
        assert Sale.objects.using(alias).count() == 1


class TestKeeping:
    """Connections that CONN_MAX_AGE keeps."""

    def test_one_connection_serves_unit_after_unit(self, kept):
        """It is opened once, and `close` ends it."""
        add(kept, cart())
        opened = connections["kept"].connection
        assert opened is not None
        assert find(kept) == cart()
        assert connections["kept"].connection is opened
        kept.close()
        wait_for(0)
        assert find(kept) == cart()

    def test_a_connection_that_the_server_dropped_is_not_noticed(self, kept):
        """Django's health check comes before each unit, as it does before each request."""
        add(kept, cart())
        kill(kept)
        assert find(kept) == cart()
        kill(kept)
        add(kept, cart("cart_2"))

    def test_a_connection_that_is_lost_in_a_unit_is_replaced(self, kept):
        """That unit stored nothing and says to try again; the next one has a connection."""

        def write() -> None:
            with kept.writing() as unit:
                unit.carts.add(cart())
                kill(kept)
                unit.carts.add(cart("cart_2"))

        with pytest.raises(StorageUnavailable):
            write()
        assert find(kept) is None
        add(kept, cart())


@FORKS
class TestForks:
    """A process that forks while connections are open."""

    def test_child_and_parent_both_go_on(self, storage, alias: str):
        """Each has a connection of its own, and reads what the other committed."""
        add(storage, cart())
        connections[alias].ensure_connection()

        def child() -> None:
            assert find(storage) == cart()
            add(storage, cart("cart_of_child"))
            storage.close()

        assert in_child(child) == 0
        assert find(storage, "cart_of_child")
        add(storage, cart("cart_2"))

    def test_a_unit_is_not_ended_by_the_child(self, storage):
        """Leaving an inherited unit in the child commits and rolls back nothing."""
        unit = storage.writing()
        unit.__enter__().carts.add(cart())

        def commit() -> None:
            with pytest.raises(StorageUnavailable, match="forked"):
                unit.__exit__(None, None, None)

        assert in_child(commit) == 0
        assert in_child(lambda: unit.__exit__(ValueError, ValueError("x"), None)) == 0
        unit.__exit__(None, None, None)
        assert find(storage) == cart()
