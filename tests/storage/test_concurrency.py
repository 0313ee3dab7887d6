"""Waiting for a turn, a lock or a connection, and giving up."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.testing.samples import SHOP, add, cart
from orderflow_bridge.testing.storage.threads import add_to_cart


class TestTurns:
    """Waiting for a turn or a lock, and giving up."""

    def test_a_writer_that_waits_too_long_is_told_to_try_again(self, fresh_url, open_at):
        """A SQLite writer waits for its turn, and then no longer than the timeout."""
        storage = open_at(fresh_url("sqlite"), pool_timeout=0.1)
        with storage.writing(), pytest.raises(StorageUnavailable, match="try again"):
            storage.writing().__enter__()
        add(storage, cart())

    def test_a_lock_of_another_process_is_told_to_try_again(self, fresh_url, open_at):
        """The busy handler waits as long as the timeout, then nothing happened."""
        url = fresh_url("sqlite")
        storage, stranger = open_at(url, pool_timeout=0.1), open_at(url)
        add(stranger, cart())
        with stranger.writing(), pytest.raises(StorageUnavailable, match="busy"):
            add(storage, cart("cart_2"))
        add(storage, cart("cart_2"))

    def test_a_row_that_stays_locked_is_told_to_try_again(self, server_url: str, open_at):
        """A lock is waited for as long as the timeout; the unit is gone then."""
        storage = open_at(server_url, pool_timeout=1)
        add(storage, cart())
        with storage.writing() as unit:
            assert unit.carts.lock("cart_1", connection=SHOP)
            with pytest.raises(StorageUnavailable, match="busy"), storage.writing() as second:
                second.carts.lock("cart_1", connection=SHOP)
        add_to_cart(storage, 1)

    def test_a_failed_statement_never_commits(self, server_url: str, open_at):
        """A unit that goes on after a refused statement is rolled back as a whole."""
        storage = open_at(server_url, pool_timeout=1)
        add(storage, cart())

        def go_on() -> None:
            with storage.writing() as second:
                second.carts.add(cart("cart_2"))
                with pytest.raises(StorageUnavailable):
                    second.carts.lock("cart_1", connection=SHOP)

        with storage.writing() as unit:
            assert unit.carts.lock("cart_1", connection=SHOP)
            with pytest.raises(StorageUnavailable):
                go_on()
        with storage.reading() as unit:
            assert unit.carts.find("cart_2", connection=SHOP) is None

    def test_writers_take_turns_in_the_order_they_came(self, fresh_url, open_at):
        """Nobody is overtaken in the line for SQLite's writer."""
        storage = open_at(fresh_url("sqlite"))
        add(storage, cart())
        order: list[int] = []

        def write(number: int) -> None:
            with storage.writing():
                order.append(number)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        with storage.writing():
            for thread in threads:
                thread.start()
                time.sleep(0.02)
        for thread in threads:
            thread.join()
        assert order == list(range(8))


class TestPool:
    """A pool that is too small, and what never leaks from it."""

    def test_an_exhausted_pool_says_so_and_recovers(self, shared_url: str, open_at):
        """Who finds no connection in time is told to try again; later ones are served."""
        storage = open_at(shared_url, pool_size=2, pool_timeout=0.1)
        with storage.reading(), storage.reading(), pytest.raises(StorageUnavailable, match="busy"):
            storage.reading().__enter__()
        for _ in range(5):
            with storage.reading(), storage.reading() as unit:
                assert unit.connections.all() == []

    def test_a_connection_that_comes_back_serves_who_waits(self, shared_url: str, open_at):
        """Waiting ends as soon as someone gives a connection back."""
        storage = open_at(shared_url, pool_size=1)
        with ThreadPoolExecutor(4) as pool:

            def read(_: int) -> int:
                with storage.reading() as unit:
                    return len(unit.connections.all())

            with storage.reading():
                jobs = [pool.submit(read, number) for number in range(4)]
                time.sleep(0.05)
                assert not any(job.done() for job in jobs)
            assert [job.result() for job in jobs] == [0] * 4

    def test_exceptions_leak_no_connection(self, shared_url: str, open_at):
        """After many failed units of every kind, a pool of one still serves."""
        storage = open_at(shared_url, pool_size=1, pool_timeout=1)
        add(storage, cart())

        def fail(error: BaseException) -> None:
            with storage.writing() as unit:
                unit.carts.save(cart(version=2), replacing=1)
                raise error

        for error in (ValueError("x"), KeyboardInterrupt()) * 3:
            with pytest.raises(type(error)), storage.reading():
                raise error
            with pytest.raises(type(error)):
                fail(error)
            with pytest.raises(Conflict), storage.writing() as unit:
                unit.carts.add(cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_closing_while_units_run_closes_after_them(self, shared_url: str, open_at):
        """A unit that runs when the storage is closed ends as usual."""
        storage = open_at(shared_url, pool_size=2)
        with storage.writing() as unit:
            unit.carts.add(cart())
            storage.close()
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()
