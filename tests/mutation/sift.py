"""Have most changes in functions noticed quickly, before `mutmut` tries what is left.

`mutmut` begins pytest anew for each change. Here the tests are collected once; for each change this
process forks, the child runs the tests of the changed function, those first that noticed others,
and stops with the first that fails. Only what was noticed is written down: a change that no test
notices here is `mutmut`'s to judge.

Run in `mutants/`, when `mutmut` has made the changes and knows which tests reach which function.
"""

import fnmatch
import json
import os
import signal
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test

# Seconds of the processor. What takes longer, or loops, is left to `mutmut`.
_PATIENCE = 15
_NOTICED = 1


class Sift:
    """In place of running the tests once, run them for each change."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        stats = json.loads(Path("mutmut-stats.json").read_text("utf-8"))
        self._tests = stats["tests_by_mangled_function_name"]
        self._seconds = stats["duration_by_test"]
        self._noticed: dict[str, int] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try each change that was not tried."""
        set_mutant_under_test("")
        items = {item.nodeid: item for item in session.items}
        if self._first_failure(list(items.values()), "") is not None:
            sys.exit("the tests fail without any change")
        for meta in sorted(Path("src").rglob("*.py.meta")):
            known = json.loads(meta.read_text("utf-8"))
            codes = known["exit_code_by_key"]
            for name in [name for name, code in codes.items() if code is None]:
                if self._names and not any(fnmatch.fnmatch(name, one) for one in self._names):
                    continue
                failed = self._first_failure(self._ordered(items, name), name)
                print("noticed" if failed else "left", name, failed, flush=True)  # noqa: T201
                if failed:
                    self._noticed[failed] = self._noticed.get(failed, 0) + 1
                    codes[name] = _NOTICED
                    known["durations_by_key"][name] = 0.0
                    meta.write_text(json.dumps(known, indent=4), "utf-8")
        return True

    def _ordered(self, items: dict[str, pytest.Item], name: str) -> list[pytest.Item]:
        """Give the tests that reach the function: what noticed most comes first, then the fast."""
        reaching = self._tests.get(name.rpartition("__mutmut_")[0], ())
        return sorted(
            (items[test] for test in reaching if test in items),
            key=lambda item: (
                -self._noticed.get(item.nodeid, 0),
                self._seconds.get(item.nodeid, 0),
                item.nodeid,
            ),
        )

    def _first_failure(self, items: list[pytest.Item], name: str) -> str | None:
        """Run them in a child, and give the first that fails; None also where it took too long."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.setitimer(signal.ITIMER_PROF, _PATIENCE if name else 0)
                set_mutant_under_test(name)
                for item, following in zip_longest(items, items[1:]):
                    if any(report.failed for report in runtestprotocol(item, False, following)):
                        os.write(write, item.nodeid.encode())
                        break
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            told = answer.read()
        os.waitpid(child, 0)
        return told.decode() or None


def main() -> None:
    """Sift the named changes, or all."""
    options = ["-q", "-s", "-p", "no:randomly", *config().pytest_add_cli_args]
    sys.exit(
        pytest.main(
            [*options, *config().pytest_add_cli_args_test_selection],
            plugins=[Sift(sys.argv[1:])],
        )
    )


if __name__ == "__main__":
    main()
