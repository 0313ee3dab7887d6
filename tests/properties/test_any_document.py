"""Whatever a rightly signed document says has a published answer, and nothing is half done."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.actions import ACTIONS
from tests.properties.examples import examples
from tests.rig import ADDRESS, CUSTOMER, item, order_fields
from tests.stage import Stage, listening, open_stage

TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["mug", "lamp", "GBP", "", "\x00", "pi_0001", "GB", "4111111111111111"]),
)
NUMBERS = st.integers(-(2**70), 2**70) | st.sampled_from([2**53 - 1, 2**53, 2**63, 10**30])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.integers(-1, 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
)


def documents(stage: Stage) -> dict[str, dict[str, Any]]:
    """Give for each action a document that says everything it can."""
    told = {name.decode(): value.decode() for name, value in stage.known.items()}
    cart_id, line_id, order_id = told["cart"], told["line"], told["order"]
    full = {
        "customer": CUSTOMER,
        "shipping_address": ADDRESS | {"line2": "Flat 2", "region": "W"},
        "billing_address": None,
        "shipping_method": "post",
        "note": "Thanks",
        "metadata": {"gift": True, "count": 3, "from": "Zoë"},
    }
    own = item("own", unit_price=250, name="Own") | {"options": {"size": "L"}, "metadata": {}}
    documents = {
        "cart.create": {"currency": "GBP", "items": [item("mug"), own], "customer": CUSTOMER},
        "cart.update": {"cart_id": cart_id, "expected_version": 1} | full,
        "items.add": {"cart_id": cart_id, "items": [item("tea", 3), own, item("lamp")]},
        "items.update": {"cart_id": cart_id, "items": [{"line_id": line_id, "quantity": 2}]},
        "items.remove": {"cart_id": cart_id, "line_ids": [line_id], "expected_version": 1},
        "convertToOrder": order_fields(cart_id) | full | {"expected_total": 1},
        "orders.list": {
            "status": "paid",
            "placed_after": "2026-01-01T00:00:00Z",
            "placed_before": "9999-12-31T23:59:59-14:00",
            "email": CUSTOMER["email"],
            "limit": 3,
            "cursor": "MTIzOm9yZGVyXzE",
        },
        "orders.cancel": {"order_id": order_id, "reason": "Too late"},
    }
    for name in ("cart.get", "shipping.options"):
        documents[name] = {"cart_id": cart_id}
    for name in ("orders.get", "orders.confirmPayment"):
        documents[name] = {"order_id": order_id}
    return documents


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Walk over every place of a document: what holds it, and under which name."""
    names = list(value) if isinstance(value, dict) else range(len(value))
    for name in names:
        yield value, name
        if isinstance(value[name], dict | list):
            yield from places(value[name])


def alike(value: Any) -> st.SearchStrategy[Any]:
    """Give another value of the same kind: what a schema takes goes on to the rules."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ANYTHING
    if isinstance(value, int):
        return NUMBERS | st.integers(-2, 5)
    byte = st.characters(min_codepoint=32, max_codepoint=126)
    return TEXT | st.text(byte, min_size=1, max_size=30) | st.just(value + "é")


@st.composite
def confused(draw: st.DrawFn, document: dict[str, Any]) -> bytes:
    """Put anything in a few places of a document, or take them away."""
    copy = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(0, 3))):
        found = list(places(copy))
        if not found:
            break
        holder, name = draw(st.sampled_from(found))
        what = draw(st.sampled_from(["replace", "alike", "alike", "remove", "add"]))
        if what == "remove":
            del holder[name]
        elif what == "replace":
            holder[name] = draw(ANYTHING)
        elif what == "alike":
            holder[name] = draw(alike(holder[name]))
        elif isinstance(holder, dict):
            holder[draw(TEXT)] = draw(ANYTHING)
        else:
            holder.append(draw(ANYTHING))
    return json.dumps(copy, ensure_ascii=draw(st.booleans())).encode()


def call(stage: Stage, action: str, body: bytes, *, key: str = "") -> None:
    stage.send(stage.signed(stage.first, action.encode(), key.encode(), body))


@pytest.mark.parametrize("action", ACTIONS)
def test_any_document_has_a_published_answer(action: str) -> None:
    """Types confused, fields lost and added: no fault, and money and stock add up."""
    stage = open_stage(None)
    goods = json.dumps({"currency": "GBP", "items": [item("mug", 2), item("lamp")]}).encode()

    def another_cart() -> None:
        stage.clock.forward(1)
        call(stage, "cart.create", goods)

    another_cart()
    order = order_fields(stage.known[b"cart"].decode(), intent="pi_first")
    call(stage, "convertToOrder", json.dumps(order).encode())
    another_cart()
    right = documents(stage)[action]

    @examples(80)
    @given(st.one_of(confused(right), confused(right), ANYTHING.map(json.dumps).map(str.encode)))
    def try_one(body: bytes) -> None:
        stage.clock.forward(1)
        call(stage, action, body, key=f"key-{len(stage.seen)}")

    with listening(stage.lines):
        try_one()
    stage.hold_all()
    outcomes = {one.outcome for one in stage.seen[3:]}
    assert "invalid_request" in outcomes
    assert len(outcomes) > 1
