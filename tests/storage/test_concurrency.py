"""What holds while many threads and processes work on one storage at once."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.ports import AnswerKey, Claim, Storage
from tests.storage.samples import SHOP, add, cart, connection, line
from tests.storage.workers import (
    add_in_process,
    add_to_cart,
    buy_in_process,
    buy_one,
    in_processes,
    opened,
    run_to_death,
    spend_in_process,
    transact,
    write_in_process,
    write_much,
)


def quantity(storage: Storage) -> int:
    """Read the quantity of the first line of the cart."""
    with storage.reading() as unit:
        found = unit.carts.find("cart_1", connection=SHOP)
    assert found is not None
    return found.lines[0].quantity


class TestThreads:
    """Many threads on one storage."""

    def test_parallel_changes_of_one_cart_lose_nothing(self, storage: Storage):
        """Eight threads that add ten times each add eighty."""
        add(storage, cart(lines=(line(quantity=0),)))
        with ThreadPoolExecutor(8) as pool:
            for job in [pool.submit(add_to_cart, storage, 10) for _ in range(8)]:
                job.result()
        assert quantity(storage) == 80

    def test_the_last_unit_is_sold_once(self, storage: Storage):
        """Eight buyers of three units place three orders."""
        with storage.writing() as unit:
            unit.products.put([CatalogueEntry(sku="TEA", name="Tea", prices={}, stock=3)])
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(buy_one, storage, f"order_{n}") for n in range(8)]
            assert sum(job.result() for job in jobs) == 3
        with storage.reading() as unit:
            assert unit.stock.available(["TEA"]) == {"TEA": 0}

    def test_baskets_in_any_order_do_not_deadlock_for_good(self, storage: Storage):
        """Everyone gets through, whatever the order of their skus is."""
        skus = ["A", "B", "C", "D"]
        with storage.writing() as unit:
            unit.products.put(
                [CatalogueEntry(sku=sku, name=sku, prices={}, stock=1_000) for sku in skus]
            )

        def take(turn: int) -> None:
            wanted = dict.fromkeys(skus[turn % 4 :] + skus[: turn % 4], 1)
            for _ in range(10):
                transact(storage, lambda unit: unit.stock.take(wanted))
                transact(storage, lambda unit: unit.stock.give_back({"A": 1}))

        with ThreadPoolExecutor(8) as pool:
            for job in [pool.submit(take, turn) for turn in range(8)]:
                job.result()
        with storage.reading() as unit:
            left = unit.stock.available(skus)
        assert left == {"A": 1_000, "B": 920, "C": 920, "D": 920}

    def test_one_signature_is_spent_by_one_thread(self, storage: Storage):
        """Of eight units that spend it, one gets True."""
        with ThreadPoolExecutor(8) as pool:
            jobs = [
                pool.submit(
                    transact,
                    storage,
                    lambda unit: unit.replays.spend(b"m" * 32, connection=SHOP, until=9),
                )
                for _ in range(8)
            ]
            assert sum(job.result() for job in jobs) == 1

    def test_a_twin_waits_for_the_claim_and_gets_its_answer(self, storage: Storage):
        """A second claim of a key is answered when the first unit is over, not before."""
        key = AnswerKey(SHOP, "cart.create", "k")

        def claim() -> Claim:
            return transact(
                storage,
                lambda unit: unit.answers.claim(
                    key, fingerprint=b"f", now=1, running_until=5, until=9
                ),
            )

        with ThreadPoolExecutor(1) as pool:
            with storage.writing() as unit:
                unit.answers.claim(key, fingerprint=b"f", now=1, running_until=5, until=9)
                twin = pool.submit(claim)
                time.sleep(0.1)
                assert not twin.done()
            assert twin.result() == Claim("running", running_until=5)

    def test_a_rolled_back_claim_is_the_twins(self, storage: Storage):
        """Where the first unit fails, the one that waited claims the key."""
        key = AnswerKey(SHOP, "cart.create", "k")

        def claim() -> Claim:
            with storage.writing() as unit:
                return unit.answers.claim(key, fingerprint=b"f", now=1, running_until=5, until=9)

        with ThreadPoolExecutor(1) as pool:
            twins = []

            def fail() -> None:
                with storage.writing() as unit:
                    unit.answers.claim(key, fingerprint=b"f", now=1, running_until=5, until=9)
                    twins.append(pool.submit(claim))
                    time.sleep(0.05)
                    raise ValueError("fault")

            with pytest.raises(ValueError, match="fault"):
                fail()
            assert twins[0].result() == Claim("new")

    def test_a_locked_cart_is_not_changed_by_another(self, storage: Storage):
        """A second lock of a cart waits until the first unit is over."""
        add(storage, cart(lines=(line(quantity=0),)))
        with ThreadPoolExecutor(1) as pool:
            with storage.writing() as unit:
                assert unit.carts.lock("cart_1", connection=SHOP)
                other = pool.submit(add_to_cart, storage, 1)
                time.sleep(0.05)
                unit.carts.save(cart(version=2, lines=(line(quantity=5),)), replacing=1)
            other.result()
        assert quantity(storage) == 6

    def test_operators_do_not_lose_each_others_changes(self, storage: Storage):
        """Two at a time who read, change and save one connection all count."""
        add(storage, connection())

        def widen(name: str) -> None:
            def act(unit) -> None:
                found = unit.connections.lock(SHOP)
                unit.connections.save(
                    connection(allow_list=(*found.allow_list, name), updated_at=2)
                )

            transact(storage, act)

        with ThreadPoolExecutor(4) as pool:
            for job in [pool.submit(widen, f"192.0.2.{n}") for n in range(4)]:
                job.result()
        with storage.reading() as unit:
            found = unit.connections.find(SHOP)
        assert found is not None
        assert len(found.allow_list) == 5

    def test_two_imports_at_once_keep_every_price(self, storage: Storage):
        """Imports of other currencies for the same new skus merge."""
        skus = [f"SKU-{n}" for n in range(50)]

        def put(currency: str) -> None:
            entries = [CatalogueEntry(sku=sku, name=sku, prices={currency: 1}) for sku in skus]
            transact(storage, lambda unit: unit.products.put(entries))

        with ThreadPoolExecutor(3) as pool:
            for job in [pool.submit(put, currency) for currency in ("GBP", "EUR", "CHF")]:
                job.result()
        with storage.reading() as unit:
            for entry in unit.products.page(after="", limit=100):
                assert entry.prices == {"GBP": 1, "EUR": 1, "CHF": 1}

    def test_eight_writers_see_no_error(self, storage: Storage):
        """Writers wait for each other; none is told to try again."""
        add(storage, connection())
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(write_much, storage, f"t{n}", 10) for n in range(8)]
            assert sum(job.result() for job in jobs) == 80


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


class TestProcesses:
    """Many processes on one database."""

    def test_parallel_changes_of_one_cart_lose_nothing(self, shared_url: str, open_at):
        """Four processes that add ten times each add forty."""
        storage = open_at(shared_url)
        add(storage, cart(lines=(line(quantity=0),)))
        with in_processes(4) as pool:
            for job in [pool.submit(add_in_process, shared_url, 10) for _ in range(4)]:
                job.result(60)
        assert quantity(storage) == 40

    def test_the_last_unit_is_sold_once(self, shared_url: str, open_at):
        """Four processes want the last unit; one gets it."""
        storage = open_at(shared_url)
        with storage.writing() as unit:
            unit.products.put([CatalogueEntry(sku="TEA", name="Tea", prices={}, stock=1)])
        with in_processes(4) as pool:
            jobs = [pool.submit(buy_in_process, shared_url, f"order_{n}") for n in range(4)]
            assert sum(job.result(60) for job in jobs) == 1

    def test_one_signature_is_spent_by_one_process(self, shared_url: str, open_at):
        """Of four processes that spend it, one gets True, and a later one False."""
        add(open_at(shared_url), connection())
        with in_processes(4) as pool:
            jobs = [pool.submit(spend_in_process, shared_url, b"m" * 32) for _ in range(4)]
            assert sum(job.result(60) for job in jobs) == 1
        storage = opened(shared_url)
        with storage.writing() as unit:
            assert not unit.replays.spend(b"m" * 32, connection=SHOP, until=9)
        storage.close()

    def test_four_processes_of_eight_writers_see_no_error(self, shared_url: str, open_at):
        """Everything they were told is stored is there, and nobody was told to try again."""
        storage = open_at(shared_url)
        add(storage, connection())
        with in_processes(4) as pool:
            jobs = [pool.submit(write_in_process, shared_url, f"p{n}", 8, 5) for n in range(4)]
            assert sum(job.result(120) for job in jobs) == 160
        with storage.reading() as unit:
            for process in range(4):
                for thread in range(8):
                    name = f"p{process}{thread}"
                    assert unit.carts.find(f"cart_{name}_4", connection=SHOP)

    def test_a_killed_writer_leaves_nothing_and_frees_its_locks(self, shared_url: str, open_at):
        """What it was told is stored stays; what it had begun is gone, and others go on."""
        add(open_at(shared_url), cart())
        assert run_to_death(shared_url) == -signal.SIGKILL
        storage = open_at(shared_url)
        with storage.writing() as unit:
            assert unit.carts.find("cart_lost", connection=SHOP) is None
            found = unit.carts.lock("cart_acknowledged", connection=SHOP)
            assert found is not None
            assert found.version == 1
            unit.carts.save(cart("cart_acknowledged", version=2), replacing=1)
