"""An action that asks outside, whatever it asks: what it gets then, and what is kept."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.actions.action import Outside, Work
from orderflow_bridge.domain.errors import BridgeError
from tests.rig import Reply, Storefront, TestShop

CREATE = ACTIONS["cart.create"]
Apply = Callable[[Work, Any], object]


@dataclasses.dataclass
class Asking:
    """An action `cart.create` that asks first; what `asking` raises is the provider's failure."""

    shop: TestShop
    storefront: Storefront
    failure: Exception | None = None
    apply: Apply = CREATE.run
    works: list[Work] = dataclasses.field(default_factory=list)

    def run(self, work: Work, wanted: Any) -> Outside:
        self.works.append(work)

        def ask() -> None:
            self.shop.clock.forward(2)
            if self.failure:
                raise self.failure

        def apply(later: Work, _found: None) -> object:
            self.works.append(later)
            return self.apply(later, wanted)

        return Outside(ask=ask, apply=apply, release=self.works.append)

    def call(self) -> Reply:
        self.shop.clock.forward(1)
        return self.storefront.call("cart.create", key="k", currency="GBP")


@pytest.fixture
def asking(shop: TestShop, storefront: Storefront, monkeypatch) -> Asking:
    """Give a shop whose `cart.create` asks outside."""
    made = Asking(shop, storefront)
    monkeypatch.setitem(ACTIONS, "cart.create", dataclasses.replace(CREATE, run=made.run))
    return made


@pytest.mark.parametrize("failure", [None, RuntimeError()])
def test_the_second_unit_is_of_the_same_shop_and_connection_at_its_own_time(
    asking: Asking, failure: Exception | None
) -> None:
    """To apply what was found as to give up."""
    asking.failure = failure
    assert asking.call().status == (503 if failure else 200)
    first, second = asking.works
    assert second.shop is first.shop
    assert second.connection.client_id == first.connection.client_id
    assert second.now == first.now + 2_000 == asking.shop.clock.now()


def test_what_was_applied_is_the_key_s_answer(asking: Asking) -> None:
    """A retry gets the bytes, and asks nobody."""
    first = asking.call()
    stored = asking.call()
    assert (stored.status, stored.body) == (200, first.body)
    assert len(asking.works) == 2


def test_a_refusal_after_the_question_is_the_key_s_answer(asking: Asking) -> None:
    """As one before it is."""

    def refuse(_later: Work, _wanted: Any) -> object:
        raise BridgeError("cart_empty", "Nothing in it.")

    asking.apply = refuse
    first = asking.call()
    stored = asking.call()
    assert (first.status, first.code) == (422, "cart_empty")
    assert (stored.body, len(asking.works)) == (first.body, 2)


def test_a_refusal_after_the_question_and_a_change_is_a_fault(asking: Asking) -> None:
    """Its unit is rolled back, the claim is given up, and the key is free."""

    def late(later: Work, wanted: Any) -> object:
        CREATE.run(later, wanted)
        raise BridgeError("cart_empty", "Nothing in it.")

    asking.apply = late
    reply = asking.call()
    assert (reply.status, reply.code) == (500, "internal_error")
    assert len(asking.works) == 3
    asking.apply = CREATE.run
    assert asking.call().status == 200


def test_an_action_asks_once(asking: Asking) -> None:
    """One that would ask again after its answer is a fault, and keeps nothing."""
    asking.apply = asking.run
    assert (asking.call().code, len(asking.works)) == ("internal_error", 4)
