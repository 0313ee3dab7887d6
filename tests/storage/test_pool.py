"""The pool by itself, with sessions that fail when they are told to."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.storage.peewee.pool import Pool


class Fake:
    """A session without a database."""

    def __init__(self) -> None:
        self.epoch = 0
        self.used = 0.0
        self.lost = False
        self.closed = False
        self.signs: list[object] = []

    def alive(self) -> bool:
        """Give the next sign that was prepared, by default a good one."""
        sign = self.signs.pop() if self.signs else True
        if isinstance(sign, BaseException):
            raise sign
        return bool(sign)

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


class Opened:
    """Opens fakes, or fails as it is told."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self.made: list[Fake] = []

    def __call__(self) -> Fake:
        """Open one, unless a failure was prepared."""
        if self.failures:
            raise self.failures.pop()
        self.made.append(Fake())
        return self.made[-1]


@pytest.fixture
def opened() -> Opened:
    """Give what opens sessions."""
    return Opened()


def pool_of(opened: Opened, size: int, *, timeout: float = 5, probe_after: float | None = None):
    """Make a pool of fakes."""
    return Pool(opened, size=size, timeout=timeout, probe_after=probe_after)


def waiting(pool: Pool, count: int) -> None:
    """Wait until so many stand in line."""
    while len(pool._waiting) != count:
        time.sleep(0.001)


def test_the_last_given_back_is_lent_first(opened: Opened):
    """Warm connections stay warm, and cold ones rest."""
    pool = pool_of(opened, 3)
    first, second = pool.take(), pool.take()
    pool.give(first)
    pool.give(second)
    assert pool.take() is second
    assert pool.take() is first
    assert len(opened.made) == 2


@pytest.mark.parametrize("failure", [StorageUnavailable(), KeyboardInterrupt()])
def test_a_failed_opening_leaves_room(opened: Opened, failure: BaseException):
    """The next one may open."""
    pool = pool_of(opened, 1)
    opened.failures = [failure]
    with pytest.raises(type(failure)):
        pool.take()
    assert pool.take() is opened.made[0]


def test_who_waits_gets_the_room_of_a_lost_session(opened: Opened):
    """A lost session is closed, and the first in line opens another."""
    pool = pool_of(opened, 1)
    session = pool.take()
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(pool.take)
        waiting(pool, 1)
        session.lost = True
        pool.give(session)
        assert other.result() is not session
    assert opened.made[0].closed


def test_a_silent_session_is_replaced(opened: Opened):
    """An idle connection that gives no sign of life is closed, and another is opened."""
    pool = pool_of(opened, 1, probe_after=10)
    session = pool.take()
    pool.give(session)
    assert pool.take() is session
    pool.give(session)
    session.used, session.signs = 0.0, [False]
    assert pool.take() is opened.made[1]
    assert session.closed


def test_after_a_loss_the_others_are_asked(opened: Opened):
    """One lost connection makes every idle one suspect, however short it was idle."""
    pool = pool_of(opened, 2, probe_after=1_000)
    idle, lost = pool.take(), pool.take()
    pool.give(idle)
    lost.lost = True
    pool.give(lost)
    idle.signs = [False]
    assert pool.take() is opened.made[2]
    assert idle.closed


def test_an_interrupted_probe_leaves_room(opened: Opened):
    """The session is closed, and the next one may open."""
    pool = pool_of(opened, 1, probe_after=10)
    session = pool.take()
    pool.give(session)
    session.used, session.signs = 0.0, [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        pool.take()
    assert session.closed
    assert pool.take() is opened.made[1]


class Interrupted:
    """A lock whose holder is interrupted, after something happened meanwhile."""

    def __init__(self, meanwhile) -> None:
        self._meanwhile = meanwhile

    def acquire(self, timeout: float) -> bool:
        """Be interrupted."""
        self._meanwhile()
        raise KeyboardInterrupt

    def release(self) -> None:
        """Be handed something."""


@pytest.mark.parametrize("handed", ["nothing", "session", "room"])
def test_an_interrupted_wait_loses_nothing(opened: Opened, monkeypatch, handed: str):
    """Who is interrupted in line leaves it, and passes on what was already handed over."""
    pool = pool_of(opened, 1)
    session = pool.take()

    def meanwhile() -> None:
        session.lost = handed == "room"
        if handed != "nothing":
            pool.give(session)

    monkeypatch.setattr(pool, "_wait", lambda waiter: wait(interrupt(waiter)))
    wait = Pool._wait.__get__(pool)

    def interrupt(waiter):
        waiter.ready = Interrupted(meanwhile)
        return waiter

    with pytest.raises(KeyboardInterrupt):
        pool.take()
    monkeypatch.undo()
    if handed == "nothing":
        pool.give(session)
    assert pool.take() is opened.made[-1]


def test_what_comes_with_the_end_of_the_time_is_taken(opened: Opened, monkeypatch):
    """A session handed over just after the time was up is used, not lost."""
    pool = pool_of(opened, 1, timeout=0.01)
    session = pool.take()
    leave = Pool._leave_line.__get__(pool)

    def late(waiter) -> bool:
        pool.give(session)
        return leave(waiter)

    monkeypatch.setattr(pool, "_leave_line", late)
    assert pool.take() is session


def test_closing_spares_what_is_lent(opened: Opened):
    """It is closed when it comes back, and what is opened later is not."""
    pool = pool_of(opened, 2)
    lent, idle = pool.take(), pool.take()
    pool.give(idle)
    pool.close()
    assert (idle.closed, lent.closed) == (True, False)
    pool.give(lent)
    assert lent.closed
    again = pool.take()
    pool.give(again)
    assert pool.take() is again


def test_nobody_is_overtaken(opened: Opened):
    """Who came first is served first, and nobody takes a session past the line."""
    pool = pool_of(opened, 1)
    session = pool.take()
    served: list[int] = []

    def visit(number: int) -> None:
        mine = pool.take()
        served.append(number)
        pool.give(mine)

    threads = []
    for number in range(6):
        threads.append(threading.Thread(target=visit, args=(number,)))
        threads[-1].start()
        waiting(pool, number + 1)
    pool.give(session)
    for thread in threads:
        thread.join()
    assert served == list(range(6))
