"""Each test of a contract can fail: a plugin that breaks its rule is noticed."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from orderflow_bridge.testing import CatalogueContract, HostContract, PaymentsContract
from tests.testing import broken

ROOT = Path(__file__).parents[2]
RULES = [
    (contract, name)
    for contract in (CatalogueContract, PaymentsContract, HostContract)
    for name in vars(contract)
    if name.startswith("test_")
]
BROKEN = [one for one in vars(broken).values() if hasattr(one, "breaks")]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Run each broken plugin's contract in a fresh process; give the failures (class, test)."""
    file = tmp_path_factory.mktemp("broken") / "report.xml"
    ended = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={file}",
            *(f"tests/testing/broken.py::{one.__name__}::{one.breaks}" for one in BROKEN),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    cases = ET.parse(file).getroot().iter("testcase")
    return {
        (case.attrib["classname"].rpartition(".")[2], case.attrib["name"].partition("[")[0])
        for case in cases
        if case.find("failure") is not None
    }


@pytest.mark.parametrize(
    ("contract", "rule"), RULES, ids=[f"{contract.__name__}-{rule}" for contract, rule in RULES]
)
def test_a_plugin_that_breaks_the_rule_is_noticed(contract, rule, failed) -> None:
    """There is a broken plugin for each rule, and its contract says so."""
    breakers = {one.__name__ for one in BROKEN if issubclass(one, contract) and one.breaks == rule}
    assert breakers
    assert {(name, rule) for name in breakers} <= failed
