"""`kill -9` at each commit point: what was acknowledged is there, nothing is doubled."""

from multiprocessing import get_context

import pytest

from tests.faults.workers import convert_and_die, shop_on, signed
from tests.rig import Storefront, TestShop, item, order_fields


def die(url: str, front: Storefront, call, *, unit: int, when: str, remote: bool = False) -> None:
    """Send a request from a process that is killed at a commit point of it."""
    process = get_context("spawn").Process(
        target=convert_and_die,
        args=(url, (front.client_id, front.secret), front.clock.now(), call, unit, when, remote),
    )
    process.start()
    process.join(60)
    assert process.exitcode == -9


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_commit_of_a_conversion(url: str, shared: TestShop, when: str) -> None:
    """Before it nothing happened, after it everything did; the retry gives the one order."""
    front = shared.storefront()
    cart_id = front.cart(item("lamp", 2))["cart_id"]
    call = signed(front, "convertToOrder", order_fields(cart_id), key="buy")
    die(url, front, call, unit=1, when=when)
    assert len(shared.bridge.orders.search()) == (1 if when == "after" else 0)
    assert shared.stock("lamp") == (1 if when == "after" else 3)
    copied = front.send(call[0], call[2], call[1])
    assert copied.code == ("replayed_request" if when == "after" else None)
    shared.clock.forward(1)
    again = signed(front, "convertToOrder", order_fields(cart_id), key="buy")
    reply = front.send(again[0], again[2], again[1])
    assert (reply.status, reply.headers.get("Idempotent-Replayed")) == (200, "true")
    assert len(shared.bridge.orders.search()) == 1
    assert shared.stock("lamp") == 1


@pytest.mark.parametrize(
    ("unit", "when"), [(1, "before"), (1, "after"), (2, "before"), (2, "after")]
)
def test_killed_around_each_commit_of_a_remote_conversion(
    url: str, shared: TestShop, unit: int, when: str
) -> None:
    """A crashed claim is taken over after its lease; there is one order, paid, stock taken once."""
    front = shared.storefront()
    cart_id = front.cart(item("lamp"))["cart_id"]
    call = signed(front, "convertToOrder", order_fields(cart_id), key="buy")
    die(url, front, call, unit=unit, when=when, remote=True)
    claimed = (unit, when) in {(1, "after"), (2, "before")}
    assert len(shared.bridge.orders.search()) == (1 if (unit, when) == (2, "after") else 0)
    remote = shop_on(url, now=front.clock.now(), seed="after", remote=True)
    try:
        survivor = Storefront(remote.bridge, front.client_id, front.secret, remote.clock)
        remote.clock.forward(2)
        soon = signed(survivor, "convertToOrder", order_fields(cart_id), key="buy")
        reply = survivor.send(soon[0], soon[2], soon[1])
        if claimed:
            assert (reply.status, reply.code) == (409, "idempotency_in_progress")
            remote.clock.forward(121)
            late = signed(survivor, "convertToOrder", order_fields(cart_id), key="buy")
            reply = survivor.send(late[0], late[2], late[1])
        assert (reply.status, reply.json["status"]) == (200, "paid")
        assert len(remote.bridge.orders.search()) == 1
        assert remote.stock("lamp") == 2
    finally:
        remote.bridge.close()


def test_a_killed_writer_does_not_hold_the_lock(url: str, shared: TestShop) -> None:
    """The next writer goes on at once."""
    front = shared.storefront()
    cart_id = front.cart(item("mug"))["cart_id"]
    call = signed(front, "items.add", {"cart_id": cart_id, "items": [item("mug")]}, key="k")
    die(url, front, call, unit=1, when="before")
    assert front.ok("items.add", cart_id=cart_id, items=[item("mug")])["version"] == 2


def test_everything_acknowledged_is_there_after_reopening(url: str, shared: TestShop) -> None:
    """Closed and opened, the order is the same and its signature stays spent."""
    front = shared.storefront()
    cart_id = front.cart(item("mug"))["cart_id"]
    call = signed(front, "convertToOrder", order_fields(cart_id))
    order = front.send(call[0], call[2], call[1]).json
    shared.bridge.close()
    reopened = shop_on(url, now=front.clock.now(), seed="reopened")
    try:
        again = Storefront(reopened.bridge, front.client_id, front.secret, reopened.clock)
        assert again.send(call[0], call[2], call[1]).code == "replayed_request"
        assert again.ok("orders.get", order_id=order["order_id"]) == order
    finally:
        reopened.bridge.close()
