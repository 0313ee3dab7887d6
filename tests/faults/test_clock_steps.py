"""A server whose clock is set forward and back under traffic."""

from collections import Counter
from random import Random

import pytest

from tests.faults.seeds import rounds
from tests.faults.traffic import Market, in_process, prove, run
from tests.rig import CountedEntropy, SetClock, Storefront, TestShop, item, open_shop

MINUTES = 60


def stepping(shop: TestShop) -> TestShop:
    """Open a second server on the shop's storage, with a clock of its own."""
    return open_shop(
        storage=shop.bridge._storage,
        stocked=False,
        clock=SetClock(),
        entropy=CountedEntropy(b"stepping"),
    )


@pytest.mark.parametrize("reach", [20, 10 * MINUTES], ids=["within-the-window", "beyond-it"])
@rounds(2, 40)
def test_a_clock_that_steps_both_ways_breaks_no_promise(
    fresh_url, kind: str, seeds, reach: int
) -> None:
    """Who is refused sends again; nothing happens twice, whatever the clock said meanwhile."""
    codes: Counter[str | None] = Counter()
    for seed in seeds:
        shop = open_shop(fresh_url(kind))
        server = stepping(shop)
        market = Market.of(shop)

        def step(dice: Random, server: TestShop = server) -> None:
            if dice.random() < 0.2:
                server.clock.milliseconds = SetClock().now() + dice.randint(-reach, reach) * 1000

        run(market, in_process(server.bridge), seed=seed, meanwhile=step, operator=shop.bridge)
        attempts = prove(market, shop, seed=seed, faults_leave_nothing=True)
        codes.update(one.code for one in attempts)
        shop.bridge.close()
    assert codes[None]
    assert codes["timestamp_out_of_window"] or reach < MINUTES


@pytest.mark.parametrize("back", [1, 60, 5 * MINUTES, 10 * MINUTES])
def test_a_replay_is_refused_whatever_the_clock_does(fresh_url, kind: str, back: int) -> None:
    """Forward, purged, and back again: the signature stays spent."""
    shop = open_shop(fresh_url(kind))
    front: Storefront = shop.storefront()
    cart_id = front.cart()["cart_id"]
    body = f'{{"cart_id":"{cart_id}","items":[{{"sku":"mug","quantity":1}}]}}'.encode()
    headers = front.headers("items.add", body)
    assert front.send("items.add", body, headers).status == 200
    for seconds in (-back, 2 * back, -back):
        shop.clock.forward(seconds)
        shop.bridge.purge()
        assert front.send("items.add", body, headers).code in {
            "replayed_request",
            "timestamp_out_of_window",
        }
    assert front.send("items.add", body, headers).code == "replayed_request"
    assert front.ok("cart.get", cart_id=cart_id)["totals"]["item_count"] == 1
    assert front.cart(item("mug"))["totals"]["item_count"] == 1
    shop.bridge.close()


def changing(front: Storefront) -> tuple[str, bytes, dict[str, str]]:
    """Sign a change that shows how often it was done."""
    cart_id = front.cart()["cart_id"]
    body = f'{{"cart_id":"{cart_id}","items":[{{"sku":"mug","quantity":1}}]}}'.encode()
    return cart_id, body, front.headers("items.add", body)


@pytest.mark.parametrize("ahead", [15 * MINUTES + 1, 24 * 60 * MINUTES, 100 * 24 * 60 * MINUTES])
def test_a_clock_that_jumps_ahead_makes_a_purge_forget_nothing(
    fresh_url, kind: str, ahead: int
) -> None:
    """By hand or by a timer, once or again: when it is back, what was sent before is a replay."""
    shop = open_shop(fresh_url(kind))
    front, other = shop.storefront(), shop.storefront("Other")
    other.cart()
    cart_id, body, headers = changing(front)
    assert front.send("items.add", body, headers).status == 200
    shop.clock.forward(ahead)
    assert shop.bridge.purge().signatures == 0
    assert front.send("items.add", body, headers).code == "timestamp_out_of_window"
    assert shop.bridge.purge().signatures == 0
    shop.clock.forward(-ahead)
    assert front.send("items.add", body, headers).code == "replayed_request"
    assert front.ok("cart.get", cart_id=cart_id)["totals"]["item_count"] == 1
    shop.bridge.close()


@pytest.mark.parametrize("widest", [60, 300, 3600])
def test_the_last_write_forgets_nothing_that_can_come_again(
    fresh_url, kind: str, widest: int
) -> None:
    """With clocks at the edges of the widest window, and a server that is far ahead as it purges.

    The server was slow as the old request came, dated ahead by it, and fast as the last one came.
    """
    shop = open_shop(fresh_url(kind), max_window=widest)
    front, other = shop.storefront(window=widest), shop.storefront("Other", window=widest)
    cart_id, body, _ = changing(front)
    dated = shop.clock.now() // 1000 + widest
    headers = front.headers("items.add", body, timestamp=dated)
    assert front.send("items.add", body, headers).status == 200
    # As the window of the old request ends, by a clock that is right.
    shop.clock.forward(2 * widest)
    body_of_other = b'{"currency":"GBP"}'
    signed = other.headers("cart.create", body_of_other)
    shop.clock.forward(widest)
    assert other.send("cart.create", body_of_other, signed).status == 200
    for ahead in (15 * MINUTES, 60 * MINUTES, 24 * 60 * MINUTES):
        shop.clock.forward(ahead)
        shop.bridge.purge()
        shop.clock.forward(-ahead)
    shop.clock.forward(-widest)
    assert front.send("items.add", body, headers).code == "replayed_request"
    assert front.ok("cart.get", cart_id=cart_id)["totals"]["item_count"] == 1
    shop.bridge.close()


@pytest.mark.parametrize("widest", [60, 300])
@pytest.mark.parametrize("by_itself", [False, True], ids=["purged", "purged-by-writes"])
def test_a_clock_that_stepped_back_lets_nothing_in_that_was_forgotten(
    fresh_url, kind: str, widest: int, *, by_itself: bool
) -> None:
    """Dated ahead by a whole window, and forgotten if it may be: ten minutes undo nothing."""
    shop = open_shop(fresh_url(kind), max_window=widest)
    front, other = shop.storefront(window=widest), shop.storefront("Other")
    cart_id, body, _ = changing(front)
    dated = shop.clock.now() // 1000 + widest
    headers = front.headers("items.add", body, timestamp=dated)
    assert front.send("items.add", body, headers).status == 200
    # Until it is too late by any right clock, and for longer than it is remembered.
    shop.clock.forward(max(3 * widest, 15 * MINUTES) + 10)
    for _ in range(130 if by_itself else 1):
        other.call("cart.create", currency="GBP")
    if not by_itself:
        shop.bridge.purge()
    shop.clock.forward(-10 * MINUTES)
    again = front.send("items.add", body, headers)
    assert again.code in {"replayed_request", "timestamp_out_of_window"}
    assert front.ok("cart.get", cart_id=cart_id)["totals"]["item_count"] == 1
    shop.bridge.close()


def test_an_idle_shop_keeps_its_last_signatures_until_it_sells_again(fresh_url, kind: str) -> None:
    """What is older goes with any purge, so that nothing piles up however seldom one writes."""
    shop = open_shop(fresh_url(kind))
    early, late, again = (shop.storefront(name) for name in ("Early", "Late", "Again"))
    for _ in range(3):
        early.cart()
    shop.clock.forward(26 * MINUTES)
    late.cart()
    early.cart()
    shop.clock.forward(26 * MINUTES)
    assert shop.bridge.purge().signatures == 3
    shop.clock.forward(30 * 24 * 60 * MINUTES)
    assert shop.bridge.purge().signatures == 0
    again.cart()
    assert shop.bridge.purge(limit=1).signatures == 1
    assert shop.bridge.purge().signatures == 1
    assert shop.bridge.purge().signatures == 0
    shop.bridge.close()
