"""One signature, sent by many at the same moment, round after round: one success in each."""

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from tests.databases import ADAPTED, SHARED
from tests.faults.workers import Call, race_and_tell
from tests.rig import Storefront, TestShop, open_shop

AS_MANY = [
    pytest.param(4, 5, id="4-racers-5-rounds"),
    pytest.param(32, 1_000, id="32-racers-1000-rounds", marks=pytest.mark.long),
]


def of_one_cart(front: Storefront, rounds: int) -> tuple[str, list[Call]]:
    """Sign one `items.add` for each round; nothing but the signature keeps copies apart."""
    cart_id = front.cart()["cart_id"]
    calls = []
    for n in range(rounds):
        item = {"sku": "mug", "quantity": 1, "metadata": {"round": n}}
        body = json.dumps({"cart_id": cart_id, "items": [item]}).encode()
        calls.append(("items.add", front.headers("items.add", body), body))
    return cart_id, calls


def hold(front: Storefront, cart_id: str, came: list[list[str]], racers: int) -> None:
    """Hold each round to one success, and the cart to one piece for each round."""
    expected = {"200": 1, "replayed_request": racers - 1}
    for number, codes in enumerate(zip(*came, strict=True)):
        assert Counter(codes) == expected, f"round {number}"
    cart = front.ok("cart.get", cart_id=cart_id)
    assert (cart["totals"]["item_count"], cart["version"]) == (len(came[0]), len(came[0]) + 1)


@pytest.mark.parametrize(("racers", "rounds"), AS_MANY)
@pytest.mark.parametrize("kind", [*SHARED, *ADAPTED])
def test_of_many_processes_with_one_signature_one_succeeds(
    fresh_url, kind: str, racers: int, rounds: int
) -> None:
    """Each process has the database in common with the others, and nothing else."""
    url = fresh_url(kind)
    shop = open_shop(url)
    front = shop.storefront()
    cart_id, calls = of_one_cart(front, rounds)
    context = get_context("spawn")
    start = context.Barrier(racers)
    running = []
    for number in range(racers):
        here, there = context.Pipe(duplex=False)
        given = (url, (front.client_id, front.secret), front.clock.now(), number, calls, start)
        process = context.Process(target=race_and_tell, args=(there, *given))
        process.start()
        there.close()
        running.append((process, here))
    came = [here.recv() for _, here in running]
    for process, here in running:
        process.join(60)
        here.close()
        assert process.exitcode == 0
    hold(front, cart_id, came, racers)
    shop.bridge.close()


@pytest.mark.parametrize(("racers", "rounds"), AS_MANY)
def test_of_many_threads_with_one_signature_one_succeeds(
    shop: TestShop, racers: int, rounds: int
) -> None:
    """The storage in memory has threads alone."""
    front = shop.storefront()
    cart_id, calls = of_one_cart(front, rounds)
    start = threading.Barrier(racers)

    def send_all() -> list[str]:
        came = []
        for action, headers, body in calls:
            start.wait(300)
            reply = front.send(action, body, headers)
            came.append(reply.code or str(reply.status))
        return came

    with ThreadPoolExecutor(racers) as threads:
        running = [threads.submit(send_all) for _ in range(racers)]
        came = [work.result() for work in running]
    hold(front, cart_id, came, racers)
