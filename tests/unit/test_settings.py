"""What the settings show of themselves."""

import os

import msgspec
import pytest

from orderflow_bridge.actions.action import Work
from orderflow_bridge.bridge import Bridge
from orderflow_bridge.connections import Office
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import SETTINGS_FILE, Settings
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.samples import connection
from tests.rig import MASTER_KEY, RING

PASSWORD = "correct-horse"
SETTINGS = Settings(
    master_keys=RING,
    database=f"postgresql://shop:{PASSWORD}@127.0.0.1/shop",
    rate_ledger=f"redis://:{PASSWORD}@127.0.0.1/0",
    max_body=2048,
    rounding="half_up",
)


def shown(value: object) -> str:
    """Give everything that a report of an error may print of a variable."""
    rich = getattr(value, "__rich_repr__", tuple)
    return f"{value!r} {value} {list(rich())}"


def test_settings_show_neither_keys_nor_passwords():
    """What reports an error with its variables gives away nothing; plain settings can be read."""
    text = shown(SETTINGS)
    assert MASTER_KEY not in text
    assert PASSWORD not in text
    assert "max_body=2048" in repr(SETTINGS)
    assert "rounding='half_up'" in repr(SETTINGS)


def test_what_holds_the_settings_shows_them_no_more_than_they_do():
    """In every action, operator's call and bridge they are a variable of a variable."""
    bridge = Bridge(storage=MemoryStorage(), master_keys=RING, settings=SETTINGS)
    office = bridge.connections._office
    assert isinstance(office, Office)
    shop = bridge._protocol._shop
    with bridge._storage.reading() as unit:
        for holder in (bridge, office, shop, Work(shop, unit, connection(), 0)):
            text = shown(holder)
            assert MASTER_KEY not in text
            assert PASSWORD not in text
    assert "max_body=2048" in repr(shop)


@pytest.mark.parametrize("kind", ["text", "texts", "table"])
def test_a_setting_that_nobody_thought_of_is_not_shown(kind):
    """A plugin's or a later one is hidden until somebody says that it is harmless."""
    value = {"text": PASSWORD, "texts": (PASSWORD,), "table": ({"hash": PASSWORD},)}[kind]
    later = msgspec.defstruct("Later", [("new", object, value)], bases=(Settings,), kw_only=True)
    assert PASSWORD not in shown(later())


@pytest.mark.skipif(os.name != "posix", reason="files have no modes there")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_keys_in_a_settings_file_are_for_its_owner_alone(tmp_path, mode):
    """As in a key file: while others can read or change it, nothing starts."""
    path = tmp_path / SETTINGS_FILE
    path.write_text(f'master_keys = "{RING}"')
    path.chmod(mode)
    for environ in ({}, {"ORDERFLOW_BRIDGE_MASTER_KEYS": RING}):
        with pytest.raises(ConfigurationError, match="chmod 600") as caught:
            Settings.load(home=tmp_path, environ=environ)
        assert MASTER_KEY not in str(caught.value)
    path.chmod(0o600)
    assert Settings.load(home=tmp_path, environ={}).master_keys == RING


@pytest.mark.parametrize("text", ["", 'master_keys = ""', "max_body = 2048"])
def test_a_settings_file_without_keys_may_be_read_by_all(tmp_path, text):
    """Nothing in it is secret then."""
    path = tmp_path / SETTINGS_FILE
    path.write_text(text)
    path.chmod(0o644)
    assert Settings.load(home=tmp_path, environ={}).master_keys == ""
