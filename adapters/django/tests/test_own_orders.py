"""A site that keeps orders in a table of its own: `DjangoStorage(orders=...)`."""

import pytest
from orderflow_bridge.domain.errors import Conflict

import site_databases
from orderflow_bridge_django import models
from orderflow_bridge_django.signals import order_placed
from orderflow_bridge_django.storage import DjangoStorage
from samples import SHOP, cart, order
from shop.models import Sale
from shop.sales import Sales


@pytest.fixture
def storage(alias: str, tmp_path):
    """Give an empty storage whose orders are the site's sales."""
    site_databases.open_alias(alias, tmp_path)
    storage = DjangoStorage(using=alias, orders=Sales)
    yield storage
    storage.close()


def test_orders_are_rows_of_the_site(storage, alias: str):
    """The bridge reads them there, and its own table of orders stays empty."""
    with storage.writing() as unit:
        placed = unit.orders.place(order())
    assert placed.number == "S-1"
    with storage.reading() as unit:
        assert unit.orders.find("order_1", connection=SHOP) == placed
    assert Sale.objects.using(alias).get().status == "pending_payment"
    assert not models.Order.objects.using(alias).exists()


def test_they_share_the_units_transaction(storage, alias: str):
    """What fails leaves neither the sale nor what the bridge stored beside it."""

    def fail() -> None:
        with storage.writing() as unit:
            unit.carts.add(cart())
            unit.orders.place(order())
            assert Sale.objects.using(alias).exists()
            raise ValueError("fault")

    with pytest.raises(ValueError, match="fault"):
        fail()
    assert not Sale.objects.using(alias).exists()
    assert not models.Cart.objects.using(alias).exists()


def test_a_unique_value_of_the_site_is_a_conflict(storage, alias: str):
    """Where the site's own table refuses, the bridge runs the unit again."""
    with storage.writing() as unit:
        unit.orders.place(order())
    with pytest.raises(Conflict), storage.writing() as unit:
        unit.orders.place(order(cart_id="another"))
    assert Sale.objects.using(alias).count() == 1


def test_the_signals_are_sent_for_them_too(storage):
    """A receiver hears of an order wherever it is kept."""
    heard = []

    def receive(order, **_: object) -> None:
        heard.append(order.number)

    order_placed.connect(receive)
    try:
        with storage.writing() as unit:
            unit.orders.place(order())
    finally:
        order_placed.disconnect(receive)
    assert heard == ["S-1"]
