"""Change the decision path in every small way there is, and see that a test notices each change.

`hatch run long:mutation`; docs/mutation.md says what is changed, and why some changes may stay.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.mutation.mutants import Mutant, changed_lines, explanations

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# `mutmut` writes beside what it reads. `build/` is neither checked nor packed.
COPY = ROOT / "build" / "mutation"
# With these few changes `mutmut` makes all of them, and learns which tests reach which function.
FEW = "orderflow_bridge.security.window.*"
KINDS = ("killed", "wording", "explained", "unexplained")


def main() -> int:
    """Make the copy, run it all, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", default="1", help="how many changes are tried at once")
    parser.add_argument("--again", action="store_true", help="try only what changed or was left")
    options = parser.parse_args()
    if not options.again:
        shutil.rmtree(COPY, ignore_errors=True)
    for folder in ("src", "tests", "vectors"):
        shutil.copytree(ROOT / folder, COPY / folder, dirs_exist_ok=True)
    for file in (ROOT / "pyproject.toml", HERE / "setup.cfg"):
        shutil.copy(file, COPY)
    _mutmut("run", "--max-children", options.processes, FEW)
    _sift()
    # Of a change of wording nothing hangs on what the slow run finds.
    left = [one.name for one in _in_functions() if not one.noticed and not one.is_wording]
    if left:
        _mutmut("run", "--max-children", options.processes, *left)
    report, right = judge([*_in_functions(), *_outside_functions()])
    print(report)  # noqa: T201 -- what it is run for
    return 0 if right else 1


def _mutmut(*arguments: str, **options: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=COPY, check=True, text=True, **options)


def _sift() -> None:
    folder = COPY / "mutants"
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "tests.mutation.sift"]
    subprocess.run(command, cwd=folder, env=environment, check=True)


def _in_functions() -> Iterator[Mutant]:
    """Read what `mutmut` found; the lines of a change only where nobody noticed it."""
    listed = _mutmut("results", "--all", "true", stdout=subprocess.PIPE).stdout
    for name, status in re.findall(r"^\s+(\S+): (.+)$", listed, re.MULTILINE):
        mutant = Mutant(_place(name), "", "", status, name)
        if not mutant.noticed:
            went, came = changed_lines(_mutmut("show", name, stdout=subprocess.PIPE).stdout)
            mutant = mutant._replace(was=went, now=came)
        yield mutant


def _outside_functions() -> Iterator[Mutant]:
    """Have the rest changed by `outside.py`."""
    command = [sys.executable, "-m", "tests.mutation.outside"]
    environment = os.environ | {"PYTHONPATH": str(COPY / "src")}
    with subprocess.Popen(command, cwd=COPY, env=environment, stdout=subprocess.PIPE) as running:
        for line in running.stdout:
            yield Mutant(*json.loads(line))
    if running.returncode:
        sys.exit(running.returncode)


def _place(name: str) -> str:
    """Read `module.x_function__mutmut_1` or `module.xǁClassǁmethod__mutmut_1`."""
    module, _, mangled = name.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled[2:].replace('ǁ', '.')}"


def judge(mutants: Iterable[Mutant]) -> tuple[str, bool]:
    """Tell what was found; it is right where each survivor is explained, and nothing else is."""
    explained = explanations()
    needed = set()
    unexplained = []
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for mutant in mutants:
        if mutant.noticed:
            kind = "killed"
        elif mutant.change in explained:
            kind = "explained"
            needed.add(mutant.change)
        elif mutant.is_wording:
            kind = "wording"
        else:
            kind = "unexplained"
            unexplained.append(mutant)
        counts[mutant.file][kind] += 1
    stale = explained.keys() - needed
    parts = [
        *(_told(f"UNEXPLAINED, {mutant.status}", mutant.change) for mutant in unexplained),
        *(_told("EXPLAINED, BUT NOTICED OR GONE", change) for change in sorted(stale)),
        _table(counts),
    ]
    return "\n\n".join(parts), not unexplained and not stale


def _told(what: str, change: tuple[str, str, str]) -> str:
    place, was, now = change
    lines = [f"- {line}" for line in was.splitlines()] + [f"+ {line}" for line in now.splitlines()]
    return "\n".join([f"{what}: {place}", *lines])


def _table(counts: dict[str, Counter[str]]) -> str:
    rows = sorted(counts.items())
    total = sum((found for _, found in rows), Counter[str]())
    lines = [f"| file | changes | {' | '.join(KINDS)} |", "|---" * (len(KINDS) + 2) + "|"]
    for file, found in [*rows, ("all", total)]:
        cells = [str(found[kind]) for kind in KINDS]
        lines.append(f"| {file} | {found.total()} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
