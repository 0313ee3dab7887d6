"""A model of the site's own is sold without a catalogue being written."""

import threading
from decimal import Decimal

import pytest
from django.db import connections, models
from django.test.utils import CaptureQueriesContext
from orderflow_bridge.domain.product import Product
from orderflow_bridge.testing import CatalogueContract

import site_databases
from orderflow_bridge_django.catalogue import ModelCatalogue
from orderflow_bridge_django.fields import KeyField


class Toy(models.Model):
    """What a site may have: prices as Decimals, and pence beside them."""

    code = KeyField(max_length=64, unique=True)
    title = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    pence = models.IntegerField(default=0)
    tax = models.CharField(max_length=20, default="reduced")
    for_sale = models.BooleanField(default=True)

    class Meta:
        app_label = "toys"

    def __str__(self) -> str:
        return self.title


@pytest.fixture(params=site_databases.KINDS)
def toys(request, tmp_path):
    """Give a table of toys on each kind of database."""
    alias = request.param
    site_databases.open_alias(alias, tmp_path)
    with connections[alias].schema_editor() as editor:
        editor.create_model(Toy)
    rows = Toy.objects.using(alias)
    rows.create(code="Ball", title="A red ball", price=Decimal("3.390"), pence=339)
    rows.create(code="kite", title="A kite", price=Decimal(12), pence=1200, tax="default")
    rows.create(code="drum", title="A drum", price=Decimal(1), for_sale=False)
    yield rows
    connections[alias].close()
    with connections[alias].schema_editor() as editor:
        editor.delete_model(Toy)
    connections[alias].close()


class InThreads(ModelCatalogue):
    """One whose threads give their connection back, as a request does at its end."""

    def find(self, skus, currency):
        try:
            return super().find(skus, currency)
        finally:
            if threading.current_thread() is not threading.main_thread():
                connections.close_all()


class Toys(CatalogueContract):
    unsold = "drum"


class TestDecimals(Toys):
    sells = {
        "Ball": Product(sku="Ball", name="A red ball", unit_price=339, tax_class="reduced"),
        "kite": Product(sku="kite", name="A kite", unit_price=1200),
    }

    @pytest.fixture
    def catalogue(self, toys):
        """Give one of Decimals, with tax classes."""
        for_sale = toys.filter(for_sale=True)
        return InThreads(for_sale, sku="code", name="title", tax_class="tax", currency="GBP")


class TestMinorUnits(Toys):
    sells = {
        "Ball": Product(sku="Ball", name="A red ball", unit_price=339),
        "kite": Product(sku="kite", name="A kite", unit_price=1200),
    }

    @pytest.fixture
    def catalogue(self, toys):
        """Give one of pence."""
        for_sale = toys.filter(for_sale=True)
        return InThreads(for_sale, sku="code", name="title", price="pence", currency="GBP")


@pytest.fixture
def catalogue(toys):
    """Give all toys, at their Decimals."""
    return ModelCatalogue(toys, sku="code", name="title", currency="GBP")


def test_a_cart_is_one_query(catalogue, toys):
    """However many lines it has, as far as every database takes them in one statement."""
    with CaptureQueriesContext(connections[toys.db]) as seen:
        catalogue.find([f"no-{number}" for number in range(899)] + ["kite"], "GBP")
    assert len(seen) == 1


def test_a_row_without_a_price_is_sold_for_none(catalogue, toys):
    """It is known, and cannot be bought."""
    toys.filter(code="kite").update(price=None)
    assert catalogue.find(["kite"], "GBP")["kite"].unit_price is None


@pytest.mark.parametrize("price", ["3.395", "-1"])
def test_a_price_is_never_rounded(catalogue, toys, price):
    """What is no whole number of pence is refused, by the sku and never with the price."""
    toys.filter(code="kite").update(price=Decimal(price))
    assert set(catalogue.find(["Ball"], "GBP")) == {"Ball"}
    with pytest.raises(ValueError, match="price of kite") as refused:
        catalogue.find(["Ball", "kite"], "GBP")
    assert price not in str(refused.value)


def test_the_currency_says_how_many_decimals_count(toys):
    """A dinar has three."""
    dinars = ModelCatalogue(toys, sku="code", name="title", currency="KWD")
    toys.filter(code="kite").update(price=Decimal("3.395"))
    assert dinars.find(["kite"], "KWD")["kite"].unit_price == 3395
    with pytest.raises(ValueError, match="ISO 4217"):
        ModelCatalogue(toys, currency="QUID")
