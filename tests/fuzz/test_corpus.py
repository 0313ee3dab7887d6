"""The kept corpus holds every promise, without a fuzzer; a broken one never comes back."""

from pathlib import Path

import pytest

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.http import CODES
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
KEPT = sorted(file for file in CORPUS.rglob("*") if file.is_file())

HOSTS = {"body_timeout", "rate_limited", "storage_unavailable", "internal_error"}
"""What needs a slow body, a limit, a broken storage or a fault of ours."""


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_holds_every_promise(name: str) -> None:
    """Each kept input gives a published answer and leaves what it may leave, and no more."""
    files = [file for file in KEPT if file.parent.name == name]
    assert files
    for file in files:
        assert list(TARGETS[name](file.read_bytes())), file.name


def test_the_corpus_comes_to_every_answer() -> None:
    """Each action succeeds in it, and each code that requests alone can get is given."""
    seen = {
        tuple(one.split(" "))
        for file in KEPT
        if file.parent.name == "handle"
        for one in TARGETS["handle"](file.read_bytes())
        if " > " not in one
    }
    assert {action for action, outcome in seen if outcome == "ok"} == set(ACTIONS)
    assert {outcome for _, outcome in seen} - {"ok", "repeated"} == set(CODES) - HOSTS


def test_the_corpus_is_small() -> None:
    """It is read by people and run with every change."""
    assert len(KEPT) < 300
    assert sum(file.stat().st_size for file in KEPT) < 300_000
