"""Card data where a person or a program can put text, and what only looks like it."""

import json
from typing import Any

from tests.rig import order_fields
from tests.servers.rows.row import CARD, OK, Row
from tests.servers.wire import Front, Request

NUMBERS = ("4111111111111111", "4111 1111 1111 1111")
_VISA, _SPACED = NUMBERS


def _update(front: Front, **fields: Any) -> Request:
    body = json.dumps({"cart_id": front.cart_id} | fields, ensure_ascii=False).encode()
    return front.request("cart.update", body=body)


def _note(name: str, decision: str, said: str) -> Row:
    return Row(name, decision, lambda front, _: _update(front, note=said))


def _metadata(name: str, value: dict[str, Any]) -> Row:
    return Row(name, CARD, lambda front, _: _update(front, metadata=value))


CARDS = (
    _note("a card number in a note", CARD, f"charge {_VISA} please"),
    _note("a card number with spaces", CARD, _SPACED),
    _note("a card number with zero-width spaces", CARD, _SPACED.replace(" ", "\u200b")),
    _note("a card number in full-width digits", CARD, "４１１１１１１１１１１１１１１１"),
    _note("a card number before a date", CARD, f"{_SPACED} 12/26"),
    _note("a Mastercard of the 2-series", CARD, "2223003122003222"),
    _note("an American Express card, grouped", CARD, "3782 822463 10005"),
    _note("track data", CARD, ";4111111111111111=26121010000"),
    _metadata("a card number as a JSON number", {"a": int(_VISA)}),
    _metadata("a card number as a name", {_VISA: "a"}),
    _metadata("a cvv", {"cvv": "123"}),
    Row("a card number as the Idempotency-Key", CARD, lambda front, _: front.request(key=_VISA)),
    Row(
        "a card number as a payment intent",
        CARD,
        lambda front, _: front.request(
            "convertToOrder", body=json.dumps(order_fields(front.cart_id, intent=_VISA)).encode()
        ),
    ),
    _note("three article numbers", OK, "5012345678900 4006381333931 9780201379624"),
    _note("a phone number and a date", OK, "+442071838750 on 2026-03-02"),
    _note("a time in milliseconds", OK, "1767225600000"),
    _note("a tracking number of 22 digits", OK, "9405511206213782479326"),
    _note("a masked card number", OK, "4111 **** **** 1111"),
    _note("sixteen digits that are no card", OK, "1234567890123456"),
)
