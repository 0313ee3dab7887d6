"""What is fuzzed: each target takes any bytes and raises where a promise is broken.

A target gives the names of what it came to, so that a corpus can keep one input of each.
"""

import ipaddress
import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import pairwise

import msgspec

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.parsing import parse
from orderflow_bridge.security.cards import find_card, is_card, may_hold_card
from orderflow_bridge.security.network import canonical, parse_allow_list
from tests.fuzz.scripts import play

__all__ = ["TARGETS"]

DEEPEST = 32
PLANTED = ("30569309025904", "378282246310005", "4111111111111111", "6205500000000000004")
"""Test numbers of 14, 15, 16 and 19 digits, as issuers publish them."""
DECODERS = {name: msgspec.json.Decoder(action.request) for name, action in ACTIONS.items()}


def handle(data: bytes) -> Iterable[str]:
    """Play requests through the whole decision path; see `tests/fuzz/scripts.py`."""
    seen = play(data)
    named = [f"{one.action} {one.outcome}" for one in seen]
    # What follows on what is a state of the shop, of which a coverage of lines knows nothing.
    return named + [" > ".join(pair) for pair in pairwise(named)]


def parsing(data: bytes) -> Iterable[str]:
    """Read a body for each action: what is accepted is an object, not deep, and without NUL.

    Another reader of JSON must agree about what JSON is, in both directions.
    """
    document, readable = _read(data)
    for name, decoder in DECODERS.items():
        code = _refusal(decoder, data)
        yield f"{name} {code}"
        assert code in {"ok", "invalid_json", "pan_detected", "invalid_request"}
        assert readable == (code != "invalid_json"), "the readers do not agree"
        if code == "ok":
            assert isinstance(document, dict)
            assert not any("\0" in text for text in _texts(document))
            assert find_card(document) is None


def _refusal(decoder: msgspec.json.Decoder, data: bytes) -> str:
    try:
        request = parse(decoder, data, key="")
    except BridgeError as refusal:
        return refusal.code
    assert msgspec.json.encode(request)
    return "ok"


def _read(data: bytes) -> tuple[object, bool]:
    """Read with another reader than the one under test, and tell whether that is our JSON."""
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None, False
    return document, isinstance(document, dict) and _depth(document) <= DEEPEST


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(text)
    return number


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _depth(document: object) -> int:
    deepest, level = 0, [document]
    while level:
        deepest += 1
        inner = [
            part
            for value in level
            for part in (value.values() if isinstance(value, dict) else value)
        ]
        level = [part for part in inner if isinstance(part, dict | list)]
    return deepest


def _texts(document: object) -> Iterable[str]:
    level = [document]
    while level:
        value = level.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            level.extend([*value, *value.values()])
        elif isinstance(value, list):
            level.extend(value)


def cards(data: bytes) -> Iterable[str]:
    """Look for card data in a text and in a document: the cheap test never overlooks anything."""
    text = data.decode("utf-8", "replace")
    yield f"text {is_card(text)}"
    for number in PLANTED:
        assert is_card(f"{text}\n{number}"), f"what stands before {number} hides it"
        assert is_card(f"{number}\n{text}"), f"what stands behind {number} hides it"
    for document, body in ((text, json.dumps(text, ensure_ascii=False).encode()), (None, data)):
        found = document
        if document is None:
            with suppress(msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                found = msgspec.json.decode(body)
        if found is None or _too_deep(found):
            continue
        path = find_card(found)
        yield f"document {path is not None}"
        assert path is None or may_hold_card(body), "the cheap test overlooked a card"
        assert path is None or path == "" or path.startswith("/")
        assert path is None or not is_card(path), "the pointer spells a card"
        assert document is None or (path is None) != is_card(text)


def _too_deep(document: object) -> bool:
    return isinstance(document, dict | list) and _depth(document) > DEEPEST


def addresses(data: bytes) -> Iterable[str]:
    """Read lines as an allow-list and the last one as an address; `ipaddress` must agree."""
    *entries, address = data.decode("utf-8", "replace").split("\n")
    allowed = None
    with suppress(ValueError):
        allowed = parse_allow_list(entries)
    if allowed is None:
        yield "refused"
        return
    for entry, written in zip(entries, allowed.entries, strict=True):
        assert canonical(entry) == written == canonical(written), "one form for each entry"
    inside = allowed.allows(address)
    yield f"{len(allowed.entries) > 0} {inside} {len(allowed.warnings) > 0}"
    if not allowed.entries:
        assert inside
    elif not address:
        assert inside == ("unix" in allowed.entries)
    else:
        assert inside == _contained(address, allowed.entries)


def _contained(address: str, entries: Iterable[str]) -> bool:
    """Decide as the standard library does, but for zone ids, which are in no range."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    if getattr(one, "scope_id", None) is not None:
        return False
    one = getattr(one, "ipv4_mapped", None) or one
    networks = [ipaddress.ip_network(entry) for entry in entries if entry != "unix"]
    return any(one.version == network.version and one in network for network in networks)


TARGETS: Mapping[str, Callable[[bytes], Iterable[str]]] = {
    "handle": handle,
    "parsing": parsing,
    "cards": cards,
    "addresses": addresses,
}
"""The targets by name."""
