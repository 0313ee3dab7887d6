"""Storages found by name: real distributions, each in a process that sees them as installed."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.ports import PORTS_VERSION
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.opening import GROUP
from tests.distributions import make_distribution
from tests.rig import RING

# A storage on one file, kept by the driver that comes with the package.
SHELF = """
from orderflow_bridge.storage.peewee import PeeweeStorage

def open_storage(settings):
    return PeeweeStorage("sqlite:///" + settings.database.removeprefix("shelf://"))
"""
BROKEN = "raise RuntimeError('shelf://zoe:hush@x')"

OPEN = """
import sys
from orderflow_bridge import Bridge, ConfigurationError
try:
    Bridge.open(sys.argv[1])
except ConfigurationError as error:
    print(error)
else:
    print("opened")
print(*sorted(set(sys.modules) & {"shelf", "other", "peewee"}))
"""


@pytest.fixture
def installed(tmp_path):
    """Give a function that installs a storage plugin; those it made are seen by `run`."""
    folders = []

    def install(name, module, text, *, scheme="shelf", attribute="open_storage"):
        folders.append(
            make_distribution(
                tmp_path / name,
                name,
                entry_points={GROUP: {scheme: f"{module}:{attribute}"}},
                modules={module: text},
            )
        )

    install.folders = folders
    return install


@pytest.fixture
def run(installed, tmp_path):
    """Give a function that runs Python where the plugins are installed; gives what it printed."""

    def python(*words, code=0):
        ended = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([*map(str, installed.folders), *sys.path]),
                "ORDERFLOW_BRIDGE_MASTER_KEYS": RING,
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == code, ended
        assert "Traceback" not in ended.stderr
        return ended.stdout + ended.stderr

    return python


@pytest.fixture
def opened(run):
    """Give a function that opens a bridge on a URL; gives the outcome and the modules loaded."""

    def open_bridge(url="shelf://x"):
        *lines, loaded = run("-c", OPEN, url).splitlines()
        return "\n".join(lines), loaded.split()

    return open_bridge


def test_the_scheme_finds_its_plugin_and_loads_no_other(installed, opened):
    """A package that breaks when it is imported hurts nobody who does not use it."""
    installed("acme-shelf", "shelf", SHELF)
    installed("acme-other", "other", BROKEN, scheme="other")
    assert opened() == ("opened", ["peewee", "shelf"])
    assert opened("SHELF+fast://x") == ("opened", ["peewee", "shelf"])
    assert opened("memory://") == ("opened", [])


def test_a_plugin_that_cannot_be_loaded_is_named_with_its_version(installed, opened):
    """Its message is not shown: it may quote the URL."""
    installed("acme-shelf", "shelf", BROKEN)
    said, _ = opened()
    assert "The storage 'shelf' of acme-shelf 1.2.3 cannot be loaded (RuntimeError at" in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import acme_driver", "cannot be loaded (ModuleNotFoundError: no acme_driver)"),
        ("", "cannot be loaded (AttributeError at"),
        ("open_storage = 5", "is no function"),
        ("def open_storage(settings): raise KeyError(settings.database)", "(KeyError at"),
        ("def open_storage(settings): return None", "made a NoneType without ports_version,"),
    ],
)
def test_a_plugin_that_makes_no_storage_is_named(installed, opened, text, said):
    """Whoever has to mend it is told, and nobody sees a traceback."""
    installed("acme-shelf", "shelf", text)
    shown, _ = opened("shelf://hush")
    assert "The storage 'shelf' of acme-shelf 1.2.3" in shown
    assert said in shown
    assert "hush" not in shown


def test_a_plugins_own_refusals_pass(installed, opened):
    """It knows its URLs best."""
    refuse = "raise ConfigurationError('A shelf has a path: shelf:///path.')"
    installed(
        "acme-shelf", "shelf",
        f"from orderflow_bridge import ConfigurationError\ndef open_storage(settings): {refuse}",
    )  # fmt: skip
    assert opened()[0] == "A shelf has a path: shelf:///path."


def test_a_plugin_for_other_ports_is_refused(installed, opened):
    """Both versions are named."""
    older = SHELF + "\nPeeweeStorage.ports_version = 1\n"
    installed("acme-shelf", "shelf", older)
    said, _ = opened()
    assert "PeeweeStorage was written for version 1 of the storage ports" in said
    assert "version 2" in said


def test_two_plugins_of_one_name_are_refused(installed, opened):
    """Neither is loaded, and both are named: which one keeps the orders is no matter of luck."""
    installed("acme-shelf", "shelf", SHELF)
    installed("other-shelf", "other", BROKEN)
    said, loaded = opened()
    assert "of acme-shelf 1.2.3 and other-shelf 1.2.3: uninstall one of them." in said
    assert loaded == []


def test_a_plugin_is_offered_beside_what_comes_with_the_package(installed, opened):
    """A mistyped scheme sees it in the list."""
    installed("acme-shelf", "shelf", SHELF)
    said, _ = opened("shelv://x")
    assert "memory://" in said
    assert "shelf://" in said
    assert opened("sqlite:///x.db")[0] == "opened"


def test_the_default_is_registered_like_any_other():
    """What is installed names its storages in the group that plugins use."""
    own = {
        point.name: point.value
        for point in entry_points(group=GROUP)
        if point.dist is not None and point.dist.name == "orderflow-bridge"
    }
    assert own["memory"] == "orderflow_bridge.storage.memory:open_storage"
    servers = ("sqlite", "postgresql", "postgres", "mariadb", "mysql")
    assert {own[name] for name in servers} == {"orderflow_bridge.storage.peewee:open_storage"}


def test_the_command_line_works_with_a_plugin(installed, run):
    """`--database` takes its URLs, in every process anew."""
    pytest.importorskip("click")
    installed("acme-shelf", "shelf", SHELF)
    words = ("-m", "orderflow_bridge", "--database", "shelf://shop.db", "--json")
    made = json.loads(run(*words, "-q", "connections", "create", "Shop", "--allow", "::1"))
    [listed] = json.loads(run(*words, "connections", "list"))["connections"]
    assert listed["client_id"] == made["client_id"]
    findings = {one["check"]: one for one in json.loads(run(*words, "doctor"))["findings"]}
    assert findings["storage"]["state"] == "ok"
    assert findings["database"]["found"] == "shelf answers."


def test_the_command_line_reports_a_broken_plugin_in_one_line(installed, run):
    """A configuration that cannot work ends with 2; the doctor has it as a finding with its fix."""
    pytest.importorskip("click")
    installed("acme-shelf", "shelf", BROKEN)
    words = ("-m", "orderflow_bridge", "--database", "shelf://x")
    said = run(*words, "connections", "list", code=2)
    assert said.startswith("Error: The storage 'shelf' of acme-shelf 1.2.3 cannot be loaded")
    assert said.count("\n") == 1
    findings = json.loads(run(*words, "doctor", "--json", code=1))["findings"]
    assert [(one["check"], one["state"]) for one in findings if one["state"] == "problem"] == [
        ("database", "problem")
    ]
    assert findings[-1]["fix"] == "repair or reinstall that package."


class Declaring(MemoryStorage):
    """A storage that says something else of itself."""


@pytest.mark.parametrize(
    ("declared", "version", "said"),
    [
        ({"proceses"}, PORTS_VERSION, "did you mean 'processes'?"),
        ({"products"}, PORTS_VERSION, "declare both"),
        ({"migrations"}, PORTS_VERSION, "no method `migrate`"),
        (set(), 99, "version 99"),
    ],
)
def test_a_storage_that_declares_what_cannot_be_is_refused(declared, version, said):
    """A bridge says what is wrong with the declaration, before anything is opened."""
    storage = Declaring()
    storage.capabilities = frozenset(declared)
    storage.ports_version = version
    with pytest.raises(ConfigurationError, match="Declaring") as caught:
        Bridge(storage=storage, master_keys=RING)
    assert said in str(caught.value)
