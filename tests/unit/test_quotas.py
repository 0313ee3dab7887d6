"""A cap counted seldom: exact near it, bounded with many processes, and never too early."""

import pytest

from orderflow_bridge.quotas import Quota, seconds_until_room

SHOP = "ofc_7fk2mq9xt4b8c3d5e6g7"
LIFETIME = 900


class Rows:
    """Rows that several quotas fill together; `counted` tells how often they were looked at."""

    def __init__(self) -> None:
        self.untils: list[int] = []
        self.counted = 0

    def count(self, until: int, limit: int) -> int:
        self.counted += 1
        return min(limit, sum(kept > until for kept in self.untils))

    def write(self, quota: Quota, now: int) -> int:
        seconds = quota.wait(SHOP, now, self.count)
        if not seconds:
            quota.take(SHOP)
            self.untils.append(now + LIFETIME * 1000)
        return seconds


def quota(most: int) -> Quota:
    return Quota(most=most, lifetime=LIFETIME)


@pytest.mark.parametrize("most", [1, 2, 31, 33, 1_000])
def test_one_process_fills_it_to_the_last_row(most: int):
    """As many rows as the cap says, and not one more."""
    rows, own = Rows(), quota(most)
    answers = [rows.write(own, now=0) for _ in range(most + 3)]
    assert answers == [0] * most + [LIFETIME] * 3


@pytest.mark.parametrize("threads", [1, 16])
def test_what_is_under_way_may_go_over_it_once(threads: int):
    """Writes that were let pass before any of them was there; the next one is refused."""
    rows, own = Rows(), quota(20)
    for _ in range(19):
        assert rows.write(own, now=0) == 0
    assert [own.wait(SHOP, 0, rows.count) for _ in range(threads)] == [0] * threads
    for _ in range(threads):
        own.take(SHOP)
        rows.untils.append(LIFETIME * 1000)
    assert rows.write(own, now=0) == LIFETIME
    assert len(rows.untils) == 19 + threads


def test_far_from_the_cap_it_hardly_counts():
    """One count serves the thirty-second part of the room."""
    rows, own = Rows(), quota(32_000)
    for _ in range(1_000):
        rows.write(own, now=0)
    assert rows.counted == 1
    rows.write(own, now=0)
    assert rows.counted == 2


@pytest.mark.parametrize(("room", "share"), [(1, 1), (31, 1), (32, 1), (63, 1), (64, 2), (96, 3)])
def test_a_share_of_the_room_is_a_whole_number_rounded_down(room: int, share: int):
    """But never less than the one row that is asked for."""
    rows, own = Rows(), quota(room)
    for _ in range(share):
        assert rows.write(own, now=0) == 0
    assert rows.counted == 1
    rows.write(own, now=0)
    assert rows.counted > 1


@pytest.mark.parametrize("processes", [2, 8, 32])
def test_many_processes_are_never_over_by_more_than_the_cap(processes: int):
    """Each lets pass a share of what it found, and then they all stop."""
    rows, quotas = Rows(), [quota(1_000) for _ in range(processes)]
    refused = set()
    while len(refused) < processes:
        for number, own in enumerate(quotas):
            if rows.write(own, now=0):
                refused.add(number)
    assert 1_000 <= len(rows.untils) <= 2_000


def test_what_others_wrote_is_seen_in_the_end():
    """What was remembered is counted again after some seconds."""
    rows, own = Rows(), quota(1_000)
    assert rows.write(own, now=0) == 0
    rows.untils += [LIFETIME * 1000] * 1_000
    assert rows.write(own, now=9_999) == 0
    assert rows.write(own, now=10_000) == LIFETIME - 10


def test_the_wait_is_as_long_as_it_is():
    """Room comes when the first row is forgotten, and then for one."""
    rows, own = Rows(), quota(2)
    rows.write(own, now=0)
    rows.write(own, now=60_000)
    assert rows.write(own, now=100_500) == LIFETIME - 100
    assert rows.write(own, now=(LIFETIME - 1) * 1000) == 1
    assert rows.write(own, now=LIFETIME * 1000) == 0
    assert rows.write(own, now=LIFETIME * 1000) == 60


def test_who_is_full_is_told_so_from_memory():
    """A flood at the cap costs the database no count for each of its requests."""
    rows, own = Rows(), quota(5)
    for _ in range(6):
        rows.write(own, now=0)
    counted = rows.counted
    assert [rows.write(own, now=millis) for millis in (1_000, 1_500)] == [LIFETIME - 1] * 2
    assert rows.counted == counted


def test_the_end_of_a_wait_is_looked_for_once():
    """After ten seconds one count says that it is still full; nothing goes before the first row."""
    rows, own = Rows(), quota(5)
    for _ in range(6):
        rows.write(own, now=0)
    counted = rows.counted
    for seconds in range(1, 101):
        assert rows.write(own, now=seconds * 1000) == LIFETIME - seconds
    assert rows.counted == counted + 10


def test_room_that_came_early_is_found_in_ten_seconds():
    """A claim that was given back leaves room, whatever was remembered."""
    rows, own = Rows(), quota(2)
    for _ in range(3):
        rows.write(own, now=0)
    rows.untils.pop()
    assert rows.write(own, now=9_999) == LIFETIME - 9
    assert rows.write(own, now=10_000) == 0


def test_the_last_seconds_of_a_wait_are_counted_anew():
    """What was remembered is rounded up to the second of an earlier moment."""
    rows, own = Rows(), quota(1)
    rows.write(own, now=0)
    assert rows.write(own, now=500) == LIFETIME
    assert rows.write(own, now=10_600) == LIFETIME - 10
    assert rows.write(own, now=(LIFETIME - 5) * 1000) == 5


def test_asking_takes_no_room():
    """Whoever is refused for another reason, a replay perhaps, costs no count."""
    rows, own = Rows(), quota(1)
    assert [own.wait(SHOP, 0, rows.count) for _ in range(50)] == [0] * 50
    assert rows.counted == 1


def test_who_waited_for_room_is_counted_anew():
    """Another process may have taken the room meanwhile."""
    rows, own, other = Rows(), quota(1), quota(1)
    rows.untils.append(5_000)
    assert rows.write(own, now=0) == 5
    assert rows.write(other, now=5_000) == 0
    assert rows.write(own, now=5_000) == LIFETIME


def test_a_clock_that_was_set_back_forgets_what_it_remembered():
    """The future is not believed."""
    rows, own = Rows(), quota(1)
    rows.write(own, now=10**9)
    assert rows.write(own, now=10**9)
    rows.untils.clear()
    assert rows.write(own, now=0) == 0


def test_connections_have_room_of_their_own():
    """One that is full takes nothing from another."""
    rows, own = Rows(), quota(1)
    rows.write(own, now=0)
    assert rows.write(own, now=0)
    assert own.wait("ofc_other", 0, lambda _until, _limit: 0) == 0


def test_what_is_remembered_is_bounded():
    """As many connections as anyone likes, and a few thousand are remembered."""
    own = quota(1_000)
    for number in range(10_000):
        own.wait(f"ofc_{number}", 0, lambda _until, _limit: 0)
    assert len(own._seen) == 4_096
    assert "ofc_9999" in own._seen
    assert "ofc_0" not in own._seen


@pytest.mark.parametrize(
    ("gone_after", "longest", "asked_at_most"),
    [(1, 60, 1), (2, 60, 2), (3, 60, 4), (59, 60, 11), (60, 60, 11), (1, 1, 0), (9, 86_400, 8),
     (86_400, 86_400, 34)],
)  # fmt: skip
def test_room_is_found_to_the_second(gone_after: int, longest: int, asked_at_most: int):
    """The first second with room, in few questions, and in fewer the sooner it comes."""
    asked = []

    def still_there(seconds: int) -> int:
        asked.append(seconds)
        return 3 if seconds < gone_after else 2

    assert seconds_until_room(still_there, 3, longest) == gone_after
    assert len(asked) <= asked_at_most
