"""From a URL to a storage: what exists, what is missing, and what is never shown."""

import builtins
import importlib
import os
import stat

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.errors import ConfigurationError, StorageUnavailable
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.peewee import PeeweeStorage
from orderflow_bridge.testing.samples import SHOP, add, cart
from tests.databases import need_driver
from tests.rig import RING


def test_an_unknown_scheme_lists_what_exists():
    """The message names the kinds and not the URL."""
    with pytest.raises(ConfigurationError) as caught:
        open_storage(Settings(database="oracle://scott:tiger@db/x"))
    assert "tiger" not in str(caught.value)
    for scheme in ("memory://", "sqlite://", "postgresql://", "mariadb://", "mysql://"):
        assert scheme in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("postgresql://shop:hush@db/shop", "psycopg", "postgres"),
        ("mariadb://shop:hush@db/shop", "pymysql", "mysql"),
    ],
)
def test_a_missing_driver_names_the_line_that_installs_it(monkeypatch, url, module, extra):
    """One line, to be copied."""
    real = importlib.import_module

    def without(name: str, package: str | None = None):
        if name == module:
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(ConfigurationError) as caught:
        open_storage(Settings(database=url))
    assert f"pip install 'orderflow-bridge[{extra}]'" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://shop:hush@db:port/shop",
        "mysql://shop:hush@db:port/shop",
        "mysql://shop:hush@db",
        "mysql://shop:hush@db/shop?init_command=x",
    ],
)
def test_a_malformed_url_is_refused(url: str):
    """It is refused when the storage is made, without its password."""
    with pytest.raises(ConfigurationError) as caught:
        open_storage(Settings(database=url))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("postgres", "postgresql://shop:hush@127.0.0.1:1/shop?sslmode=disable"),
        ("mariadb", "mysql://shop:hush@127.0.0.1:1/x"),
    ],
)
def test_a_password_is_never_shown(name: str, url: str):
    """Neither the storage's text nor its errors quote it."""
    need_driver(name)
    storage = PeeweeStorage(url, pool_timeout=1)
    assert "hush" not in repr(storage)
    assert "127.0.0.1:1" in repr(storage)
    with pytest.raises(StorageUnavailable) as caught:
        storage.reading()
    assert "hush" not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"


def test_only_full_and_normal_are_synchronous():
    """A commit that may be lost by a crash of the process is not offered."""
    with pytest.raises(ConfigurationError, match="FULL or NORMAL"):
        PeeweeStorage("sqlite:///x.db", synchronous="OFF")


@pytest.mark.parametrize(("setting", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_sqlite_is_durable_as_set(tmp_path, open_at, setting: str, level: int):
    """The writing connection has the level of the settings, and the file is in WAL mode."""
    storage = open_at(f"sqlite:///{tmp_path}/shop.db", sqlite_synchronous=setting)
    with storage.writing() as unit:
        session = unit.carts._session
        assert session.one("PRAGMA synchronous", ()) == (level,)
        assert session.one("PRAGMA journal_mode", ()) == ("wal",)


def test_a_relative_path_stays_where_it_was(tmp_path, open_at, monkeypatch):
    """A later change of the working directory does not move the shop."""
    monkeypatch.chdir(tmp_path)
    storage = open_at("sqlite:///shop.db")
    monkeypatch.chdir("/")
    add(storage, cart())
    assert (tmp_path / "shop.db").exists()


def test_a_path_may_hold_any_character(tmp_path, open_at):
    """Spaces, percent signs and question marks are part of the name."""
    storage = open_at(f"sqlite:///{tmp_path}/my shop %20?x=1#y.db")
    add(storage, cart())
    storage.close()
    assert (tmp_path / "my shop %20?x=1#y.db").exists()


def test_nothing_is_opened_before_the_first_use(tmp_path, open_at):
    """Making a storage touches no file and no network."""
    open_at(f"sqlite:///{tmp_path}/shop.db")
    assert list(tmp_path.iterdir()) == []
    need_driver("postgres")
    open_at("postgresql://127.0.0.1:1/shop")


def test_memory_needs_no_peewee(monkeypatch):
    """A host that keeps everything in memory loads no database library."""
    real = builtins.__import__

    def without(name, *args, **kwargs):
        assert not name.startswith("peewee")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    storage = open_storage(Settings(database="memory://"))
    with storage.reading() as unit:
        assert unit.carts.find("cart_1", connection=SHOP) is None


def test_a_host_s_own_storage_is_used_as_it_is(tmp_path):
    """`Bridge.open(storage=...)` reads keys and settings, and asks for no database."""
    storage = MemoryStorage()
    with Bridge.open("nowhere://", home=tmp_path, storage=storage, master_keys=RING) as bridge:
        made = bridge.connections.create("A shop", scopes=["carts:read"])
    with storage.reading() as unit:
        assert unit.connections.find(made.connection.client_id) == made.connection


@pytest.mark.skipif(os.name != "posix", reason="files have no modes there")
def test_a_new_sqlite_file_is_its_owners_alone(tmp_path):
    """So are the files beside it: they hold customers, whatever the process's mask is."""
    mask = os.umask(0)
    try:
        storage = open_storage(Settings(database=f"sqlite:///{tmp_path}/shop.db"))
        with storage.reading() as unit:
            assert unit.connections.all() == []
        add(storage, cart())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        storage.close()
    finally:
        os.umask(mask)
    assert modes == dict.fromkeys(("shop.db", "shop.db-wal", "shop.db-shm"), 0o600)


@pytest.mark.skipif(os.name != "posix", reason="files have no modes there")
def test_a_sqlite_file_that_is_there_keeps_its_mode(tmp_path):
    """An operator who shares it with a group knows why."""
    path = tmp_path / "shop.db"
    path.touch()
    path.chmod(0o660)
    storage = open_storage(Settings(database=f"sqlite:///{path}"))
    add(storage, cart())
    storage.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
