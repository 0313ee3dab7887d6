"""The journal is written beside the requests: in batches, bounded, and never in anybody's way."""

import itertools
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import pytest

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.journal import recorder as module
from orderflow_bridge.journal.floods import Floods
from orderflow_bridge.settings import Settings
from orderflow_bridge.system import SystemEntropy
from tests.rig import NOW, item, open_shop

PATIENCE = 30


def until(condition):
    """Wait for what another thread does; the time is only how long a broken one is waited for."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def shop(tmp_path):
    made = open_shop(f"sqlite:///{tmp_path}/shop.db", journal_rows=1_000)
    yield made
    made.bridge.close()


def writers():
    return [one for one in threading.enumerate() if one.name == "orderflow-bridge journal"]


def test_a_thread_writes_what_waits_and_goes(shop):
    """Nobody has to ask for it, and no thread stays where there is nothing to write."""
    front = shop.storefront()
    front.cart()
    until(lambda: len(shop.bridge.journal.page()) == 1)
    until(lambda: not writers())
    front.cart()
    until(lambda: len(shop.bridge.journal.page()) == 2)


def test_many_that_wait_are_written_at_once(shop, monkeypatch):
    """A busy server's requests are written as they come."""
    monkeypatch.setattr(module, "_SECONDS", 3_600)
    monkeypatch.setattr(module, "_ENOUGH", 3)
    front = shop.storefront()
    for _ in range(3):
        front.ok("orders.list")
    until(lambda: len(shop.bridge.journal.page()) == 3)


def test_closing_writes_what_waits(shop):
    """A worker that stops in order loses nothing, and may go on."""
    front = shop.storefront()
    for _ in range(3):
        front.cart()
    shop.bridge.close()
    assert len(shop.bridge.journal.page()) == 3
    until(lambda: not writers())
    front.cart()
    shop.bridge.close()
    assert len(shop.bridge.journal.page()) == 4


def test_requests_of_many_threads_are_all_kept(shop):
    """Each once, also those that come while a batch is written."""
    front = shop.storefront()
    numbers = itertools.count()

    def work():
        for _ in range(40):
            front.call("orders.list", key=f"key-{next(numbers)}")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.bridge.close()
    assert len(shop.bridge.journal.page(limit=1_000)) == 240


class Failing:
    """A storage whose writing units fail while they are told to."""

    def __init__(self, storage):
        self._storage = storage
        self.fails = False

    def __getattr__(self, name):
        return getattr(self._storage, name)

    @contextmanager
    def writing(self):
        if self.fails:
            raise StorageUnavailable
        with self._storage.writing() as unit:
            yield unit


def test_a_storage_that_fails_is_told_to_the_log_alone(shop, caplog):
    """Once when it begins and once when it ends; the storefront has its answers."""
    front = shop.storefront()
    storage = shop.bridge._recorder._storage = Failing(shop.bridge._storage)
    with caplog.at_level(logging.WARNING, "orderflow_bridge.journal"):
        storage.fails = True
        for _ in range(2):
            front.ok("orders.list")
            shop.bridge._recorder.flush()
        assert shop.bridge._recorder.dropped == 2
        storage.fails = False
        front.ok("orders.list")
        shop.bridge._recorder.flush()
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "requests are not kept",
        "requests are kept again",
    ]
    assert len(shop.bridge.journal.page()) == 1


def test_a_table_that_is_gone_is_not_the_storefronts_business(shop, tmp_path):
    """A schema that was not brought forward refuses no request."""
    front = shop.storefront()
    shop.bridge.close()
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("DROP TABLE ofb_journal")
    front.ok("orders.list")
    shop.bridge.close()
    assert shop.bridge._recorder.dropped == 1


def test_the_queue_drops_the_oldest_and_counts_them(shop, monkeypatch):
    """Memory is bounded, also where the storage stands still."""
    recorder = shop.bridge._recorder
    monkeypatch.setattr(module, "_MOST_WAITING", 5)
    recorder.renew()
    monkeypatch.setattr(recorder, "_running", True)
    front = shop.storefront()
    ids = [front.call("orders.list").headers["X-Request-Id"] for _ in range(8)]
    assert recorder.dropped == 3
    recorder.flush()
    assert {entry.request_id for entry in shop.bridge.journal.page()} == set(ids[3:])


def test_a_flood_of_wrong_signatures_is_kept_in_part(shop):
    """Twenty of one client id, then one in five minutes; what is signed right is all kept."""
    front, other = shop.storefront(), shop.storefront("Other")
    right = front.secret
    front.secret = "ofs_" + "x" * 43
    for _ in range(100):
        front.call("orders.list")
    front.secret = right
    for _ in range(30):
        front.ok("orders.list")
        other.ok("orders.list")
    shop.bridge._recorder.flush()
    assert len(shop.bridge.journal.page(connection=front.client_id, refused=True)) == 20
    assert len(shop.bridge.journal.page(connection=front.client_id, refused=False)) == 30
    assert len(shop.bridge.journal.page(connection=other.client_id)) == 30
    assert shop.bridge.refusals()["authentication_failed", "203.0.113.9"] == 100
    shop.clock.forward(300)
    front.secret = "ofs_" + "x" * 43
    for _ in range(100):
        front.call("orders.list")
    shop.bridge._recorder.flush()
    assert len(shop.bridge.journal.page(connection=front.client_id, refused=True)) == 21


@pytest.mark.parametrize("action", ["cart.create", "orders.list"])
def test_copies_of_what_was_signed_are_kept_in_part(shop, action):
    """Whoever captured a request pushes no other row out, and the first is there."""
    front = shop.storefront()
    body = b"{}"
    captured = front.headers(action, body, key="captured")
    for _ in range(100):
        front.send(action, body, captured)
    for _ in range(30):
        front.ok("orders.list")
    shop.bridge._recorder.flush()
    kept = shop.bridge.journal.page(connection=front.client_id, limit=200)
    assert len(kept) == 1 + 20 + 30
    assert not kept[-1].refused
    assert shop.bridge._recorder.dropped == 0


def test_of_a_busy_connection_orders_and_refusals_are_all_kept(shop):
    """Of the rest so many that the rows reach back; another connection has room of its own."""
    front, other = shop.storefront(), shop.storefront("Other")
    recorder = shop.bridge._recorder
    placed = set()
    for number in range(600):
        front.ok("orders.list")
        if number % 100 == 0:
            assert front.call("cart.get", cart_id="cart_of_nobody").status == 404
            cart = front.cart(item("mug"))
            placed.add(front.order(cart["cart_id"], intent=f"pi_{number:04}")["order_id"])
    other.ok("orders.list")
    recorder.flush()
    kept = shop.bridge.journal.page(connection=front.client_id, limit=1_000)
    assert {entry.made for entry in kept} - {None} == placed
    assert sum(entry.refused for entry in kept) == 6
    assert len(kept) == 500 + 6 + 6
    assert recorder.left_out == 600 + 6 - 500
    assert len(shop.bridge.journal.page(connection=other.client_id)) == 1
    shop.clock.forward(2)
    for _ in range(100):
        front.ok("orders.list")
    recorder.flush()
    assert len(shop.bridge.journal.page(connection=front.client_id, limit=1_000)) == 512 + 40


def test_copies_take_no_room_of_the_connection(shop, monkeypatch):
    """Whoever repeats what was captured leaves what comes after it as much as there was."""
    monkeypatch.setattr(module, "_AT_ONCE", 10)
    front = shop.storefront()
    body = b"{}"
    captured = front.headers("orders.list", body, key="captured")
    for _ in range(100):
        front.send("orders.list", body, captured)
    for _ in range(30):
        front.ok("orders.list")
    shop.bridge._recorder.flush()
    # The first and its copies that are kept, and what the connection had room for besides.
    assert len(shop.bridge.journal.page(limit=200)) == 1 + 20 + 9


def test_copies_are_forgotten_in_halves(shop, monkeypatch):
    """Memory is bounded; a copy of what came lately is known all the same."""
    monkeypatch.setattr(module, "_MOST_SEEN", 10)
    front, recorder = shop.storefront(), shop.bridge._recorder
    body = b"{}"
    captured = front.headers("orders.list", body, key="captured")
    front.send("orders.list", body, captured)
    for _ in range(12):
        front.ok("orders.list")
    for _ in range(30):
        front.send("orders.list", body, captured)
    recorder.flush()
    assert len(shop.bridge.journal.page(limit=200)) == 1 + 12 + 20
    for _ in range(200):
        front.ok("orders.list")
    assert len(recorder._seen) + len(recorder._seen_before) <= 20


@pytest.mark.parametrize("code", ["ip_not_allowed", "connection_disabled"])
def test_who_is_kept_out_leaves_a_trickle_with_the_right_secret_too(shop, code):
    """A secret that leaked fills no journal from where it may not be used."""
    front = shop.storefront()
    front.ok("orders.list")
    if code == "ip_not_allowed":
        shop.bridge.connections.allow(front.client_id, ["198.51.100.7"])
    else:
        shop.bridge.connections.disable(front.client_id)
    for _ in range(100):
        assert front.call("orders.list").json["code"] == code
    shop.bridge._recorder.flush()
    assert len(shop.bridge.journal.page(refused=True, limit=200)) == 20
    assert len(shop.bridge.journal.page(refused=False)) == 1


def test_what_waits_holds_no_header_that_is_not_shown(shop):
    """A long one would be as much memory for each request that waits."""
    front, recorder = shop.storefront(), shop.bridge._recorder
    recorder._running = True  # as if the thread were about to write
    body = b"{}"
    long = {"X-Forwarded-For": "1" * 60_000}
    front.send("orders.list", body, front.headers("orders.list", body, key="one") | long)
    [waiting] = recorder._waiting
    assert b"x-forwarded-for" not in waiting.sent
    recorder._running = False
    recorder.flush()


def test_a_day_of_wrong_signatures_pushes_no_honest_row_out():
    """Of those who name a connection, all together and day and night, few are kept in a day."""
    floods = Floods()
    minutes = range(NOW, NOW + 86_400_000, 60_000)
    kept = sum(floods.let_pass(b"one", at, known=True) for at in minutes for _ in range(30))
    assert kept == 20 + 287
    assert kept * 5 < Settings(database="memory://").journal_rows


@pytest.mark.parametrize("known", [True, False])
def test_being_forgotten_gives_no_new_room(known):
    """Naming so many others that one is forgotten lets no more of it pass."""
    floods = Floods(remembered=100, over_all=10_000)
    kept = 0
    for turn in range(30):
        kept += sum(floods.let_pass(b"one", NOW, known=known) for _ in range(20))
        for number in range(100):
            floods.let_pass(b"%d-%d" % (turn, number), NOW, known=known)
    assert kept == 20


def test_invented_client_ids_push_no_known_one_out_of_memory():
    """What a connection has used up stays so, however many others are named."""
    floods = Floods(remembered=100)
    assert sum(floods.let_pass(b"one", NOW, known=True) for _ in range(30)) == 20
    for number in range(1_000):
        floods.let_pass(b"%d" % number, NOW, known=False)
    assert not floods.let_pass(b"one", NOW, known=True)


def test_invented_client_ids_hide_no_connection_that_signs_wrong(shop):
    """They have room of their own, whoever sends them."""
    front = shop.storefront()
    front.ok("orders.list")
    invented = shop.storefront("Invented")
    invented.secret = front.secret = "ofs_" + "x" * 43
    for number in range(500):
        invented.client_id = f"ofc_{number:020}"
        invented.call("orders.list")
    front.call("orders.list")
    shop.bridge._recorder.flush()
    assert len(shop.bridge.journal.page(refused=True)) == 1


def test_room_comes_back_with_the_time_and_not_with_a_clock_set_back():
    """One for each five minutes that passed, and no more than there was room for at first."""
    floods = Floods(per_client=6, over_all=60)
    passed = [floods.let_pass(b"one", NOW, known=True) for _ in range(8)]
    assert passed == [True] * 6 + [False] * 2
    assert not floods.let_pass(b"one", NOW - 3_600_000, known=True)
    later = NOW - 3_600_000 + 600_000
    assert [floods.let_pass(b"one", later, known=True) for _ in range(3)] == [True, True, False]
    day = later + 86_400_000
    assert sum(floods.let_pass(b"one", day, known=True) for _ in range(20)) == 6


def test_all_client_ids_share_their_room():
    """However many there are; and what is remembered of them is bounded."""
    floods = Floods(per_client=20, over_all=60, remembered=100)
    passed = sum(floods.let_pass(b"%d" % number, NOW, known=False) for number in range(1_000))
    assert passed == 60
    assert len(floods._rooms[False].clients) == 100
    assert floods.let_pass(b"a", NOW, known=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_writes_its_own_and_nothing_of_its_parents(shop):
    """Each request is kept once, though the child was made while one waited."""
    front = shop.storefront()
    recorder = shop.bridge._recorder
    recorder._running = True  # as if the thread were about to write
    front.cart()
    assert len(recorder._waiting) == 1
    child = os.fork()
    if not child:
        code = 1
        try:
            front.cart()
            shop.bridge.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert len(shop.bridge.journal.page()) == 1
    shop.bridge.close()
    assert len(shop.bridge.journal.page()) == 2


BUSY = """
import sys
from orderflow_bridge.system import SystemEntropy
from tests.rig import open_shop
shop = open_shop(
    "sqlite:///" + sys.argv[1], journal_rows=100_000, stocked=False, entropy=SystemEntropy()
)
front = shop.storefront()
print("ready", flush=True)
while True:
    front.call("orders.list")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_a_process_killed_while_it_writes_leaves_nothing_half(tmp_path):
    """What is there can be read, and the shop goes on."""
    database = f"{tmp_path}/shop.db"
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY, database], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def rows():
            with closing(sqlite3.connect(database)) as connection:
                return connection.execute("SELECT count(*) FROM ofb_journal").fetchone()[0]

        until(lambda: rows() > 100)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    shop = open_shop(
        f"sqlite:///{database}", journal_rows=100_000, stocked=False, entropy=SystemEntropy()
    )
    entries = shop.bridge.journal.page(limit=1_000_000)
    assert len(entries) == rows()
    assert {entry.verified for entry in entries} == {True}
    shop.storefront("Next").ok("orders.list")
    shop.bridge.close()
    with shop.bridge as again:
        assert len(again.journal.page(limit=1_000_000)) == len(entries) + 1
