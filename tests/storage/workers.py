"""What other threads and processes do to a storage at the same time."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import AnswerKey, Storage, Unit
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from tests.storage.samples import SHOP, cart, order

T = TypeVar("T")


def transact(storage: Storage, act: Callable[[Unit], T]) -> T:
    """Run `act` in a writing unit, again after a conflict."""
    for _ in range(50):
        try:
            with storage.writing() as unit:
                return act(unit)
        except Conflict:
            continue
    raise AssertionError("fifty conflicts in a row")


def opened(url: str, **settings) -> Storage:
    """Open a storage; the caller closes it."""
    return open_storage(Settings(database=url, **settings))


def add_to_cart(storage: Storage, times: int) -> None:
    """Add one to the quantity of the cart's only line, `times` times."""

    def act(unit: Unit) -> None:
        found = unit.carts.lock("cart_1", connection=SHOP)
        assert found is not None
        line = replace(found.lines[0], quantity=found.lines[0].quantity + 1)
        unit.carts.save(
            replace(found, lines=(line,), version=found.version + 1), replacing=found.version
        )

    for _ in range(times):
        transact(storage, act)


def buy_one(storage: Storage, order_id: str) -> bool:
    """Take one unit of TEA and place an order for it; False when it is sold out."""

    def act(unit: Unit) -> bool:
        if unit.stock.available(["TEA"])["TEA"] < 1:
            return False
        unit.stock.take({"TEA": 1})
        unit.orders.place(order(order_id))
        return True

    return transact(storage, act)


def write_much(storage: Storage, name: str, times: int) -> int:
    """Do what requests do: spend, claim, add a cart, purge; tell how many carts were added."""
    done = 0
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
        done += 1
    return done


# Each of these runs in a process of its own.


def add_in_process(url: str, times: int) -> None:
    """Add to the cart."""
    storage = opened(url)
    add_to_cart(storage, times)
    storage.close()


def buy_in_process(url: str, order_id: str) -> bool:
    """Buy one unit."""
    storage = opened(url)
    bought = buy_one(storage, order_id)
    storage.close()
    return bought


def spend_in_process(url: str, mac: bytes) -> bool:
    """Spend a signature; tell whether it was unspent."""
    storage = opened(url)
    spent = transact(storage, lambda unit: unit.replays.spend(mac, connection=SHOP, until=9))
    storage.close()
    return spent


def write_in_process(url: str, name: str, threads: int, times: int) -> int:
    """Write with several threads; tell how many carts were added."""
    storage = opened(url, pool_size=threads, pool_timeout=60)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(write_much, storage, f"{name}{n}", times) for n in range(threads)]
        done = sum(job.result() for job in jobs)
    storage.close()
    return done


def create_in_process(url: str) -> list[str]:
    """Use a new database; give the migrations that are left."""
    storage = opened(url)
    with storage.reading() as unit:
        assert unit.connections.all() == []
    pending = list(storage.pending_migrations())
    storage.close()
    return pending


def die_in_a_unit(url: str) -> None:
    """Commit one cart, change more, say so by dying without any clean-up."""
    storage = opened(url)
    with storage.writing() as unit:
        unit.carts.add(cart("cart_acknowledged"))
    with storage.writing() as unit:
        unit.carts.add(cart("cart_lost"))
        unit.carts.save(cart("cart_acknowledged", version=2), replacing=1)
        os.kill(os.getpid(), signal.SIGKILL)


def in_processes(count: int) -> ProcessPoolExecutor:
    """Start that many fresh interpreters."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def run_to_death(url: str) -> int | None:
    """Run `die_in_a_unit`; give the exit code."""
    process = get_context("spawn").Process(target=die_in_a_unit, args=(url,))
    process.start()
    process.join(60)
    code = process.exitcode
    process.close()
    return code
