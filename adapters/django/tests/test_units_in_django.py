"""How the bridge's units and the site's own transactions live together."""

import pytest
from django.db import connections, transaction
from django.test import TestCase, override_settings
from orderflow_bridge.domain.errors import ConfigurationError

import site_databases
from orderflow_bridge_django import models
from orderflow_bridge_django.storage import DjangoStorage
from samples import SHOP, add, cart, find, order
from shop.models import Sale


class TestInsideATransactionOfTheSite:
    """Units inside `transaction.atomic`."""

    def test_a_writing_unit_is_refused(self, storage, alias: str):
        """It could not promise to be committed; the site's own transaction goes on."""
        with transaction.atomic(using=alias):
            Sale.objects.using(alias).create(order_id="o", cart_id="c", status="paid")
            with pytest.raises(RuntimeError, match="atomic block"):
                add(storage, cart())
        assert Sale.objects.using(alias).count() == 1
        assert find(storage) is None

    def test_a_reading_unit_reads_in_it(self, storage, alias: str):
        """It sees what the site has written and leaves the transaction to the site."""
        add(storage, cart())
        with transaction.atomic(using=alias):
            models.Cart.objects.using(alias).all().delete()
            assert find(storage) is None
            transaction.set_rollback(True, using=alias)
        assert find(storage) == cart()

    def test_a_writing_unit_without_autocommit_is_refused(self, storage, alias: str):
        """Nothing would ever commit it."""
        transaction.set_autocommit(False, using=alias)
        try:
            with pytest.raises(RuntimeError, match="autocommit"):
                add(storage, cart())
        finally:
            transaction.rollback(using=alias)
            transaction.set_autocommit(True, using=alias)
        assert find(storage) is None


class TestInATestCase(TestCase):
    """A site's own tests, which Django wraps in a transaction that is rolled back."""

    databases = frozenset({"memory"})

    @classmethod
    def setUpClass(cls):
        site_databases.make("memory")
        super().setUpClass()

    def test_a_writing_unit_works(self):
        """It is a savepoint there, and another unit finds what it stored."""
        storage = DjangoStorage(using="memory")
        add(storage, cart())

        def fail() -> None:
            with storage.writing() as unit:
                unit.carts.add(cart("cart_2"))
                raise ValueError("fault")

        with pytest.raises(ValueError, match="fault"):
            fail()
        assert find(storage) == cart()
        assert find(storage, "cart_2") is None

    def test_the_next_test_finds_nothing(self):
        """What the test before stored was rolled back with it."""
        assert find(DjangoStorage(using="memory")) is None


class ToTheFile:
    """A router that sends the bridge's tables to the SQLite file."""

    def db_for_read(self, model, **hints):
        return "default"

    def db_for_write(self, model, **hints):
        return "sqlite" if model._meta.app_label == "orderflow_bridge" else None


class TestAlias:
    """Which database is used."""

    @override_settings(DATABASE_ROUTERS=[f"{__name__}.ToTheFile"])
    def test_routers_choose_where_nobody_said(self, tmp_path):
        """Reading units too go where is written, not to a replica."""
        named = site_databases.open_sqlite(tmp_path)
        routed = DjangoStorage()
        add(routed, cart())
        assert find(routed) == cart()
        assert find(named) == cart()

    @override_settings(DATABASE_ROUTERS=[f"{__name__}.ToTheFile"])
    def test_using_overrides_routers(self, tmp_path):
        """What is named is used."""
        site_databases.make("memory")
        named = DjangoStorage(using="memory")
        add(named, cart())
        assert find(named) == cart()
        assert find(site_databases.open_sqlite(tmp_path)) is None
        site_databases.empty("memory")

    def test_an_unknown_alias_is_named(self):
        """The message says what to correct."""
        storage = DjangoStorage(using="nobody")
        with pytest.raises(ConfigurationError, match="'nobody'"):
            find(storage)
        with pytest.raises(ConfigurationError, match="'nobody'"):
            storage.close()

    def test_a_database_in_memory_stays(self):
        """Giving a connection back does not empty it."""
        site_databases.make("memory")
        storage = DjangoStorage(using="memory")
        add(storage, cart())
        storage.close()
        assert find(storage) == cart()
        site_databases.empty("memory")


def test_lines_are_rows_of_their_order(storage, alias: str):
    """A site reports on what was sold with a query of its own."""
    with storage.writing() as unit:
        number = unit.orders.place(order()).number
    row = models.OrderLine.objects.using(alias).select_related("order").get(sku="TEA")
    assert (row.quantity, row.total, row.order.number) == (2, 500, number)
    assert row.order.connection == SHOP


def test_after_a_failed_unit_the_connection_is_as_before(storage, alias: str):
    """Autocommit is on, and no transaction is left open."""
    with pytest.raises(ValueError, match="fault"), storage.writing():
        raise ValueError("fault")
    assert transaction.get_autocommit(using=alias)
    assert not connections[alias].in_atomic_block
