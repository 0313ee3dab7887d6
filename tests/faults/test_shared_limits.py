"""Limits that hold over processes, on every database that they can share (protocol §2, step 18)."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from orderflow_bridge.capabilities import counting, counting_answers
from tests.faults.workers import send_all, signed
from tests.rig import Storefront, TestShop

PROCESSES, EACH = 4, 25


@pytest.fixture(scope="module")
def pool():
    """Give processes that share nothing with this one."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as executor:
        yield executor


def flood(pool, url: str, front: Storefront, **settings: int) -> tuple[int, list[bool]]:
    """Let each process write for itself; give how many passed, and who was refused in the end."""
    running = [
        pool.submit(
            send_all,
            url,
            (front.client_id, front.secret),
            front.clock.now(),
            f"process-{n}",
            [
                signed(front, "cart.create", {"currency": "GBP"}, key=f"{n}-{i}")
                for i in range(EACH)
            ],
            **settings,
        )
        for n in range(PROCESSES)
    ]
    answers = [work.result(timeout=120) for work in running]
    codes = Counter(document.get("code") for each in answers for _, document in each)
    assert set(codes) <= {None, "rate_limited"}
    return codes[None], [each[-1][1].get("code") == "rate_limited" for each in answers]


def test_the_minute_is_shared(pool, url: str, shared: TestShop) -> None:
    """Together they get the limit, and as many more at most as are under way at that moment."""
    passed, _ = flood(pool, url, shared.storefront(), max_writes_per_minute=40)
    assert 40 <= passed < 40 + PROCESSES


def test_the_cap_of_signatures_is_shared(pool, url: str, shared: TestShop) -> None:
    """In the end everyone is refused, and what is kept is within twice the cap."""
    front = shared.storefront()
    passed, refused = flood(pool, url, front, max_spent_signatures=20)
    assert 20 <= passed <= 40
    assert all(refused)
    with shared.bridge._storage.reading() as unit:
        assert counting(unit).spent_after(0, connection=front.client_id, limit=999) == passed


def test_the_cap_of_answers_is_shared(pool, url: str, shared: TestShop) -> None:
    """The same for keys."""
    front = shared.storefront()
    passed, refused = flood(pool, url, front, max_stored_answers=20)
    assert 20 <= passed <= 40
    assert all(refused)
    with shared.bridge._storage.reading() as unit:
        assert counting_answers(unit).kept_after(0, connection=front.client_id, limit=999) == passed
