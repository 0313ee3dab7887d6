"""Each test of the storage contract can fail: a storage that breaks its rule is noticed."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from orderflow_bridge.testing import StorageContract
from tests.testing import broken_storages
from tests.testing.broken_storages import none
from tests.testing.broken_storages.fault import Fault

ROOT = Path(__file__).parents[2]
FOLDER = "tests/testing/broken_storages"
PATIENCE = 300
RULES = sorted(name for name in dir(StorageContract) if name.startswith("test_"))
MISTAKES = ("AttributeError", "NameError", "TypeError", "ImportError", "UsageError")
"""What a fault that is written wrongly raises, instead of what it should break."""


def storages_of(module):
    """Give the storages of a module of the folder."""
    return [one for one in vars(module).values() if isinstance(one, type) and one is not Fault
            and issubclass(one, Fault)]  # fmt: skip


BROKEN = [
    (name, one)
    for _, name, _ in pkgutil.iter_modules(broken_storages.__path__)
    for one in storages_of(importlib.import_module(f"{broken_storages.__name__}.{name}"))
    if one.breaks
]


def run(file, ids):
    """Run these tests in a process; give what came of each: its element by (class, test)."""
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={file}", *ids,
    ]  # fmt: skip
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert ended.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), ended.stdout
    return [
        (case.attrib["classname"].rpartition(".")[2], case.attrib["name"].partition("[")[0], case)
        for case in ET.parse(file).getroot().iter("testcase")
    ]


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Run each broken storage's tests; give the messages of those that failed."""
    ids = [f"{FOLDER}/{file}.py::{one.__name__}::{rule}" for file, one in BROKEN
           for rule in one.breaks]  # fmt: skip
    failures = [
        (name, rule, case.find("failure"))
        for name, rule, case in run(tmp_path_factory.mktemp("broken") / "report.xml", ids)
    ]
    return {
        (name, rule): failure.attrib["message"]
        for name, rule, failure in failures
        if failure is not None
    }


@pytest.mark.parametrize("rule", RULES)
def test_a_storage_that_breaks_the_rule_is_noticed(rule, failed):
    """There is a broken storage for each rule, and its contract says so for that reason."""
    breakers = [one.__name__ for _, one in BROKEN if rule in one.breaks]
    assert breakers
    for name in breakers:
        assert (name, rule) in failed
        assert not failed[name, rule].startswith(MISTAKES)


def test_a_broken_storage_breaks_rules_that_there_are():
    """Nothing that is listed is misspelt."""
    assert {rule for _, one in BROKEN for rule in one.breaks} <= set(RULES)


def test_a_storage_without_a_fault_passes(tmp_path):
    """In memory all that needs no more passes, and on SQLite the rest."""
    needy = ("test_processes_", "test_durability_", "test_migrations_")
    ids = [
        f"{FOLDER}/none.py::{one.__name__}::{rule}"
        for rule in RULES
        for one in [none.TestSqlite if rule.startswith(needy) else none.TestMemory]
    ]
    cases = run(tmp_path / "report.xml", ids)
    assert {rule for _, rule, _ in cases} == set(RULES)
    assert [(rule, child.tag) for _, rule, case in cases for child in case] == []
