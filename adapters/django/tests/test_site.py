"""The settings, the checks, and the command of a site."""

import os
import subprocess
import sys

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from orderflow_bridge import ConfigurationError
from orderflow_bridge.domain.product import Product
from orderflow_bridge.storage.memory import MemoryStorage

import site_databases
from orderflow_bridge_django import conf
from orderflow_bridge_django.bridge import get_bridge
from orderflow_bridge_django.storage import DjangoStorage

RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
MIDDLEWARE = "orderflow_bridge_django.middleware.BridgeMiddleware"


class Shelf:
    """A catalogue of the site's own."""

    def find(self, skus, currency):
        return {sku: Product(sku=sku, name=sku, unit_price=100) for sku in skus}


def ids() -> set[str]:
    """Run the checks; give the ids of the bridge's."""
    found = {message.id for message in run_checks()}
    return {one for one in found if one.startswith("orderflow_bridge.")}


def test_the_bridge_is_made_once_as_the_settings_say(tmp_path):
    """Its own settings go by their names in capitals, its plugins by their paths."""
    with override_settings(
        ORDERFLOW_BRIDGE={
            "MASTER_KEYS": RING,
            "HOME": str(tmp_path),
            "USING": "sqlite",
            "MAX_LINES": 7,
            "TRUSTED_PROXIES": ["10.0.0.0/8"],
            "CLIENT_ADDRESS_HEADER": "X-Forwarded-For",
            "CATALOGUE": f"{__name__}.Shelf",
        }
    ):
        bridge = get_bridge()
        assert get_bridge() is bridge
        assert bridge.settings.max_lines == 7
        assert bridge.settings.trusted_proxies == ("10.0.0.0/8",)
        assert isinstance(bridge._storage, DjangoStorage)
        assert isinstance(bridge._shop.catalogue, Shelf)
    with override_settings(ORDERFLOW_BRIDGE={"MASTER_KEYS": RING}):
        assert get_bridge() is not bridge


@pytest.mark.parametrize(
    ("storage", "kind"),
    [
        ("memory://", "MemoryStorage"),
        ("orderflow_bridge.storage.memory.MemoryStorage", "MemoryStorage"),
        (MemoryStorage, "MemoryStorage"),
        ("sqlite:///elsewhere.db", "PeeweeStorage"),
    ],
)
def test_another_storage_is_one_line(storage, kind, tmp_path):
    """A database URL, or what makes a storage."""
    setting = {"MASTER_KEYS": RING, "HOME": str(tmp_path), "STORAGE": storage}
    with override_settings(ORDERFLOW_BRIDGE=setting):
        assert type(get_bridge()._storage).__name__ == kind


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"MASTER_KEY": RING}, "did you mean MASTER_KEYS?"),
        ({"MASTER_KEYS": "k1:short"}, "Master key 1"),
        ({"MASTER_KEYS": RING, "MAX_LINES": 0}, "max_lines"),
        ({"MASTER_KEYS": RING, "CATALOGUE": "nowhere.Shelf"}, "CATALOGUE"),
        ({"MASTER_KEYS": RING, "USING": "sqlit"}, "USING"),
        ({"HOME": "."}, "master keys"),
    ],
)
def test_what_cannot_be_is_said_by_a_check(setting, said, tmp_path, monkeypatch):
    """The check names what to correct, before the first request."""
    monkeypatch.chdir(tmp_path)
    with override_settings(ORDERFLOW_BRIDGE=setting):
        [message] = [one for one in run_checks() if one.id == "orderflow_bridge.E001"]
        assert said in message.msg
        assert "short" not in message.msg
        with pytest.raises(ConfigurationError):
            get_bridge()


def test_a_sound_site_has_no_message(tmp_path):
    """Nothing is said where nothing is wrong."""
    setting = {"MASTER_KEYS": RING, "HOME": str(tmp_path)}
    with override_settings(ORDERFLOW_BRIDGE=setting, MIDDLEWARE=[MIDDLEWARE]):
        assert ids() == set()


def test_what_weakens_the_bridge_is_warned_of(tmp_path):
    """A middleware in front, a smaller body in Django, everyone a proxy, torn tables."""
    sound = {"MASTER_KEYS": RING, "HOME": str(tmp_path)}
    with override_settings(ORDERFLOW_BRIDGE=sound):
        with override_settings(
            MIDDLEWARE=["django.middleware.common.CommonMiddleware", MIDDLEWARE]
        ):
            assert ids() == {"orderflow_bridge.W001"}
        with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
            assert ids() == {"orderflow_bridge.W002"}
        with override_settings(DATABASE_ROUTERS=[f"{__name__}.Tearing"]):
            assert ids() == {"orderflow_bridge.E002"}
    everyone = {"TRUSTED_PROXIES": ["0.0.0.0/0"], "CLIENT_ADDRESS_HEADER": "X-Forwarded-For"}
    with override_settings(ORDERFLOW_BRIDGE=sound | everyone):
        assert ids() == {"orderflow_bridge.E001"}


def test_an_address_header_that_wsgi_does_not_read_is_warned_of(tmp_path):
    """Until the site says that no alias of it arrives."""
    behind = {"TRUSTED_PROXIES": ["10.0.0.5"], "CLIENT_ADDRESS_HEADER": "X-Forwarded-For"}
    sound = {"MASTER_KEYS": RING, "HOME": str(tmp_path)} | behind
    with override_settings(MIDDLEWARE=[MIDDLEWARE]):
        with override_settings(ORDERFLOW_BRIDGE=sound):
            assert ids() == {"orderflow_bridge.W005"}
        with override_settings(ORDERFLOW_BRIDGE=sound | {"HEADER_ALIASES_DROPPED": True}):
            assert ids() == set()


def deployed(**options) -> dict[str, str]:
    """Run the checks of a deployment; give the bridge's messages by their ids."""
    found = run_checks(include_deployment_checks=True, **options)
    return {one.id: one.msg for one in found if one.id.startswith("orderflow_bridge.")}


@pytest.mark.parametrize(
    ("using", "options", "said"),
    [
        ("memory", {}, "without a timeout and WAL"),
        ("memory", {"timeout": 20}, "without WAL"),
        ("memory", {"timeout": 20, "init_command": "PRAGMA journal_mode = WAL;"}, None),
        ("postgres", {}, None),
    ],
)
def test_a_deployment_on_sqlite_waits_for_its_turn(tmp_path, monkeypatch, using, options, said):
    """A timeout and WAL are asked for, each where it is missing."""
    monkeypatch.setitem(connections[using].settings_dict, "OPTIONS", options)
    setting = {"MASTER_KEYS": RING, "HOME": str(tmp_path), "USING": using}
    with override_settings(ORDERFLOW_BRIDGE=setting):
        assert "orderflow_bridge.W003" not in ids()
        message = deployed().get("orderflow_bridge.W003")
    assert message is None if said is None else said in message


def test_a_deployment_names_the_connections_that_every_address_may_use(tmp_path):
    """Only where the check may look at the database, and only those that are let in."""
    site_databases.open_alias("sqlite", tmp_path)
    setting = {"MASTER_KEYS": RING, "HOME": str(tmp_path), "USING": "sqlite"}
    with override_settings(ORDERFLOW_BRIDGE=setting):
        create = get_bridge().connections.create
        everywhere, half, closed, off = (
            create(name, scopes=["carts:read"], allow=allow).connection.client_id
            for name, allow in (
                ("a", []), ("b", ["192.0.2.1", "::/0"]), ("c", ["192.0.2.0/24"]), ("d", []),
            )
        )  # fmt: skip
        get_bridge().connections.disable(off)
        assert "orderflow_bridge.W004" not in deployed()
        message = deployed(databases=["sqlite"])["orderflow_bridge.W004"]
        assert everywhere in message
        assert half in message
        assert closed not in message
        assert off not in message


class Tearing:
    """A router that keeps orders elsewhere."""

    def db_for_write(self, model, **_hints):
        return "sqlite" if model.__name__ == "Order" else "memory"


def test_the_command_works_on_the_site_s_bridge(tmp_path, capsys):
    """`manage.py bridge connections create` makes a connection of this site."""
    setting = {"MASTER_KEYS": RING, "HOME": str(tmp_path), "STORAGE": MemoryStorage}
    with override_settings(ORDERFLOW_BRIDGE=setting):
        with pytest.raises(SystemExit) as ended:
            call_command("bridge", "connections", "create", "Tea blog", "--json")
        assert ended.value.code == 0
        assert "ofs_" in capsys.readouterr().out
        [made] = get_bridge().connections.all()
        assert made.name == "Tea blog"


def test_the_command_hands_every_word_over():
    """Its help is the command line's own, under the name that was typed."""
    done = subprocess.run(
        [sys.executable, "-m", "django", "bridge", "connections", "--help"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "bridge connections" in done.stdout
    assert "rotate" in done.stdout


def test_a_setting_that_the_core_has_is_one_that_the_site_has():
    """Every name of the bridge's settings can be given, but for the database."""
    assert "MASTER_KEYS" in conf._CORE
    assert "DATABASE" not in conf._CORE
