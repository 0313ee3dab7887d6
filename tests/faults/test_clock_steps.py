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
