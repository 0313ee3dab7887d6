"""What a writing action asks of its unit is noticed, whichever storage is below."""

import pytest

from orderflow_bridge.actions.watched import Watched
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.samples import SHOP, cart, order

READS = [
    lambda unit: unit.connections.find(SHOP),
    lambda unit: unit.carts.find("cart_1", connection=SHOP),
    lambda unit: unit.carts.lock("cart_1", connection=SHOP),
    lambda unit: unit.carts.crashed(before=1, limit=1),
    lambda unit: unit.orders.find("order_1", connection=None),
    lambda unit: unit.orders.of_cart("cart_1"),
    lambda unit: unit.intents.find("pi_1"),
    lambda unit: unit.stock.available(["TEA"]),
    lambda unit: unit.products.find(["TEA"], "GBP"),
]
CHANGES = [
    lambda unit: unit.carts.add(cart()),
    lambda unit: unit.carts.save(cart(version=2), replacing=1),
    lambda unit: unit.carts.purge(before=0, limit=1),
    lambda unit: unit.orders.place(order()),
    lambda unit: unit.orders.save(order(), expecting="paid"),
    lambda unit: unit.intents.add(PaymentIntent(intent="pi_1")),
    lambda unit: unit.intents.save(PaymentIntent(intent="pi_1", version=2), replacing=1),
    lambda unit: unit.stock.take({}),
    lambda unit: unit.stock.give_back({}),
]


@pytest.mark.parametrize("read", READS)
def test_reading_is_no_change(read):
    """An action may look as long as it likes, and still refuse."""
    with MemoryStorage().writing() as unit:
        watched = Watched(unit)
        read(watched)
        assert not watched.changed


@pytest.mark.parametrize("position", range(len(CHANGES)))
def test_every_change_is_noticed(position):
    """Whatever comes of it."""
    with MemoryStorage().writing() as unit:
        for change in CHANGES[:position]:
            change(unit)
        watched = Watched(unit)
        CHANGES[position](watched)
        assert watched.changed
