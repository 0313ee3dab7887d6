"""What an operator does to an order is told to the audit, once, with nobody's data."""

import pytest

from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.faults import FaultyStorage, fail
from tests.rig import Storefront, TestShop, item, open_shop


def placed(storefront: Storefront, intent: str = "pi_0001") -> str:
    cart = storefront.cart(item("mug", 2))
    return storefront.order(cart["cart_id"], intent=intent)["order_id"]


def told(shop: TestShop, order_id: str) -> list[tuple[str, str]]:
    return [(one.event, one.actor) for one in shop.bridge.audit.page(subject=order_id)]


def test_a_settlement_by_an_operator_is_told_with_its_amount(
    shop: TestShop, storefront: Storefront
) -> None:
    """Who marks an order paid is named, with the number and the total, and no customer."""
    order_id = placed(storefront)
    order = shop.bridge.orders.settle(order_id, actor="ana")
    [entry] = shop.bridge.audit.page(subject=order_id)
    assert (entry.event, entry.actor) == ("order.settled", "ana")
    assert entry.details == {"number": order.number, "total": order.totals.total, "currency": "GBP"}


def test_a_cancellation_by_an_operator_is_told_without_its_reason(
    shop: TestShop, storefront: Storefront
) -> None:
    """A reason may name a customer: it stays with the order, where an erasure finds it."""
    order_id = placed(storefront)
    shop.bridge.orders.cancel(order_id, reason="Bob rang", actor="ana")
    [entry] = shop.bridge.audit.page(subject=order_id)
    assert (entry.event, entry.actor) == ("order.cancelled", "ana")
    assert "Bob" not in str(entry.details)


def test_what_changes_nothing_is_not_told(shop: TestShop, storefront: Storefront) -> None:
    """Settling or cancelling once more leaves one entry, and a refusal leaves none."""
    paid, cancelled = placed(storefront), placed(storefront, "pi_0002")
    for _ in range(2):
        shop.bridge.orders.settle(paid, actor="ana")
        shop.bridge.orders.cancel(cancelled, actor="bob")
    with pytest.raises(BridgeError, match="order_not_cancellable"):
        shop.bridge.orders.cancel(paid, actor="bob")
    assert told(shop, paid) == [("order.settled", "ana")]
    assert told(shop, cancelled) == [("order.cancelled", "bob")]


def test_money_after_a_cancellation_is_told_too(shop: TestShop, storefront: Storefront) -> None:
    """The order stays cancelled; both acts are there, the newest first."""
    order_id = placed(storefront)
    shop.bridge.orders.cancel(order_id, actor="bob")
    shop.clock.forward(1)
    shop.bridge.orders.settle(order_id, actor="ana")
    assert told(shop, order_id) == [("order.settled", "ana"), ("order.cancelled", "bob")]


def test_a_cancellation_that_asks_a_provider_is_told_once() -> None:
    """The entry is written in the unit that cancels, after the provider answered."""
    provider = SimulatedProvider()
    shop = open_shop(payments=provider)
    storefront = shop.storefront()
    cart = storefront.cart(item("mug", 2))
    provider.announce("pi_0001", amount=cart["totals"]["total"], currency="GBP")
    order_id = storefront.order(cart["cart_id"])["order_id"]
    shop.bridge.orders.cancel(order_id, actor="ana")
    assert told(shop, order_id) == [("order.cancelled", "ana")]


def test_what_was_unpaid_for_too_long_was_nobodys_act() -> None:
    """A purge cancels without an entry: the order's reason says what happened."""
    shop = open_shop(payment_hold=3_600)
    order_id = placed(shop.storefront())
    shop.clock.forward(3_601)
    assert shop.bridge.purge().unpaid_orders == 1
    assert shop.bridge.orders.find(order_id).cancel_reason == "unpaid for too long"
    assert told(shop, order_id) == []


@pytest.mark.parametrize("act", ["settle", "cancel"])
def test_an_actor_that_cannot_be_told_moves_nothing(
    shop: TestShop, storefront: Storefront, act: str
) -> None:
    """Act and entry are one: where the entry is refused, the order is as it was."""
    order_id = placed(storefront)
    before = shop.bridge.orders.find(order_id)
    with pytest.raises(BridgeError, match="actor is 1 to 200"):
        getattr(shop.bridge.orders, act)(order_id, actor="")
    assert shop.bridge.orders.find(order_id) == before
    assert shop.bridge.orders.settlement(before) is None


def test_a_fault_between_act_and_entry_leaves_neither() -> None:
    """A storage that breaks as the entry is written takes the settlement back."""
    # The entry of the new connection passes.
    fault = fail("audit.append", OSError("disk"), passing=1)
    shop = open_shop(storage=FaultyStorage(MemoryStorage(), fault))
    order_id = placed(shop.storefront())
    with pytest.raises(OSError, match="disk"):
        shop.bridge.orders.settle(order_id, actor="ana")
    order = shop.bridge.orders.find(order_id)
    assert order.status == "pending_payment"
    assert shop.bridge.orders.settlement(order) is None
    assert told(shop, order_id) == []


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("x" * 301, "more than 300 characters"),
        ("a\0b", "NUL"),
        ("4111 1111 1111 1111", "card number"),
    ],
)
def test_a_reason_is_held_to_what_a_storefront_may_give(
    shop: TestShop, storefront: Storefront, reason: str, message: str
) -> None:
    """Too long, NUL or a card: refused at `/reason`, and the order is as it was."""
    order_id = placed(storefront)
    with pytest.raises(BridgeError, match=message) as refused:
        shop.bridge.orders.cancel(order_id, reason=reason)
    assert refused.value.members["errors"][0]["path"] == "/reason"
    assert shop.bridge.orders.find(order_id).status == "pending_payment"


def test_the_order_of_a_cart_and_its_settlement_are_found(
    shop: TestShop, storefront: Storefront
) -> None:
    """An operator comes from a cart to its order, and sees when its money came."""
    cart = storefront.cart(item("mug", 2))
    order_id = storefront.order(cart["cart_id"])["order_id"]
    order = shop.bridge.orders.of_cart(cart["cart_id"])
    assert order is not None
    assert order.order_id == order_id
    assert shop.bridge.orders.of_cart("cart_none") is None
    assert shop.bridge.orders.settlement(order) is None
    shop.bridge.orders.settle(order_id)
    settlement = shop.bridge.orders.settlement(order)
    assert settlement is not None
    assert (settlement.amount, settlement.settled_at) == (order.totals.total, shop.clock.now())
