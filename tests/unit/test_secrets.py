"""Master keys and the secrets that are derived from them (protocol §1, Secrets)."""

import base64
import hashlib
import hmac
import json
import pickle
import subprocess
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.security import secrets
from orderflow_bridge.security.secrets import KEY_BYTES, MasterKeyRing, matching, new_master_key
from tests.rig import MASTER_KEY, RING
from tests.unit.test_signing import VECTORS, tool

CASES = json.loads((VECTORS / "secrets.v1.json").read_text(encoding="utf-8"))["cases"]
SETUP = json.loads((VECTORS / "requests.v1.json").read_text(encoding="utf-8"))["setup"]
SALT = "OFB1-HMAC-SHA256"
PUBLISHED = sorted(
    {case["master_key"] for case in CASES}
    | {entry.partition(":")[2] for entry in SETUP["master_keys"].split(",")}
)
CLIENT = "ofc_m2n4b6v8c1x3z5l7k9j0"
NONCE = bytes(range(16))

NODE = """
const { hkdfSync } = require("node:crypto");
const { cases } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((c) => {
  const info = Buffer.concat([Buffer.from("ofb1-secret\\0" + c.client_id + "\\0"),
    Buffer.from(c.nonce_hex, "hex")]);
  const key = Buffer.from(c.master_key, "base64url");
  const made = Buffer.from(hkdfSync("sha256", key, "OFB1-HMAC-SHA256", info, 32));
  return "ofs_" + made.toString("base64url");
})));
"""


def refusal(key: bytes) -> str:
    """Tell why a key is no master key, or nothing."""
    try:
        MasterKeyRing.parse(f"k1:{encoded(key)}")
    except ConfigurationError as refused:
        return str(refused)
    return ""


def decoded(text: str) -> bytes:
    """Read unpadded base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(value: bytes) -> str:
    """Write unpadded base64url."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def info_of(case: dict) -> bytes:
    """Make the info of HKDF."""
    return b"ofb1-secret\0" + case["client_id"].encode() + b"\0" + bytes.fromhex(case["nonce_hex"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
class TestVectors:
    """Three implementations of one derivation."""

    def test_python_agrees(self, case, monkeypatch):
        """A ring of the published key derives the published secret."""
        monkeypatch.setattr(secrets, "_PUBLISHED", frozenset())
        ring = MasterKeyRing.parse(f"k:{case['master_key']}")
        derived = ring.derive("k", case["client_id"], bytes.fromhex(case["nonce_hex"]))
        assert derived == case["secret"].encode()

    def test_rfc_5869_by_hand_agrees(self, case):
        """Extract and expand, written out, give the published steps and the same secret."""
        extracted = hmac.digest(SALT.encode(), decoded(case["master_key"]), "sha256")
        block = hmac.digest(extracted, info_of(case) + b"\x01", "sha256")
        assert extracted.hex() == case["prk_hex"]
        assert info_of(case).hex() == case["info_hex"]
        assert block.hex() == case["okm_hex"]
        assert "ofs_" + encoded(block) == case["secret"]

    def test_openssl_agrees(self, case):
        """A second implementation of HKDF gives the same bytes."""
        done = subprocess.run(
            [
                tool("openssl"), "kdf", "-keylen", "32", "-binary",
                "-kdfopt", "digest:SHA256",
                "-kdfopt", f"hexkey:{decoded(case['master_key']).hex()}",
                "-kdfopt", f"salt:{SALT}", "-kdfopt", f"hexinfo:{info_of(case).hex()}", "HKDF",
            ],
            capture_output=True,
            check=True,
        )  # fmt: skip
        assert "ofs_" + encoded(done.stdout) == case["secret"]


def test_node_agrees_with_the_vectors():
    """A third implementation of HKDF gives the same secrets."""
    done = subprocess.run(
        [tool("node"), "-e", NODE],
        input=json.dumps({"cases": CASES}),
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == [case["secret"] for case in CASES]


@pytest.mark.parametrize("key", PUBLISHED)
def test_a_published_key_is_refused(key):
    """Attack row 92: what the vectors show is nobody's master key, in any place of the ring."""
    assert hashlib.sha256(decoded(key)).hexdigest() in secrets._PUBLISHED
    for ring in (f"k1:{key}", f"{RING},k2:{key}"):
        with pytest.raises(ConfigurationError, match="published as an example") as refused:
            MasterKeyRing.parse(ring)
        assert key not in str(refused.value)
    with pytest.raises(ValueError, match="published"):
        new_master_key(decoded(key))


def test_each_published_key_is_refused_for_being_published_only(monkeypatch):
    """The examples are good keys otherwise, so that nothing but their fame refuses them."""
    monkeypatch.setattr(secrets, "_PUBLISHED", frozenset())
    for key in PUBLISHED:
        assert MasterKeyRing.parse(f"k1:{key}").issuing == "k1"


SHORT = encoded(bytes(range(0, 248, 8)))


CARD_ID = "has an id that looks like a card number; give it another"
A_SECRET = "is the secret of a connection, not a master key"
NO_BASE64URL = "is not unpadded base64url"
CAPITALS = "QWX7ZKM2RNP4TVB8HJC3FGD9SLY6-A5EU1QOZI0KMR8"


@pytest.mark.parametrize(
    ("ring", "reason"),
    [
        ("", "no master key"),
        (" \n", "no master key"),
        (MASTER_KEY, "not written `id:key`"),
        (f":{MASTER_KEY}", "not written `id:key`"),
        (f"a b:{MASTER_KEY}", "not written `id:key`"),
        (f"{'k' * 33}:{MASTER_KEY}", "not written `id:key`"),
        (f"k1:{MASTER_KEY},", "key 2 of the ring is not written"),
        (f"k1:{MASTER_KEY},k1:{MASTER_KEY}", "key 2 of the ring repeats the id"),
        (f"k1:{MASTER_KEY}=", "unpadded base64url"),
        (f"k1:{MASTER_KEY[:-1]}+", "unpadded base64url"),
        (f"k1:{MASTER_KEY[:-1]}F", "one spelling"),
        (f"k1:{MASTER_KEY}AA", "unpadded base64url"),
        ("k1:", f"^Master key 1 of the ring {NO_BASE64URL}: "),
        (f"k0:{MASTER_KEY},4111111111111111:{MASTER_KEY}", f"^Master key 2 of the ring {CARD_ID}:"),
        (f"k0:{MASTER_KEY},k1:ofs_{'Ab3-' * 10}xyz", f"^Master key 2 of the ring {A_SECRET}: "),
        (f"k0:{MASTER_KEY},k1:{MASTER_KEY}=", f"^Master key 2 of the ring {NO_BASE64URL}: "),
        (f"k0:{MASTER_KEY},k1:{MASTER_KEY}AA", f"^Master key 2 of the ring {NO_BASE64URL}: "),
        (f"k0:{MASTER_KEY},k1:{MASTER_KEY[:-1]}F", f"^Master key 2 of the ring {NO_BASE64URL} in "),
        (f"k0:{MASTER_KEY},k1:{SHORT}", "^Master key 2 of the ring has fewer than 32 bytes: "),
        (f"k1:{CAPITALS}", "looks typed or hexadecimal"),
        (f"k1:{CAPITALS.lower()}", "looks typed or hexadecimal"),
        (f"k1:{SHORT}", "fewer than 32 bytes"),
        (f"k1:ofs_{'Ab3-' * 10}xyz", "secret of a connection"),
        (f"k1:{encoded(bytes(32))}", "repeats or counts"),
        (f"k1:{encoded(bytes(range(32)))}", "published as an example"),
        (f"k1:{encoded(bytes(range(48)))}", "published as an example"),
        (f"k1:{encoded(bytes(range(1, 33)))}", "published as an example"),
        (f"k1:{encoded(bytes(range(100, 132)))}", "repeats or counts"),
        (f"k1:{encoded(bytes(range(64, 0, -2)))}", "repeats or counts"),
        (f"k1:{encoded(hashlib.sha256(b'half').digest()[:16] * 2)}", "repeats or counts"),
        (f"k1:{encoded(b'correct horse battery staple 0123')}", "text instead of random"),
        (f"k1:{hashlib.sha256(b'hex').hexdigest()}", "hexadecimal"),
    ],
)  # fmt: skip
def test_a_bad_ring_is_refused_with_the_fix(ring, reason):
    """Attack row 92: the message names the place and the fix, and never quotes a key."""
    with pytest.raises(ConfigurationError, match=reason) as refused:
        MasterKeyRing.parse(ring)
    message = str(refused.value)
    assert "orderflow-bridge init" in message
    for entry in ring.split(","):
        key = entry.strip().rpartition(":")[2]
        assert len(key) < 8 or key not in message


@pytest.mark.parametrize(
    "secret",
    [
        *sorted({case["secret"] for case in CASES}),
        "ofs_RVhBTVBMRS1PTkxZLU5FVkVSLUlOLVBST0RVQ1RJT04",
    ],
)
def test_the_secret_of_a_connection_is_no_master_key(secret):
    """A storefront knows it, and the published ones are known to everyone."""
    with pytest.raises(ConfigurationError, match="secret of a connection") as refused:
        MasterKeyRing.parse(f"k1:{secret}")
    assert secret[4:] not in str(refused.value)


@given(st.binary(min_size=8, max_size=40), st.sampled_from([":", "k1:k2:", "", "k1:=", "a,"]))
def test_no_refusal_shows_a_part_of_a_key(key, before):
    """A misplaced colon or comma puts a key where it is not expected; it is not quoted there."""
    text = encoded(key)
    with pytest.raises(ConfigurationError) as refused:
        MasterKeyRing.parse(before + text)
    shown = str(refused.value) + str(refused.value.__cause__)
    assert not any(text[at : at + 6] in shown for at in range(len(text) - 5))


@given(st.binary(min_size=32, max_size=80))
def test_new_keys_are_read_back_or_refused(random):
    """What `new_master_key` writes, `parse` takes; what it refuses, `parse` refuses."""
    try:
        written = new_master_key(random)
    except ValueError:
        with pytest.raises(ConfigurationError):
            MasterKeyRing.parse(f"k:{encoded(random)}")
    else:
        assert MasterKeyRing.parse(f"k:{written}").derive("k", CLIENT, NONCE) is not None


def test_the_first_key_issues_and_the_others_still_derive():
    """A ring can be turned: old connections keep their secrets."""
    other = new_master_key(hashlib.sha256(b"another").digest())
    old, turned = MasterKeyRing.parse(RING), MasterKeyRing.parse(f" k2:{other} , {RING} ")
    assert (old.issuing, turned.issuing) == ("k1", "k2")
    assert turned.ids == ("k2", "k1")
    secret = old.derive("k1", CLIENT, NONCE)
    assert turned.derive("k1", CLIENT, NONCE) == secret
    assert turned.derive("k2", CLIENT, NONCE) not in (None, secret)
    assert turned.derive("k3", CLIENT, NONCE) is None


@given(
    st.tuples(st.text("ab-_0", min_size=8, max_size=12), st.binary(min_size=16, max_size=16)),
    st.tuples(st.text("ab-_0", min_size=8, max_size=12), st.binary(min_size=16, max_size=16)),
)
def test_no_two_issues_share_a_secret(one, other):
    """Client id and nonce both count, and cannot be moved into each other."""
    ring = MasterKeyRing.parse(RING)
    assert (ring.derive("k1", *one) == ring.derive("k1", *other)) == (one == other)


def test_an_id_of_a_key_is_of_letters_digits_and_two_signs():
    """In either case, up to 32 of them."""
    for key_id in ("k", "Zz_-09", "K" * 32):
        assert MasterKeyRing.parse(f"{key_id}:{MASTER_KEY}").issuing == key_id


@pytest.mark.parametrize(("distinct", "reason"), [(16, ""), (15, "repeats or counts")])
def test_half_of_the_bytes_may_be_repeated(distinct: int, reason: str):
    """Fewer than sixteen different bytes in a key are no accident."""
    draw = Random(1)
    some = draw.sample(range(128, 256), distinct)
    key = bytes(draw.sample(some, distinct) + draw.choices(some, k=KEY_BYTES - distinct))
    assert len(set(key)) == distinct
    assert reason in refusal(key)
    assert bool(reason) == bool(refusal(key))


@pytest.mark.parametrize(("distinct", "reason"), [(8, ""), (7, "repeats or counts")])
def test_a_key_that_counts_with_few_steps_is_refused(distinct: int, reason: str):
    """Fewer than eight different steps from byte to byte are no accident."""
    draw = Random(2)
    some = draw.sample(range(1, 256), distinct)
    steps = [*some, *draw.choices(some, k=KEY_BYTES - 1 - distinct)]
    key = bytes(step % 256 for step in accumulate(steps, initial=3))
    assert len(set(key)) >= 16
    assert reason in refusal(key)
    assert bool(reason) == bool(refusal(key))


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_nonce_is_sixteen_bytes(length):
    """Another length could make two issues share a secret."""
    with pytest.raises(ValueError, match="16"):
        MasterKeyRing.parse(RING).derive("k1", CLIENT, bytes(length))


def test_a_decoy_is_no_secret_of_anybody():
    """What stands in for a missing secret has its form, and is derived apart."""
    ring = MasterKeyRing.parse(RING)
    decoy = ring.decoy(CLIENT)
    assert len(decoy) == len("ofs_") + 43
    assert decoy not in {ring.derive("k1", CLIENT, nonce) for nonce in (NONCE, bytes(16))}


def test_a_ring_shows_no_key_and_cannot_be_pickled():
    """Neither a log line nor a copied process may carry a key away."""
    ring = MasterKeyRing.parse(RING)
    assert repr(ring) == str(ring) == "MasterKeyRing(k1)"
    with pytest.raises(TypeError):
        pickle.dumps(ring)


class TestMatching:
    """Which of two secrets signed."""

    TEXT = b"OFB1-HMAC-SHA256\nand five more lines"
    SECRETS = (b"ofs_current", b"ofs_previous")

    def presented(self, secret: bytes) -> bytes:
        """Sign as a client does."""
        return hmac.new(secret, self.TEXT, "sha256").hexdigest().encode()

    @pytest.mark.parametrize("which", [0, 1])
    def test_either_secret_matches_and_gives_the_computed_mac(self, which):
        """The MAC of the answer is the server's own."""
        secret = self.SECRETS[which]
        found = matching(self.presented(secret), self.TEXT, self.SECRETS)
        assert found == (which, hmac.digest(secret, self.TEXT, "sha256"))

    def test_no_other_secret_matches(self):
        """And there is no MAC to spend then."""
        assert matching(self.presented(b"ofs_x"), self.TEXT, self.SECRETS) == (None, b"")

    @pytest.mark.parametrize("signer", [b"ofs_current", b"ofs_previous", b"ofs_x"])
    def test_two_macs_are_computed_whichever_matches(self, signer, monkeypatch):
        """Time does not tell which secret was right, or whether one was."""
        counted = []

        def counting(secret: bytes, text: bytes) -> bytes:
            counted.append(secret)
            return hmac.digest(secret, text, "sha256")

        monkeypatch.setattr(secrets, "mac", counting)
        matching(self.presented(signer), self.TEXT, self.SECRETS)
        assert counted == list(self.SECRETS)

    @pytest.mark.parametrize("signer", [b"ofs_current", b"ofs_previous", b"ofs_x"])
    def test_two_digests_of_one_length_are_compared_whichever_matches(self, signer, monkeypatch):
        """A comparison that stops early would tell how much was right."""
        presented = self.presented(signer)
        compare, compared = hmac.compare_digest, []

        def counting(one: bytes, other: bytes) -> bool:
            compared.append((len(one), len(other)))
            return compare(one, other)

        monkeypatch.setattr(secrets.hmac, "compare_digest", counting)
        matching(presented, self.TEXT, self.SECRETS)
        assert compared == [(32, 32), (32, 32)]

    @given(st.integers(0, 255))
    def test_a_flipped_bit_of_the_signature_matches_nothing(self, bit):
        """Every bit of a presented signature is compared."""
        value = bytearray.fromhex(self.presented(self.SECRETS[0]).decode())
        value[bit // 8] ^= 1 << bit % 8
        assert matching(value.hex().encode(), self.TEXT, self.SECRETS) == (None, b"")


def test_the_vectors_are_the_files_that_the_wheel_ships():
    """All three files are where packaging looks for them."""
    names = {"signing.v1.json", "secrets.v1.json", "requests.v1.json"}
    assert {path.name for path in Path(VECTORS).glob("*.json")} == names
