"""What a site hears of orders, and when."""

import logging

import pytest
from msgspec.structs import replace
from orderflow_bridge.domain.order import Payment

from orderflow_bridge_django import models, signals
from samples import SHOP, add, cart, find, order

EVERY = ["order_placed", "order_paid", "order_cancelled", "order_paid_after_cancel"]


@pytest.fixture
def heard():
    """Give a list of what every signal sent: its name, and the order's id."""
    sent: list[tuple[str, str]] = []

    def receiver_of(name: str):
        def receive(sender, order, using, **_: object) -> None:
            assert sender is models.Order
            sent.append((name, order.order_id))

        return receive

    receivers = {name: receiver_of(name) for name in EVERY}
    for name, receive in receivers.items():
        getattr(signals, name).connect(receive)
    yield sent
    for name, receive in receivers.items():
        getattr(signals, name).disconnect(receive)


@pytest.fixture
def listen():
    """Connect a receiver to `order_placed` for one test."""
    connected = []

    def connecting(receive) -> None:
        signals.order_placed.connect(receive)
        connected.append(receive)

    yield connecting
    for receive in connected:
        signals.order_placed.disconnect(receive)


def paid(state: str = "paid") -> Payment:
    return Payment(intent="pi_order_1", state=state)


def test_nothing_is_heard_before_the_commit(storage, heard):
    """The unit's end is what counts."""
    with storage.writing() as unit:
        unit.orders.place(order())
        assert heard == []
    assert heard == [("order_placed", "order_1")]


def test_a_unit_that_fails_is_not_heard(storage, heard):
    """Nothing happened, so there is nothing to tell."""

    def fail() -> None:
        with storage.writing() as unit:
            unit.orders.place(order())
            raise ValueError("fault")

    with pytest.raises(ValueError, match="fault"):
        fail()
    with storage.writing() as unit:
        unit.carts.add(cart())
    assert heard == []


def test_an_order_that_is_placed_paid_is_heard_twice(storage, heard):
    """Who ships what is paid listens to one signal alone."""
    with storage.writing() as unit:
        unit.orders.place(order(status="paid", payment=paid()))
    assert heard == [("order_placed", "order_1"), ("order_paid", "order_1")]


def test_each_move_is_heard_once(storage, heard):
    """Paid, cancelled, and paid after it was cancelled; a move that came too late is none."""
    with storage.writing() as unit:
        unit.orders.place(order())
        unit.orders.place(order("order_2"))
    heard.clear()
    settled = order(status="paid", payment=paid())
    cancelled = order("order_2", status="cancelled")
    late = order("order_2", status="cancelled", payment=paid("paid_after_cancel"))
    with storage.writing() as unit:
        assert unit.orders.save(settled, expecting="pending_payment")
        assert not unit.orders.save(settled, expecting="pending_payment")
        assert unit.orders.save(cancelled, expecting="pending_payment")
    with storage.writing() as unit:
        assert unit.orders.save(late, expecting="cancelled")
    assert heard == [
        ("order_paid", "order_1"),
        ("order_cancelled", "order_2"),
        ("order_paid_after_cancel", "order_2"),
    ]


def test_an_erasure_is_no_move(storage, heard):
    """A cancelled order that was paid late is announced once, however often it is saved."""
    late = order(status="cancelled", payment=paid("paid_after_cancel"))
    with storage.writing() as unit:
        unit.orders.place(order(status="cancelled"))
        assert unit.orders.save(late, expecting="cancelled")
    heard.clear()
    with storage.writing() as unit:
        assert unit.orders.save(replace(late, note=None), expecting="cancelled")
    assert heard == []


def test_a_receiver_uses_the_database(storage, alias: str, listen):
    """It reads what was committed, by the site's models and by the bridge."""
    seen = []

    def receive(order, using, **_: object) -> None:
        row = models.Order.objects.using(using).get(order_id=order.order_id)
        add(storage, cart("cart_of_receiver"))
        with storage.reading() as unit:
            seen.append((row.number, unit.orders.find(order.order_id, connection=SHOP)))

    listen(receive)
    with storage.writing() as unit:
        placed = unit.orders.place(order())
    assert seen == [(placed.number, placed)]
    assert find(storage, "cart_of_receiver")


def test_a_receiver_that_raises_harms_nobody(storage, listen, heard, caplog):
    """The order is kept, others hear of it, and the log names the place without a value."""

    def receive(order, **_: object) -> None:
        raise ValueError(order.customer.email)

    listen(receive)
    with caplog.at_level(logging.ERROR), storage.writing() as unit:
        unit.orders.place(order())
    assert heard == [("order_placed", "order_1")]
    with storage.reading() as unit:
        assert unit.orders.find("order_1", connection=SHOP)
    assert "ValueError at " in caplog.text
    assert "receive" in caplog.text
    assert "zoe@example.com" not in caplog.text
