"""A site's own engine and MetaData: what the storage adds there, and what it leaves alone."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
from orderflow_bridge.domain.errors import ConfigurationError, Conflict, StorageUnavailable
from orderflow_bridge.ports import OrderQuery
from orderflow_bridge.testing.samples import SHOP, add, cart, connection, line, order
from orderflow_bridge.testing.storage.threads import add_to_cart
from sqlalchemy import Column, MetaData, String, Table, event, insert, select, text
from sqlalchemy.orm import Session

import own_orders
from orderflow_bridge_sqlalchemy import SQLAlchemyStorage, tables_in
from own_orders import Sales, sales
from readme import README


def site_tables():
    """Make a site's MetaData, with a table of its own and its own names of constraints."""
    metadata = MetaData(naming_convention={"ck": "ck_%(table_name)s_%(constraint_name)s"})
    return metadata, Table("parcel", metadata, Column("order_id", String(64), primary_key=True))


class TestTables:
    """The bridge's tables in the MetaData of a site."""

    def test_they_are_created_with_the_sites_own(self, url, make_engine):
        """`create_all` makes both, and the bridge is ready."""
        metadata, parcel = site_tables()
        engine = make_engine(url)
        storage = SQLAlchemyStorage(engine, metadata=metadata)
        metadata.create_all(engine)
        add(storage, connection(), cart())
        assert storage.capabilities == {
            "products",
            "stock",
            "rates",
            "privacy",
            "search",
            "audit",
            "journal",
            "sessions",
            "durable",
            "processes",
        }
        with engine.begin() as own:
            own.execute(insert(parcel), {"order_id": "x"})
        with engine.connect() as own:
            carts = storage.tables.carts
            found = own.execute(select(carts.c.cart_id, carts.c.connection)).all()
        assert found == [("cart_1", SHOP)]

    def test_a_missing_table_is_named_with_what_makes_it(self, url, make_engine):
        """Nothing is created behind the site's back."""
        metadata, _ = site_tables()
        engine = make_engine(url)
        storage = SQLAlchemyStorage(engine, metadata=metadata)
        for use in (storage.reading, storage.writing):
            with pytest.raises(ConfigurationError, match=r"orderflow_carts.*alembic"):
                use()
        metadata.create_all(engine)
        add(storage, cart())

    def test_a_missing_column_is_named(self, url, make_engine):
        """A site that updates the package and forgets its migration is told before a request is."""
        metadata, _ = site_tables()
        engine = make_engine(url)
        metadata.create_all(engine)
        storage = SQLAlchemyStorage(engine, metadata=metadata)
        metadata.create_all(engine)
        with engine.begin() as own:
            own.execute(text("ALTER TABLE orderflow_replays DROP COLUMN revision"))
        with pytest.raises(ConfigurationError, match=r"lacks orderflow_replays\.revision\."):
            storage.reading()

    def test_the_site_migrates_them(self, sqlite_url, make_engine):
        """The storage offers no migrations where the tables are not its own."""
        storage = SQLAlchemyStorage(make_engine(sqlite_url), metadata=MetaData())
        for use in (storage.migrate, storage.pending_migrations):
            with pytest.raises(ConfigurationError, match="site"):
                use()

    def test_two_bridges_may_share_a_metadata(self, sqlite_url, make_engine):
        """The tables are added once, also before a storage is made."""
        metadata, _ = site_tables()
        tables = tables_in(metadata)
        engine = make_engine(sqlite_url)
        metadata.create_all(engine)
        first, second = (SQLAlchemyStorage(engine, metadata=metadata) for _ in range(2))
        assert first.tables is second.tables is tables
        add(first, cart())
        with second.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_they_are_where_the_metadata_says(self, databases, make_engine):
        """A PostgreSQL schema of the MetaData is that of the bridge's tables too."""
        url = databases.blank("postgres").replace("postgresql:", "postgresql+psycopg:")
        engine = make_engine(url)
        metadata = MetaData(schema="shop")
        storage = SQLAlchemyStorage(engine, metadata=metadata)
        with pytest.raises(ConfigurationError, match=r"lacks shop\.orderflow_connections"):
            storage.reading()
        with engine.begin() as own:
            own.execute(text("CREATE SCHEMA shop"))
        metadata.create_all(engine)
        add(storage, cart(), order())
        with engine.connect() as own:
            assert (
                own.execute(text("SELECT count(*) FROM shop.orderflow_order_lines")).scalar() == 2
            )


class TestOwnOrders:
    """A site's own orders, in the transaction of the unit."""

    @pytest.fixture
    def shop(self, url, make_engine) -> SQLAlchemyStorage:
        """Give a storage with the site's orders, in the site's MetaData."""
        engine = make_engine(url)
        storage = SQLAlchemyStorage(engine, metadata=own_orders.metadata, orders=Sales)
        own_orders.metadata.create_all(engine)
        return storage

    def test_they_commit_with_the_bridges_changes(self, shop):
        """The order is a row of the site, and the bridge's own table stays empty."""
        add(shop, cart(), order())
        with shop.reading() as unit:
            assert unit.orders.of_cart(order().cart_id).number == "OF-000001"
            assert unit.carts.find("cart_1", connection=SHOP)
            for table, rows in ((sales, 1), (shop.tables.orders, 0)):
                assert len(unit.connection.execute(select(table)).all()) == rows

    def test_they_roll_back_with_the_bridges_changes(self, shop):
        """A fault after the order leaves neither, and goes through unchanged."""
        fault = ValueError("after the order")

        def fail() -> None:
            with shop.writing() as unit:
                unit.carts.add(cart())
                unit.orders.place(order())
                raise fault

        with pytest.raises(ValueError, match="after the order") as caught:
            fail()
        assert caught.value is fault
        with shop.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) is None
            assert list(unit.orders.search(OrderQuery())) == []

    def test_what_the_database_refuses_them_is_translated(self, shop):
        """A taken unique value is a conflict, anything else a fault that quotes no value."""
        add(shop, order())
        doubled = insert(sales).from_select(["order_id"], select(sales.c.order_id))
        whole = insert(sales).from_select(
            [column.name for column in sales.c if column.name != "id"],
            select(*(column for column in sales.c if column.name != "id")),
        )

        def double() -> None:
            with shop.writing() as unit:
                unit.carts.add(cart())
                unit.connection.execute(whole)

        with pytest.raises(Conflict):
            double()
        with (
            pytest.raises(RuntimeError, match="refused a statement") as caught,
            shop.writing() as unit,
        ):
            unit.connection.execute(doubled)
        assert "order_1" not in f"{caught.value}{caught.value.__cause__}"
        with shop.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) is None

    def test_a_refusal_they_swallow_is_no_silent_rollback(self, shop):
        """What the bridge believes to be stored is stored, or it is told."""
        add(shop, order())
        told = False
        try:
            with shop.writing() as unit:
                unit.carts.add(cart())
                with pytest.raises(Conflict):
                    unit.orders.place(order())
        except (StorageUnavailable, RuntimeError):
            told = True
        with shop.reading() as unit:
            stored = unit.carts.find("cart_1", connection=SHOP) is not None
        assert stored is not told

    @pytest.mark.parametrize("fails", [False, True], ids=["committed", "rolled back"])
    def test_a_session_of_the_orm_joins_the_unit(self, shop, fails):
        """As the README says to make it: its commit is the unit's, and so is its rollback."""
        [arguments] = re.findall(r"`Session\((.+?)\)`", README)
        assert arguments == 'bind=connection, join_transaction_mode="rollback_only"'

        def work() -> None:
            with shop.writing() as unit:
                with Session(
                    bind=unit.connection, join_transaction_mode="rollback_only"
                ) as session:
                    session.execute(insert(shop.tables.stock), {"sku": "TEA", "available": 3})
                    session.commit()
                unit.carts.add(cart())
                if fails:
                    raise ValueError("after the session")

        with pytest.raises(ValueError, match="after") if fails else nullcontext():
            work()
        with shop.reading() as unit:
            assert unit.stock.available(["TEA"]) == ({} if fails else {"TEA": 3})
            assert (unit.carts.find("cart_1", connection=SHOP) is None) is fails


class TestEngine:
    """What the engine of a site goes through."""

    def test_the_sites_connections_stay_as_they_are(self, server_url, make_engine):
        """Isolation level and lock timeout of the pool's connections are the site's afterwards."""
        engine = make_engine(
            server_url, isolation_level="SERIALIZABLE", pool_size=1, max_overflow=0
        )
        storage = SQLAlchemyStorage(engine)
        postgres = engine.dialect.name == "postgresql"
        ask = "SHOW lock_timeout" if postgres else "SELECT @@innodb_lock_wait_timeout"

        def state():
            with engine.connect() as own:
                return own.get_isolation_level(), own.execute(text(ask)).scalar()

        before = state()
        add(storage, cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP)
        assert state() == before
        assert before[0] == "SERIALIZABLE"

    def test_closing_the_storage_leaves_the_engine(self, url, make_engine):
        """Its pool is the site's to close."""
        engine = make_engine(url)
        storage = SQLAlchemyStorage(engine)
        add(storage, cart())
        pool, idle = engine.pool, engine.pool.checkedin()
        storage.close()
        assert engine.pool is pool
        assert engine.pool.checkedin() == idle > 0
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_an_engine_of_its_own_is_closed(self, sqlite_url, make_engine):
        """`own_engine` gives it to the storage."""
        engine = make_engine(sqlite_url)
        storage = SQLAlchemyStorage(engine, own_engine=True)
        add(storage, cart())
        pool = engine.pool
        storage.close()
        assert pool.checkedin() == 0
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_an_engine_in_autocommit_still_has_transactions(self, server_url, make_engine):
        """A writing unit is all or nothing on it too."""
        engine = make_engine(server_url, isolation_level="AUTOCOMMIT")
        storage = SQLAlchemyStorage(engine)
        add(storage, connection())

        def fail() -> None:
            with storage.writing() as unit:
                unit.carts.add(cart())
                raise ValueError("x")

        with pytest.raises(ValueError, match="x"):
            fail()
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) is None
            assert unit.connections.all() == [connection()]

    def test_a_sqlite_engine_in_autocommit_is_refused(self, sqlite_url, make_engine):
        """There a transaction would never begin; the message says what to change."""
        metadata, _ = site_tables()
        engine = make_engine(sqlite_url, isolation_level="AUTOCOMMIT")
        storage = SQLAlchemyStorage(engine, metadata=metadata)
        metadata.create_all(engine)
        with pytest.raises(ConfigurationError, match="isolation_level='AUTOCOMMIT'"):
            add(storage, cart())

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
    def test_sqlite_in_memory_is_refused(self, make_engine, url):
        """It would be another database in each thread; tests have a storage in memory."""
        with pytest.raises(ConfigurationError, match="MemoryStorage"):
            SQLAlchemyStorage(make_engine(url))

    def test_what_is_no_synchronous_engine_is_refused(self):
        """A URL, or an AsyncEngine; the message says what to make."""
        with pytest.raises(ConfigurationError, match="create_engine") as caught:
            SQLAlchemyStorage("postgresql+psycopg://zoe:hush@db/shop")
        assert "hush" not in str(caught.value)

    def test_another_database_is_refused(self, make_engine):
        """It is named, with what there is."""
        engine = make_engine("sqlite:///x.db")
        engine.dialect.name = "oracle"
        with pytest.raises(ConfigurationError, match="not oracle"):
            SQLAlchemyStorage(engine)

    def test_it_is_shown_without_its_password(self, make_engine):
        """A log names the database and nothing secret."""
        url = "postgresql+psycopg://zoe:hush@127.0.0.1:1/shop?options=hush"
        shown = repr(SQLAlchemyStorage(make_engine(url)))
        assert shown == "SQLAlchemyStorage('postgresql+psycopg://127.0.0.1:1/shop')"


class TestBeginRecipe:
    """SQLite with the listeners that SQLAlchemy documents for whole transactions."""

    @pytest.fixture(params=["BEGIN", "BEGIN IMMEDIATE"])
    def engine(self, request, sqlite_url, make_engine):
        """Give an engine whose transactions begin as the site says."""
        engine = make_engine(sqlite_url, connect_args={"timeout": 20})
        event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
        event.listen(engine, "begin", lambda own: own.exec_driver_sql(request.param))
        return engine

    def test_units_are_whole(self, engine):
        """They commit and roll back like any others, and the tables are made."""
        storage = SQLAlchemyStorage(engine)
        assert "0001_first_tables" in storage.migrate()
        add(storage, cart())

        def fail() -> None:
            with storage.writing() as unit:
                unit.carts.save(cart(version=2), replacing=1)
                raise ValueError("x")

        with pytest.raises(ValueError, match="x"):
            fail()
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_parallel_writers_wait_for_each_other(self, engine):
        """None is told that the database is locked, and nothing is lost."""
        storage = SQLAlchemyStorage(engine)
        add(storage, cart(lines=(line(quantity=0),)))
        with ThreadPoolExecutor(4) as pool:
            for job in [pool.submit(add_to_cart, storage, 5) for _ in range(4)]:
                job.result()
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP).lines[0].quantity == 20
