"""Have most changes in functions noticed quickly, before `mutmut` tries what is left.

`mutmut` begins pytest anew for each change. Here the tests are collected once; for each change this
process forks, the child runs the tests of the changed function, those first that noticed others,
and stops with the first that fails. Only what was noticed is written down: a change that no test
notices here is `mutmut`'s to judge.

Run in `mutants/`, when `mutmut` has made the changes and knows which tests reach which function.
"""

import fnmatch
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test

from tests.mutation.forked import first_failure

# Seconds of the processor. What takes longer, or loops, is left to `mutmut`.
_PATIENCE, _PATIENT = 8, 600
_NOTICED = 1


class Sift:
    """In place of running the tests once, run them for each change."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        stats = json.loads(Path("mutmut-stats.json").read_text("utf-8"))
        self._tests = stats["tests_by_mangled_function_name"]
        self._seconds = stats["duration_by_test"]
        self._noticed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try each change that was not tried."""
        set_mutant_under_test("")
        items = {item.nodeid: item for item in session.items}
        if first_failure(session.items, lambda: None, _PATIENT) is not None:
            sys.exit("the tests fail without any change")
        for meta in sorted(Path("src").rglob("*.py.meta")):
            known = json.loads(meta.read_text("utf-8"))
            codes = known["exit_code_by_key"]
            for name in [name for name, code in codes.items() if code is None]:
                if self._names and not any(fnmatch.fnmatch(name, one) for one in self._names):
                    continue
                change = partial(set_mutant_under_test, name)
                failed = first_failure(self._ordered(items, name), change, _PATIENCE)
                print("left" if failed is None else "noticed", name, failed, flush=True)  # noqa: T201
                if failed is not None:
                    self._noticed = [failed, *(test for test in self._noticed if test != failed)]
                    codes[name] = _NOTICED
                    known["durations_by_key"][name] = 0.0
                    meta.write_text(json.dumps(known, indent=4), "utf-8")
        return True

    def _ordered(self, items: dict[str, pytest.Item], name: str) -> list[pytest.Item]:
        """Give the tests that reach the function: what noticed last comes first, then the fast."""
        reaching = set(self._tests.get(name.rpartition("__mutmut_")[0], ()))
        rest = sorted(reaching.difference(self._noticed), key=lambda test: self._seconds[test])
        noticed = [test for test in self._noticed if test in reaching]
        return [items[test] for test in (*noticed, *rest) if test in items]


def main() -> None:
    """Sift the named changes, or all."""
    options = ["-q", "-s", "--tb=no", *config().pytest_add_cli_args]
    sys.exit(
        pytest.main(
            [*options, *config().pytest_add_cli_args_test_selection],
            plugins=[Sift(sys.argv[1:])],
        )
    )


if __name__ == "__main__":
    main()
