"""From a `sqlalchemy+` URL to a storage: what exists, what is missing, and what is never shown."""

import builtins
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import Settings
from orderflow_bridge.testing.samples import add, cart
from sqlalchemy import text
from tests.distributions import make_distribution
from tests.rig import RING

from orderflow_bridge_sqlalchemy import open_storage

ADAPTER = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "url",
    [
        "sqlalchemy://zoe:hush@db/shop",
        "sqlalchemy+zoe:hush",
        "sqlalchemy+postgresql+psycopg://zoe:hush@db:port/shop",
        "sqlalchemy+nothing://zoe:hush@db/shop",
        "sqlalchemy+postgresql+nothing://zoe:hush@db/shop",
        "sqlalchemy+sqlite://",
        "sqlalchemy+sqlite:///:memory:",
    ],
)
def test_what_names_no_engine_is_refused(url):
    """It is refused when the storage is made, and without its password."""
    with pytest.raises(ConfigurationError) as caught:
        open_storage(Settings(database=url))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("sqlalchemy+postgresql+psycopg://zoe:hush@db/shop", "psycopg", "postgres"),
        ("sqlalchemy+mysql+pymysql://zoe:hush@db/shop", "pymysql", "mysql"),
    ],
)
def test_a_missing_driver_names_the_line_that_installs_it(monkeypatch, url, module, extra):
    """One line, to be copied."""
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == module:
            raise ModuleNotFoundError(name, name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError) as caught:
        open_storage(Settings(database=url))
    assert f"pip install 'orderflow-bridge-sqlalchemy[{extra}]'" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(("setting", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_sqlite_is_durable_as_set(sqlite_url, open_at, setting, level):
    """The file is in WAL mode, and a commit as safe as the settings say."""
    storage = open_at(sqlite_url, sqlite_synchronous=setting)
    with storage.writing() as unit:
        assert unit.connection.execute(text("PRAGMA synchronous")).scalar() == level
        assert unit.connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_a_relative_path_stays_where_it_was(tmp_path, open_at, monkeypatch):
    """A later change of the working directory does not move the shop."""
    monkeypatch.chdir(tmp_path)
    storage = open_at("sqlite:///shop.db")
    monkeypatch.chdir("/")
    add(storage, cart())
    assert (tmp_path / "shop.db").exists()


def test_nothing_is_opened_before_the_first_use(tmp_path, sqlite_url, open_at):
    """Making a storage touches no file and no network."""
    open_at(sqlite_url)
    assert list(tmp_path.iterdir()) == []
    pytest.importorskip("psycopg")
    open_at("postgresql+psycopg://127.0.0.1:1/shop")


def test_a_relative_path_in_the_settings_starts_in_their_folder(tmp_path, monkeypatch):
    """As a plain SQLite path does, wherever the site was started."""
    monkeypatch.chdir("/")
    for scheme in ("sqlalchemy+sqlite", "sqlalchemy+sqlite+pysqlite"):
        environ = {"ORDERFLOW_BRIDGE_DATABASE": f"{scheme}:///shop.db"}
        settings = Settings.load(home=tmp_path, environ=environ)
        assert settings.database == f"{scheme}:///{tmp_path}/shop.db"
        add(open_storage(settings), cart())
        (tmp_path / "shop.db").unlink()


def test_the_command_line_works_on_a_sqlalchemy_url(tmp_path):
    """Installing the package is all: the scheme finds it, in every process anew."""
    pytest.importorskip("click")
    project = tomllib.loads((ADAPTER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    group = "orderflow_bridge.storage"
    folder = make_distribution(
        tmp_path,
        project["name"],
        entry_points={group: project["entry-points"][group]},
        modules={},
    )

    def run(*words: str, code: int = 0) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "orderflow_bridge", *words],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
                "ORDERFLOW_BRIDGE_MASTER_KEYS": RING,
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == code, ended.stderr
        return ended.stdout

    words = ("--database", "sqlalchemy+sqlite:///shop.db", "--json")
    assert "There is no file shop.db yet." in run(*words, "doctor", code=1)
    assert not (tmp_path / "shop.db").exists()
    assert "There is no shop here" in run(*words, "connections", "create", "Tea blog", code=2)
    assert not (tmp_path / "shop.db").exists()
    assert json.loads(run(*words, "migrate"))["applied"] != []
    made = json.loads(run(*words, "connections", "create", "Tea blog"))
    [found] = json.loads(run(*words, "connections", "list"))["connections"]
    assert found["client_id"] == made["client_id"]
    assert json.loads(run(*words, "migrate"))["applied"] == []
