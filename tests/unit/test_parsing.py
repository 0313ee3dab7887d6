"""Strict JSON, no card data, the action's schema: steps 15 to 17 and their order (protocol §2)."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.parsing import parse

VISA = "4111111111111111"
MARKER = "zq7markerzq7"


def parsed(body: bytes | str | dict, action: str = "cart.create", key: str = ""):
    """Parse a body as one action's."""
    if isinstance(body, dict):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    return parse(msgspec.json.Decoder(ACTIONS[action].request), body, key=key)


def refused(body, action: str = "cart.create", key: str = "") -> BridgeError:
    """Give the refusal of a body."""
    with pytest.raises(BridgeError) as error:
        parsed(body, action, key)
    return error.value


def cart(**item) -> dict:
    """Make a cart with one item."""
    return {"currency": "GBP", "items": [{"sku": "mug", "quantity": 1} | item]}


def nested(levels: int) -> str:
    """Make an object of so many levels."""
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"[]", b'"x"', b"null", b"5", b"{", b'{"currency":"GBP"', b'{"currency":"GBP"}}',
        b"{}{}", b"{} x", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-16-le"),
        "{}".encode("utf-32"), b'{"currency":"\xff"}', b'{"\xff":1}', b'{"note":"\xed\xa0\x80"}',
        b'{"n":NaN}', b'{"n":Infinity}', b'{"n":-Infinity}', b'{"n":1e999}', b'{"n":01}',
        b'{"n":+1}',
        b'{"n":.5}', b'{"n":"\\ud800"}', b'{"n":"\\udc00"}', b'{"n":"\x01"}', b"{'n':1}",
        b'{"n":1,}',
        b'{"n":1}//', b'{"n":' + b"9" * 5000 + b"}", b"[" * 200_000, b'{"a":' * 200_000,
        nested(33).encode(), b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    ],
)  # fmt: skip
def test_what_is_not_one_strict_json_object_is_invalid_json(body):
    """Attack rows 65, 67, 68, 71, 72: no second reading of a body, and no fault."""
    error = refused(body)
    assert (error.code, error.members) == ("invalid_json", {})


def test_thirty_two_levels_are_read():
    """Attack row 68: the bound is explicit; at 32 the schema answers."""
    assert refused(nested(32)).code == "invalid_request"


def test_of_a_repeated_name_the_last_counts():
    """Attack row 66: and the hidden value goes nowhere."""
    found = parsed('{"currency":"EUR","currency":"GBP","metadata":{"a":1},"metadata":{"b":2}}')
    assert (found.currency, found.metadata) == ("GBP", {"b": 2})
    assert VISA not in repr(parsed(f'{{"metadata":{{"a":"{VISA}","a":"x"}}}}'))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"colour": "red"}, "/colour"),
        ({"currency": "gbp"}, "/currency"),
        ({"currency": 5}, "/currency"),
        ({"items": []}, "/items"),
        ({"items": [5]}, "/items/0"),
        (cart(quantity=0), "/items/0/quantity"),
        (cart(quantity=-1), "/items/0/quantity"),
        (cart(quantity=1.5), "/items/0/quantity"),
        (cart(quantity=2.0), "/items/0/quantity"),
        (cart(quantity=2**63), "/items/0/quantity"),
        (cart(quantity=True), "/items/0/quantity"),
        (cart(quantity="2"), "/items/0/quantity"),
        (cart(quantity=None), "/items/0/quantity"),
        (cart(sku=""), "/items/0/sku"),
        (cart(sku="x" * 65), "/items/0/sku"),
        (cart(unit_price=-1), "/items/0/unit_price"),
        (cart(colour="red"), "/items/0/colour"),
        ({"items": [{"quantity": 1}]}, "/items/0/sku"),
        ({"items": [{"sku": "a", "quantity": 1}] * 3 + [{"sku": "a"}]}, "/items/3/quantity"),
        (cart(options={"size": 5}), "/items/0/options/*"),
        ({"metadata": {"a": 1.5}}, "/metadata/*"),
        ({"metadata": {"a": "x" * 501}}, "/metadata/*"),
        ({"metadata": {f"k{n}": n for n in range(51)}}, "/metadata"),
        ({"customer": {"name": "x"}}, "/customer/email"),
        ({"x/y~z": 1}, "/*"),
        ({"x" * 65: 1}, "/*"),
        ({"\u202enote": 1}, "/*"),
    ],
)
def test_a_schema_error_points_at_its_place(body, path):
    """Attack rows 69 and 70: one error, with a JSON Pointer."""
    error = refused(body)
    assert error.code == "invalid_request"
    (only,) = error.members["errors"]
    assert only["path"] == path
    assert only["message"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"metadata":{"a":"x\\u0000"}}', "/metadata/a"),
        ('{"metadata":{"a\\u0000b":1}}', "/metadata"),
        ('{"customer":{"email":"z@example.com","name":"\\u0000"}}', "/customer/name"),
    ],
)
def test_nul_is_nowhere(body, path):
    """Attack row 71: what the schema takes is looked through for NUL."""
    error = refused(body)
    assert error.code == "invalid_request"
    assert error.members["errors"][0]["path"] == path


def test_an_escaped_backslash_before_u0000_is_no_nul():
    """Six honest characters are text."""
    assert parsed('{"metadata":{"a":"\\\\u0000"}}').metadata == {"a": "\\u0000"}


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("cart.create", {"currency": MARKER}),
        ("cart.create", {"metadata": {"a": [MARKER]}}),
        ("cart.create", cart(quantity=MARKER)),
        ("cart.create", cart(sku=f"{MARKER}\n")),
        ("cart.create", {f"{MARKER} as a name": 1}),
        ("cart.create", {"customer": {"email": MARKER}}),
        ("orders.list", {"status": MARKER}),
        ("orders.list", {"placed_after": MARKER}),
        ("orders.list", {"limit": MARKER}),
        ("convertToOrder", {"cart_id": "c", "payment_intent": f"{MARKER} !"}),
        ("convertToOrder", {"cart_id": "c", "payment_intent": "77777777777"}),
    ],
)
def test_a_refusal_never_repeats_a_value(action, body):
    """What was sent is not sent back."""
    error = refused(body, action)
    assert error.code == "invalid_request"
    shown = str(error) + json.dumps(dict(error.members))
    assert MARKER not in shown
    assert "77777777777" not in shown


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"metadata": {"note": VISA}}, "/metadata/note"),
        ({"metadata": {VISA: 1}}, "/metadata/*"),
        ({"metadata": {"n": int(VISA)}}, "/metadata/n"),
        ({"customer": {"email": "z@example.com", "name": f"Zoë {VISA}"}}, "/customer/name"),
        ({"colour": VISA}, "/colour"),
        ({"cvv": "123"}, "/cvv"),
        ({"currency": VISA, "quantity": "wrong"}, "/currency"),
        ({"metadata": {"a": {"b": [VISA]}}}, "/metadata/a/b/0"),
    ],
)
def test_card_data_answers_before_the_schema(body, path):
    """Attack row 73: step 16 comes before step 17, in fields that exist and in others."""
    error = refused(body)
    assert (error.code, error.members["path"]) == ("pan_detected", path)
    assert VISA not in str(error) + json.dumps(dict(error.members))


@pytest.mark.parametrize("body", [{}, {"colour": "red"}, {"currency": "GBP"}])
def test_a_card_number_as_the_idempotency_key_is_refused(body):
    """Attack row 73: whatever the body is, as long as it is JSON."""
    error = refused(body, key=VISA)
    assert (error.code, error.members["path"]) == ("pan_detected", "Idempotency-Key")


def test_invalid_json_answers_before_card_data():
    """Step 15 comes before step 16, for the body and for the key."""
    assert refused(f'{{"note":"{VISA}"', key=VISA).code == "invalid_json"
    assert refused(f'["{VISA}"]').code == "invalid_json"
    assert refused(f'{{"a":"{VISA}","b":{nested(32)}}}').code == "invalid_json"


@pytest.mark.parametrize(
    "text",
    [
        "5012345678900 4006381333931 9780201379624",
        "4111 **** **** 1111",
        "1767225600000",
        "4111111111111112",
    ],
)
def test_honest_numbers_pass(text):
    """Attack rows 76 and 77, through the parser."""
    assert parsed({"currency": "GBP", "metadata": {"note": text}}).metadata == {"note": text}


@given(st.binary(max_size=200))
def test_no_body_makes_anything_but_a_refusal(body):
    """Whatever bytes come, the answer is a request or one of three codes."""
    for action in ("cart.create", "convertToOrder", "orders.list"):
        try:
            parsed(body, action)
        except BridgeError as error:
            assert error.code in ("invalid_json", "pan_detected", "invalid_request")  # noqa: PT017


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["currency", "items", "customer", "metadata", "cart_id", "limit"]), values
    )
)
def test_every_pointer_is_one(body):
    """Any JSON object is taken or refused, and what points, points with slashes."""
    for action in ("cart.create", "orders.list"):
        try:
            parsed(body, action)
        except BridgeError as error:
            for found in error.members.get("errors", []):
                assert found["path"] == "" or found["path"].startswith("/")


@pytest.mark.parametrize(
    "named", ["a` - at `$.items[0].sku", "a` - at `$", "a` - at `key` in `$.x"]
)
def test_the_name_of_a_field_tells_no_other_place(named: str):
    """A field that is called like the end of a message is where it stands, under no name."""
    for body in ({"currency": "GBP", named: 1}, {named: {named: 1}}):
        [told] = refused(body).members["errors"]
        assert told == {"path": "/*", "message": "is not a field here"}
    [told] = refused(cart(**{named: 1})).members["errors"]
    assert told == {"path": "/items/0/*", "message": "is not a field here"}
