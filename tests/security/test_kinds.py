"""No kind of attack is without a test, and no row without a kind."""

import ast
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.security.attacks import Attack, Table
from tests.security.kinds import KINDS, TABLES, UNLIKE
from tests.security.levels import LEVELS

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_hostile_*.py"))


def tables() -> list[Table]:
    """Give the table of each file that has one."""
    modules = [import_module(f"tests.security.{name}") for name in MODULES]
    return [module.TABLE for module in modules if hasattr(module, "TABLE")]


@cache
def defined_in(file: str) -> frozenset[str]:
    """Name the tests of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_tests(kind: str):
    """Rows of its own where it says so, and each test that it names exists."""
    assert KINDS[kind]
    attacks = [attack for table in tables() for attack in table.get(kind, ())]
    assert bool(attacks) == (TABLES in KINDS[kind])
    for named in KINDS[kind]:
        if named != TABLES:
            file, _, name = named.partition("::")
            assert name in defined_in(file), named


def test_a_row_has_a_kind():
    """No table has a kind that the list does not have, and none is in two tables."""
    found = Counter(kind for table in tables() for kind in table)
    assert set(found) <= set(KINDS)
    assert set(found.values()) == {1}


def test_the_page_counts_the_rows():
    """docs/testing.md says how many there are."""
    rows = sum(len(attacks) for table in tables() for attacks in table.values())
    assert f"| {rows} named rows" in (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def test_a_row_has_a_name_of_its_own():
    """A name in a report leads to one row, and each row is played somewhere."""
    for table in tables():
        for kind, attacks in table.items():
            names = [attack.name for attack in attacks]
            assert len(set(names)) == len(names), kind
            assert all(any(attack.expected_at(one.family) for one in LEVELS) for attack in attacks)


def test_each_kind_has_a_row_that_is_refused():
    """But for those which say what must pass."""
    passing = {
        "a known key of another connection",
        "what is no card",
        "a masked card, a wrong check digit",
    }
    for table in tables():
        for kind, attacks in table.items():
            refused = [attack for attack in attacks if refuses(attack)]
            assert bool(refused) != (kind in passing), kind


def test_a_host_makes_no_difference_that_is_not_listed():
    """A row that is answered otherwise somewhere is of a kind that says why."""
    unlike = {
        kind
        for table in tables()
        for kind, attacks in table.items()
        if any(attack.unlike for attack in attacks)
    }
    assert unlike == set(UNLIKE)


def refuses(attack: Attack) -> bool:
    """Tell whether a row is refused, or answered with what was stored."""
    return attack.expect != "200" or attack.replayed
