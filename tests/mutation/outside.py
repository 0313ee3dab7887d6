"""Changes where `mutmut` makes none: outside of functions, and in properties.

Grammars, limits and tables stand there. What `mutmut` would do to an expression in a function is
done to these, one at a time; and the counts of a grammar are moved, which `mutmut` does not do.

Run in a copy of the project, with its `src` before any other: it writes each change to the file,
forks, runs the tests in the child, and prints a line of JSON.
"""

import ast
import compileall
import configparser
import difflib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path

import libcst as cst
import pytest
from libcst import matchers as m
from mutmut.mutation.mutators import mutation_operators

from tests.mutation.forked import first_failure
from tests.mutation.mutants import changed_lines

# How often, in a regular expression: a number of `{8,64}`, or a sign after a class or a group.
_COUNT = re.compile(r"(?<=[{,])[0-9]+(?=[,}])|(?<=[\])])[?*+](?![?*+])")
_MOVED = {"?": "", "*": "+", "+": "*"}
# Where most changes of a file fail, if not in its unit tests: the rest need not begin then.
_OWN = {
    "cards": (
        "tests/security/test_card_corpus.py::test_the_ranges_and_lengths_end_where_the_schemes_end",
        "tests/unit/test_cards.py",
    ),
    "decisions": ("tests/protocol/test_decisions.py",),
    "protocol": ("tests/protocol/test_steps.py", "tests/protocol/test_request_vectors.py"),
    "refusals": ("tests/protocol/test_steps.py",),
    "quotas": ("tests/unit/test_quotas.py", "tests/protocol/test_caps.py"),
    "spent": ("tests/protocol/test_spent.py",),
}
# What its tests hold on to: a class that is made again is another.
_DEFINED = (ast.ClassDef, ast.FunctionDef)
# What each run of the tests would load again.
_LOADED = ("asgiref.sync", "hypothesis.strategies", "msgspec", "peewee", "webtest")
# Seconds; nothing that is changed here loops.
_PATIENCE, _QUICKLY = 1_200, 60


def main() -> None:
    """Change the named files, or each that `mutmut` changes, run its tests, and put it back."""
    settings = configparser.ConfigParser()
    settings.read("setup.cfg")
    read = {name: value.strip().splitlines() for name, value in settings["mutmut"].items()}
    options = ["-x", "-q", "--tb=no", "--assert=plain", *read["pytest_add_cli_args"]]
    everything = [*options, *read["pytest_add_cli_args_test_selection"]]
    for name in _LOADED:
        import_module(name)
    # What is not changed need not be compiled for each change.
    for folder in ("src", "tests"):
        compileall.compile_dir(folder, quiet=2)
    if not _pass(everything):
        sys.exit("the tests fail without any change")
    named = sys.argv[1:] or read["only_mutate"]
    for file in (file for pattern in named for file in sorted(Path().glob(pattern))):
        source = file.read_text("utf-8")
        module = ".".join(file.relative_to("src").with_suffix("").parts)
        changes = list(_changes(cst.parse_module(source)))
        if not changes:
            continue
        own = [*options, *_OWN.get(file.stem, (f"tests/unit/test_{file.stem}.py",))]
        noticed = _noticed(module, [source, *(change[-1] for change in changes)], own)
        # Its time and size may be those of another change.
        Path(cache_from_source(str(file))).unlink(missing_ok=True)
        try:
            for number, (place, was, now, changed) in enumerate(changes, 1):
                file.write_text(changed, "utf-8")
                known = number in noticed or not (_pass(own) and _pass(everything))
                status = "killed" if known else "survived"
                line = json.dumps([f"{module}{place}", was, now, status])
                print(line, flush=True)  # noqa: T201 -- read by run.py
        finally:
            file.write_text(source, "utf-8")


def _pass(options: list[str]) -> bool:
    """Tell whether tests pass on what stands there, and keep no bytecode of it for the next."""
    child = os.fork()
    if child == 0:
        signal.alarm(_PATIENCE)
        sys.dont_write_bytecode = True
        _hush()
        os._exit(pytest.main(options))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _noticed(module: str, texts: list[str], options: list[str]) -> set[int]:
    """Give the numbers of the texts with which the file's own tests fail, quickly.

    Tests are loaded once, and a text's tables and grammars replace those of the module that they
    know. What they do not see of a change so, as of one in a class, is left to a run from nothing.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _hush()
        sys.dont_write_bytecode = True
        os._exit(pytest.main([*options, "-s"], plugins=[_Quickly(module, texts, write)]))
    os.close(write)
    with os.fdopen(read, encoding="ascii") as answers:
        told = [int(line) for line in answers]
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) or 0 in told:
        sys.exit(f"the tests of {module} fail without any change")
    return set(told)


def _hush() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


class _Quickly:
    """In place of running the tests once, run them with each text of a module."""

    def __init__(self, module: str, texts: list[str], answers: int) -> None:
        self._module = module
        self._texts = texts
        self._answers = answers

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tell the number of each text with which one fails, and the one that failed next time."""
        namespace = vars(import_module(self._module))
        items = session.items
        for number, text in enumerate(self._texts):
            tree = ast.parse(text)
            tree.body = [one for one in tree.body if not isinstance(one, _DEFINED)]
            code = compile(tree, self._module, "exec")
            failed = first_failure(items, partial(exec, code, namespace), _QUICKLY)
            if failed is not None:
                os.write(self._answers, b"%d\n" % number)
                items = sorted(items, key=lambda item: item.nodeid != failed)
        return True


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


if __name__ == "__main__":
    main()
