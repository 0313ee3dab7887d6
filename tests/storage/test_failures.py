"""What a broken disk, a lost server and a refused statement become."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.storage.peewee import PeeweeStorage
from orderflow_bridge.testing.samples import SHOP, add, cart, connection
from tests.databases import need_driver


def find(storage):
    """Read the cart in a unit of its own."""
    with storage.reading() as unit:
        return unit.carts.find("cart_1", connection=SHOP)


class TestFiles:
    """SQLite files that cannot be used."""

    def test_a_missing_folder(self, tmp_path, open_at):
        """The folder is to be made by a person; the path is not told to a storefront."""
        storage = open_at(f"sqlite:///{tmp_path}/missing/shop.db", pool_timeout=0.1)
        with pytest.raises(StorageUnavailable, match="folder") as caught:
            storage.reading()
        assert str(tmp_path) not in str(caught.value)
        (tmp_path / "missing").mkdir()
        add(storage, cart())

    def test_a_file_that_is_no_database(self, tmp_path, open_at):
        """It is left as it is."""
        path = tmp_path / "shop.db"
        path.write_bytes(b"not a database, only text" * 100)
        with pytest.raises(StorageUnavailable, match="not a SQLite database"):
            open_at(f"sqlite:///{path}").reading()
        assert path.read_bytes().startswith(b"not a database")

    def test_a_read_only_database(self, tmp_path, open_at):
        """Writing is refused, reading goes on."""
        storage = open_at(f"sqlite:///{tmp_path}/shop.db")
        add(storage, cart())

        def write() -> None:
            with storage.writing() as unit:
                unit.carts._session.one("PRAGMA query_only = 1", ())
                unit.carts.add(cart("cart_2"))

        with pytest.raises(StorageUnavailable, match="read-only"):
            write()
        assert find(storage) == cart()
        add(storage, cart("cart_2"))

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write every file"
    )
    def test_a_read_only_file(self, tmp_path, open_at):
        """A file without write permission serves no writing unit."""
        storage = open_at(f"sqlite:///{tmp_path}/shop.db")
        add(storage, cart())
        storage.close()
        for path in tmp_path.iterdir():
            path.chmod(0o400)
        tmp_path.chmod(0o500)
        with pytest.raises(StorageUnavailable):
            add(open_at(f"sqlite:///{tmp_path}/shop.db"), cart("cart_2"))
        tmp_path.chmod(0o700)

    def test_a_full_disk(self, tmp_path, open_at):
        """The unit is gone, and there is a connection for the next one."""
        storage = open_at(f"sqlite:///{tmp_path}/shop.db")
        add(storage, cart())
        with storage.writing() as unit:
            pages = unit.carts._session.one("PRAGMA page_count", ())[0]
            unit.carts._session.one(f"PRAGMA max_page_count = {pages}", ())
        with pytest.raises(StorageUnavailable, match="full"):
            add(storage, cart("cart_2", note="x" * 100_000))
        assert find(storage) == cart()
        add(storage, cart("cart_2"))


class TestServers:
    """Servers that cannot be reached, and connections that are lost."""

    @pytest.mark.parametrize(
        ("name", "url"),
        [
            ("postgres", "postgresql://127.0.0.1:1/shop"),
            ("mariadb", "mysql://root@127.0.0.1:1/shop"),
        ],
    )
    def test_a_closed_port(self, open_at, name: str, url: str):
        """Nobody is there: nothing happened, try again."""
        need_driver(name)
        storage = open_at(url, pool_timeout=1)
        for use in (storage.reading, storage.writing, storage.migrate):
            with pytest.raises(StorageUnavailable, match="try again"):
                use()

    def test_a_database_that_does_not_exist(self, server_url: str, open_at):
        """It is made by a person."""
        with pytest.raises(StorageUnavailable):
            open_at(server_url + "_missing", pool_timeout=1).reading()

    def test_a_lost_connection_is_replaced_before_anything_is_asked(self, server_url, open_at):
        """Where the server dropped an idle connection, the next writing unit does not notice."""
        storage = open_at(server_url)
        add(storage, cart())
        self._drop(storage)
        add(storage, cart("cart_2"))
        assert find(storage) == cart()

    def test_idle_connections_are_asked_for_a_sign_of_life(self, server_url, open_at):
        """A connection that was idle for long is probed, and a reading unit does not notice."""
        storage = open_at(server_url)
        add(storage, cart())
        self._drop(storage)
        for session in storage._readers._idle:
            session.used = 0.0
        assert find(storage) == cart()

    def test_a_connection_lost_in_a_unit(self, server_url, open_at):
        """The unit is gone and says so, the pool lends another connection."""
        storage = open_at(server_url, pool_size=1)
        add(storage, cart())

        def write() -> None:
            with storage.writing() as unit:
                unit.carts.add(cart("cart_2"))
                self._kill(unit)
                unit.carts.add(cart("cart_3"))

        def read() -> None:
            with storage.reading() as unit:
                self._kill(unit)
                unit.carts.find("cart_1", connection=SHOP)

        with pytest.raises(StorageUnavailable):
            write()
        with storage.reading() as unit:
            assert unit.carts.find("cart_2", connection=SHOP) is None
        with pytest.raises(StorageUnavailable):
            read()
        assert find(storage) == cart()

    def _drop(self, storage) -> None:
        with storage.reading() as unit:
            self._kill(unit)

    @staticmethod
    def _kill(unit) -> None:
        session = unit.carts._session
        other = session._dialect.connect()
        if session._dialect.columnar:
            process = session.one("SELECT pg_backend_pid()", ())[0]
            other.execute_sql(f"SELECT pg_terminate_backend({process}, 5000)").fetchone()
        else:
            process = session.one("SELECT CONNECTION_ID()", ())[0]
            other.execute_sql(f"KILL {process}")
        other.close()


class TestStatements:
    """Statements that a database refuses."""

    def test_two_that_wait_for_each_other(self, server_url: str, open_at):
        """One of them is told of a conflict, and the other goes on."""
        storage = open_at(server_url)
        add(storage, cart("cart_1"), cart("cart_2"))
        both = Barrier(2)

        def lock(first: str, second: str) -> str:
            try:
                with storage.writing() as unit:
                    unit.carts.lock(first, connection=SHOP)
                    both.wait(10)
                    unit.carts.lock(second, connection=SHOP)
            except Conflict:
                return "conflict"
            return "done"

        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(lock, "cart_1", "cart_2"),
                pool.submit(lock, "cart_2", "cart_1"),
            ]
            assert sorted(job.result() for job in jobs) == ["conflict", "done"]

    def test_stock_below_zero_is_refused_by_the_database_too(self, shared_url, open_at):
        """A faulty statement cannot oversell; the error quotes no value."""
        storage = open_at(shared_url)
        with storage.writing() as unit:
            unit.products.put([CatalogueEntry(sku="SECRET", name="x", prices={}, stock=1)])
        with (
            pytest.raises(RuntimeError, match="refused a statement") as caught,
            storage.writing() as unit,
        ):
            unit.stock.give_back({"SECRET": -2})
        assert "SECRET" not in f"{caught.value}{caught.value.__cause__}"
        assert caught.value.__suppress_context__

    def test_a_value_that_is_too_long_is_no_silent_truncation(self, server_url, open_at):
        """MariaDB is in strict mode; the unit fails and stores nothing."""
        storage = open_at(server_url)
        with pytest.raises(RuntimeError, match="refused a statement") as caught:
            add(storage, cart(currency="POUNDS"))
        assert "POUNDS" not in str(caught.value)
        assert find(storage) is None

    def test_a_taken_unique_value_is_a_conflict(self, shared_url, open_at):
        """Also where a statement cannot say ON CONFLICT, nobody sees the driver's error."""
        storage = open_at(shared_url)
        add(storage, connection())
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.carts._session.count(
                "INSERT INTO ofb_connections SELECT * FROM ofb_connections", ()
            )

    def test_a_connection_closed_by_force_is_replaced(self, tmp_path):
        """SQLite: a connection that someone closed is lost, the next unit has another."""
        storage = PeeweeStorage(f"sqlite:///{tmp_path}/shop.db")
        add(storage, cart())
        with storage.reading() as unit:
            unit.carts._session._database.close()
        with pytest.raises(StorageUnavailable):
            find(storage)
        assert find(storage) == cart()
        storage.close()

    def test_what_sqlite_does_not_number_is_a_fault(self, tmp_path):
        """An error of the module itself, not of the database, is nobody's unavailability."""
        storage = PeeweeStorage(f"sqlite:///{tmp_path}/shop.db")
        verdict = storage._dialect.judge(sqlite3.InterfaceError("bad parameter 'SECRET'"))
        assert isinstance(verdict.refusal, RuntimeError)
        assert "SECRET" not in str(verdict.refusal)
        assert not verdict.lost
