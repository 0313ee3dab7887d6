"""What a storage promises to keep: over a close, over the end of a process, over its death."""

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from orderflow_bridge.domain.order import Order
from orderflow_bridge.ports import Answer, AnswerKey, Capability, Claim, Storage
from orderflow_bridge.testing.samples import SHOP, add, cart, connection, order
from orderflow_bridge.testing.storage.contract import Contract, Factory

__all__ = ["DurabilityContract"]

_PATIENCE = 60
_KEY = AnswerKey(SHOP, "cart.create", "key-1")
_ANSWER = Answer(200, b'{"cart": "\x00\xff"}')
_needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed here")


class DurabilityContract(Contract):
    """The capability `durable`."""

    needs: ClassVar[Capability | None] = "durable"

    def test_durability_everything_is_there_when_opened_again(
        self, storage: Storage, open_again: Callable[[], Storage]
    ) -> None:
        """Connections, carts, orders, signatures and answers survive a close."""
        placed = _fill(storage)
        storage.close()
        _check(open_again(), placed.number)

    def test_durability_numbers_go_on_where_they_were(
        self, storage: Storage, open_again: Callable[[], Storage]
    ) -> None:
        """A number that was given before the storage was opened again is not given twice."""
        first = _fill(storage)
        storage.close()
        with open_again().writing() as unit:
            assert unit.orders.place(order("order_2")).number != first.number

    def test_durability_everything_is_there_after_the_process(
        self, storage: Storage, tmp_path: Path, open_again: Callable[[], Storage]
    ) -> None:
        """What another process committed before it ended is there."""
        storage.close()
        process = get_context("spawn").Process(
            target=_fill_in_process, args=(self.opening(), self.place(tmp_path))
        )
        process.start()
        process.join(_PATIENCE)
        assert process.exitcode == 0
        _check(open_again(), None)

    @_needs_kill
    def test_durability_a_killed_process_leaves_nothing_half_done(
        self, storage: Storage, tmp_path: Path, open_again: Callable[[], Storage]
    ) -> None:
        """`kill -9` within a unit: what was committed stays, the unit is gone, nobody waits."""
        storage.close()
        process = get_context("spawn").Process(
            target=_die_in_a_unit, args=(self.opening(), self.place(tmp_path))
        )
        process.start()
        process.join(_PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        survivor = open_again()
        with survivor.writing() as unit:
            assert unit.carts.find("cart_lost", connection=SHOP) is None
            found = unit.carts.lock("cart_acknowledged", connection=SHOP)
            assert found is not None
            assert found.version == 1
            unit.carts.save(replace(found, version=2), replacing=1)


def _fill(storage: Storage) -> Order:
    add(storage, connection(), cart())
    with storage.writing() as unit:
        placed = unit.orders.place(order())
        unit.replays.spend(b"m" * 32, connection=SHOP, until=1_000)
        unit.answers.claim(_KEY, fingerprint=b"f" * 32, now=0, running_until=10, until=1_000)
        unit.answers.store(_KEY, _ANSWER, running_until=10)
    return placed


def _check(storage: Storage, number: str | None) -> None:
    with storage.writing() as unit:
        assert unit.connections.find(SHOP) == connection()
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
        found = unit.orders.find("order_1", connection=SHOP)
        assert found is not None
        assert replace(found, number="") == order()
        assert number in (None, found.number)
        assert not unit.replays.spend(b"m" * 32, connection=SHOP, until=1_000)
        again = unit.answers.claim(
            _KEY, fingerprint=b"f" * 32, now=1, running_until=11, until=1_001
        )
        assert again == Claim("done", answer=_ANSWER)


# Each of these runs in a process of its own.


def _fill_in_process(factory: Factory, place: Path) -> None:
    _fill(factory(place))


def _die_in_a_unit(factory: Factory, place: Path) -> None:
    storage = factory(place)
    add(storage, cart("cart_acknowledged"))
    with storage.writing() as unit:
        unit.carts.add(cart("cart_lost"))
        unit.carts.save(cart("cart_acknowledged", version=2), replacing=1)
        os.kill(os.getpid(), signal.SIGKILL)
