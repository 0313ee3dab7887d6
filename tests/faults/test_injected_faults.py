"""Faults at every point of a storage, under generated traffic, on every storage."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.testing import faults
from orderflow_bridge.testing.faults import Fault, FaultyStorage, fail, lose
from tests.faults.seeds import rounds
from tests.faults.traffic import Market, in_process, prove, run
from tests.rig import CountedEntropy, TestShop, open_shop

POINTS = sorted(faults._methods())


def faulty(shop: TestShop, *found: Fault) -> TestShop:
    """Open a second bridge on the same storage, with faults in it."""
    return open_shop(
        storage=FaultyStorage(shop.bridge._storage, *found),
        stocked=False,
        clock=shop.clock,
        entropy=CountedEntropy(b"faulty"),
    )


def drawn(dice: Random, *, after_commit: bool) -> list[Fault]:
    """Draw faults at points of the ports: refusals, conflicts and bugs, each at its own moment."""
    found = []
    for _ in range(40):
        error: BaseException = dice.choice([StorageUnavailable(), Conflict("x"), RuntimeError("x")])
        found.append(
            fail(
                dice.choice([*POINTS, "commit", "writing", "reading"]),
                error,
                passing=dice.randint(0, 25),
                times=dice.randint(1, 3),
            )
        )
        found.append(
            fail(
                dice.choice(POINTS),
                error,
                when="after",
                passing=dice.randint(0, 25),
            )
        )
    if after_commit:
        # It is done, and nobody was told: the one fault that leaves an outcome open.
        found += [
            fail("commit", StorageUnavailable(), when="after", passing=dice.randint(0, 60))
            for _ in range(8)
        ]
    return found


@pytest.mark.parametrize("threads", [False, True], ids=["in-turn", "threads"])
@pytest.mark.parametrize("after_commit", [False, True], ids=["before-commit", "after-commit"])
@rounds(2, 60)
def test_no_fault_of_a_storage_breaks_a_promise(
    fresh_url, kind: str, seeds: Sequence[int], after_commit: bool, threads: bool
) -> None:
    """Whatever fails and wherever, what clients were told is what is kept."""
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        shop = open_shop(fresh_url(kind))
        try:
            market = Market.of(shop)
            broken = faulty(shop, *drawn(Random(seed), after_commit=after_commit))
            run(
                market,
                in_process(broken.bridge),
                seed=seed,
                threads=threads,
                operator=shop.bridge,
            )
            attempts = prove(market, shop, seed=seed, faults_leave_nothing=not after_commit)
            outcomes.update(attempt.outcome for attempt in attempts)
        finally:
            shop.bridge.close()
    assert outcomes["unknown"]
    assert outcomes["known"]


@pytest.mark.parametrize("times", [2, 3, 40], ids=["outlasted", "given-up", "storm"])
def test_a_storm_of_conflicts_is_outlasted_or_refused(fresh_url, kind: str, times: int) -> None:
    """Each unit is run again, three times in all; what is given up did not happen."""
    shop = open_shop(fresh_url(kind))
    try:
        market = Market.of(shop)
        storm = [lose(times=times, passing=passing) for passing in (0, 50, 100)]
        broken = faulty(shop, *storm)
        run(market, in_process(broken.bridge), seed=times, clients=3, patience=20)
        attempts = prove(market, shop, seed=times, faults_leave_nothing=True)
        refused = [one for one in attempts if one.status == 503]
        assert bool(refused) is (times > 2)
        assert all(one.code == "storage_unavailable" for one in refused)
    finally:
        shop.bridge.close()


@pytest.mark.parametrize("point", [*POINTS, "commit", "reading", "writing"])
def test_a_fault_at_each_point_leaves_nothing(point: str) -> None:
    """Each point by itself, again and again: whoever was told 5xx finds that nothing happened."""
    shop = open_shop()
    market = Market.of(shop)
    every = Fault(point, _breaking(), when="before", times=None)
    run(
        market,
        in_process(faulty(shop, every).bridge),
        seed=POINTS.index(point) if point in POINTS else 0,
        steps=15,
    )
    prove(market, shop, seed=0, faults_leave_nothing=True)


def _breaking():
    """Make an act that fails two times of three."""
    dice = Random(3)

    def act() -> None:
        if dice.random() < 0.6:
            raise StorageUnavailable

    return act
