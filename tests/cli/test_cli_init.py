"""`init` makes a configuration that everything started in the folder finds."""

import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("click")

from orderflow_bridge import Bridge
from orderflow_bridge.settings import Settings
from tests.databases import SERVERS


def test_init_in_an_empty_folder_is_found_by_every_command_and_by_open(line):
    """What `init` wrote is all that a site, a terminal and an operator need."""
    line("init")
    made = line.connect()
    assert line("connections", "show", made["client_id"], "--json").document["name"] == "Storefront"
    assert line("doctor", "--json").document["problems"] == 0
    assert line("migrate", "--json").document["applied"] == []
    assert line("purge", "--json").document["carts"] == 0
    assert line("orders", "list", "--json").document == {"orders": []}
    assert line("catalogue", "list", "--json").document == {"products": []}
    with Bridge.open() as bridge:
        assert [one.client_id for one in bridge.connections.all()] == [made["client_id"]]


def test_init_keeps_the_master_key_from_others(line):
    """The key file is its owner's alone, and its key is new each time; the database is, too."""
    os.umask(previous := os.umask(0))
    try:
        line("init")
        line("init", "--home", "another")
    finally:
        os.umask(previous)
    assert stat.S_IMODE(Path("orderflow-bridge.keys").stat().st_mode) == 0o600
    assert stat.S_IMODE(Path("orderflow-bridge.db").stat().st_mode) == 0o600
    keys = [Path(folder, "orderflow-bridge.keys").read_text() for folder in (".", "another")]
    ids = {re.fullmatch(r"(k[0-9a-f]{8}):\S{43}\n", key)[1] for key in keys}
    assert len(ids) == 2


@pytest.mark.parametrize("name", ["orderflow-bridge.toml", "orderflow-bridge.keys"])
def test_init_overwrites_nothing(line, name):
    """A configuration that is there stays as it is, byte for byte."""
    Path(name).write_text("mine")
    ended = line("init", "--json", code=2)
    assert ended.document["error"]["code"] == "configuration"
    assert Path(name).read_text() == "mine"
    assert sorted(path.name for path in Path().iterdir()) == [name]


def test_init_prints_no_key(line):
    """The key goes into its file and nowhere else."""
    ended = line("init")
    key = Path("orderflow-bridge.keys").read_text().strip().partition(":")[2]
    assert key not in ended.out + ended.err + Path("orderflow-bridge.toml").read_text()


def test_init_writes_another_database_into_the_settings(line):
    """`--database` is what every later command uses; a relative file starts in the folder."""
    line("init", "--home", "shop", "--database", "sqlite:///orders here.db")
    assert Path("shop/orders here.db").exists()
    settings = Settings.load(home="shop", environ={})
    assert settings.database == f"sqlite:///{Path('shop').absolute()}/orders here.db"


@pytest.mark.parametrize("name", SERVERS)
def test_init_on_a_server_works_like_on_a_file(line, databases, name):
    """Schema, settings and clock: the doctor compares with the server's own."""
    url = databases.blank(name)
    line("init", "--database", url)
    line.connect("--currency", "GBP")
    line("request", "cart.create")
    document = line("doctor", "--json").document
    assert document["problems"] == 0
    [clock] = [one for one in document["findings"] if one["check"] == "clock"]
    assert "apart from the database server's clock" in clock["found"]


def test_a_password_in_the_settings_is_kept_from_others(line):
    """A URL with a password makes the settings file its owner's alone."""
    line("init", "--database", "memory://user:hidden@host/name")
    assert stat.S_IMODE(Path("orderflow-bridge.toml").stat().st_mode) == 0o600


def test_the_examples_in_the_settings_file_are_correct(line):
    """Taking away the comment signs gives tables that the bridge accepts."""
    line("init")
    path = Path("orderflow-bridge.toml")
    lines = path.read_text().splitlines()
    starts = ("[[", "method", "name", "prices", "free_from", "countries", "rate", "country")
    starts += ("tax_class", "trusted_proxies", "client_address_header", "payment_hold")
    starts += ("header_aliases_dropped",)
    active = [
        text.removeprefix("# ") if text.removeprefix("# ").startswith(starts) else text
        for text in lines
    ]
    path.write_text("\n".join(active))
    assert len(tomllib.loads(path.read_text())["tax"]) == 3
    document = line("doctor", "--json").document
    assert document["problems"] == 0
    assert "Shipping has 2 rows, tax 3." in [one["found"] for one in document["findings"]]


@pytest.mark.parametrize(
    "words",
    ["console link", "connections list", "connections create Shop", "operators sign-out anna",
     "orders list", "audit", "catalogue list", "purge", "keys list", "migrate --plan"],
)  # fmt: skip
def test_where_there_is_no_shop_none_is_made(line, words):
    """The folder of a site whose bridge keeps all elsewhere has the keys, and no database."""
    line("init", "--keys-only")
    said = line(*words.split(), code=2).err
    assert "There is no shop here" in said
    assert "`flask bridge`" in said
    assert [one.name for one in Path().iterdir()] == ["orderflow-bridge.keys"]
    line("migrate")
    line(*words.split())


def test_init_leads_to_the_console(line):
    """Who has a server running needs the link next."""
    assert "orderflow-bridge console link" in line("init").err


def test_init_says_that_the_environment_wins(line, monkeypatch, tmp_path):
    """Files that will not be read are not passed over in silence."""
    monkeypatch.setenv("ORDERFLOW_BRIDGE_DATABASE", f"sqlite:///{tmp_path}/other.db")
    assert "ORDERFLOW_BRIDGE_DATABASE is set" in line("init").err


def test_init_that_cannot_reach_the_database_writes_nothing(line):
    """It can simply be run again."""
    pytest.importorskip("psycopg")
    line("init", "--database", "postgresql://u:hidden@127.0.0.1:1/shop", "--json", code=4)
    assert list(Path().iterdir()) == []


def test_without_click_one_line_names_the_extra():
    """A bare installation tells what is missing, and exits 2."""
    code = "import sys; sys.modules['click'] = None; import orderflow_bridge.cli as c; c.main()"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "pip install 'orderflow-bridge[cli]'" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_keys_only_writes_the_keys_and_nothing_else(line):
    """A site with a storage of its own gets no second database."""
    line("init", "--keys-only", "--home", "site")
    assert [one.name for one in Path("site").iterdir()] == ["orderflow-bridge.keys"]
    assert stat.S_IMODE(Path("site", "orderflow-bridge.keys").stat().st_mode) == 0o600
    again = line("init", "--keys-only", "--home", "site", code=2)
    assert "is there already" in again.err
