"""Spent signatures and stored answers of one connection are capped; nothing is evicted (§2, §4)."""

from dataclasses import replace
from typing import Any

import pytest

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.capabilities import counting, counting_answers, rewritable
from orderflow_bridge.http import Head
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.memory.answers import Answers
from orderflow_bridge.storage.memory.replays import Replays
from tests.databases import (
    ADAPTED,
    DATABASES,
    databases,  # noqa: F401 -- a fixture
    fresh_url,  # noqa: F401 -- a fixture
)
from tests.rig import Reply, Storefront, TestShop, item, open_shop, order_fields

FULL = (429, "rate_limited")
ROW = 32 * 1024


@pytest.fixture(params=[*DATABASES, *ADAPTED])
def open_capped(request, fresh_url):  # noqa: F811 -- a fixture
    """Open a shop on each storage with settings; it is closed after the test."""
    opened = []

    def opening(**settings: object) -> TestShop:
        opened.append(open_shop(fresh_url(request.param), **settings))
        return opened[-1]

    yield opening
    for shop in opened:
        shop.bridge.close()


def told(reply: Reply) -> tuple[int, str | None]:
    return reply.status, reply.code


def spent(shop: TestShop, front: Storefront) -> int:
    with shop.bridge._storage.reading() as unit:
        return counting(unit).spent_after(0, connection=front.client_id, limit=10**6)


def stored(shop: TestShop, front: Storefront) -> int:
    with shop.bridge._storage.reading() as unit:
        return counting_answers(unit).kept_after(0, connection=front.client_id, limit=10**6)


def test_the_cap_of_signatures_is_exact(open_capped):
    """As many writes as the setting says; then 429, and what was spent stays spent."""
    shop = open_capped(max_spent_signatures=40)
    front, other = shop.storefront(), shop.storefront("Other")
    cart_id = front.cart()["cart_id"]
    replies = [front.call("cart.create", currency="GBP") for _ in range(42)]
    assert [told(reply) for reply in replies] == [(200, None)] * 39 + [FULL] * 3
    assert "spent signatures" in replies[-1].json["detail"]
    assert replies[-1].headers["Retry-After"] == "900"
    assert spent(shop, front) == 40
    assert front.call("cart.get", cart_id=cart_id).status == 200
    assert other.call("cart.create", currency="GBP").status == 200


def test_the_cap_of_answers_is_exact(open_capped):
    """As many keys as the setting says; known ones are answered, and writes without one pass."""
    shop = open_capped(max_stored_answers=5)
    front, other = shop.storefront(), shop.storefront("Other")
    first = front.call("cart.create", key="first", currency="GBP")
    for _ in range(4):
        front.cart()
    refused = front.call("cart.create", currency="GBP")
    assert told(refused) == FULL
    assert "idempotency keys" in refused.json["detail"]
    assert stored(shop, front) == 5
    assert int(refused.headers["Retry-After"]) == shop.bridge.settings.idempotency_lifetime
    shop.clock.forward(1)
    again = front.call("cart.create", key="first", currency="GBP")
    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
    assert front.call("cart.create", key=None, currency="GBP").status == 200
    assert other.call("cart.create", currency="GBP").status == 200


def laden_cart(front: Storefront, lines: int) -> str:
    """Make a cart that says about 6 KiB in each line."""
    said = {f"{number:02}": "x" * 200 for number in range(20)}
    told = {f"{number:02}": "x" * 500 for number in range(4)}
    fields = {"unit_price": 1, "name": "Mug", "options": said, "metadata": told}
    items = [item(f"m{number}", **fields) for number in range(lines)]
    return front.cart(*items)["cart_id"]


def bytes_stored(shop: TestShop, front: Storefront) -> int:
    with shop.bridge._storage.reading() as unit:
        page = rewritable(unit).page(connection=front.client_id, after=None, limit=10**6)
    return sum(len(kept.answer.body) for kept in page)


def held_in_bytes(shop: TestShop, action: str, fields: dict[str, Any]) -> None:
    """Fill a cap of 20 rows with answers of three each, and look at what is stored."""
    front = shop.storefront()
    fields = fields | {"cart_id": laden_cart(front, 12)}
    first = front.call(action, key="first", **fields)
    assert 2 * ROW < len(first.body) < 3 * ROW
    replies = [front.call(action, **fields) for _ in range(6)]
    assert told(replies[-1]) == FULL
    assert 4 * 2 * ROW < bytes_stored(shop, front) < (20 + 2) * ROW
    shop.clock.forward(1)
    again = front.call(action, key="first", **fields)
    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("cart.update", {"expected_version": 99}),
        ("cart.update", {"note": "Ring twice."}),
        ("convertToOrder", order_fields("", expected_total=0)),
    ],
    ids=["version_conflict", "a cart", "total_changed"],
)
def test_the_cap_of_answers_holds_their_bytes(action: str, fields: dict[str, Any]):
    """A hundred bytes that are answered with a large cart do not fill the database."""
    held_in_bytes(open_shop(max_stored_answers=20), action, fields)


def test_every_storage_holds_the_bytes_of_answers(open_capped):
    """The same on each."""
    held_in_bytes(open_capped(max_stored_answers=20), "cart.update", {"expected_version": 99})


def test_every_row_of_a_large_answer_is_taken_at_once(monkeypatch):
    """Of ten that may pass until the next count, four answers of three rows take all."""
    counted, counts = [], Answers.kept_after

    def counting_too(self: Any, until: int, **options: Any) -> int:
        counted.append(until)
        return counts(self, until, **options)

    monkeypatch.setattr(Answers, "kept_after", counting_too)
    front = open_shop(max_stored_answers=320).storefront()
    cart_id = laden_cart(front, 12)
    for _ in range(3):
        front.call("cart.update", cart_id=cart_id, expected_version=99)
    assert len(counted) == 1
    front.call("cart.update", cart_id=cart_id, expected_version=99)
    assert len(counted) == 2


def test_rows_of_large_answers_are_forgotten_with_them():
    """After its lifetime an answer leaves no row, however many it took, and none before."""
    shop = open_shop(max_stored_answers=40, idempotency_lifetime=3_600)
    front = shop.storefront()
    laden_cart(front, 12)
    shop.clock.forward(3_599)
    shop.bridge.purge()
    assert stored(shop, front) == 3
    shop.clock.forward(2)
    shop.bridge.purge()
    assert stored(shop, front) == 0


def test_a_small_answer_takes_one_row():
    """An ordinary cart is far below what a row holds."""
    shop = open_shop()
    front = shop.storefront()
    laden_cart(front, 4)
    assert stored(shop, front) == 1


@pytest.mark.parametrize(
    ("size", "rows"), [(ROW - 1, 1), (ROW, 1), (ROW + 1, 2), (2 * ROW, 2), (2 * ROW + 1, 3)]
)
def test_a_row_is_for_so_many_bytes(monkeypatch, size: int, rows: int):
    """And not for one more."""
    text = "x" * (size - len('""'))
    made = replace(ACTIONS["cart.create"], run=lambda _work, _wanted: text)
    monkeypatch.setitem(ACTIONS, "cart.create", made)
    shop = open_shop()
    front = shop.storefront()
    assert len(front.call("cart.create", currency="GBP").body) == size
    assert stored(shop, front) == rows


def test_a_write_refused_at_the_cap_leaves_nothing():
    """The same bytes pass once there is room: signature and key are unspent, no cart was made."""
    shop = open_shop(max_stored_answers=1, idempotency_lifetime=30)
    front = shop.storefront(window=120)
    front.cart()
    body = b'{"currency": "GBP"}'
    headers = front.headers("cart.create", body, key="later")
    assert told(front.send("cart.create", body, headers)) == FULL
    assert (spent(shop, front), stored(shop, front)) == (1, 1)
    assert len(list(shop.bridge._storage._published.carts.values())) == 1
    shop.clock.forward(31)
    assert front.send("cart.create", body, headers).status == 200


@pytest.mark.parametrize(
    ("setting", "lifetime"), [("max_spent_signatures", 900), ("max_stored_answers", 600)]
)
def test_retry_after_is_when_there_is_room(setting: str, lifetime: int):
    """A second earlier the write is refused again; then one passes."""
    shop = open_shop(idempotency_lifetime=600, **{setting: 3})
    front = shop.storefront()
    front.cart()
    for _ in range(2):
        shop.clock.forward(100)
        front.cart()
    shop.clock.forward(50)
    refused = front.call("cart.create", currency="GBP")
    wait = int(refused.headers["Retry-After"])
    assert wait == lifetime - 250
    assert f"{wait} s" in refused.json["detail"]
    shop.clock.forward(wait - 1)
    assert front.call("cart.create", currency="GBP").headers["Retry-After"] == "1"
    shop.clock.forward(1)
    assert front.call("cart.create", currency="GBP").status == 200
    assert front.call("cart.create", currency="GBP").headers["Retry-After"] == "100"


def test_nothing_is_forgotten_to_make_room():
    """At the cap, a purge and a flood of refused writes leave every signature spent."""
    shop = open_shop(max_spent_signatures=3)
    front = shop.storefront(window=120)
    body = b'{"currency": "GBP"}'
    headers = front.headers("cart.create", body)
    assert front.send("cart.create", body, headers).status == 200
    for _ in range(200):
        front.call("cart.create", currency="GBP")
    shop.bridge.purge()
    assert spent(shop, front) == 3
    shop.clock.forward(60)
    # The cap is looked at first; with room, the old signature is still known.
    roomy = open_shop(storage=shop.bridge._storage, clock=shop.clock, stocked=False)
    again = Storefront(roomy.bridge, front.client_id, front.secret, shop.clock)
    assert again.send("cart.create", body, headers).code == "replayed_request"


@pytest.mark.parametrize(
    ("setting", "ledger", "name"),
    [
        ("max_spent_signatures", Replays, "spent_after"),
        ("max_stored_answers", Answers, "kept_after"),
    ],
)
def test_nobody_waits_for_a_count(monkeypatch, setting: str, ledger: type, name: str):
    """However much there is to count, no other writer waits until it is counted."""
    storage = MemoryStorage()
    shop = open_shop(storage=storage, **{setting: 3})
    front, counts, waiting = shop.storefront(), getattr(ledger, name), []

    def counted(self: Any, until: int, **options: Any) -> int:
        waiting.append(storage._turn.locked())
        return counts(self, until, **options)

    monkeypatch.setattr(ledger, name, counted)
    replies = [front.call("cart.create", currency="GBP") for _ in range(5)]
    assert [told(reply) for reply in replies] == [(200, None)] * 3 + [FULL] * 2
    assert waiting
    assert not any(waiting)


def test_a_full_connection_is_refused_while_another_writes():
    """Nor does it wait itself."""
    storage = MemoryStorage(timeout=0.01)
    front = open_shop(storage=storage, max_spent_signatures=1).storefront()
    front.cart()
    with storage.writing():
        assert told(front.call("cart.create", currency="GBP")) == FULL


class Minute:
    """A rate ledger that counts and forgets nothing."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self, _connection: str, *, now: int, most: int) -> int:
        if self.taken == most:
            return 60_000
        self.taken += 1
        return 0

    def ping(self) -> None:
        """It is there."""

    def close(self) -> None:
        """It stays."""


def test_a_captured_write_does_not_use_up_a_storefront_s_rate():
    """Whoever repeats it all day long takes one write of the minute, where a ledger counts them."""
    minute = Minute()
    front = open_shop(max_writes_per_minute=5, rates=minute).storefront()
    body = b'{"currency": "GBP"}'
    headers = front.headers("cart.create", body)
    assert front.send("cart.create", body, headers).status == 200
    for _ in range(50):
        reply = front.send("cart.create", body, headers)
        assert told(reply) == (409, "replayed_request")
    assert minute.taken == 2
    assert front.call("cart.create", currency="GBP").status == 200


def waits(front: Storefront, writes: int) -> list[str | None]:
    """Write so many times; give the wait that each was told, None where it passed."""
    replies = [front.call("cart.create", currency="GBP") for _ in range(writes)]
    assert {told(reply) for reply in replies} <= {(200, None), FULL}
    return [reply.headers.get("Retry-After") for reply in replies]


def restarted(shop: TestShop, front: Storefront, **settings: Any) -> None:
    """Let the storefront find the shop's storage under a bridge with other settings."""
    bridge = open_shop(
        storage=shop.bridge._storage,
        stocked=False,
        clock=shop.clock,
        entropy=shop.entropy,
        max_writes_per_minute=5,
        **settings,
    ).bridge
    front.bridge = bridge


def test_a_clock_that_is_set_back_makes_nobody_wait(open_capped):
    """What was written before counts no more, and each wait is told as long as it is."""
    shop = open_capped(max_writes_per_minute=5)
    front = shop.storefront()
    assert waits(front, 6) == [None] * 5 + ["60"]
    shop.clock.forward(-600)
    assert waits(front, 6) == [None] * 5 + ["60"]
    shop.clock.forward(59)
    assert waits(front, 1) == ["1"]
    shop.clock.forward(1)
    assert waits(front, 6) == [None] * 5 + ["60"]
    # The clock comes to the same minute again, and its writes count there a second time.
    shop.clock.forward(540)
    assert waits(front, 1) == ["60"]
    shop.clock.forward(60)
    assert waits(front, 6) == [None] * 5 + ["60"]


@pytest.mark.parametrize(("before", "after"), [(3_600, 300), (300, 3_600)])
def test_another_max_window_begins_the_minute_anew(open_capped, before: int, after: int):
    """With a smaller one nobody waits for hours, and with either the next minute is counted."""
    shop = open_capped(max_writes_per_minute=5, max_window=before)
    front = shop.storefront()
    assert waits(front, 6) == [None] * 5 + ["60"]
    restarted(shop, front, max_window=after)
    assert waits(front, 6) == [None] * 5 + ["60"]
    shop.clock.forward(60)
    assert waits(front, 6) == [None] * 5 + ["60"]


def test_after_a_smaller_max_window_a_minute_counts_once_more():
    """As much later as signatures were remembered longer; then it is over."""
    shop = open_shop(max_writes_per_minute=5, max_window=3_600)
    front = shop.storefront()
    assert waits(front, 5) == [None] * 5
    restarted(shop, front, max_window=300)
    longer = (2 * 3_600 + 30) - 900
    shop.clock.forward(longer - 10)
    assert waits(front, 1) == [None]
    shop.clock.forward(10)
    assert waits(front, 1) == ["60"]
    shop.clock.forward(60)
    assert waits(front, 6) == [None] * 5 + ["60"]


def test_replays_that_are_remembered_are_bounded():
    """The first is forgotten for the last, and is still refused: the storage knows it."""
    shop = open_shop()
    front = shop.storefront(window=300)
    body = b'{"currency": "GBP"}'
    headers = front.headers("cart.create", body)
    front.send("cart.create", body, headers)
    front.send("cart.create", body, headers)
    for number in range(5_000):
        shop.bridge._protocol._remember_replay(number.to_bytes(32))
    remembered = shop.bridge._protocol._replayed
    assert list(remembered) == [number.to_bytes(32) for number in range(904, 5_000)]
    assert front.send("cart.create", body, headers).code == "replayed_request"


def test_without_a_cap_a_large_answer_takes_one_row():
    """Nobody counts them."""
    shop = open_shop(max_stored_answers=0)
    front = shop.storefront()
    laden_cart(front, 12)
    assert stored(shop, front) == 1


def test_zero_is_no_cap():
    """Both can be turned off."""
    shop = open_shop(max_spent_signatures=0, max_stored_answers=0)
    front = shop.storefront()
    for _ in range(50):
        front.cart()
    assert (spent(shop, front), stored(shop, front)) == (50, 50)


def test_a_storage_that_cannot_count_holds_nobody():
    """A storage without `rates` serves as before; the doctor says that the caps are off."""

    class Plain(MemoryStorage):
        capabilities = MemoryStorage.capabilities - {"rates"}

    front = open_shop(storage=Plain(), max_spent_signatures=1, max_stored_answers=1).storefront()
    for _ in range(3):
        front.cart()


def test_refusals_are_counted_at_the_cap_as_well():
    """The operator sees who is held, by code and address."""
    shop = open_shop(max_spent_signatures=1)
    front = shop.storefront()
    for _ in range(4):
        front.call("cart.create", currency="GBP")
    assert shop.bridge.refusals() == {("rate_limited", "203.0.113.9"): 3}


def test_a_shell_without_room_says_when_to_come_again(caplog):
    """503 with Retry-After; only the log says what was short."""
    front = open_shop().storefront()
    body = b"{}"
    head = Head(
        method="POST",
        path=f"/{front.client_id}/cart.create".encode(),
        headers={
            name.lower().encode(): (value.encode(),)
            for name, value in front.headers("cart.create", body).items()
        },
    )
    reply = Reply.of(front.bridge.refuse("storage_unavailable", front.bridge.admit(head)))
    assert (reply.status, reply.code) == (503, "storage_unavailable")
    assert reply.headers["Retry-After"] == "1"
    assert "at once" in caplog.text
    assert "at once" not in str(reply.json)
