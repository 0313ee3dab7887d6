"""The pytest plugin that listens to a contract's run, and gathers its outcomes by rule."""

import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from orderflow_bridge.ports import Capability
from orderflow_bridge.testing.verdict import Rule, Verdict, shortened

__all__ = ["Outcomes"]


class Outcomes:
    """The plugin that listens: what became of each test, gathered by rule."""

    def __init__(self, missing: tuple[Capability, ...], progress: Callable[[str], None]) -> None:
        self._missing = missing
        self._progress = progress
        self._errors = sys.stderr
        self._rules: dict[str, tuple[str, str, str]] = {}
        self._results: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        self._port = ""

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Let `-k` choose by the port's name too."""
        item.extra_keyword_matches.add(_port_of(item))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Bring the ports into their order; pytest begins at the far end of the bases."""
        items.sort(key=lambda item: _bases_of(item).index(_contract_of(item)))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn which rule each test is of."""
        for item in session.items:
            if isinstance(item, pytest.Function):
                rule = (_port_of(item), item.originalname, _sentence_of(item.function))
                self._rules[item.nodeid] = rule

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that the next port begins."""
        port = self._rules[nodeid][0]
        if port != self._port:
            self._port = port
            # What pytest prints is caught; this is for the one who waits.
            with redirect_stderr(self._errors):
                self._progress(port)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of each step that says something."""
        results = self._results.setdefault(self._rules[report.nodeid], [])
        if report.failed:
            results.append(("broken", _failure_of(report)))
        elif report.skipped:
            results.append(self._left_out(report))
        elif report.when == "call":
            results.append(("kept", ""))

    def verdict(self) -> Verdict:
        """Judge each rule by all of its tests: broken by one, kept by one, else left out."""
        rules = []
        for (port, name, sentence), results in self._results.items():
            by_state = dict(reversed(results))
            state: Any = next(
                state
                for state in ("broken", "kept", "not declared", "skipped")
                if state in by_state
            )
            rules.append(
                Rule(port=port, name=name, sentence=sentence, state=state, why=by_state[state])
            )
        left = len(set(self._rules.values())) - len(rules)
        return Verdict(rules=tuple(rules), missing=self._missing, left=left)

    def _left_out(self, report: pytest.TestReport) -> tuple[str, str]:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        reason = reason.removeprefix("Skipped: ")
        declared = not any(f"`{name}`" in reason for name in self._missing)
        return ("skipped" if declared else "not declared"), reason


def _bases_of(item: pytest.Item) -> tuple[type, ...]:
    assert isinstance(item, pytest.Function)
    bases: tuple[type, ...] = item.cls.__mro__
    return bases


def _contract_of(item: pytest.Item) -> type:
    """Find the contract that a test was written in."""
    assert isinstance(item, pytest.Function)
    return next(base for base in _bases_of(item) if item.originalname in vars(base))


def _port_of(item: pytest.Item) -> str:
    """Name what that contract is about, in small letters: `carts`."""
    return _contract_of(item).__name__.removesuffix("Contract").lower()


def _sentence_of(function: Callable[..., object]) -> str:
    return " ".join((function.__doc__ or function.__name__).partition("\n\n")[0].split())


def _failure_of(report: pytest.TestReport) -> str:
    """Give the assertion in a line or two, and where it stands."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return shortened(str(report.longrepr))
    case = report.nodeid.partition("[")[2].removesuffix("]")
    place = f"{Path(crash.path).name}:{crash.lineno}" + (f", case {case}" if case else "")
    return f"{shortened(crash.message)} ({place})"
