"""What ledgers of signatures and of idempotency keys promise that also count."""

from typing import ClassVar

from orderflow_bridge.capabilities import counting, counting_answers
from orderflow_bridge.ports import Answer, AnswerKey, Capability, Storage
from orderflow_bridge.testing.samples import OTHER, SHOP
from orderflow_bridge.testing.storage.contract import Contract
from orderflow_bridge.testing.storage.replays import spend

__all__ = ["RatesContract"]


def _claim(storage: Storage, key: str, *, connection: str = SHOP, until: int) -> None:
    with storage.writing() as unit:
        of = AnswerKey(connection, "cart.create", key)
        unit.answers.claim(of, fingerprint=b"f" * 32, now=0, running_until=1, until=until)


class RatesContract(Contract):
    """The capability `rates`: the ports `CountingReplayLedger` and `CountingAnswerLedger`."""

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

    def test_rates_count_keys_that_are_kept_longer(self, storage: Storage) -> None:
        """Only keys with a later `until` count, and none at it; answered ones like the others."""
        for until in (10, 20, 30):
            _claim(storage, f"key-{until}", until=until)
        with storage.writing() as unit:
            key = AnswerKey(SHOP, "cart.create", "key-30")
            unit.answers.store(key, Answer(200, b"{}"), running_until=1)
        with storage.reading() as unit:
            assert counting_answers(unit).kept_after(0, connection=SHOP, limit=9) == 3
            assert counting_answers(unit).kept_after(20, connection=SHOP, limit=9) == 1
            assert counting_answers(unit).kept_after(30, connection=SHOP, limit=9) == 0

    def test_rates_count_the_keys_of_each_connection_alone(self, storage: Storage) -> None:
        """What is kept for another connection is not counted."""
        _claim(storage, "key", until=10)
        _claim(storage, "key", connection=OTHER, until=10)
        _claim(storage, "another", connection=OTHER, until=10)
        with storage.writing() as unit:
            assert counting_answers(unit).kept_after(0, connection=SHOP, limit=9) == 1
            assert counting_answers(unit).kept_after(0, connection=OTHER, limit=9) == 2

    def test_rates_count_keys_no_further_than_asked(self, storage: Storage) -> None:
        """The limit bounds the count, so that counting many costs no more than counting few."""
        for number in range(5):
            _claim(storage, f"key-{number}", until=10)
        with storage.reading() as unit:
            assert counting_answers(unit).kept_after(0, connection=SHOP, limit=3) == 3

    def test_rates_count_keys_that_the_unit_itself_claimed(self, storage: Storage) -> None:
        """A unit that claims and then counts sees its own; what it released is gone."""
        key = AnswerKey(SHOP, "cart.create", "key")
        with storage.writing() as unit:
            unit.answers.claim(key, fingerprint=b"f" * 32, now=0, running_until=1, until=10)
            assert counting_answers(unit).kept_after(0, connection=SHOP, limit=9) == 1
            unit.answers.release(key, running_until=1)
            assert counting_answers(unit).kept_after(0, connection=SHOP, limit=9) == 0
