"""What holds while many threads work on one storage."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest
from msgspec.structs import replace

from orderflow_bridge.capabilities import journal_of, sessions_of
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.ports import AnswerKey, Claim, OrderQuery, Storage, Unit
from orderflow_bridge.testing.samples import SHOP, add, cart, connection, line, order, transact
from orderflow_bridge.testing.storage.contract import Contract
from orderflow_bridge.testing.storage.journal import ids, request
from orderflow_bridge.testing.storage.sessions import sign_in, signed_in

__all__ = ["ThreadsContract", "add_to_cart", "quantity", "write_much"]

_T = TypeVar("_T")
_KEY = AnswerKey(SHOP, "cart.create", "k")
_A_MOMENT = 0.1
"""How long the other side has to do something too early, in seconds."""


class ThreadsContract(Contract):
    """Many threads on one storage."""

    def test_threads_parallel_changes_of_one_cart_lose_nothing(self, storage: Storage) -> None:
        """Eight threads that add ten times each add eighty."""
        add(storage, cart(lines=(line(quantity=0),)))
        with ThreadPoolExecutor(8) as pool:
            for job in [pool.submit(add_to_cart, storage, 10) for _ in range(8)]:
                job.result()
        assert quantity(storage) == 80

    def test_threads_a_locked_cart_is_not_changed_by_another(self, storage: Storage) -> None:
        """A second lock of a cart waits until the first unit is over, or conflicts."""
        add(storage, cart(lines=(line(quantity=0),)))
        with ThreadPoolExecutor(1) as pool:
            with storage.writing() as unit:
                assert unit.carts.lock("cart_1", connection=SHOP)
                other = _begin(pool, lambda: add_to_cart(storage, 1))
                _not_yet()
                unit.carts.save(cart(version=2, lines=(line(quantity=5),)), replacing=1)
            other.result()
        assert quantity(storage) == 6

    def test_threads_replace_a_version_of_a_cart_once(self, storage: Storage) -> None:
        """Of eight units that save over one version without a lock, one does and seven conflict."""
        add(storage, cart())
        together = threading.Barrier(8)

        def save(number: int) -> bool:
            together.wait()
            try:
                with storage.writing() as unit:
                    unit.carts.save(cart(version=2, note=str(number)), replacing=1)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            saved = list(pool.map(save, range(8)))
        assert sum(saved) == 1
        with storage.reading() as unit:
            found = unit.carts.find("cart_1", connection=SHOP)
        assert found is not None
        assert found.note == str(saved.index(True))

    def test_threads_readers_never_see_half_of_a_unit(self, storage: Storage) -> None:
        """While units place two orders each, one search finds both or none of them."""
        done = threading.Event()

        def look() -> list[int]:
            counts: list[int] = []
            while not done.is_set():
                with storage.reading() as unit:
                    counts.append(len(unit.orders.search(OrderQuery(limit=99))))
            return counts

        with ThreadPoolExecutor(1) as pool:
            looking = _begin(pool, look)
            try:
                for number in range(20):
                    add(storage, order(f"order_{number}a"), order(f"order_{number}b"))
            finally:
                done.set()
            counts = looking.result()
        assert [count for count in counts if count % 2] == []

    def test_threads_spend_one_signature_once(self, storage: Storage) -> None:
        """Of eight units that spend it, one gets True."""
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(_spend, storage) for _ in range(8)]
            assert sum(job.result() for job in jobs) == 1

    def test_threads_a_signature_of_a_failed_unit_is_unspent(self, storage: Storage) -> None:
        """Who waited for a unit that then fails spends the signature."""
        spent: list[Future[bool]] = []
        with ThreadPoolExecutor(1) as pool:

            def fail() -> None:
                with storage.writing() as unit:
                    assert unit.replays.spend(b"m" * 32, connection=SHOP, until=9)
                    spent.append(_begin(pool, lambda: _spend(storage)))
                    _not_yet()
                    raise ValueError("fault")

            with pytest.raises(ValueError, match="fault"):
                fail()
            assert spent[0].result()

    def test_threads_end_a_sign_in_once(self, storage: Storage) -> None:
        """Of eight units that end it, one gets True: a link signs in once."""
        self.skip_without(storage, "sessions")
        sign_in(storage, signed_in(kind="link"))
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(_end, storage) for _ in range(8)]
            assert sum(job.result() for job in jobs) == 1

    def test_threads_a_sign_in_that_a_failed_unit_ended_is_there(self, storage: Storage) -> None:
        """Who waited for a unit that then fails ends it."""
        self.skip_without(storage, "sessions")
        sign_in(storage, signed_in())
        ended: list[Future[bool]] = []
        with ThreadPoolExecutor(1) as pool:

            def fail() -> None:
                with storage.writing() as unit:
                    assert sessions_of(unit).end(signed_in().digest)
                    ended.append(_begin(pool, lambda: _end(storage)))
                    _not_yet()
                    raise ValueError("fault")

            with pytest.raises(ValueError, match="fault"):
                fail()
            assert ended[0].result()

    def test_threads_journal_one_batch_once(self, storage: Storage) -> None:
        """Eight units append the same entries, each in another order; each is there once."""
        self.skip_without(storage, "journal")
        entries = [request(f"req_{n:02}") for n in range(40)]

        def append(turned: int) -> None:
            batch = entries[turned:] + entries[:turned]
            transact(storage, lambda unit: journal_of(unit).append(batch))

        with ThreadPoolExecutor(8) as pool:
            for job in [pool.submit(append, 5 * n) for n in range(8)]:
                job.result()
        assert ids(storage, limit=99) == [one.request_id for one in reversed(entries)]

    def test_threads_a_twin_waits_for_the_claim_and_gets_its_answer(self, storage: Storage) -> None:
        """A second claim of a key is answered when the first unit is over, not before."""
        with ThreadPoolExecutor(1) as pool:
            with storage.writing() as unit:
                unit.answers.claim(_KEY, fingerprint=b"f", now=1, running_until=5, until=9)
                twin = _begin(pool, lambda: _claim(storage))
                _not_yet()
                assert not twin.done()
            assert twin.result() == Claim("running", running_until=5)

    def test_threads_a_rolled_back_claim_is_the_twins(self, storage: Storage) -> None:
        """Where the first unit fails, the one that waited claims the key."""
        twins: list[Future[Claim]] = []
        with ThreadPoolExecutor(1) as pool:

            def fail() -> None:
                with storage.writing() as unit:
                    unit.answers.claim(_KEY, fingerprint=b"f", now=1, running_until=5, until=9)
                    twins.append(_begin(pool, lambda: _claim(storage)))
                    _not_yet()
                    raise ValueError("fault")

            with pytest.raises(ValueError, match="fault"):
                fail()
            assert twins[0].result() == Claim("new")

    def test_threads_move_an_order_out_of_a_status_once(self, storage: Storage) -> None:
        """Of eight units that mark one order paid or cancelled, one succeeds."""
        add(storage, order())

        def move(number: int) -> bool:
            moved = order(status="paid" if number % 2 else "cancelled")
            return transact(
                storage, lambda unit: unit.orders.save(moved, expecting="pending_payment")
            )

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(move, range(8))) == 1

    def test_threads_settle_an_intent_once(self, storage: Storage) -> None:
        """Of eight units that replace one version of an intent, one does; the others conflict."""
        with storage.writing() as unit:
            unit.intents.add(PaymentIntent(intent="pi_1"))

        def settle(number: int) -> bool:
            settled = PaymentIntent(intent="pi_1", version=2, cart_id=f"cart_{number}")
            try:
                with storage.writing() as unit:
                    unit.intents.save(settled, replacing=1)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(settle, range(8)))
        assert sum(done) == 1
        with storage.reading() as unit:
            found = unit.intents.find("pi_1")
        assert found is not None
        assert found.cart_id == f"cart_{done.index(True)}"

    def test_threads_place_one_order_of_a_cart(self, storage: Storage) -> None:
        """Of eight units that place an order of one cart, one does; numbers are never shared."""
        numbers: set[str] = set()
        refused = []

        def place(number: int) -> None:
            def act(unit: Unit) -> None:
                if unit.orders.of_cart("cart_1") is not None:
                    refused.append(number)
                    return
                numbers.add(unit.orders.place(order(f"order_{number}", cart_id="cart_1")).number)

            transact(storage, act)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(place, range(8)))
        with storage.reading() as unit:
            kept = unit.orders.of_cart("cart_1")
        assert kept is not None
        assert kept.number in numbers
        assert len(refused) == 7

    def test_threads_operators_do_not_lose_each_others_changes(self, storage: Storage) -> None:
        """Four at a time who lock, change and save one connection all count."""
        add(storage, connection())

        def widen(name: str) -> None:
            def act(unit: Unit) -> None:
                found = unit.connections.lock(SHOP)
                assert found is not None
                unit.connections.save(replace(found, allow_list=(*found.allow_list, name)))

            transact(storage, act)

        with ThreadPoolExecutor(4) as pool:
            for job in [pool.submit(widen, f"192.0.2.{n}") for n in range(4)]:
                job.result()
        with storage.reading() as unit:
            found = unit.connections.find(SHOP)
        assert found is not None
        assert len(found.allow_list) == 5

    def test_threads_see_at_once_what_was_committed(self, storage: Storage) -> None:
        """When a unit was left, another thread reads all of it."""
        add(storage, cart())
        seen: list[int | None] = []

        def read() -> None:
            with storage.reading() as unit:
                found = unit.carts.find("cart_1", connection=SHOP)
                seen.append(None if found is None else found.version)

        for version in range(2, 6):
            with storage.writing() as unit:
                unit.carts.save(cart(version=version), replacing=version - 1)
            reader = threading.Thread(target=read)
            reader.start()
            reader.join()
        assert seen == [2, 3, 4, 5]

    def test_threads_readers_see_one_version_or_the_next(self, storage: Storage) -> None:
        """While a big cart is replaced, no reader finds half of it, and none an error."""

        def big(version: int) -> Cart:
            return cart(version=version, lines=cart().lines * 500, note=str(version))

        add(storage, big(1))
        over = threading.Event()

        def read() -> int:
            while True:
                last = over.is_set()
                with storage.reading() as unit:
                    found = unit.carts.find("cart_1", connection=SHOP)
                assert found is not None
                assert found == big(found.version)
                if last:
                    return found.version

        with ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            try:
                for version in range(2, 22):
                    with storage.writing() as unit:
                        unit.carts.save(big(version), replacing=version - 1)
            finally:
                over.set()
            assert [reader.result() for reader in readers] == [21, 21]

    def test_threads_with_many_writers_see_no_error(self, storage: Storage) -> None:
        """Writers wait for each other; none is told to try again."""
        add(storage, connection())
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(write_much, storage, f"t{n}", 10) for n in range(8)]
            assert sum(job.result() for job in jobs) == 80


def _begin(pool: ThreadPoolExecutor, act: Callable[[], _T]) -> Future[_T]:
    """Let another thread do something; return when it is about to."""
    begun = threading.Event()

    def run() -> _T:
        begun.set()
        return act()

    job = pool.submit(run)
    begun.wait()
    return job


def _not_yet() -> None:
    """Give the other side the time to come too early, if it would."""
    threading.Event().wait(_A_MOMENT)


def _spend(storage: Storage) -> bool:
    return transact(storage, lambda unit: unit.replays.spend(b"m" * 32, connection=SHOP, until=9))


def _end(storage: Storage) -> bool:
    return transact(storage, lambda unit: sessions_of(unit).end(signed_in().digest))


def _claim(storage: Storage) -> Claim:
    return transact(
        storage,
        lambda unit: unit.answers.claim(_KEY, fingerprint=b"f", now=1, running_until=5, until=9),
    )


def quantity(storage: Storage) -> int:
    """Read the quantity of the first line of the cart."""
    with storage.reading() as unit:
        found = unit.carts.find("cart_1", connection=SHOP)
    assert found is not None
    return found.lines[0].quantity


def add_to_cart(storage: Storage, times: int) -> None:
    """Add one to the quantity of the cart's only line, `times` times."""

    def act(unit: Unit) -> None:
        found = unit.carts.lock("cart_1", connection=SHOP)
        assert found is not None
        more = replace(found.lines[0], quantity=found.lines[0].quantity + 1)
        unit.carts.save(
            replace(found, lines=(more,), version=found.version + 1), replacing=found.version
        )

    for _ in range(times):
        transact(storage, act)


def write_much(storage: Storage, name: str, times: int) -> int:
    """Do what requests do: spend, claim, add a cart, purge; tell how many carts were added."""
    for number in range(times):

        def act(unit: Unit, number: int = number) -> None:
            unit.connections.find(SHOP)
            mac = f"{name}-{number}".encode().ljust(32)
            assert unit.replays.spend(mac, connection=SHOP, until=1_000)
            key = AnswerKey(SHOP, "cart.create", f"{name}-{number}")
            unit.answers.claim(key, fingerprint=b"f", now=1, running_until=2, until=1_000)
            unit.carts.add(cart(f"cart_{name}_{number}"))
            unit.replays.purge(before=5, limit=10)

        transact(storage, act)
        with storage.reading() as unit:
            assert unit.carts.find(f"cart_{name}_{number}", connection=SHOP) is not None
    return times
