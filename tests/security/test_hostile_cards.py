"""Card data, wherever a person or a program can put text; and what only looks like it."""

import json

import pytest

from tests.rig import CUSTOMER, item, order_fields
from tests.security.attacks import Attack, Table
from tests.security.levels import LEVELS, Level
from tests.security.playing import rows
from tests.security.stage import CART, CLIENT

CARD = "422 pan_detected"
VISA = "4111111111111111"


def place(name: str, shown: str, action: str = "cart.update", **fields: object) -> Attack:
    """Put a card number somewhere; `shown` is where the refusal says that it stands."""
    body = fields if action == "cart.create" else {"cart_id": CART} | fields
    return Attack(name, CARD, action=action, body=body, key="key-card", says=f'"path":"{shown}"')


def note(text: str, expect: str = CARD, name: str | None = None) -> Attack:
    """Write a text into the note of a cart."""
    body = {"cart_id": CART, "note": text}
    return Attack(name or text, expect, action="cart.update", body=body, key="key-note")


def raw(name: str, body: str) -> Attack:
    return Attack(name, CARD, body=body.encode())


def buying(**fields: object) -> dict[str, object]:
    return {
        name: value for name, value in order_fields(CART, **fields).items() if name != "cart_id"
    }


TABLE: Table = {
    "a card number": [
        place("in a note", "/note", note=f"charge {VISA} please"),
        place("in the name of a customer", "/customer/name", customer=CUSTOMER | {"name": VISA}),
        place("as a phone", "/customer/phone", customer=CUSTOMER | {"phone": VISA}),
        place("in metadata", "/metadata/a", metadata={"a": VISA}),
        place("as a name in metadata", "/metadata/*", metadata={VISA: "a"}),
        place("as a number", "/metadata/a", metadata={"a": int(VISA)}),
        place("as an unknown field", "/card_number", card_number=VISA),
        place("as the name of an unknown field", "/*", **{VISA: 1}),
        place("as a sku", "/items/0/sku", action="items.add", items=[item(VISA)]),
        place(
            "in an option",
            "/items/0/options/a",
            action="items.add",
            items=[item("mug", options={"a": VISA})],
        ),
        place("as a cart's id", "/cart_id", cart_id=VISA),
        place(
            "as a payment intent", "/payment_intent", action="convertToOrder", **buying(intent=VISA)
        ),
        place(
            "inside a payment intent",
            "/payment_intent",
            action="convertToOrder",
            **buying(intent=f"pi_{VISA}"),
        ),
        place(
            "as a purchase order",
            "/purchase_order",
            action="convertToOrder",
            **buying(purchase_order=VISA),
        ),
        place("below an unknown field", "/a/0/b", a=[{"b": VISA}]),
        Attack("as the Idempotency-Key", CARD, key=VISA, says='"path":"Idempotency-Key"'),
        Attack(
            "inside the Idempotency-Key", CARD, key=f"order-{VISA}", says='"path":"Idempotency-Key"'
        ),
        raw("as a number with an exponent", '{"metadata": {"a": 4.111111111111111e15}}'),
        raw("hidden by escapes", r'{"metadata": {"a": "\u00341111111111\u00311111"}}'),
        raw("hidden in an escaped name", r'{"metadata": {"\u0034111111111111111": 1}}'),
    ],
    "a card number in disguise": [
        note("4111 1111 1111 1111"),
        note("4111-1111-1111-1111"),
        note("4111.1111.1111.1111"),
        note("4111_1111_1111_1111"),
        note("4111\u00a01111\u00a01111\u00a01111", name="no-break spaces"),
        note("4111\u200b1111\u200b1111\u200b1111", name="zero-width spaces"),
        note("4111\u00ad111111111111", name="a soft hyphen"),
        note("４１１１１１１１１１１１１１１１", name="full-width digits"),
        note("٤١١١١١١١١١١١١١١١", name="Arabic-Indic digits"),
        note("𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏", name="mathematical digits"),
        note("4111 1111 1111 1111 12/26"),
        note("4111 1111 1111 1111 123"),
        note("card:4111111111111111."),
        note("visa4111111111111111"),
    ],
    "a card of another scheme, track data, a security code": [
        note("2223003122003222", name="Mastercard, 2-series"),
        note("5555555555554444", name="Mastercard"),
        note("6205500000000000004", name="UnionPay, 19 digits"),
        note("378282246310005", name="American Express"),
        note("3782 822463 10005", name="American Express, grouped"),
        note("30569309025904", name="Diners Club"),
        note("6011111111111117", name="Discover"),
        note("3530111333300000", name="JCB"),
        note("%B4111111111111111^DOE/J^2612101", name="track 1"),
        note(";4111111111111111=26121010000", name="track 2"),
        place("cvv", "/metadata/cvv", metadata={"cvv": "123"}),
        place("CVC, a number", "/metadata/CVC", metadata={"CVC": 123}),
        place("card_number, masked", "/metadata/card_number", metadata={"card_number": "x"}),
        place("an unknown field", "/cvv2", cvv2="123"),
    ],
    "what is no card": [
        note("5012345678900 4006381333931 9780201379624", "200", "three article numbers"),
        note("+442071838750 on 2026-03-02", "200", "a phone and a date"),
        note("1767225600000 1772451000250", "200", "two times in milliseconds"),
        note("9405511206213782479326", "200", "a tracking number of 22 digits"),
        note("OF-000123 and 100004521", "200", "order numbers"),
        note("8e03978e-40d5-43e8-bc93-6894a57f9324", "200", "a UUID"),
        Attack("an empty cvv", "200", body={"currency": "GBP", "metadata": {"cvv": ""}}),
        Attack("a UUID as the key", "200", key="8e03978e-40d5-43e8-bc93-6894a57f9324"),
    ],
    "a masked card, a wrong check digit": [
        note("4111 **** **** 1111", "200"),
        note("************1111", "200"),
        note("4111111111111112", "200", "a wrong check digit"),
        note("1234567890123456", "200", "sixteen digits"),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_card_data_is_refused_and_nothing_else_is(player, attack, level):
    """The refusal names the place and never the number; nothing is stored or logged."""
    player.play(attack, level)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_a_card_number_in_the_other_headers_is_not_logged(player, caplog, level: Level):
    """Nor in the path: whatever is refused earlier is not repeated either."""
    changes = (
        {"headers": {"X-Timestamp": VISA}},
        {"headers": {"X-Client-Id": VISA}},
        {"headers": {"X-Signature": VISA}},
        {"headers": {"X-Client-Id": VISA}, "path": f"/{VISA}/cart.create"},
        {"path": f"/{VISA}/cart.create"},
        {"path": f"/{VISA}"},
        {"path": f"/{CLIENT}/{VISA}"},
        {"path": f"/{CLIENT}/cart.create?card={VISA}"},
        {"method": VISA},
        {"headers": {"User-Agent": VISA, "Cookie": f"card={VISA}"}},
    )
    with player.stage(level, Attack("", "200")) as stage:
        for change in changes:
            answer = level.send(stage.shop.bridge, Attack("", "", **change).sent(stage))
            assert VISA not in answer.body.decode()
        assert VISA not in json.dumps(stage.shop.bridge.refusals(), default=repr, skipkeys=True)
        assert VISA not in repr(stage.contents())
    assert VISA not in caplog.text
