"""What a ledger of spent signatures promises that also counts them."""

from typing import ClassVar

from orderflow_bridge.capabilities import counting
from orderflow_bridge.ports import Capability, Storage
from orderflow_bridge.testing.samples import OTHER, SHOP
from orderflow_bridge.testing.storage.contract import Contract
from orderflow_bridge.testing.storage.replays import spend

__all__ = ["RatesContract"]


class RatesContract(Contract):
    """The capability `rates`: the port `CountingReplayLedger`."""

    needs: ClassVar[Capability | None] = "rates"

    def test_rates_count_what_is_kept_longer(self, storage: Storage) -> None:
        """Only signatures with a later `until` count, and none at it."""
        for until in (10, 20, 30):
            spend(storage, bytes([until]) * 32, until=until)
        with storage.reading() as unit:
            assert counting(unit).spent_after(0, connection=SHOP, limit=9) == 3
            assert counting(unit).spent_after(20, connection=SHOP, limit=9) == 1
            assert counting(unit).spent_after(30, connection=SHOP, limit=9) == 0

    def test_rates_count_each_connection_alone(self, storage: Storage) -> None:
        """What another connection spends is not counted."""
        spend(storage, b"m" * 32, until=10)
        spend(storage, b"m" * 32, connection=OTHER, until=10)
        spend(storage, b"n" * 32, connection=OTHER, until=10)
        with storage.writing() as unit:
            assert counting(unit).spent_after(0, connection=SHOP, limit=9) == 1
            assert counting(unit).spent_after(0, connection=OTHER, limit=9) == 2

    def test_rates_count_no_further_than_asked(self, storage: Storage) -> None:
        """The limit bounds the count, so that counting many costs no more than counting few."""
        for number in range(5):
            spend(storage, bytes([number]) * 32, until=10)
        with storage.reading() as unit:
            assert counting(unit).spent_after(0, connection=SHOP, limit=3) == 3

    def test_rates_count_what_the_unit_itself_spent(self, storage: Storage) -> None:
        """A unit that spends and then counts sees its own."""
        with storage.writing() as unit:
            unit.replays.spend(b"m" * 32, connection=SHOP, until=10)
            assert counting(unit).spent_after(0, connection=SHOP, limit=9) == 1
