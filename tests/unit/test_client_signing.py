"""The client's signer: what it makes, the server verifies; what it refuses, it names."""

import hashlib
import json

import pytest
from hypothesis import given

from orderflow_bridge.client.signing import sign, string_to_sign
from orderflow_bridge.security import signing
from tests.unit.test_signing import CASES, body_of, parts, text_of

SECRET = "ofs_" + "Ab3-_" * 8 + "xyz"
GOOD = {
    "client_id": "ofc_m2n4b6v8c1x3z5l7k9j0",
    "action": "cart.create",
    "body": b"{}",
    "timestamp": 1_767_225_600,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_client_agrees_with_the_vectors(case):
    """The signer that storefronts copy makes the published signatures."""
    headers = sign(
        client_id=case["client_id"],
        secret=case["secret"],
        action=case["action"],
        body=body_of(case),
        timestamp=int(case["timestamp"]),
        idempotency_key=case["idempotency_key"] or None,
    )
    assert headers["X-Signature"] == case["signature"]
    assert headers.get("Idempotency-Key", "") == case["idempotency_key"]


@given(parts)
def test_client_and_server_sign_the_same(one):
    """The two implementations agree on every request there can be."""
    given_parts = {
        "client_id": one["client_id"].decode(),
        "action": one["action"].decode(),
        "body": one["body"],
        "timestamp": int(one["timestamp"]),
        "idempotency_key": one["idempotency_key"].decode() or None,
    }
    text = text_of(one)
    assert string_to_sign(**given_parts) == text
    headers = sign(secret=SECRET, **given_parts)
    assert headers["X-Signature"] == "v1=" + signing.mac(SECRET.encode(), text).hex()
    for name, grammar in (
        ("X-Client-Id", signing.CLIENT_ID),
        ("X-Timestamp", signing.TIMESTAMP),
        ("X-Signature", signing.SIGNATURE),
    ):
        assert grammar.fullmatch(headers[name].encode())


def test_the_headers_are_those_of_the_protocol():
    """No key, no header; nothing that was not asked for."""
    assert list(sign(secret=SECRET, **GOOD)) == [
        "Content-Type", "X-Client-Id", "X-Timestamp", "X-Signature",
    ]  # fmt: skip
    with_key = sign(secret=SECRET, **GOOD, idempotency_key="k")
    assert with_key["Idempotency-Key"] == "k"
    assert with_key["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", "short"), ("client_id", "ofc_m2n4b6v8c1x3z5l7k9j0\n"),
        ("client_id", "ofc_é234567"),
        ("action", "cart.create\n"), ("action", ""), ("action", "cart/create"),
        ("idempotency_key", ""), ("idempotency_key", "a b"), ("idempotency_key", "k" * 129),
        ("body", "{}"), ("body", bytearray(b"{}")), ("body", None),
        ("timestamp", 1_767_225_600_000), ("timestamp", 1_767_225_600.5),
        ("timestamp", "1767225600"),
        ("timestamp", True), ("timestamp", -1),
        ("secret", SECRET[:-1]), ("secret", SECRET + "\n"), ("secret", SECRET[4:]),
        ("secret", "ofs_" + "é" * 43),
    ],
)  # fmt: skip
def test_a_malformed_piece_is_named_and_never_quoted(name, value):
    """One kind of error says which piece is wrong, without the secret."""
    with pytest.raises(ValueError, match=f"^{name} must") as refused:
        sign(**{"secret": SECRET} | GOOD | {name: value})
    assert SECRET[4:] not in str(refused.value)


def test_the_body_is_signed_as_bytes_and_not_as_json():
    """White space and escapes are part of what is signed."""
    bodies = [b'{"a":1}', b'{"a": 1}', b'{"\\u0061":1}', json.dumps({"a": 1}, indent=1).encode()]
    made = {sign(secret=SECRET, **GOOD | {"body": body})["X-Signature"] for body in bodies}
    assert len(made) == len(bodies)
    text = string_to_sign(**GOOD)
    assert text.endswith(b"\n\n" + hashlib.sha256(b"{}").hexdigest().encode())
