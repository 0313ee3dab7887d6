"""What the storage of the default catalogue promises."""

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from orderflow_bridge.capabilities import products_of, stock_of
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.ports import Capability, Storage
from orderflow_bridge.testing.samples import entry, put, transact
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["ProductsContract"]


def page(storage: Storage, after: str = "", limit: int = 100) -> list[CatalogueEntry]:
    """Read a page in a unit of its own."""
    with storage.reading() as unit:
        return list(products_of(unit).page(after=after, limit=limit))


class ProductsContract(Contract):
    """The capability `products`: the port `ProductRepository`."""

    needs: ClassVar[Capability | None] = "products"

    def test_products_round_trip(self, storage: Storage) -> None:
        """An entry comes back as it was put, tracked or not."""
        entries = [
            entry("A", name="Tea ☕", prices={"EUR": 2**53 - 1, "GBP": 0}, stock=2**53 - 1),
            entry("B", active=False, tax_class="reduced", prices={}),
        ]
        put(storage, *entries)
        assert page(storage) == entries

    def test_products_find_gives_what_is_for_sale(self, storage: Storage) -> None:
        """One, several and no skus; the inactive and the unknown are missing."""
        put(storage, entry("A", prices={"GBP": 5, "EUR": 6}), entry("B"), entry("C", active=False))
        with storage.reading() as unit:
            find = products_of(unit).find
            assert find(["A"], "EUR") == {"A": Product(sku="A", name="A", unit_price=6)}
            assert find(["B"], "EUR") == {"B": Product(sku="B", name="B", unit_price=None)}
            assert set(find(["A", "B", "C", "D", "A"], "GBP")) == {"A", "B"}
            assert find([], "GBP") == {}
            assert find(["C"], "GBP") == {}

    def test_products_skus_differ_by_case_and_by_spaces(self, storage: Storage) -> None:
        """Identifiers compare as bytes, spaces at the end included."""
        put(storage, entry("tea"), entry("Tea"), entry("tea "), entry("té", stock=1))
        with storage.reading() as unit:
            assert set(products_of(unit).find(["tea", "TEA", "tea  "], "GBP")) == {"tea"}
            assert set(products_of(unit).find(["TEA"], "GBP")) == set()
            assert set(products_of(unit).find(["tea ", "Tea"], "GBP")) == {"tea ", "Tea"}
            assert stock_of(unit).available(["té", "te"]) == {"té": 1}
        assert [one.sku for one in page(storage)] == sorted(["tea", "Tea", "tea ", "té"])

    def test_products_skus_with_marks_of_sql_are_only_text(self, storage: Storage) -> None:
        """Quotes, placeholders and wildcards mean nothing in a sku."""
        skus = ["a'b", 'a"b', "a\\b", "a%sb", "a?b", "a%b", "☕", "a;--b", "{0}", "[1]", "null"]
        put(storage, *(entry(sku, stock=3) for sku in skus))
        with storage.writing() as unit:
            assert set(products_of(unit).find(skus, "GBP")) == set(skus)
            stock_of(unit).take(dict.fromkeys(skus, 1))
            assert stock_of(unit).available(skus) == dict.fromkeys(skus, 2)

    def test_products_put_keeps_prices_in_other_currencies(self, storage: Storage) -> None:
        """A second import in another currency adds its prices and replaces the rest."""
        put(storage, entry("A", name="Old", prices={"GBP": 1, "EUR": 2}, tax_class="old"))
        put(storage, entry("A", name="New", prices={"EUR": 3}, active=False))
        assert page(storage) == [entry("A", name="New", prices={"GBP": 1, "EUR": 3}, active=False)]

    def test_products_put_sets_and_ends_the_tracking_of_stock(self, storage: Storage) -> None:
        """A stock of zero is tracked; None is not."""
        put(storage, entry("A", stock=5), entry("B"))
        put(storage, entry("A", stock=0), entry("B", stock=7))
        with storage.reading() as unit:
            assert stock_of(unit).available(["A", "B"]) == {"A": 0, "B": 7}
        put(storage, entry("A"), entry("B"))
        with storage.reading() as unit:
            assert stock_of(unit).available(["A", "B"]) == {}

    def test_products_that_are_not_tracked_are_neither_taken_nor_given_back(
        self, storage: Storage
    ) -> None:
        """A product that never was tracked, or is no longer, has no stock to change."""
        put(storage, entry("A", stock=5), entry("B"), entry("C", stock=5))
        put(storage, entry("A"))
        for sku in ("A", "B"):
            with pytest.raises(Conflict), storage.writing() as unit:
                stock_of(unit).take({sku: 1, "C": 1})
        with storage.writing() as unit:
            stock_of(unit).give_back({"A": 1, "B": 1})
        with storage.reading() as unit:
            assert stock_of(unit).available(["A", "B", "C"]) == {"C": 5}

    def test_products_of_a_unit_that_fails_are_as_before(self, storage: Storage) -> None:
        """An import that ends in an exception neither adds nor changes anything."""
        put(storage, entry("A", stock=5))

        def fail() -> None:
            with storage.writing() as unit:
                products_of(unit).put([entry("A", name="New", stock=1), entry("B")])
                raise ValueError("fault")

        with pytest.raises(ValueError, match="fault"):
            fail()
        assert page(storage) == [entry("A", stock=5)]

    def test_products_two_imports_at_once_keep_every_price(self, storage: Storage) -> None:
        """Imports of other currencies for the same new skus merge."""
        skus = [f"SKU-{number:02d}" for number in range(50)]

        def load(currency: str) -> None:
            entries = [entry(sku, prices={currency: 1}) for sku in skus]
            transact(storage, lambda unit: products_of(unit).put(entries))

        with ThreadPoolExecutor(3) as pool:
            for job in [pool.submit(load, currency) for currency in ("GBP", "EUR", "CHF")]:
                job.result()
        prices = {"GBP": 1, "EUR": 1, "CHF": 1}
        assert page(storage) == [entry(sku, prices=prices) for sku in skus]

    def test_products_the_last_entry_of_a_sku_wins(self, storage: Storage) -> None:
        """A sku twice in one import is put twice, in the order given."""
        put(storage, entry("A", name="1", stock=1), entry("A", name="2", prices={"EUR": 1}))
        assert page(storage) == [entry("A", name="2", prices={"GBP": 100, "EUR": 1})]

    def test_products_pages_are_in_sku_order(self, storage: Storage) -> None:
        """Each page starts after the last sku of the one before, and has at most its limit."""
        put(storage, *(entry(sku) for sku in "dbcae"))
        assert [one.sku for one in page(storage, limit=2)] == ["a", "b"]
        assert [one.sku for one in page(storage, after="b", limit=2)] == ["c", "d"]
        assert [one.sku for one in page(storage, after="e")] == []

    def test_products_two_thousand_at_once(self, storage: Storage) -> None:
        """A cart's skus come in one call, however many there are."""
        skus = [f"SKU-{number:05d}" for number in range(2_000)]
        put(storage, *(entry(sku, stock=number) for number, sku in enumerate(skus)))
        with storage.reading() as unit:
            assert set(products_of(unit).find(skus, "GBP")) == set(skus)
            assert stock_of(unit).available(skus)["SKU-01999"] == 1_999
        put(storage)
