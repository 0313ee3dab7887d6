"""Payment intents that are no reference, are used, or pay for something else."""

import pytest

from tests.rig import ADDRESS, CUSTOMER, order_fields
from tests.security.attacks import Attack, Table
from tests.security.playing import rows
from tests.security.stage import CART, EMPTY_CART, OTHER, STRANGERS_CART, Stage

INVALID = "422 invalid_request"
USED = "409 payment_intent_used"
MISMATCH = "422 payment_mismatch"
NO_CART = "404 cart_not_found"
TOTAL = 4_200
"""What the lamp in the cart costs, in pence."""


def convert(name: str, expect: str, intent: str = "pi_lamp_0001", **sent: object) -> Attack:
    fields = sent.pop("fields", {})
    body = order_fields(sent.pop("cart", CART), intent=intent) | fields
    given = {"key": "key-convert"} | sent
    return Attack(name, expect, action="convertToOrder", body=body, **given)


def settled(amount: int, currency: str = "GBP"):
    return lambda stage: stage.shop.bridge.settle("pi_lamp_0001", amount=amount, currency=currency)


def order_of_another(stage: Stage) -> None:
    stage.fronts["another"].order(STRANGERS_CART, intent="pi_lamp_0001")


def order_of_mine(stage: Stage) -> None:
    stage.fronts["storefront"].order(CART, intent="pi_lamp_0001")


TABLE: Table = {
    "a payment intent that is no reference": [
        convert("digits alone", INVALID, "123456789012"),
        convert("a text with a space", INVALID, "pi lamp 0001"),
        convert("a path", INVALID, "../../refunds"),
        convert("a URL", INVALID, "https://pay.example/pi_1"),
        convert("a line feed behind", INVALID, "pi_lamp_0001\n"),
        convert("three characters", INVALID, "pi_"),
        convert("256 characters", INVALID, "pi_" + "a" * 253),
        convert("a list", INVALID, fields={"payment_intent": ["pi_lamp_0001"]}),
        convert("a reference", "200"),
        convert("a reference with dots and colons", "200", "pay.2026:01-a_b"),
    ],
    "a payment intent of another order": [
        convert("of another connection's", USED, given=order_of_another),
        convert(
            "of this connection's",
            USED,
            cart=EMPTY_CART,
            earlier=(
                Attack(
                    "",
                    "200",
                    action="items.add",
                    body={"cart_id": EMPTY_CART, "items": [{"sku": "mug", "quantity": 1}]},
                    given=order_of_mine,
                ),
            ),
        ),
        convert("the cart's own, again", "200", given=order_of_mine),
        convert(
            "another one for an order that is placed",
            "409 cart_converted",
            "pi_other_1",
            given=order_of_mine,
        ),
    ],
    "a payment of another amount or currency": [
        convert("a penny less", MISMATCH, given=settled(TOTAL - 1)),
        convert("a penny more", MISMATCH, given=settled(TOTAL + 1)),
        convert("nothing", MISMATCH, given=settled(0)),
        convert("the same number of yen", MISMATCH, given=settled(TOTAL, "JPY")),
        convert("the right one", "200", given=settled(TOTAL), says='"status":"paid"'),
        convert(
            "a total that the buyer never saw", "409 total_changed", fields={"expected_total": 1}
        ),
    ],
    "a cart or an order of another connection": [
        convert("converting", NO_CART, cart=STRANGERS_CART),
        Attack("reading", NO_CART, action="cart.get", body={"cart_id": STRANGERS_CART}),
        Attack(
            "changing",
            NO_CART,
            action="cart.update",
            body={"cart_id": STRANGERS_CART, "shipping_address": ADDRESS, "customer": CUSTOMER},
        ),
        Attack(
            "a cart's id in the place of an order's",
            "404 order_not_found",
            action="orders.get",
            body={"order_id": CART},
        ),
        Attack(
            "a client id in the place of a cart's",
            NO_CART,
            action="cart.get",
            body={"cart_id": OTHER},
        ),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_one_payment_pays_the_one_order_it_was_made_for(player, attack, level):
    """Nothing is ordered, taken from the stock, or marked paid otherwise."""
    player.play(attack, level)
