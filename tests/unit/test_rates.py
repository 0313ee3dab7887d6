"""How often a connection may write: asked of a ledger that may fail, or counted in the unit."""

import pytest

from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.ports import RateLedger, Unit
from orderflow_bridge.rates import Rates
from orderflow_bridge.storage.memory import MemoryStorage

SHOP, OTHER = "ofc_7fk2mq9xt4b8c3d5e6g7", "ofc_00000000000000000000"
SPENT_FOR = 900_000


class Ledger(RateLedger):
    """A ledger that gives an answer, or raises it, and keeps what it was asked."""

    def __init__(self, answer: int | Exception = 0) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int, int]] = []

    def take(self, connection: str, *, now: int, most: int) -> int:
        self.asked.append((connection, now, most))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def rates(most: int = 5, ledger: RateLedger | None = None) -> Rates:
    return Rates(most=most, spent_for=SPENT_FOR, ledger=ledger)


def refused(rates: Rates, now: int = 0) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        rates.ask(SHOP, now)
    return caught.value


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(1, 1), (1_000, 1), (1_001, 2), (59_999, 60)]
)
def test_a_wait_is_in_whole_seconds_and_never_too_short(milliseconds: int, seconds: int):
    """What the ledger says in milliseconds is rounded up, and a person is told as well."""
    refusal = refused(rates(5, Ledger(milliseconds)))
    assert (refusal.code, refusal.retry_after) == ("rate_limited", seconds)
    assert "5 times a minute" in refusal.detail
    assert f"in {seconds} s" in refusal.detail


def test_who_has_room_passes():
    """The ledger is asked once, with the limit."""
    ledger = Ledger()
    rates(5, ledger).ask(SHOP, 1_234)
    assert ledger.asked == [(SHOP, 1_234, 5)]


def test_no_limit_asks_nobody():
    """0 limits nobody, with a ledger and without."""
    ledger = Ledger(60_000)
    rates(0, ledger).ask(SHOP, 0)
    rates(5, None).ask(SHOP, 0)
    assert ledger.asked == []


def test_a_ledger_that_fails_lets_writes_pass_and_is_told_of_twice(caplog):
    """Once as it begins, by type and not by message, and once as it ends; and so again."""
    ledger = Ledger()
    limited = rates(5, ledger)
    for _ in range(2):
        ledger.answer = RuntimeError("redis://secret@host")
        for _ in range(3):
            limited.ask(SHOP, 0)
        ledger.answer = 0
        for _ in range(3):
            limited.ask(SHOP, 0)
    assert {record.name for record in caplog.records} == {"orderflow_bridge.rates"}
    begins, ends = caplog.messages[::2], caplog.messages[1::2]
    assert len(begins) == len(ends) == 2
    assert all("RuntimeError at " in text and "not limited" in text for text in begins)
    assert all(text == "writes are limited again" for text in ends)
    assert "secret" not in caplog.text


def test_what_a_ledger_counts_the_storage_does_not():
    """The signatures spent in the unit say nothing then."""
    with MemoryStorage().writing() as unit:
        for number in range(9):
            unit.replays.spend(bytes([number]), connection=SHOP, until=SPENT_FOR)
        rates(5, Ledger()).count(unit, SHOP, 0)
        rates(0).count(unit, SHOP, 0)
        with pytest.raises(BridgeError, match="rate_limited"):
            rates(5).count(unit, SHOP, 0)


@pytest.mark.parametrize("later", [0, 1_000, 59_000])
def test_the_last_minute_counts_to_the_second(later: int):
    """Five writes in the first millisecond; room comes with the second in which they are old."""
    limited = rates(5)
    with MemoryStorage().writing() as unit:
        for number in range(5):
            unit.replays.spend(bytes([number]), connection=SHOP, until=SPENT_FOR)
        with pytest.raises(BridgeError) as caught:
            limited.count(unit, SHOP, later)
        assert caught.value.retry_after == 60 - later // 1000
        limited.count(unit, OTHER, later)
        limited.count(unit, SHOP, 60_000)


def spend(unit: Unit, number: int, *, at: int, spent_for: int = SPENT_FOR) -> None:
    for one in range(number):
        mac = f"{at} {spent_for} {one}".encode()
        assert unit.replays.spend(mac, connection=SHOP, until=at + spent_for)


def waits(limited: Rates, unit: Unit, now: int) -> int | None:
    """Give the wait that a write is told; None where it may pass."""
    try:
        limited.count(unit, SHOP, now)
    except BridgeError as refusal:
        return refusal.retry_after
    return None


@pytest.mark.parametrize(("ahead", "wait"), [(1, 61), (5_000, 65), (5_001, None), (60_000, None)])
def test_what_seems_to_be_spent_later_counts_for_five_seconds(ahead: int, wait: int | None):
    """Clocks of processes differ a little; a write that is further ahead is no write of now."""
    with MemoryStorage().writing() as unit:
        spend(unit, 5, at=ahead)
        assert waits(rates(5), unit, 0) == wait


def test_what_is_ahead_makes_no_room():
    """Beside any number of those the minute is counted as ever, to the second."""
    limited = rates(5)
    with MemoryStorage().writing() as unit:
        spend(unit, 100, at=600_000)
        spend(unit, 4, at=0)
        assert waits(limited, unit, 1_000) is None
        spend(unit, 1, at=1_000)
        assert waits(limited, unit, 1_000) == 59
        assert waits(limited, unit, 60_000) is None
        spend(unit, 4, at=60_000)
        assert waits(limited, unit, 60_000) == 1


def test_what_comes_while_it_was_ahead_counts_in_its_minute():
    """A clock that was set back comes to the same minute again: then its writes count once more."""
    limited = rates(5)
    with MemoryStorage().writing() as unit:
        spend(unit, 5, at=600_000)
        assert waits(limited, unit, 594_999) is None
        assert waits(limited, unit, 600_000) == 60
        assert waits(limited, unit, 660_000) is None
