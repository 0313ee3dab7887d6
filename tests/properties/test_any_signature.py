"""Whatever was sent, an explanation is given, and it is nothing to sign with (protocol §2)."""

import base64
import hashlib
import hmac
import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.client.signing import sign
from orderflow_bridge.diagnosis import Explanation, Received, Signer, explain_signature
from tests.canary.marks import SECRET
from tests.properties.examples import examples

PREVIOUS = "ofs_cHJldmlvdXMtc2VjcmV0LW9mLXRoZS1jb25uZWN0aW9u"
CLIENT_ID = "ofc_7fk2mq9xt4b8c3d5e6g7"
SECONDS = 1_767_225_600
SIGNER = Signer(
    client_id=CLIENT_ID,
    name="Storefront",
    window=60,
    current=SECRET.encode(),
    previous=PREVIOUS.encode(),
    previous_until=SECONDS * 1000,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda document: json.dumps(document).encode())
HEADERS = (
    st.none()
    | st.binary(max_size=80)
    | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
MACS = st.binary(min_size=1, max_size=64)
SIGNATURES = (
    HEADERS
    | MACS.map(lambda mac: b"v1=" + mac.hex().encode())
    | MACS.map(lambda mac: b"v1=" + base64.b64encode(mac))
    | st.binary(min_size=4, max_size=4).map(lambda mac: b"v1=" + mac.hex().encode() + "…".encode())
)


def assert_nothing_to_sign_with(found: Explanation, text: bytes | None) -> None:
    """No secret is in it, and no MAC of the string to sign, however either is written."""
    written = msgspec.json.encode(found).decode() + repr(found) + repr(SIGNER)
    for secret in (SECRET, PREVIOUS):
        assert secret not in written
        assert secret[4:] not in written
        if text is not None:
            mac = hmac.digest(secret.encode(), text, "sha256")
            for spelled in (mac.hex(), mac.hex().upper(), base64.b64encode(mac).decode()):
                assert spelled not in written
                assert spelled[:16] not in written


@examples(100)
@given(
    method=st.sampled_from([b"POST", b"GET"]) | st.binary(max_size=8),
    action=st.sampled_from([b"cart.create", b"orders.get"]) | st.binary(max_size=30),
    client_id=st.just(CLIENT_ID.encode()) | HEADERS,
    in_path=st.just(CLIENT_ID.encode()) | HEADERS,
    timestamp=st.just(b"%d" % SECONDS) | HEADERS,
    key=HEADERS,
    signature=SIGNATURES,
    body=st.none() | BODIES,
    digest=st.none() | st.binary(min_size=32, max_size=32).map(lambda raw: raw.hex().encode()),
    now=st.integers(-(2**40), 2**42),
)
def test_anything_is_explained_and_nothing_is_told(
    method, action, client_id, in_path, timestamp, key, signature, body, digest, now
):
    """Whatever a stranger sends, no line of the explanation raises or can be signed with."""
    received = Received(
        method=method,
        action=action,
        path_client_id=in_path,
        client_id=client_id,
        timestamp=timestamp,
        key=key,
        signature=signature,
        body=body,
        body_sha256=digest,
        host=b"shop.example",
    )
    for signer in (SIGNER, None):
        found = explain_signature(received, signer, now=now, server_window=300)
        text = None if found.string_to_sign is None else found.string_to_sign.encode()
        assert_nothing_to_sign_with(found, text)


@examples(100)
@given(signed=BODIES, sent=BODIES, tail=st.binary(max_size=2))
def test_a_wrong_signature_never_leads_to_the_right_one(signed, sent, tail):
    """Who holds a signature of one body learns none of another."""
    headers = sign(
        client_id=CLIENT_ID,
        secret=SECRET,
        action="cart.create",
        body=signed,
        timestamp=SECONDS,
        idempotency_key="k-1",
    )
    body = sent + tail
    received = Received(
        action=b"cart.create",
        path_client_id=CLIENT_ID.encode(),
        client_id=CLIENT_ID.encode(),
        timestamp=b"%d" % SECONDS,
        key=b"k-1",
        signature=headers["X-Signature"].encode(),
        body=body,
    )
    found = explain_signature(received, SIGNER, now=SECONDS * 1000, server_window=300)
    assert (found.verdict == "right") == (body == signed)
    if body != signed:
        digest = hashlib.sha256(body).hexdigest()
        text = f"OFB1-HMAC-SHA256\n{SECONDS}\n{CLIENT_ID}\nPOST cart.create\nk-1\n{digest}"
        assert_nothing_to_sign_with(found, text.encode())
