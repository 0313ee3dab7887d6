"""What is signed, and that nothing else is (protocol §1)."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.security import signing

VECTORS = Path(__file__).parents[2] / "vectors"
CASES = json.loads((VECTORS / "signing.v1.json").read_text(encoding="utf-8"))["cases"]
PARTS = ("timestamp", "client_id", "method", "action", "idempotency_key", "body")

NODE = """
const { createHash, createHmac } = require("node:crypto");
const { cases } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((c) => {
  const body = c.body_repeat
    ? Buffer.alloc(c.body_repeat.count, Buffer.from(c.body_repeat.byte, "hex"))
    : Buffer.from(c.body_hex, "hex");
  const hash = createHash("sha256").update(body).digest("hex");
  const text = ["OFB1-HMAC-SHA256", c.timestamp, c.client_id, c.method + " " + c.action,
    c.idempotency_key, hash].join("\\n");
  return [hash, text, "v1=" + createHmac("sha256", c.secret).update(text).digest("hex")];
})));
"""

_names = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_tokens = _names + "0123456789_-"
parts = st.fixed_dictionaries(
    {
        "timestamp": st.integers(10**9, 10**10 - 1).map(lambda n: str(n).encode()),
        "client_id": st.text(_tokens, min_size=8, max_size=64).map(str.encode),
        "method": st.just(b"POST"),
        "action": st.from_regex(signing.ACTION, fullmatch=True),
        "idempotency_key": st.text(_tokens, max_size=128).map(str.encode),
        "body": st.binary(max_size=64),
    }
)


def tool(name: str) -> str:
    """Find a program, or skip; on the build server it must be there."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} must be there to check the vectors")
        pytest.skip(f"{name} is not installed")
    return path


def body_of(case: dict) -> bytes:
    """Give a case's raw body."""
    if "body_repeat" in case:
        return bytes.fromhex(case["body_repeat"]["byte"]) * case["body_repeat"]["count"]
    return bytes.fromhex(case["body_hex"])


def text_of(given_parts: dict) -> bytes:
    """Make the string to sign of parts."""
    fields = given_parts | {"body_sha256": hashlib.sha256(given_parts["body"]).hexdigest().encode()}
    del fields["body"]
    return signing.string_to_sign(**fields)


def parts_of(case: dict) -> dict:
    """Give a case's parts as bytes."""
    return {name: case[name].encode() for name in PARTS[:-1]} | {"body": body_of(case)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
class TestVectors:
    """Every published case."""

    def test_python_agrees(self, case):
        """The published strings and signatures are what the server computes."""
        assert hashlib.sha256(body_of(case)).hexdigest() == case["body_sha256"]
        text = text_of(parts_of(case))
        assert text == case["string_to_sign"].encode()
        made = "v1=" + signing.mac(case["secret"].encode(), text).hex()
        assert made == case["signature"]

    def test_openssl_agrees(self, case):
        """A second implementation of the hash and the HMAC gives the same bytes."""
        openssl = tool("openssl")

        def run(*options: str, text: bytes) -> str:
            done = subprocess.run(
                [openssl, "dgst", "-sha256", *options], input=text, capture_output=True, check=True
            )
            return done.stdout.decode().split()[-1]

        assert run(text=body_of(case)) == case["body_sha256"]
        key = f"hexkey:{case['secret'].encode().hex()}"
        text = case["string_to_sign"].encode()
        assert "v1=" + run("-mac", "HMAC", "-macopt", key, text=text) == case["signature"]

    def test_every_part_matches_its_grammar(self, case):
        """The vectors are requests that a server would take."""
        for name, grammar in (
            ("timestamp", signing.TIMESTAMP),
            ("client_id", signing.CLIENT_ID),
            ("action", signing.ACTION),
            ("signature", signing.SIGNATURE),
        ):
            assert grammar.fullmatch(case[name].encode()), name
        key = case["idempotency_key"].encode()
        assert not key or signing.IDEMPOTENCY_KEY.fullmatch(key)


def test_node_agrees_with_the_vectors():
    """A third implementation, from bodies to signatures, gives the same bytes."""
    done = subprocess.run(
        [tool("node"), "-e", NODE],
        input=json.dumps({"cases": CASES}),
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == [
        [case["body_sha256"], case["string_to_sign"], case["signature"]] for case in CASES
    ]


def test_the_vectors_differ_wherever_one_thing_differs():
    """No two cases share a string or a signature, and no name is used twice."""
    for member in ("name", "signature"):
        assert len({case[member] for case in CASES}) == len(CASES)
    shared = [case["string_to_sign"] for case in CASES]
    assert len(shared) - len(set(shared)) == 1, "one pair differs by the secret alone"


def test_the_vectors_cover_the_edges():
    """Empty, foreign, large and longest inputs are among the published cases."""
    bodies = [body_of(case) for case in CASES]
    assert b"" in bodies
    assert {65_536, 262_144} <= set(map(len, bodies))
    assert {0, 1, 128} <= {len(case["idempotency_key"]) for case in CASES}
    assert {8, 64} <= {len(case["client_id"]) for case in CASES}
    assert {"." in case["action"] for case in CASES} == {True, False}


@given(parts, parts)
def test_two_requests_never_share_a_string_to_sign(one, other):
    """The string to sign is injective over parts of the right grammar."""
    assert (text_of(one) == text_of(other)) == (one == other)


@given(parts)
def test_the_string_to_sign_can_be_read_back(one):
    """Six lines, of which each gives back its own part."""
    scheme, timestamp, client_id, call, key, digest = text_of(one).split(b"\n")
    assert scheme == b"OFB1-HMAC-SHA256"
    assert [timestamp, client_id, key] == [
        one["timestamp"],
        one["client_id"],
        one["idempotency_key"],
    ]
    assert call.split(b" ") == [b"POST", one["action"]]
    assert digest.decode() == hashlib.sha256(one["body"]).hexdigest()


@given(parts, st.sampled_from(PARTS), st.data())
def test_every_flipped_bit_changes_the_mac(one, name, data):
    """Attack row 22: no single bit of any part can be changed unseen."""
    value = one[name]
    if not value:
        return
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    flipped = bytearray(value)
    flipped[bit // 8] ^= 1 << bit % 8
    secret = b"ofs_" + b"x" * 43
    changed = text_of(one | {name: bytes(flipped)})
    assert signing.mac(secret, changed) != signing.mac(secret, text_of(one))


def test_every_single_bit_of_one_whole_request_counts():
    """Attack row 22, exhaustively for one request and for its secret."""
    one = parts_of(CASES[1])
    secret = CASES[1]["secret"].encode()
    macs = {signing.mac(secret, text_of(one))}
    flips = 0
    for name in PARTS:
        for bit in range(8 * len(one[name])):
            flipped = bytearray(one[name])
            flipped[bit // 8] ^= 1 << bit % 8
            macs.add(signing.mac(secret, text_of(one | {name: bytes(flipped)})))
            flips += 1
    for bit in range(8 * len(secret)):
        flipped = bytearray(secret)
        flipped[bit // 8] ^= 1 << bit % 8
        macs.add(signing.mac(bytes(flipped), text_of(one)))
        flips += 1
    assert len(macs) == flips + 1


@pytest.mark.parametrize(
    "value",
    [
        "1767225600 ", " 1767225600", "1767 225600", "1767225600\n", "\t1767225600",
        "１７６７２２５６００", "١٧٦٧٢٢٥٦٠٠",
        "+767225600", "+1767225600", "-1767225600", "+5", "-5",
        "5_000", "1_767225600", "0767225600", "01767225600", "1e9", "1.767225e9", "nan", "inf",
        "0x69ab3c40", "1.0", "1767225600.0", "2026-01-01T00:00:00Z", "1767225600000", "176722560",
        "9" * 400, "9" * 5000, "",
    ],
)  # fmt: skip
def test_a_timestamp_is_ten_ascii_digits_and_nothing_else(value: str):
    """Attack rows 2-7: what `int()` would take is not a timestamp."""
    assert signing.TIMESTAMP.fullmatch(value.encode()) is None


MAC = "49feeaba0d346c420a18c43066ecc12244d25a06924f7488828841830121fc89"


@pytest.mark.parametrize(
    "value",
    [
        "v1=" + MAC.upper(), "v1=" + MAC[:-1].lower() + "F", "v1=" + MAC[1:], "v1=" + MAC + "0",
        "v1=", "v1", "", "v0=" + MAC, "v2=" + MAC, "V1=" + MAC, "sha256=" + MAC, MAC,
        "v1=" + MAC[:40], "v1=" + base64.b64encode(bytes.fromhex(MAC)).decode(),
        "v1=" + base64.urlsafe_b64encode(bytes.fromhex(MAC)).decode().rstrip("="),
        "v1=" + "0" * 64 + ",v1=" + MAC, "v1=" + MAC + ",v1=" + MAC, "v1=" + MAC + " v1=" + MAC,
        "v1=" + MAC + "\n", " v1=" + MAC, "v1 =" + MAC, "v1= " + MAC, "v1=" + MAC[:-1] + "é",
        "v1=" + MAC[:-1] + "１", "v1=" + MAC + "\0",
    ],
)  # fmt: skip
def test_a_signature_has_one_spelling(value: str):
    """Attack rows 16-21: no other case, length, version, encoding or list is read."""
    assert signing.SIGNATURE.fullmatch(value.encode()) is None


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        (signing.CLIENT_ID, ["a" * 8, "a" * 64, "A_-9" * 2],
         ["a" * 7, "a" * 65, "a" * 8 + "\n", "../../..", "a\0aaaaaa",
          "😀" * 8, "a" * 10_000, "a.aaaaaa"]),
        (signing.ACTION, ["a", "cart.get", "convertToOrder"],
         ["", ".", "cart.", ".get", "cart..get", "a.b.c", "cart.get\n",
          "cart/get", "cart%2Eget", "cart_get", "a1"]),
        (signing.IDEMPOTENCY_KEY, ["a", "0" * 128, "8e03978e-40d5", "AZ_az-09"],
         ["", "0" * 129, "a b", "a\n", "a,b", "é", "a:b"]),
    ],
)  # fmt: skip
def test_ids_actions_and_keys_are_matched_whole(grammar, good, bad):
    """Attack rows 10, 13, 26, 53-55: a grammar takes all of its text or none of it."""
    assert all(grammar.fullmatch(text.encode()) for text in good)
    assert not any(grammar.fullmatch(text.encode()) for text in bad)


@pytest.mark.parametrize("name", ["CLIENT_ID", "TIMESTAMP", "SIGNATURE", "IDEMPOTENCY_KEY"])
def test_a_huge_header_is_refused_at_once(name):
    """A megabyte costs no more than its first bytes: no grammar goes back."""
    for text in (b"a", b"1", b"-", b"a.", b"v1="):
        assert getattr(signing, name).fullmatch(text * 1_000_000) is None
