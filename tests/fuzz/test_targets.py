"""The targets refuse a bridge that breaks a promise: each is broken here on purpose."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from orderflow_bridge import parsing, protocol
from orderflow_bridge.decisions import Decisions
from orderflow_bridge.domain.payment import PaymentIntent
from orderflow_bridge.security.network import AllowList
from orderflow_bridge.storage.memory.carts import Carts
from orderflow_bridge.storage.memory.stock import Stock
from tests.fuzz import targets
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
Break = Callable[[pytest.MonkeyPatch], None]


def no_signature_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(protocol, "matching", lambda sent, text, secrets: (0, bytes(32)))


def a_refusal_writes(patch: pytest.MonkeyPatch) -> None:
    refused = protocol.Protocol._refused

    def meddling(self, refusal, asked, *course):
        with self._storage.writing() as unit:
            unit.intents.add(PaymentIntent(intent=asked.request_id))
        return refused(self, refusal, asked, *course)

    patch.setattr(protocol.Protocol, "_refused", meddling)


def stock_is_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stock, "give_back", lambda self, taken: None)


def money_does_not_add_up(patch: pytest.MonkeyPatch) -> None:
    answer = protocol._encode
    patch.setattr(
        protocol, "_encode", lambda told: answer(told).replace(b'"item_count":3', b'"item_count":4')
    )


def a_header_is_missing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(protocol, "_PROBLEM", protocol._PROBLEM[:-1])


def a_code_is_nobody_s(patch: pytest.MonkeyPatch) -> None:
    problem = protocol._problem
    patch.setattr(
        protocol,
        "_problem",
        lambda refusal, request_id: problem(refusal, request_id).replace(b"not_found", b"gone"),
    )


def a_fault_is_an_answer(patch: pytest.MonkeyPatch) -> None:
    def fail(*arguments, **options) -> None:
        raise RuntimeError("a fault")

    patch.setattr(Carts, "save", fail)


def a_log_line_is_forged(patch: pytest.MonkeyPatch) -> None:
    write = Decisions._write

    def forged(self, level, asked, status, code, *, replayed) -> None:
        write(self, level, asked, status, code, replayed=replayed)
        protocol._log.warning("%s", "a line\nand another")

    patch.setattr(Decisions, "_write", forged)


def json_goes_as_deep_as_it_likes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parsing, "_too_deep", lambda document: False)


def json_is_cut_short(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parsing, "_DEEPEST", 31)


def nul_is_taken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parsing, "_refuse_nul", lambda document: None)


def the_cheap_test_is_too_cheap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(targets, "may_hold_card", lambda body: False)


def short_cards_are_no_cards(patch: pytest.MonkeyPatch) -> None:
    known = targets.is_card
    patch.setattr(targets, "is_card", lambda text: known(text) and "378282246310005" not in text)


def everyone_is_inside(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AllowList, "allows", lambda self, address: True)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("handle", no_signature_counts),
        ("handle", a_refusal_writes),
        ("handle", stock_is_lost),
        ("handle", money_does_not_add_up),
        ("handle", a_header_is_missing),
        ("handle", a_code_is_nobody_s),
        ("handle", a_fault_is_an_answer),
        ("handle", a_log_line_is_forged),
        ("parsing", json_goes_as_deep_as_it_likes),
        ("parsing", json_is_cut_short),
        ("parsing", nul_is_taken),
        ("cards", the_cheap_test_is_too_cheap),
        ("cards", short_cards_are_no_cards),
        ("addresses", everyone_is_inside),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_broken_promise_is_found(monkeypatch, name: str, broken: Break) -> None:
    """Somewhere in the corpus the target raises."""
    broken(monkeypatch)
    inputs = [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]
    with pytest.raises(AssertionError):
        list(chain.from_iterable(map(TARGETS[name], inputs)))
