"""What an operator closed, and what he must not be able to open by mistake."""

import base64
import json
from pathlib import Path

import pytest

from orderflow_bridge import Bridge, ConfigurationError
from orderflow_bridge.domain.errors import BridgeError, StorageUnavailable
from tests.rig import MASTER_KEY, RING, item
from tests.security.attacks import Attack, Table
from tests.security.playing import rows
from tests.security.stage import CART, Stage, stage_in_memory

FAILED = "401 authentication_failed"
DISABLED = "403 connection_disabled"
BARRED = "403 ip_not_allowed"
NO_SCOPE = "403 insufficient_scope"
AWAY = "503 storage_unavailable"
GUESSED = "ofs_" + "x" * 43
OWN_PRICE = [item("mug", unit_price=1)]
READING = {"action": "cart.get", "body": {"cart_id": CART}}


def disable(stage: Stage) -> None:
    stage.shop.bridge.connections.disable(stage.fronts["storefront"].client_id)


def enable(stage: Stage) -> None:
    stage.shop.bridge.connections.enable(stage.fronts["disabled"].client_id)


def rotate(stage: Stage) -> None:
    stage.shop.bridge.connections.rotate(stage.fronts["storefront"].client_id)


def restrict(stage: Stage) -> None:
    stage.shop.bridge.connections.allow(stage.fronts["storefront"].client_id, ["192.0.2.0/24"])


def narrow(stage: Stage) -> None:
    stage.shop.bridge.connections.set_scopes(stage.fronts["storefront"].client_id, ["carts:read"])


def away(method: str):
    def fail(*_):
        raise StorageUnavailable("The disk is full.")

    return lambda stage: setattr(stage.shop.bridge._storage, method, fail)


def after_a_first(name: str, expect: str, given, **sent: object) -> Attack:
    """Send a request that passes, let the operator act, and send the next."""
    return Attack(name, expect, earlier=(Attack("", "200", key="key-first"),), given=given, **sent)


TABLE: Table = {
    "a disabled connection": [
        Attack("signed", DISABLED, by="disabled"),
        Attack("signed, reading", DISABLED, by="disabled", **READING),
        Attack("not signed", FAILED, by="disabled", secret=GUESSED),
        Attack("signed, unknown action", DISABLED, by="disabled", action="no.such"),
        Attack("enabled again", "200", by="disabled", given=enable),
    ],
    "an old secret": [
        Attack("in its grace", "200", by="in grace"),
        Attack("in the last second of its grace", "200", by="in grace", wait=29.999, seconds=29),
        Attack("as its grace ends", FAILED, by="in grace", wait=30, seconds=30),
        Attack("past its grace", FAILED, by="past grace"),
        Attack("revoked", FAILED, by="revoked"),
    ],
    "a change of the operator's between two requests": [
        after_a_first("disabled", DISABLED, disable),
        after_a_first("rotated", FAILED, rotate),
        after_a_first("bound to addresses", BARRED, restrict),
        after_a_first("narrowed", NO_SCOPE, narrow),
        after_a_first(
            "narrowed, and a retry of what was answered", NO_SCOPE, narrow, key="key-first"
        ),
    ],
    "a missing scope": [
        Attack("writing with carts:read", NO_SCOPE, by="reader", says='"required":["carts:write"]'),
        Attack(
            "reading orders with carts:read", NO_SCOPE, by="reader", action="orders.list", body={}
        ),
        Attack(
            "an own price in a new cart", NO_SCOPE, body={"currency": "GBP", "items": OWN_PRICE}
        ),
        Attack("an own price of nothing", NO_SCOPE, body={"items": [item("mug", unit_price=0)]}),
        Attack(
            "an own price in a cart",
            NO_SCOPE,
            action="items.add",
            body={"cart_id": CART, "items": OWN_PRICE},
            says='"required":["prices:write"]',
        ),
        Attack("without a signature", FAILED, by="reader", secret=GUESSED),
    ],
    "an address outside the list": [
        Attack("signed", BARRED, by="office", says='"address":"203.0.113.9"'),
        Attack("signed, reading", BARRED, by="office", action="orders.list", body={}),
        Attack("not signed", FAILED, by="office", secret=GUESSED),
        Attack("inside", "200", by="office", peer="198.51.100.7"),
    ],
    "a storage that is away": [
        Attack("reading", AWAY, given=away("reading")),
        Attack("writing", AWAY, given=away("writing"), key="key-away"),
        Attack("reading, not signed", AWAY, given=away("reading"), secret=GUESSED),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_what_is_closed_stays_closed(player, attack, level):
    """From the next request on, and only to those who proved who they are does it say why."""
    player.play(attack, level)


# What an operator writes into an allow-list: what it becomes, or why it is refused.

ENTRIES = {
    "host bits set": ("10.0.0.1/8", "error: did you mean 10.0.0.0/8 or 10.0.0.1?"),
    "a wildcard mask": ("10.0.0.0/0.255.255.255", "error: no netmask"),
    "a netmask": ("10.0.0.0/255.0.0.0", "error: no netmask"),
    "everyone": ("0.0.0.0/0", "warning: every IPv4 address"),
    "everyone, IPv6": ("::/0", "warning: every IPv6 address"),
    "a host name": ("shop.example.com", "error: host name"),
    "a short host name": ("localhost", "error: host name"),
    "a number": ("167772161", "error: neither an IP address"),
    "leading zeros": ("010.0.0.1", "error: neither an IP address"),
    "a short form": ("127.1", "error: neither an IP address"),
    "a zone id": ("fe80::1%eth0", "error: zone id"),
    "a range by dash": ("10.0.0.1-10.0.0.9", "error: "),
    "nothing": ("", "error: is empty"),
    "a prefix too long": ("10.0.0.0/33", "error: neither an IP address"),
    "full-width digits": ("１０.0.0.0/8", "error: "),
    "a control character": ("10.0.0.1\n10.0.0.2", "error: "),
}


@pytest.mark.parametrize("written", ENTRIES.values(), ids=ENTRIES)
def test_a_careless_allow_list_is_refused_or_flagged(written: tuple[str, str]):
    """The message names what was meant, and a list with one wrong entry changes nothing."""
    entry, expect = written
    kind, _, reason = expect.partition(": ")
    stage = stage_in_memory()
    client_id, connections = stage.fronts["office"].client_id, stage.shop.bridge.connections
    before = stage.contents()
    if kind == "warning":
        warnings = connections.warnings(connections.allow(client_id, [entry]))
        assert any(reason in warning for warning in warnings)
        return
    with pytest.raises(BridgeError) as refused:
        connections.allow(client_id, ["192.0.2.1", entry])
    assert refused.value.code == "invalid_request"
    [error] = refused.value.members["errors"]
    assert error["path"] == "/allow"
    assert reason in error["message"]
    assert error["message"].isascii()
    assert error["message"].isprintable()
    assert stage.contents() == before


# Master keys with which no bridge starts, and what the message says.

VECTORS = Path(__file__).parents[2] / "vectors"
PUBLISHED = json.loads((VECTORS / "requests.v1.json").read_text(encoding="utf-8"))["setup"]
EXAMPLE = PUBLISHED["master_keys"].split(",")[0]


def ring_of(key: bytes) -> str:
    return "k1:" + base64.urlsafe_b64encode(key).decode().rstrip("=")


RINGS = {
    "missing": ("", "no master key"),
    "without an id": (MASTER_KEY, "not written `id:key`"),
    "short": (ring_of(b"\x8f\x11\xc5\x92" * 4), "fewer than 32 bytes"),
    "zeros": (ring_of(bytes(32)), "repeats or counts"),
    "a repeated half": (ring_of(base64.b64decode("8nQ3pV0dLk7sZb1xWc5tYg==") * 2), "repeats"),
    "a sentence": (ring_of(b"correct horse battery staple 2026"), "text instead of random"),
    "hexadecimal": (
        "k1:" + "0f1e2d3c4b5a69780c1b2a3948576675e4d3c2b1a0f9e8d7c6b5a49382716f5e",
        "hexadecimal",
    ),
    "an example": (EXAMPLE, "published as an example"),
    "an example behind a good one": (f"{RING},{EXAMPLE}", "published as an example"),
    "a connection's secret": ("k1:ofs_RVhBTVBMRS1PTkxZLU5FVkVSLUlOLVBST0RVQ1RJT04", "secret of"),
    "one id twice": (f"{RING},{RING}", "repeats the id"),
}


@pytest.mark.parametrize("written", RINGS.values(), ids=RINGS)
def test_a_bridge_does_not_start_with_a_bad_master_key(tmp_path: Path, monkeypatch, written):
    """The message names the fix and never the key, and no database is made."""
    ring, reason = written
    monkeypatch.setenv("ORDERFLOW_BRIDGE_MASTER_KEYS", ring)
    with pytest.raises(ConfigurationError, match=reason) as refused:
        Bridge.open(f"sqlite:///{tmp_path / 'shop.db'}", home=tmp_path)
    message = str(refused.value)
    assert "orderflow-bridge init" in message
    for entry in ring.split(","):
        key = entry.rpartition(":")[2]
        assert not key or key not in message
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_others_can_read_does_not_start(tmp_path: Path, monkeypatch):
    """A copy of the keys may be anywhere by now: the message says how to close the file."""
    monkeypatch.delenv("ORDERFLOW_BRIDGE_MASTER_KEYS", raising=False)
    file = tmp_path / "orderflow-bridge.keys"
    file.write_text(RING)
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600") as refused:
        Bridge.open("memory://", home=tmp_path)
    assert MASTER_KEY not in str(refused.value)
