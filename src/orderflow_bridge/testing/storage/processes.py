"""What holds while many processes work on one storage."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar

from orderflow_bridge.capabilities import sessions_of
from orderflow_bridge.ports import Capability, Storage
from orderflow_bridge.testing.samples import SHOP, add, cart, connection, entry, line, put, transact
from orderflow_bridge.testing.storage.contract import Contract, Factory
from orderflow_bridge.testing.storage.sessions import end, sign_in, signed_in
from orderflow_bridge.testing.storage.stock import buy_one
from orderflow_bridge.testing.storage.threads import add_to_cart, quantity, write_much

__all__ = ["ProcessesContract"]

_PROCESSES = 4
_PATIENCE = 120


class ProcessesContract(Contract):
    """The capability `processes`: several processes on one storage."""

    needs: ClassVar[Capability | None] = "processes"

    def test_processes_parallel_changes_of_one_cart_lose_nothing(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """Four processes that add ten times each add forty."""
        add(storage, cart(lines=(line(quantity=0),)))
        self._spread(tmp_path, _add_in_process, 10)
        assert quantity(storage) == 40

    def test_processes_the_last_one_is_sold_once(self, storage: Storage, tmp_path: Path) -> None:
        """Four processes want the last unit; one gets it."""
        self.skip_without(storage, "products", "stock")
        put(storage, entry("TEA", stock=1))
        assert sum(self._spread(tmp_path, _buy_in_process)) == 1

    def test_processes_spend_one_signature_once(self, storage: Storage, tmp_path: Path) -> None:
        """Of four processes that spend it, one gets True, and a later unit False."""
        add(storage, connection())
        assert sum(self._spread(tmp_path, _spend_in_process)) == 1
        with storage.writing() as unit:
            assert not unit.replays.spend(b"m" * 32, connection=SHOP, until=9)

    def test_processes_end_a_sign_in_once(self, storage: Storage, tmp_path: Path) -> None:
        """Of four processes that end it, one gets True, and a later unit False."""
        self.skip_without(storage, "sessions")
        sign_in(storage, signed_in(kind="link"))
        assert sum(self._spread(tmp_path, _end_in_process)) == 1
        assert not end(storage)

    def test_processes_with_many_writers_see_no_error(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """What eight threads in each of four processes stored is there; none was turned away."""
        add(storage, connection())
        assert sum(self._spread(tmp_path, _write_in_process)) == 160
        with storage.reading() as unit:
            for process in range(_PROCESSES):
                for thread in range(8):
                    name = f"p{process}{thread}"
                    assert unit.carts.find(f"cart_{name}_4", connection=SHOP)

    def test_processes_that_open_a_new_storage_at_once_all_can(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """Whoever comes first makes it; every one of them finds it ready."""
        storage.close()
        assert self._spread(tmp_path, _look_in_process) == [0] * _PROCESSES

    def _spread(self, folder: Path, work: Callable[..., int], *arguments: object) -> list[int]:
        """Let each of four fresh interpreters do `work`; give what each said."""
        place = self.place(folder)
        with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
            jobs = [
                pool.submit(work, self.opening(), place, number, *arguments)
                for number in range(_PROCESSES)
            ]
            return [job.result(_PATIENCE) for job in jobs]


# Each of these runs in a process of its own.


def _add_in_process(factory: Factory, place: Path, _number: int, times: int) -> int:
    storage = factory(place)
    add_to_cart(storage, times)
    storage.close()
    return times


def _buy_in_process(factory: Factory, place: Path, number: int) -> int:
    storage = factory(place)
    bought = buy_one(storage, f"order_{number}")
    storage.close()
    return bought


def _spend_in_process(factory: Factory, place: Path, _number: int) -> int:
    storage = factory(place)
    spent = transact(storage, lambda unit: unit.replays.spend(b"m" * 32, connection=SHOP, until=9))
    storage.close()
    return spent


def _end_in_process(factory: Factory, place: Path, _number: int) -> int:
    storage = factory(place)
    ended = transact(storage, lambda unit: sessions_of(unit).end(signed_in().digest))
    storage.close()
    return ended


def _write_in_process(factory: Factory, place: Path, number: int) -> int:
    storage = factory(place)
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(write_much, storage, f"p{number}{n}", 5) for n in range(8)]
        done = sum(job.result() for job in jobs)
    storage.close()
    return done


def _look_in_process(factory: Factory, place: Path, _number: int) -> int:
    storage = factory(place)
    with storage.reading() as unit:
        found = len(unit.connections.all())
    storage.close()
    return found
