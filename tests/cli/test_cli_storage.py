"""`storage check`: the contract on a factory that is named, and a verdict to read."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("click")

FACTORY = """
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.peewee import open_storage


def sqlite(folder):
    return open_storage(Settings(database=f"sqlite:///{folder}/shop.db"))
"""

# No cart is ever found; everything else is as it should be.
BROKEN = """
from contextlib import contextmanager

from orderflow_bridge.storage.memory import MemoryStorage


class Carts:
    def __init__(self, carts):
        self.carts = carts

    def __getattr__(self, name):
        return getattr(self.carts, name)

    def find(self, cart_id, *, connection):
        return None


class Unit:
    def __init__(self, unit):
        self.unit = unit

    def __getattr__(self, name):
        return getattr(self.unit, name)

    @property
    def carts(self):
        return Carts(self.unit.carts)


class Forgetful:
    def __init__(self):
        self.inner = MemoryStorage()
        self.ports_version = self.inner.ports_version
        self.capabilities = frozenset({"stock", "rates"})

    @contextmanager
    def reading(self):
        with self.inner.reading() as unit:
            yield Unit(unit)

    @contextmanager
    def writing(self):
        with self.inner.writing() as unit:
            yield Unit(unit)

    def close(self):
        pass


STORAGES = {}


def open_forgetful(folder):
    return STORAGES.setdefault(str(folder), Forgetful())
"""


@pytest.fixture
def written(line, request) -> Callable[[str], str]:
    """Write a module into the current folder; give its name, which no other test has."""

    def write(text: str) -> str:
        name = f"shop_{abs(hash(request.node.nodeid))}"
        Path(f"{name}.py").write_text(text, encoding="utf-8")
        return name

    return write


def test_a_good_storage_is_green(line, written) -> None:
    """Each port's rules are named, and the last line says how many are kept."""
    ended = line("storage", "check", f"{written(FACTORY)}:sqlite", "-k", "carts")
    assert "\ncarts\n" in f"\n{ended.out}"
    assert "  kept " in ended.out
    assert "broken" not in ended.out
    assert ended.out.splitlines()[-1].startswith("green: ")
    assert "checking carts ..." in ended.err


def test_a_broken_storage_is_red(line, written) -> None:
    """Each broken rule says its sentence, its name and the assertion; the exit code is 1."""
    name = f"{written(BROKEN)}:open_forgetful"
    ended = line("storage", "check", name, "-k", "carts", "--keep-going", code=1)
    broken = [text for text in ended.out.splitlines() if text.startswith("  broken")]
    assert broken
    last = ended.out.splitlines()[-1]
    assert last.startswith(f"{len(broken)} of ")
    assert last.endswith("rules are broken")
    assert "assert None == Cart(" in ended.out
    assert "Traceback" not in ended.out + ended.err


def test_the_document_tells_each_rule(line, written) -> None:
    """With --json the same, for programs: rules, counts, and the capabilities that are missing."""
    name = f"{written(BROKEN)}:open_forgetful"
    document = line("storage", "check", name, "-k", "carts", "--json", code=1).document
    assert document["broken"] == len([r for r in document["rules"] if r["state"] == "broken"]) > 0
    assert document["missing"] == [
        "products", "audit", "privacy", "search", "journal", "sessions", "migrations", "durable",
        "processes",
    ]  # fmt: skip
    assert document["error"]["code"] == "rules_broken"
    assert {"port", "name", "sentence", "state", "why"} == set(document["rules"][0])


def test_what_is_not_declared_is_skipped(line, written) -> None:
    """A capability that is missing is no broken rule, and the last line names it."""
    name = f"{written(BROKEN)}:open_forgetful"
    ended = line("storage", "check", name, "-k", "migrations")
    assert "  not declared " in ended.out
    missing = "products, audit, privacy, search, journal, sessions, migrations, durable, processes"
    assert f"does not declare {missing}" in ended.out


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        ("shop_storage", "write module:function"),
        ("shop storage:open", "write module:function"),
        ("no_such_module:open_storage", "There is no module 'no_such_module'"),
        ("os:no_such_function", "no_such_function"),
        ("os:getcwd", "gives no storage for a folder"),
    ],
)
def test_a_factory_that_cannot_be_used_is_said(line, factory: str, told: str) -> None:
    """The message says what to write or where to start; the exit code is 2."""
    ended = line("storage", "check", factory, code=2)
    assert told in ended.err
    assert ended.out == ""


def test_a_module_that_fails_is_said(line, written) -> None:
    """The error and its place, not a traceback."""
    ended = line("storage", "check", f"{written('1 / 0')}:open_storage", code=2)
    assert "ZeroDivisionError" in ended.err
    assert "division by zero" in ended.err


def test_a_factory_that_no_other_process_can_call_is_said(line, written) -> None:
    """A lambda has no name to import it by."""
    module = written("open_storage = lambda folder: None")
    ended = line("storage", "check", f"{module}:open_storage", code=2)
    assert "another process" in ended.err


def test_a_storage_that_breaks_everything_is_not_asked_on(line, written) -> None:
    """Ten failures are enough unless more is asked for; the last line says what is left."""
    module = written(
        "from orderflow_bridge.storage.memory import MemoryStorage\n"
        "class Dead(MemoryStorage):\n"
        "    def writing(self):\n"
        "        raise OSError('no disk')\n"
        "def open_storage(folder):\n"
        "    return Dead()\n"
    )
    words = ("storage", "check", f"{module}:open_storage", "-k", "connections or carts")
    ended = line(*words, code=1)
    assert re.search(r"\n10 of 10 rules are broken; \d+ were not looked at, ", ended.out)
    assert "OSError: no disk" in ended.out
    ended = line(*words, "--keep-going", code=1)
    assert "not looked at" not in ended.out


def test_a_pattern_that_matches_nothing_is_said(line, written) -> None:
    """No rule is no verdict."""
    name = f"{written(FACTORY)}:sqlite"
    ended = line("storage", "check", name, "-k", "nothing_like_it", code=2)
    assert "No rule matches 'nothing_like_it'." in ended.err


def test_the_project_around_it_takes_no_part(line, written) -> None:
    """Its conftest, settings and options do not count, and nothing is left there."""
    name = written(FACTORY)
    Path("conftest.py").write_text("raise RuntimeError('not here')", encoding="utf-8")
    Path("pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    before = sorted(Path.cwd().rglob("*"))
    ended = subprocess.run(
        [
            sys.executable, "-m", "orderflow_bridge", "storage", "check", f"{name}:sqlite",
            "-k", "replays",
        ],
        env={**os.environ, "PYTEST_ADDOPTS": "--no-such-option", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sorted(Path.cwd().rglob("*")) == before


def test_without_pytest_the_extra_is_named(line) -> None:
    """The command says what to install."""
    code = "import sys; sys.modules['pytest'] = None; from orderflow_bridge.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "storage", "check", "shop:open_storage"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "pip install 'orderflow-bridge[testing]'" in ended.stderr
