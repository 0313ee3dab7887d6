"""Signatures by the wrong hand, and for something else than what is sent."""

import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote_from_bytes

import pytest

from orderflow_bridge.security.secrets import new_master_key
from tests.hosts.hosts import Answer
from tests.rig import MASTER_KEY, CountedEntropy, item, open_shop, order_fields
from tests.security.attacks import Attack, Sent, Table
from tests.security.levels import BARE, LEVELS, Level
from tests.security.playing import rows
from tests.security.stage import CART, CLIENT, OTHER, Stage

FAILED = "401 authentication_failed"
MALFORMED = "401 malformed_auth_header"
GUESSED = "ofs_" + "x" * 43
NOBODY = "ofc_" + "0" * 20


def as_client(client_id: str, action: str = "cart.create") -> dict[str, Any]:
    return {"path": f"/{client_id}/{action}", "headers": {"X-Client-Id": client_id}}


STRANGERS = {
    "an id that was never issued": Attack("", FAILED, secret=GUESSED, **as_client(NOBODY)),
    "an id in another case": Attack("", FAILED, **as_client(CLIENT.upper())),
    "a wrong secret": Attack("", FAILED, secret=GUESSED),
    "a secret past its grace": Attack("", FAILED, by="past grace"),
    "a revoked secret": Attack("", FAILED, by="revoked"),
    "a disabled connection, a wrong secret": Attack("", FAILED, by="disabled", secret=GUESSED),
    "an address not allowed, a wrong secret": Attack("", FAILED, by="office", secret=GUESSED),
    "an unknown action, a wrong secret": Attack("", FAILED, action="no.such", secret=GUESSED),
}

TABLE: Table = {
    "a client id that is unknown": [
        replace(STRANGERS["an id that was never issued"], name="of the right form"),
        Attack("of another form", FAILED, **as_client("somebody")),
    ],
    "a wrong secret": [
        replace(STRANGERS["a wrong secret"], name="a guess"),
        Attack("the master key", FAILED, secret=f"ofs_{MASTER_KEY}"),
        Attack("all zeros", FAILED, headers={"X-Signature": "v1=" + "0" * 64}),
        Attack(
            "a MAC of nothing", FAILED, headers={"X-Signature": lambda _: f"v1={mac_of_nothing()}"}
        ),
    ],
    "a read's signature on a write": [
        Attack(
            "cart.get as convertToOrder",
            FAILED,
            action="cart.get",
            body=order_fields(CART),
            path=f"/{CLIENT}/convertToOrder",
        ),
        Attack("another case", FAILED, path=f"/{CLIENT}/cart.Create"),
        Attack(
            "cart.get as items.add",
            FAILED,
            action="cart.get",
            body={"cart_id": CART, "items": [item("mug")]},
            path=f"/{CLIENT}/items.add",
        ),
    ],
    "a signature of one connection for another": [
        Attack("id of B, signed by A", FAILED, **as_client(OTHER)),
        Attack("id of A, signed by B", FAILED, by="another", **as_client(CLIENT)),
    ],
    "an idempotency key that was not signed": [
        Attack("added", FAILED, headers={"Idempotency-Key": "added-later"}),
        Attack("removed", FAILED, key="signed-key", headers={"Idempotency-Key": None}),
        Attack("changed", FAILED, key="signed-key", headers={"Idempotency-Key": "signed-kez"}),
        Attack("another case", FAILED, key="signed-key", headers={"Idempotency-Key": "Signed-key"}),
        Attack("present but empty", MALFORMED, headers={"Idempotency-Key": ""}),
        Attack("emptied", MALFORMED, key="signed-key", headers={"Idempotency-Key": ""}),
        Attack("with a line feed", MALFORMED, key="k", headers={"Idempotency-Key": "k\n"}),
        Attack(
            "of 129 characters", MALFORMED, key="k" * 128, headers={"Idempotency-Key": "k" * 129}
        ),
    ],
    "a body that was not signed": [
        Attack("another", FAILED, sent_body=b'{"currency": "EUR"}'),
        Attack("none", FAILED, sent_body=b""),
        Attack("a space behind", FAILED, sent_body=b'{"currency": "GBP"} '),
        Attack("other line ends", FAILED, body=b"{\n}", sent_body=b"{\r\n}"),
    ],
}


def mac_of_nothing() -> str:
    return hmac.new(b"", b"", "sha256").hexdigest()


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_whatever_is_signed_cannot_be_changed(player, attack, level):
    """401 for everybody who did not sign exactly this with the connection's own secret."""
    player.play(attack, level)


# One bit at a time. What is signed is the honest request with a key.

HONEST = Attack("", "200", key="key-flip", body={"currency": "GBP", "metadata": {"a": 1}})
PARTS = [
    "X-Timestamp",
    "X-Client-Id",
    "X-Signature",
    "Idempotency-Key",
    "id",
    "method",
    "action",
    "body",
]


def flips(value: bytes) -> Iterator[bytes]:
    """Give each value that differs in one bit."""
    for bit in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)


def flipped(part: str, sent: Sent) -> Iterator[Sent]:
    """Give each request that differs in one bit of a part; `id` is in header and path alike."""
    named = dict(sent.headers)
    if part == "body":
        yield from (replace(sent, body=body) for body in flips(sent.body))
    elif part == "method":
        # As a server shows it: bytes above 127 cannot be in a method.
        yield from (
            replace(sent, method=method.decode()) for method in flips(b"POST") if method.isascii()
        )
    elif part == "action":
        for action in flips(b"cart.create"):
            yield replace(sent, path=f"/{CLIENT}/{quote_from_bytes(action, safe='')}")
    elif part == "id":
        for client_id in flips(CLIENT.encode()):
            headers = tuple((named | {b"X-Client-Id": client_id}).items())
            path = f"/{quote_from_bytes(client_id, safe='')}/cart.create"
            yield replace(sent, headers=headers, path=path)
    else:
        for value in flips(named[part.encode()]):
            yield replace(sent, headers=tuple((named | {part.encode(): value}).items()))


@pytest.mark.parametrize("level", BARE, ids=lambda level: level.name)
@pytest.mark.parametrize("part", PARTS)
def test_no_flipped_bit_gets_in(player, part: str, level: Level):
    """Each bit of each part: 401, or an earlier refusal, and not one row written."""
    with player.stage(level, HONEST) as stage:
        honest, before = HONEST.sent(stage), stage.contents()
        answers = [level.send(stage.shop.bridge, sent) for sent in flipped(part, honest)]
        assert len(answers) >= 28
        assert {answer.status for answer in answers} <= {401, 404, 405}
        assert stage.contents() == before
        assert level.send(stage.shop.bridge, honest).status == 200
        assert stage.contents() != before


# What an attempt costs, and what it tells.


def without_id(answer: Answer) -> tuple[Any, ...]:
    """Give all of an answer but its request id."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    problem = json.loads(answer.body)
    return answer.status, headers, answer.body.replace(problem["request_id"].encode(), b"")


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_every_stranger_gets_the_same_bytes(player, level: Level):
    """Nobody learns whether a client id exists, is disabled, or is bound to an address."""
    with player.stage(level, HONEST) as stage:
        answers = {
            name: without_id(level.send(stage.shop.bridge, attack.sent(stage)))
            for name, attack in STRANGERS.items()
        }
    first = answers["an id that was never issued"]
    assert first[0] == 401
    for name, answer in answers.items():
        assert answer == first, name


@pytest.fixture
def cryptography(monkeypatch) -> Counter[str]:
    """Count what the standard library is asked for: MACs, their copies, and comparisons."""
    counted: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            counted[name] += 1
            return real(*arguments, **options)

        return call

    for name in ("new", "digest", "compare_digest"):
        monkeypatch.setattr(hmac, name, counting(name, getattr(hmac, name)))
    for name in ("copy", "update", "digest", "hexdigest"):
        monkeypatch.setattr(hmac.HMAC, name, counting(f"HMAC.{name}", getattr(hmac.HMAC, name)))
    return counted


@pytest.mark.parametrize(
    "level", [level for level in LEVELS if level.family == "core"], ids=lambda level: level.name
)
def test_every_attempt_costs_the_same_macs(player, level: Level, cryptography):
    """As many for an unknown id as for a wrong secret, a right one, and one whose key is lost."""
    with player.stage(level, HONEST) as stage:
        attempts = {name: (attack, stage) for name, attack in STRANGERS.items()}
        attempts["the right secret"] = (Attack("", "200"), stage)
        attempts["the right secret, in grace"] = (Attack("", "200", by="in grace"), stage)
        attempts["a lost master key"] = (Attack("", FAILED), without_its_key(stage))
        costs = {}
        for name, (attack, shop) in attempts.items():
            sent = attack.sent(stage)
            cryptography.clear()
            answer = level.send(shop.shop.bridge, sent)
            assert answer.status == int(attack.expect[:3])
            costs[name] = Counter(cryptography)
    first = costs["a wrong secret"]
    assert first["compare_digest"] == 2
    assert first["digest"] == 2
    for name, cost in costs.items():
        assert cost == first, name


def without_its_key(stage: Stage) -> Stage:
    """Open the same storage with another master key."""
    other = new_master_key(CountedEntropy(b"other").token(32))
    shop = open_shop(
        storage=stage.shop.bridge._storage,
        ring=f"k2:{other}",
        stocked=False,
        entropy=CountedEntropy(b"lost"),
    )
    return replace(stage, shop=shop)
