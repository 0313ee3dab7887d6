"""The page of promises: each has a test behind it, and each of these tests exists and runs."""

import ast
import re
from pathlib import Path

import pytest

from orderflow_bridge.testing import HostContract, StorageContract

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
HEADINGS = re.compile(r"^## .*$", re.MULTILINE)
PROMISES = re.split(r"^- ", HEADINGS.sub("", PAGE), flags=re.MULTILINE)[1:]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
KITS = {kit.__name__: kit for kit in (StorageContract, HostContract)}
OF_THE_KIT = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)::(\w+)`", PAGE)))


def in_one_line(promise: str) -> str:
    return " ".join(promise.split())[:60]


def callee(decorator: ast.expr) -> str:
    return ast.unparse(decorator).partition("(")[0]


def defined_in(path: Path) -> set[str]:
    """Give the tests of a file, without those that are always skipped."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and "pytest.mark.skip" not in map(callee, node.decorator_list)
    }


@pytest.mark.parametrize("promise", PROMISES, ids=in_one_line)
def test_a_promise_has_a_test_behind_it(promise):
    assert promise.startswith("**")
    assert re.search(r"`tests/[\w/]+\.py::(Test\w+::)?test_\w+`", promise)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_behind_a_promise_exists(file, name):
    assert name in defined_in(ROOT / file)


@pytest.mark.parametrize(("file", "case", "name"), OF_THE_KIT)
def test_a_rule_of_the_kit_behind_a_promise_is_held_there(file, case, name):
    text = (ROOT / file).read_text(encoding="utf-8")
    (kit,) = (KITS[base] for base in KITS if f"class {case}({base})" in text)
    assert callable(getattr(kit, name))


def test_the_page_is_read():
    assert len(PROMISES) > 20
    assert len(NAMED) >= len(PROMISES)
