"""docs/write-a-storage.md from top to bottom: what it shows happens, and its storage is green."""

import doctest
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("fcntl")

from orderflow_bridge import Bridge
from orderflow_bridge.domain.product import Product
from tests.distributions import make_distribution
from tests.docs.blocks import blocks_of, command_of, file_of
from tests.rig import RING

PAGE = "write-a-storage.md"
STEP = re.compile(r"^## (\d)\. (.+)$", re.MULTILINE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give an empty folder with the module and its test file, and go there."""
    (tmp_path / "jsonstore.py").write_text(file_of(PAGE, "jsonstore.py"), encoding="utf-8")
    text = file_of(PAGE, "test_jsonstore.py")
    (tmp_path / "test_jsonstore.py").write_text(text, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name in [name for name in os.environ if name.startswith("ORDERFLOW_BRIDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words, path=(), code=0, **variables):
    """Run Python in the current folder, in a process; give what it printed."""
    found = os.pathsep.join([*map(str, path), *sys.path])
    ended = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, **variables, "PYTHONPATH": found},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def words_of(line):
    """Give the words of a line that a reader types, for this Python."""
    command, *words = line.split()
    assert command == "orderflow-bridge"
    return ("-m", "orderflow_bridge", *words)


def test_each_step_does_what_the_page_shows(tmp_path, monkeypatch):
    """With the code so far and no more, each session runs as it is printed."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("jsonstore")
    monkeypatch.setitem(sys.modules, "jsonstore", module)
    shown, names = [], {}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for number, block in enumerate(blocks_of(PAGE)):
        if block.name == "jsonstore.py":
            exec(compile(block.text, "jsonstore.py", "exec"), module.__dict__)
        elif block.language == "pycon":
            names.update(vars(module))
            session = doctest.DocTestParser().get_doctest(
                block.text, {}, f"block {number}", PAGE, 0
            )
            session.globs = names
            failed, tried = runner.run(session, out=shown.append, clear_globs=False)
            assert tried
            assert not failed, "".join(shown)
    assert runner.tries > 20


def test_the_steps_are_numbered():
    """The page says where in the walk the reader is."""
    text = (Path(__file__).parents[2] / "docs" / PAGE).read_text(encoding="utf-8")
    assert [int(number) for number, _ in STEP.findall(text)] == list(range(1, 9))


def test_both_storages_are_green(folder):
    """The command of the page, and its test file on the optional step, which skips less."""
    pytest.importorskip("click")
    verdict = json.loads(run(*words_of(command_of(PAGE, "check")), "--json", "-q"))
    assert verdict["broken"] == 0
    assert verdict["kept"] > 60
    assert verdict["missing"] == [
        "products", "stock", "rates", "audit", "privacy", "search", "journal", "sessions",
        "migrations",
    ]  # fmt: skip
    test = folder / "test_jsonstore.py"
    test.write_text(test.read_text().replace("open_json", "open_shop"), encoding="utf-8")
    shown = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_jsonstore.py")
    assert int(re.search(r"(\d+) passed", shown)[1]) > verdict["kept"]
    assert 0 < int(re.search(r"(\d+) skipped", shown)[1]) < verdict["skipped"]


@pytest.mark.parametrize(
    ("before", "after", "port"),
    [
        ("fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass", "threads"),
        (" or rows[key].version != replacing", "", "carts"),
    ],
    ids=["no lock", "no version"],
)
def test_what_the_page_suggests_to_break_is_noticed(folder, before, after, port):
    """Green means something: without this the contract is broken."""
    pytest.importorskip("click")
    text = (folder / "jsonstore.py").read_text(encoding="utf-8")
    assert text.count(before) == 1
    (folder / "jsonstore.py").write_text(text.replace(before, after), encoding="utf-8")
    words = words_of(command_of(PAGE, "check"))
    assert json.loads(run(*words, "-k", port, "--json", "-q", code=1))["broken"]


def test_a_site_uses_it(folder, monkeypatch):
    """As the page writes it, with the site's catalogue; another bridge on the file sees it all."""

    class MyCatalogue:
        def find(self, skus, currency):
            return {sku: Product(sku=sku, name="Lamp", unit_price=1200) for sku in skus}

    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "jsonstore", raising=False)
    from jsonstore import open_json  # noqa: PLC0415 -- the page's own module

    [snippet] = [one.text for one in blocks_of(PAGE) if one.text.startswith("bridge = ")]
    names = {
        "Bridge": Bridge, "MyCatalogue": MyCatalogue, "Path": Path, "keys": RING,
        "open_json": open_json,
    }  # fmt: skip
    for _ in range(2):
        exec(snippet.replace("/srv/shop", str(folder)), names)
        names["bridge"].connections.create("Shop", scopes=["carts:read"])
    assert len(names["bridge"].connections.all()) == 2
    assert (folder / "shop.json").stat().st_mode & 0o077 == 0
    monkeypatch.delitem(sys.modules, "jsonstore")


def test_its_name_is_a_scheme(folder):
    """Installed as the page's pyproject.toml says, the command line takes its URLs."""
    pytest.importorskip("click")
    project = tomllib.loads(file_of(PAGE, "pyproject.toml"))["project"]
    installed = make_distribution(
        folder / "installed",
        project["name"],
        version=project["version"],
        entry_points=project["entry-points"],
        modules={"jsonstore": file_of(PAGE, "jsonstore.py")},
    )
    (folder / "jsonstore.py").unlink()
    for line in command_of(PAGE, "use").splitlines():
        shown = run(*words_of(line.replace('"', "")), path=[installed])
    assert "JsonShop of jsonstore can: products, stock, durable, processes." in shown
    assert "jsonstore answers." in shown
