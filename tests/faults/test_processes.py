"""Many processes at once, on every shared database (protocol §2 and §4)."""

import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.testing import Fault, FaultyStorage
from tests.faults.workers import send_all, signed
from tests.rig import (
    CountedEntropy,
    Storefront,
    TestShop,
    item,
    open_shop,
    order_fields,
)

PROCESSES = 4


@pytest.fixture(scope="module")
def pool():
    """Give processes that share nothing with this one."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as executor:
        yield executor


def spread(pool, url: str, front: Storefront, calls_of) -> list[tuple[int, dict]]:
    """Let each process send its calls, all at the same time; give every answer."""
    running = [
        pool.submit(
            send_all,
            url,
            (front.client_id, front.secret),
            front.clock.now(),
            f"process-{n}",
            calls_of(n),
        )
        for n in range(PROCESSES)
    ]
    return [answer for work in running for answer in work.result(timeout=120)]


def test_parallel_adds_lose_nothing(pool, url: str, shared: TestShop) -> None:
    """N adds from many processes are N pieces, and every answer says so."""
    front = shared.storefront()
    cart_id = front.cart()["cart_id"]
    each = 15
    answers = spread(
        pool,
        url,
        front,
        lambda n: [
            signed(front, "items.add", {"cart_id": cart_id, "items": [item("mug")]}, key=f"{n}-{i}")
            for i in range(each)
        ],
    )
    assert Counter(status for status, _ in answers) == {200: each * PROCESSES}
    cart = front.ok("cart.get", cart_id=cart_id)
    assert cart["lines"][0]["quantity"] == each * PROCESSES
    assert cart["version"] == each * PROCESSES + 1


def test_the_last_unit_is_sold_once(pool, url: str, shared: TestShop) -> None:
    """Stock never goes below zero: three lamps, many buyers, three orders."""
    front = shared.storefront()
    carts = [front.cart(item("lamp"))["cart_id"] for _ in range(PROCESSES * 3)]

    def buying(n: int):
        return [
            signed(front, "convertToOrder", order_fields(cart_id, intent=f"pi_{cart_id}"))
            for cart_id in carts[n::PROCESSES]
        ]

    answers = spread(pool, url, front, buying)
    codes = Counter(answer.get("code", "ordered") for _, answer in answers)
    assert codes == {"ordered": 3, "out_of_stock": len(carts) - 3}
    assert shared.stock("lamp") == 0


def test_one_cart_becomes_one_order(pool, url: str, shared: TestShop) -> None:
    """Every process that converts it gets the same order."""
    front = shared.storefront()
    cart_id = front.cart(item("lamp"))["cart_id"]
    answers = spread(
        pool,
        url,
        front,
        lambda n: [signed(front, "convertToOrder", order_fields(cart_id), key=f"buyer-{n}")],
    )
    assert {status for status, _ in answers} == {200}
    assert len({answer["order_id"] for _, answer in answers}) == 1
    assert len(shared.bridge.orders.search()) == 1
    assert shared.stock("lamp") == 2


def test_one_intent_pays_one_order(pool, url: str, shared: TestShop) -> None:
    """Many carts with one intent: one order, the rest are refused."""
    front = shared.storefront()
    carts = [front.cart(item("mug"))["cart_id"] for _ in range(PROCESSES)]
    answers = spread(
        pool,
        url,
        front,
        lambda n: [signed(front, "convertToOrder", order_fields(carts[n], intent="pi_shared"))],
    )
    codes = Counter(answer.get("code", "ordered") for _, answer in answers)
    assert codes == {"ordered": 1, "payment_intent_used": PROCESSES - 1}


def test_one_signature_is_spent_once(pool, url: str, shared: TestShop) -> None:
    """N copies of one signed request: one 200, the rest 409 replayed_request."""
    front = shared.storefront()
    cart_id = front.cart()["cart_id"]
    call = signed(front, "items.add", {"cart_id": cart_id, "items": [item("mug")]})
    answers = spread(pool, url, front, lambda n: [call] * 3)
    codes = Counter(answer.get("code", "done") for _, answer in answers)
    assert codes == {"done": 1, "replayed_request": PROCESSES * 3 - 1}
    assert front.ok("cart.get", cart_id=cart_id)["totals"]["item_count"] == 1


def test_one_idempotency_key_has_one_effect(pool, url: str, shared: TestShop) -> None:
    """Signed afresh with one key, all get the same answer and one thing happened."""
    front = shared.storefront()
    cart_id = front.cart()["cart_id"]
    fields = {"cart_id": cart_id, "items": [item("mug")]}
    calls = []
    for _ in range(PROCESSES):
        calls.append(signed(front, "items.add", fields, key="once"))
        front.clock.forward(1)
    answers = spread(pool, url, front, lambda n: [calls[n]])
    assert [status for status, _ in answers] == [200] * PROCESSES
    assert {answer["version"] for _, answer in answers} == {2}
    assert front.ok("cart.get", cart_id=cart_id)["totals"]["item_count"] == 1


def test_a_change_of_the_connection_works_at_once_everywhere(
    pool, url: str, shared: TestShop
) -> None:
    """Disabled here, refused there; rotated here, the old secret fails there."""
    front = shared.storefront()
    shared.bridge.connections.disable(front.client_id)
    calls = [signed(front, "cart.create", {"currency": "GBP"}, key="k")]
    assert {a["code"] for _, a in spread(pool, url, front, lambda n: calls)} == {
        "connection_disabled"
    }
    shared.bridge.connections.enable(front.client_id)
    shared.bridge.connections.rotate(front.client_id)
    assert {a["code"] for _, a in spread(pool, url, front, lambda n: calls)} == {
        "authentication_failed"
    }


def test_threads_of_one_process_lose_nothing(shared: TestShop) -> None:
    """The same, with threads on one bridge."""
    front = shared.storefront()
    cart_id = front.cart()["cart_id"]
    calls = [
        signed(front, "items.add", {"cart_id": cart_id, "items": [item("mug")]}, key=f"t{i}")
        for i in range(80)
    ]
    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(lambda call: front.send(call[0], call[2], call[1]), calls))
    assert {reply.status for reply in replies} == {200}
    assert front.ok("cart.get", cart_id=cart_id)["totals"]["item_count"] == 80


@pytest.mark.parametrize("first", ["settle", "convert"])
def test_settlement_and_conversion_never_miss_each_other(shared: TestShop, first: str) -> None:
    """Whichever comes first, and also at the same moment, the order ends paid."""
    front = shared.storefront()
    with ThreadPoolExecutor(2) as threads:
        for n in range(12):
            cart_id = front.cart(item("mug"))["cart_id"]
            intent = f"pi_{n:04}"
            acts = [
                lambda i=intent: shared.bridge.settle(i, amount=339, currency="GBP"),
                lambda c=cart_id, i=intent: front.order(c, intent=i),
            ]
            running = [threads.submit(act) for act in (acts if first == "settle" else acts[::-1])]
            for work in running:
                work.result(timeout=60)
    assert {order.status for order in shared.bridge.orders.search()} == {"paid"}


def test_a_settlement_during_the_last_step_of_a_remote_conversion_counts(url: str) -> None:
    """The host settles while the order is being placed: neither misses the other."""
    provider = SimulatedProvider()
    provider.announce("pi_0001", amount=4200, currency="GBP")
    shop = open_shop(url, payments=provider)
    front = shop.storefront()
    cart_id = front.cart(item("lamp"))["cart_id"]
    settling = threading.Thread(
        target=lambda: shop.bridge.settle("pi_0001", amount=4200, currency="GBP")
    )

    def settle_meanwhile() -> None:
        settling.start()
        # It commits at once, or waits for this unit: both are right.
        settling.join(0.5)

    meddling = open_shop(
        url,
        payments=provider,
        storage=FaultyStorage(shop.bridge._storage, Fault("orders.place", settle_meanwhile)),
        stocked=False,
        clock=shop.clock,
        entropy=CountedEntropy(b"m"),
    )
    buyer = Storefront(meddling.bridge, front.client_id, front.secret, shop.clock)
    buyer.order(cart_id)
    settling.join(30)
    assert [order.status for order in shop.bridge.orders.search()] == ["paid"]
    shop.bridge.close()
