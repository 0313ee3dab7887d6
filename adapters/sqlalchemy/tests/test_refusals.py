"""What a broken file, a lost server, a small pool and a refused statement become."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from msgspec.structs import replace
from orderflow_bridge.domain.errors import Conflict, StorageUnavailable
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.ports import Answer, AnswerKey, OrderQuery
from orderflow_bridge.testing.samples import SHOP, add, cart, connection, order
from orderflow_bridge.testing.storage.threads import add_to_cart
from sqlalchemy import event, text, update

from orderflow_bridge_sqlalchemy import SQLAlchemyStorage


def find(storage, cart_id: str = "cart_1"):
    """Read a cart in a unit of its own."""
    with storage.reading() as unit:
        return unit.carts.find(cart_id, connection=SHOP)


def process_of(unit) -> int:
    """Tell the number by which the server knows the connection of a unit."""
    postgres = unit.connection.dialect.name == "postgresql"
    ask = "SELECT pg_backend_pid()" if postgres else "SELECT CONNECTION_ID()"
    return unit.connection.execute(text(ask)).scalar()


def kill(engine, process: int) -> None:
    """End a connection from the server's side."""
    postgres = engine.dialect.name == "postgresql"
    end = f"SELECT pg_terminate_backend({process}, 5000)" if postgres else f"KILL {process}"
    with engine.connect() as other:
        other.execute(text(end))


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

    def test_a_full_disk(self, sqlite_url, open_at):
        """The unit is gone, and the next one is served."""
        storage = open_at(sqlite_url, pool_size=1)
        add(storage, cart())
        with storage.reading() as unit:
            pages = unit.connection.execute(text("PRAGMA page_count")).scalar()
            unit.connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(StorageUnavailable, match="full"):
            add(storage, cart("cart_2", note="x" * 100_000))
        assert find(storage) == cart()
        assert find(storage, "cart_2") is None

    def test_a_lock_of_another_process(self, sqlite_url, open_at):
        """It is waited for as long as the driver was told; nothing happened then."""
        storage, stranger = open_at(sqlite_url, pool_timeout=0.1), open_at(sqlite_url)
        add(stranger, cart())
        with stranger.writing(), pytest.raises(StorageUnavailable, match="busy"):
            add(storage, cart("cart_2"))
        add(storage, cart("cart_2"))


class TestServers:
    """Servers that cannot be reached, and connections that are lost."""

    @pytest.mark.parametrize(
        ("driver", "url"),
        [
            ("psycopg", "postgresql+psycopg://zoe:hush@127.0.0.1:1/shop?sslmode=disable"),
            ("pymysql", "mysql+pymysql://zoe:hush@127.0.0.1:1/shop"),
        ],
    )
    def test_a_closed_port(self, open_at, driver, url):
        """Nobody is there: nothing happened, try again; the password is not shown."""
        pytest.importorskip(driver)
        storage = open_at(url, pool_timeout=1)
        for use in (storage.reading, storage.writing, storage.migrate, storage.pending_migrations):
            with pytest.raises(StorageUnavailable, match="Nobody listens") as caught:
                use()
            assert "hush" not in f"{caught.value!r} {caught.value.__cause__}"

    def test_a_database_that_does_not_exist(self, server_url, open_at):
        """It is made by a person."""
        with pytest.raises(StorageUnavailable, match="make it, or correct the URL"):
            open_at(server_url + "_missing", pool_timeout=1).reading()

    def test_a_connection_lost_while_idle_does_not_fail_a_writer(self, server_url, make_engine):
        """Also on an engine that asks for no sign of life: nothing was asked yet, so it is new."""
        engine = make_engine(server_url, pool_size=1, max_overflow=0)
        storage = SQLAlchemyStorage(engine)
        add(storage, cart())
        with storage.reading() as unit:
            process = process_of(unit)
        kill(make_engine(server_url), process)
        add(storage, cart("cart_2"))
        assert find(storage, "cart_2") == cart("cart_2")

    def test_a_connection_lost_while_idle_is_probed(self, server_url, open_at, make_engine):
        """An engine made from a URL asks before it lends, so that a reader does not notice."""
        storage = open_at(server_url, pool_size=1)
        add(storage, cart())
        with storage.reading() as unit:
            process = process_of(unit)
        kill(make_engine(server_url), process)
        assert find(storage) == cart()

    def test_a_connection_lost_in_a_unit(self, server_url, open_at, make_engine):
        """The unit is gone and says so, and the next one has another connection."""
        storage = open_at(server_url, pool_size=1)
        add(storage, cart())
        killer = make_engine(server_url)

        def write() -> None:
            with storage.writing() as unit:
                unit.carts.add(cart("cart_2"))
                kill(killer, process_of(unit))
                unit.carts.add(cart("cart_3"))

        def read() -> None:
            with storage.reading() as unit:
                kill(killer, process_of(unit))
                unit.carts.find("cart_1", connection=SHOP)

        def commit() -> None:
            with storage.writing() as unit:
                unit.carts.add(cart("cart_4"))
                kill(killer, process_of(unit))

        for lose in (write, read, commit):
            with pytest.raises(StorageUnavailable):
                lose()
            assert find(storage) == cart()
        assert find(storage, "cart_2") is None
        assert find(storage, "cart_4") is None

    def test_a_row_that_stays_locked(self, server_url, open_at):
        """A lock is waited for as long as the timeout, and such a unit never commits."""
        storage = open_at(server_url, pool_timeout=1)
        add(storage, cart())

        def go_on() -> None:
            with storage.writing() as second:
                second.carts.add(cart("cart_2"))
                with pytest.raises(StorageUnavailable, match="busy"):
                    second.carts.lock("cart_1", connection=SHOP)

        with storage.writing() as unit:
            assert unit.carts.lock("cart_1", connection=SHOP)
            with pytest.raises(StorageUnavailable):
                go_on()
        assert find(storage, "cart_2") is None
        add_to_cart(storage, 1)

    def test_two_that_wait_for_each_other(self, server_url, open_at):
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
            jobs = [pool.submit(lock, "cart_1", "cart_2"), pool.submit(lock, "cart_2", "cart_1")]
            assert sorted(job.result() for job in jobs) == ["conflict", "done"]

    def test_twins_of_one_key_do_not_deadlock(self, server_url, open_at):
        """Any number that claim one key at once wait in line: one is new, the others are told."""
        storage = open_at(server_url)
        add(storage, connection())
        key = AnswerKey(SHOP, "cart.create", "k")
        together = Barrier(8)

        def claim() -> str:
            together.wait(10)
            with storage.writing() as unit:
                return unit.answers.claim(
                    key, fingerprint=b"f", now=1, running_until=5, until=9
                ).state

        with ThreadPoolExecutor(8) as pool:
            states = [job.result() for job in [pool.submit(claim) for _ in range(8)]]
        assert sorted(states) == ["new", *["running"] * 7]


class TestPool:
    """A pool that is too small, and what never leaks from it."""

    def test_an_exhausted_pool_says_so_and_recovers(self, url, open_at):
        """Who finds no connection in time is told to try again; later ones are served."""
        storage = open_at(url, pool_size=2, pool_timeout=0.1)
        with storage.reading(), storage.reading(), pytest.raises(StorageUnavailable, match="busy"):
            storage.writing().__enter__()
        for _ in range(5):
            with storage.reading(), storage.reading() as unit:
                assert unit.connections.all() == []

    def test_exceptions_leak_no_connection(self, url, open_at):
        """After many failed units of every kind, a pool of one still serves."""
        storage = open_at(url, pool_size=1, pool_timeout=1)
        add(storage, cart())

        def fail(error: BaseException) -> None:
            with storage.writing() as unit:
                unit.carts.save(cart(version=2), replacing=1)
                raise error

        for error in (ValueError("x"), KeyboardInterrupt()) * 3:
            with pytest.raises(type(error)), storage.reading():
                raise error
            with pytest.raises(type(error)) as caught:
                fail(error)
            assert caught.value is error
            with pytest.raises(Conflict), storage.writing() as unit:
                unit.carts.add(cart())
        assert find(storage) == cart()

    def test_a_repository_that_cannot_be_made_leaks_none(self, sqlite_url, make_engine):
        """A site's fault is the site's exception, and the connection is back."""

        def broken(connection):
            raise LookupError("no table")

        engine = make_engine(sqlite_url, pool_size=1, max_overflow=0, pool_timeout=1)
        for use in ("reading", "writing") * 2:
            storage = SQLAlchemyStorage(engine, orders=broken)
            with pytest.raises(LookupError, match="no table"):
                getattr(storage, use)().__enter__()
        assert engine.pool.checkedout() == 0


class TestStatements:
    """Statements that a database refuses."""

    def test_stock_below_zero_is_refused_by_the_database_too(self, url, open_at):
        """A faulty statement cannot oversell; the error quotes no value."""
        storage = open_at(url)
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
        """The unit fails and stores nothing."""
        storage = open_at(server_url)
        with pytest.raises(RuntimeError, match="refused a statement") as caught:
            add(storage, cart(currency="POUNDS"))
        assert "POUNDS" not in f"{caught.value}{caught.value.__cause__}"
        assert find(storage) is None

    def test_a_value_that_no_driver_takes_is_a_fault_without_it(self, sqlite_url, open_at):
        """SQLAlchemy's own errors quote statement and values; none of it is passed on."""
        storage = open_at(sqlite_url)
        with pytest.raises(RuntimeError) as caught, storage.writing() as unit:
            unit.replays.spend(object(), connection="SECRET", until=1)
        assert "SECRET" not in f"{caught.value}{caught.value.__cause__}"

    def test_a_statement_of_the_site_is_translated_when_it_leaves_a_reading_unit(
        self, url, open_at
    ):
        """What is wrong with it is told without its text."""
        storage = open_at(url)
        add(storage, connection())
        with (
            pytest.raises(RuntimeError, match="refused a statement") as caught,
            storage.reading() as unit,
        ):
            unit.connection.execute(text("SELECT secret FROM nowhere"))
        assert "secret" not in str(caught.value)

    def test_a_deferred_constraint_is_told_at_the_commit(self, databases, open_at):
        """PostgreSQL may refuse a COMMIT; the unit says so then, and nothing is stored."""
        url = databases.blank("postgres").replace("postgresql:", "postgresql+psycopg:")
        storage = open_at(url)
        with storage.writing() as unit:
            unit.connection.execute(
                text(
                    "ALTER TABLE orderflow_carts ADD FOREIGN KEY (connection)"
                    " REFERENCES orderflow_connections DEFERRABLE INITIALLY DEFERRED"
                )
            )
        with pytest.raises(RuntimeError, match="23503") as caught:
            add(storage, cart())
        assert SHOP not in f"{caught.value}{caught.value.__cause__}"
        assert find(storage) is None
        add(storage, connection(), cart())


def test_statements_are_compiled_once(url, open_at):
    """A second request of the same shape compiles nothing, whatever its values are."""
    storage = open_at(url)
    add(storage, cart("cart_0"))
    seen = []

    def request(turn: int) -> None:
        new, left = CatalogueEntry(sku=f"SKU-{turn}", name="x", prices={"GBP": turn}), 5
        with storage.writing() as unit:
            assert unit.replays.spend(os.urandom(32), connection=SHOP, until=turn)
            key = AnswerKey(SHOP, "cart.create", f"key-{turn}")
            unit.answers.claim(key, fingerprint=b"f", now=1, running_until=turn, until=99)
            unit.answers.store(key, Answer(200, b"{}"), running_until=turn)
            unit.carts.add(cart(f"cart_{turn}"))
            unit.carts.lock(f"cart_{turn}", connection=SHOP)
            unit.carts.save(cart(f"cart_{turn}", version=2), replacing=1)
            unit.products.put([replace(new, stock=left)])
            assert unit.products.find(["A", new.sku][-turn:], "GBP")[new.sku].unit_price == turn
            unit.stock.take({new.sku: turn})
            assert unit.stock.available([new.sku]) == {new.sku: left - turn}
            unit.orders.place(order(f"order_{turn}"))
            unit.orders.search(OrderQuery(connection=SHOP, limit=turn))

    request(1)
    event.listen(
        storage._engine,
        "before_cursor_execute",
        # A statement that the storage says as text, to begin a unit, is never compiled.
        lambda *call: seen.append(call[4]) if call[4].compiled else None,
    )
    request(2)
    assert len(seen) > 15
    missed = [context.statement for context in seen if context.cache_hit.name != "CACHE_HIT"]
    assert missed == []


def test_a_change_that_finds_nothing_is_told(url, open_at):
    """A compare-and-swap counts the rows it found, on every driver."""
    storage = open_at(url)
    add(storage, cart())
    with storage.writing() as unit:
        table = storage.tables.carts
        guarded = update(table).values(revision=table.c.revision)
        assert unit.count(guarded.where(table.c.cart_id == "cart_1")) == 1
        assert unit.count(guarded.where(table.c.cart_id == "CART_1")) == 0
