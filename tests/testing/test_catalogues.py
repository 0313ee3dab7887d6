"""The catalogue contract on the default catalogue and on those of the example sites."""

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from orderflow_bridge.catalogue.catalogue import Catalogue
from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from orderflow_bridge.testing import CatalogueContract

EXAMPLES = Path(__file__).parents[2] / "examples"


class TestDefaultCatalogue(CatalogueContract):
    """The products that a storage keeps."""

    sells = {
        "Tea-1": Product(sku="Tea-1", name="Tea ☕", unit_price=250),
        "mug_2": Product(sku="mug_2", name="Mug", unit_price=0, tax_class="zero"),
    }
    unsold = "gone"

    @pytest.fixture(params=["memory://", "sqlite:///{}/shop.db"])
    def catalogue(self, request, tmp_path):
        storage = open_storage(Settings(database=request.param.format(tmp_path)))
        catalogue = Catalogue(storage)
        catalogue.put(
            [
                CatalogueEntry(
                    sku="Tea-1", name="Tea ☕", prices={"GBP": 250, "EUR": 300}, stock=1
                ),
                CatalogueEntry(sku="mug_2", name="Mug", prices={"GBP": 0}, tax_class="zero"),
                CatalogueEntry(sku="gone", name="Gone", prices={"GBP": 1}, active=False),
                CatalogueEntry(sku="euro", name="Euro", prices={"EUR": 1}),
            ]
        )
        yield catalogue
        storage.close()


@pytest.mark.skipif(
    find_spec("orderflow_bridge_sqlalchemy") is None and not os.environ.get("CI"),
    reason="orderflow-bridge-sqlalchemy is not installed",
)
class TestFlaskExample(CatalogueContract):
    """The Flask example's own models."""

    sells = {
        "mug-ash": Product(sku="mug-ash", name="Ash-glazed mug", unit_price=2200),
        "tea-oolong": Product(sku="tea-oolong", name="Roasted oolong, 100 g", unit_price=1390),
    }

    @pytest.fixture
    def catalogue(self, tmp_path):
        spec = spec_from_file_location("kiln_catalogue", EXAMPLES / "flask_host" / "catalogue.py")
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        engine = import_module("sqlalchemy").create_engine(f"sqlite:///{tmp_path}/shop.db")
        catalogue = module.ShopCatalogue(engine)
        catalogue.prepare()
        yield catalogue
        engine.dispose()


DJANGO = """
import pytest
import django
from django.core.management import call_command

django.setup()
call_command("migrate", verbosity=0)

from orderflow_bridge.domain.product import Product
from orderflow_bridge.testing import CatalogueContract
from shop.catalogue import BookCatalogue
from shop.models import Product as Book

Book.objects.create(sku="gone", title="Gone", author="Nobody", pence=1, for_sale=False)


class TestBooks(CatalogueContract):
    sells = {
        "9780141441146": Product(
            sku="9780141441146", name="Jane Eyre, Charlotte Brontë", unit_price=899
        ),
        "print-fog": Product(
            sku="print-fog", name="Harbour in fog, signed print, R. & M. Ito", unit_price=1899
        ),
    }
    unsold = "gone"

    @pytest.fixture
    def catalogue(self):
        return BookCatalogue()
"""


@pytest.mark.skipif(
    find_spec("django") is None and not os.environ.get("CI"), reason="Django is not installed"
)
def test_the_django_example_s_catalogue_keeps_the_contract(tmp_path: Path) -> None:
    """In a process of its own: Django takes one configuration."""
    file = tmp_path / "test_books.py"
    file.write_text(DJANGO, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        cwd=tmp_path,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bookshop.settings",
            "PYTHONPATH": os.pathsep.join(
                [str(EXAMPLES / "django_host"), os.environ.get("PYTHONPATH", "")]
            ).rstrip(os.pathsep),
            "SHOP_DATABASE": str(tmp_path / "shop.db"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rules = [name for name in vars(CatalogueContract) if name.startswith("test_")]
    assert f"{len(rules)} passed" in ended.stdout
