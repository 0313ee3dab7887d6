"""Changes where `mutmut` makes none: outside of functions, and in properties.

Grammars, limits and tables stand there. What `mutmut` would do to an expression in a function is
done to these, one at a time; and the counts of a grammar are moved, which `mutmut` does not do.
"""

import configparser
import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
from libcst import matchers as m
from mutmut.mutation.mutators import mutation_operators

from tests.mutation.mutants import Mutant, changed_lines

__all__ = ["outside_functions"]

# How often, in a regular expression: a number of `{8,64}`, or a sign after a class or a group.
_COUNT = re.compile(r"(?<=[{,])[0-9]+(?=[,}])|(?<=[\])])[?*+](?![?*+])")
_MOVED = {"?": "", "*": "+", "+": "*"}
# Nothing here loops: what takes longer than this, in seconds, is wrong with the machine.
_PATIENCE = 1_200


def outside_functions(copy: Path) -> Iterator[Mutant]:
    """Change each file that `mutmut` changes in `copy`, run its tests, and put it back."""
    settings = configparser.ConfigParser()
    settings.read(copy / "setup.cfg")
    read = {name: value.strip().splitlines() for name, value in settings["mutmut"].items()}
    everything = [*read["pytest_add_cli_args"], *read["pytest_add_cli_args_test_selection"]]
    if not _passes(copy, everything):
        raise SystemExit("the tests fail without any change")
    for file in (file for pattern in read["only_mutate"] for file in sorted(copy.glob(pattern))):
        source = file.read_text("utf-8")
        module = ".".join(file.relative_to(copy / "src").with_suffix("").parts)
        # Most changes fail there, and the rest of the tests need not begin.
        own = [*read["pytest_add_cli_args"], f"tests/unit/test_{file.stem}.py"]
        first = [own] if (copy / own[-1]).exists() else []
        try:
            for place, was, now, changed in _changes(cst.parse_module(source)):
                file.write_text(changed, "utf-8")
                survived = all(_passes(copy, options) for options in [*first, everything])
                yield Mutant(f"{module}{place}", was, now, "survived" if survived else "killed")
        finally:
            file.write_text(source, "utf-8")


def _passes(copy: Path, options: list[str]) -> bool:
    """Run tests on what stands in `copy`; bytecode of the same second would hide a change."""
    environment = os.environ | {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", *options]
    done = subprocess.run(
        command,
        cwd=copy,
        env=environment,
        timeout=_PATIENCE,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode == 0


def _changes(module: cst.Module) -> Iterator[tuple[str, str, str, str]]:
    """Give the place, the lines before and after, and the whole file, of each change."""
    outside = _Outside()
    module.visit(outside)
    before = module.code.splitlines()
    for place, node in outside.found:
        for variant in _variants(node):
            after = module.deep_replace(node, variant).code
            diff = difflib.unified_diff(before, after.splitlines(), lineterm="", n=0)
            yield place, *changed_lines("\n".join(diff)), after


def _variants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, change in mutation_operators:
        if isinstance(node, kind):
            yield from change(node)
    if isinstance(node, cst.SimpleString):
        for count in _COUNT.finditer(node.value):
            moved = _MOVED.get(count[0]) if count[0] in _MOVED else str(int(count[0]) + 1)
            value = node.value[: count.start()] + moved + node.value[count.end() :]
            yield node.with_changes(value=value)


class _Outside(cst.CSTVisitor):
    """Find what is evaluated as the module is, or in a property."""

    def __init__(self) -> None:
        self.found: list[tuple[str, cst.CSTNode]] = []
        self._place: list[str] = []
        self._declared: set[cst.CSTNode] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Look into it, unless `mutmut` does or there is nothing to change."""
        if isinstance(node, cst.FunctionDef) and not m.matches(node, _PROPERTY):
            return False
        if m.matches(node, _NOTHING) or node in self._declared:
            return False
        if isinstance(node, cst.ClassDef | cst.FunctionDef):
            self._place.append(f".{node.name.value}")
        if isinstance(node, cst.ClassDef):
            self._declared.update(node.keywords)
        self.found.append(("".join(self._place), node))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        """Leave a class or a property."""
        if isinstance(original_node, cst.ClassDef) or m.matches(original_node, _PROPERTY):
            self._place.pop()


_PROPERTY = m.FunctionDef(decorators=[m.Decorator(m.Name("property"))])
_NOTHING = m.OneOf(
    m.Import(),
    m.ImportFrom(),
    m.Annotation(),
    m.Decorator(),
    m.Assign(targets=[m.AssignTarget(m.Name("__all__"))]),
    m.SimpleStatementLine(body=[m.Expr(m.SimpleString() | m.ConcatenatedString())]),
)
