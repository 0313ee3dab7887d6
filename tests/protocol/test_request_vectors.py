"""The published requests, each on a fresh copy of the published shop (vectors/requests.v1.json)."""

import hashlib
import hmac
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orderflow_bridge.domain.connection import Connection, Issue
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.http import CODES, Head, Request
from orderflow_bridge.security import secrets
from orderflow_bridge.storage.memory import MemoryStorage
from tests.rig import Reply, SetClock, TestShop, open_shop

FILE = Path(__file__).parents[2] / "vectors" / "requests.v1.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
SETUP, CASES = VECTORS["setup"], VECTORS["cases"]


class Interrupted(MemoryStorage):
    """A storage where something happens just before each writing unit is opened."""

    meanwhile: Any = None

    @contextmanager
    def writing(self):
        """Let happen what was asked for, once, and open the unit."""
        happening, self.meanwhile = self.meanwhile, None
        if happening:
            happening()
        with super().writing() as unit:
            yield unit


def issue_of(given: dict | None) -> Issue | None:
    """Make an issue of a setup's object."""
    return None if given is None else Issue(given["key_id"], bytes.fromhex(given["nonce_hex"]))


def connection_of(given: dict) -> Connection:
    """Make a connection of a setup's object."""
    return Connection(
        client_id=given["client_id"],
        name=given["name"],
        channel=given["channel"],
        status=given["status"],
        scopes=frozenset(given["scopes"]),
        allow_list=tuple(given["allow_list"]),
        window=given["window"],
        default_currency=given["default_currency"],
        current=issue_of(given["current"]),
        previous=issue_of(given["previous"]),
        previous_until=given["previous_until_ms"],
        created_at=0,
        updated_at=0,
    )


@pytest.fixture
def vector_shop(monkeypatch) -> TestShop:
    """Open the shop of the setup; its master keys are published, so that check is lifted."""
    monkeypatch.setattr(secrets, "_PUBLISHED", frozenset())
    storage = Interrupted()
    shop = open_shop(
        storage=storage,
        clock=SetClock(SETUP["now_ms"]),
        ring=SETUP["master_keys"],
        stocked=False,
        **SETUP["settings"],
    )
    shop.bridge.catalogue.put([CatalogueEntry(**entry) for entry in SETUP["catalogue"]])
    with storage.writing() as unit:
        for given in SETUP["connections"]:
            unit.connections.add(connection_of(given))
    return shop


def body_of(case: dict) -> bytes:
    """Give a request's raw body."""
    if "body_repeat" in case:
        return bytes.fromhex(case["body_repeat"]["byte"]) * case["body_repeat"]["count"]
    if "body_hex" in case:
        return bytes.fromhex(case["body_hex"])
    return case["body_text"].encode("ascii")


def send(shop: TestShop, case: dict) -> Reply:
    """Send a request of the vectors through the core."""
    headers: dict[bytes, list[bytes]] = {}
    for name, value in case["headers"]:
        headers.setdefault(name.lower().encode(), []).append(value.encode())
    head = Head(
        method=case["method"],
        path=case["path"].encode(),
        query=case["query"].encode(),
        headers=headers,
        peer=case["peer"],
        framed=case["framed"],
    )
    return Reply.of(shop.bridge.handle(Request(head=head, body=body_of(case))))


def happening(shop: TestShop, given: dict):
    """Make what happens between steps 17 and 18 of a vector."""

    def happen() -> None:
        shop.clock.milliseconds = given.get("now_ms", shop.clock.milliseconds)
        change = given.get("connection")
        if change:
            with shop.bridge._storage.writing() as unit:
                found = unit.connections.find(change["client_id"])
                unit.connections.save(msgspec.structs.replace(found, status=change["status"]))

    return happen


def assert_holds(found: Any, expected: Any, place: str) -> None:
    """Compare what is named: objects by their named members, lists by their length and members."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in found, f"{place}/{name}"
            assert_holds(found[name], value, f"{place}/{name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for at, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_holds(one, other, f"{place}/{at}")
    else:
        assert found == expected, place


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['step']}: {case['name']}")
def test_the_request_is_answered_as_published(vector_shop: TestShop, case: dict) -> None:
    """Status, code, members and headers are those of the vector, after what came before it."""
    for earlier in case.get("before", ()):
        reply = send(vector_shop, earlier)
        assert (reply.status, reply.code) == (earlier["status"], earlier["code"]), reply.json
    if "meanwhile" in case:
        vector_shop.bridge._storage.meanwhile = happening(vector_shop, case["meanwhile"])
    reply = send(vector_shop, case)
    assert (reply.status, reply.code) == (case["status"], case["code"]), reply.json
    assert_holds(reply.json, case["members"], "")
    for name, value in case.get("answer_headers", {}).items():
        assert reply.headers[name] == value
    assert reply.headers["X-Request-Id"].startswith("req_")


@pytest.mark.parametrize("step", range(1, 22))
def test_each_step_has_a_request_that_passes_and_one_that_fails(step: int) -> None:
    """Every row of the table is published from both sides."""
    codes = [case["code"] for case in CASES if case["step"] == step]
    assert None in codes
    assert any(codes)


def test_the_vectors_are_self_contained() -> None:
    """Names are unique, codes are the protocol's, and every secret is what its issue derives."""
    names = [(case["step"], case["name"]) for case in CASES]
    assert len(set(names)) == len(names)
    for case in CASES:
        if case["code"] is not None:
            assert CODES[case["code"]][0] == case["status"]
        else:
            assert case["status"] == 200


@pytest.mark.parametrize("given", SETUP["connections"], ids=lambda given: given["name"])
def test_the_secrets_of_the_setup_are_derived(monkeypatch, given: dict) -> None:
    """An implementer may check his derivation before he replays a request."""
    monkeypatch.setattr(secrets, "_PUBLISHED", frozenset())
    ring = secrets.MasterKeyRing.parse(SETUP["master_keys"])
    for issue, secret in (("current", "secret"), ("previous", "previous_secret")):
        found = issue_of(given[issue])
        if found is not None:
            derived = ring.derive(found.key_id, given["client_id"], found.nonce)
            assert derived == given[secret].encode()


@pytest.mark.parametrize("case", [c for c in CASES if c["code"] is None], ids=lambda c: c["name"])
def test_the_signatures_of_what_passes_can_be_made_again(case: dict) -> None:
    """Written out by hand: six lines, and an HMAC with a secret of the setup."""
    sent = dict(case["headers"])
    given = next(c for c in SETUP["connections"] if c["client_id"] == sent["X-Client-Id"])
    text = "\n".join(
        [
            "OFB1-HMAC-SHA256",
            sent["X-Timestamp"],
            sent["X-Client-Id"],
            f"POST {case['path'].rpartition('/')[2]}",
            sent.get("Idempotency-Key", ""),
            hashlib.sha256(body_of(case)).hexdigest(),
        ]
    )
    made = {
        "v1=" + hmac.new(given[name].encode(), text.encode(), "sha256").hexdigest()
        for name in ("secret", "previous_secret")
        if name in given
    }
    assert sent["X-Signature"] in made
