"""How much connections are used is told from what is kept of their requests, in a bounded read."""

import pytest

from orderflow_bridge.journal.activity import LOOKED_UP, ROWS, Activity, activities
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.samples import NOW
from orderflow_bridge.testing.storage.journal import request as entry

DAY = 86_400_000


class Counting:
    """A journal that counts what is read of it."""

    def __init__(self, journal):
        self._journal = journal
        self.pages = 0
        self.rows = 0

    def page(self, **asked):
        found = self._journal.page(**asked)
        self.pages += 1
        self.rows += len(found)
        return found


def told(*entries, connections=("one", "two"), since=NOW - DAY, kept=2_000):
    """Keep entries, and tell the activities and what was read for them."""
    storage = MemoryStorage()
    with storage.writing() as unit:
        unit.journal.append(entries)
    with storage.reading() as unit:
        counting = Counting(unit.journal)
        return activities(counting, connections, since=since, kept=kept), counting


def test_a_day_is_counted_by_verdict_and_the_last_allowed_is_the_last_use():
    """What is older is not counted, and is the last use all the same."""
    found, read = told(
        entry("a", at=NOW, connection="one", verdict="refused"),
        entry("b", at=NOW - 1, connection="one"),
        entry("c", at=NOW - DAY, connection="one"),
        entry("d", at=NOW - DAY - 1, connection="one"),
        entry("e", at=NOW - 2 * DAY, connection="two"),
        entry("f", at=NOW, connection=None, verdict="refused"),
        entry("g", at=NOW, connection="gone"),
    )
    assert found.since == NOW - DAY
    assert found.of == {
        "one": Activity(used_at=NOW - 1, allowed=2, refused=1),
        "two": Activity(used_at=NOW - 2 * DAY),
    }
    assert read.pages == 1


def test_what_is_not_kept_is_not_told():
    """A connection without requests, and one whose requests are trimmed within the day."""
    found, _ = told(
        *(entry(f"r{n}", at=NOW - n, connection="one") for n in range(20)),
        connections=("one", "new"),
        kept=20,
    )
    assert found.of["new"] == Activity()
    assert found.of["one"] == Activity(used_at=NOW, allowed=20, at_least=True)


@pytest.mark.parametrize("connections", [10, 1_000])
def test_a_busy_bridge_is_read_in_bounds_and_says_since_when(connections):
    """The newest thousand are counted, a hundred are looked up, and the rest was used before."""
    names = [f"c{n:04}" for n in range(connections)]
    busy = [entry(f"b{n:05}", at=NOW - n, connection="busy") for n in range(ROWS + 50)]
    quiet = [entry(f"q{name}", at=NOW - 9_000, connection=name) for name in names]
    found, read = told(*busy, *quiet, connections=["busy", *names])
    assert found.since == NOW - ROWS + 1
    assert found.of["busy"].allowed == ROWS
    looked_up = names[:LOOKED_UP]
    assert {found.of[name].used_at for name in looked_up} == {NOW - 9_000}
    assert all(found.of[name].is_known for name in looked_up)
    assert not any(found.of[name].is_known for name in names[LOOKED_UP:])
    assert read.pages == 1 + len(looked_up)
    assert read.rows <= ROWS + LOOKED_UP
