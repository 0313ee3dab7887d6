"""The contract of the port `ProductCatalog`: a catalogue of a shop's own, held to what it says."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from orderflow_bridge.domain.money import CURRENCIES, MAX_AMOUNT
from orderflow_bridge.domain.product import Product
from orderflow_bridge.ports import ProductCatalog

__all__ = ["CatalogueContract"]

_LARGE_CART = 2_000
"""How many lines a cart may have unless the settings say otherwise."""
_THREADS = 8
_LONGEST_SKU = 64
_HOSTILE = ("' OR '1'='1", '"; --', "%", "_", "*", "\\", "$(x)", "tea\u200d☕", "x" * _LONGEST_SKU)


class CatalogueContract:
    """Hold a catalogue to the port: subclass it, and say what the catalogue sells.

        class TestBooks(CatalogueContract):
            sells = {"emma": Product(sku="emma", name="Emma", unit_price=899)}
            currency, foreign_currency = "GBP", "JPY"
            unsold = "war-and-peace"

            @pytest.fixture
            def catalogue(self):
                return BookCatalogue()

    `sells` has at least one product, each with a price in `currency` and none in
    `foreign_currency`. `unsold` is a sku that is not for sale: one that is switched off proves the
    most. More may be sold than `sells` names.
    """

    sells: Mapping[str, Product]
    currency: str = "GBP"
    foreign_currency: str = "JPY"
    unsold: str = "no-such-sku"

    @pytest.fixture
    def catalogue(self) -> ProductCatalog:
        """Give the catalogue; override this."""
        raise NotImplementedError("Override the fixture `catalogue`: give the catalogue to test.")

    def test_it_finds_what_it_sells(self, catalogue: ProductCatalog) -> None:
        """All that is for sale is found in one call, by sku, with its name, price and tax class."""
        assert dict(catalogue.find(list(self.sells), self.currency)) == dict(self.sells)

    def test_what_is_not_sold_is_missing(self, catalogue: ProductCatalog) -> None:
        """A sku that is not for sale is left out, alone and among others, and is no error."""
        first = self._first()
        assert not catalogue.find([self.unsold], self.currency)
        assert set(catalogue.find([self.unsold, first], self.currency)) == {first}

    def test_nothing_is_given_that_was_not_asked(self, catalogue: ProductCatalog) -> None:
        """One sku gives one product, and no skus give none."""
        first = self._first()
        assert set(catalogue.find([first], self.currency)) == {first}
        assert not catalogue.find([], self.currency)

    def test_a_sku_asked_twice_is_one_product(self, catalogue: ProductCatalog) -> None:
        """A sku on two lines of a cart may be asked twice."""
        first = self._first()
        assert dict(catalogue.find([first, first], self.currency)) == {first: self.sells[first]}

    def test_another_currency_has_no_price(self, catalogue: ProductCatalog) -> None:
        """In a currency without a price a product is still sold, and its `unit_price` is None."""
        found = catalogue.find(list(self.sells), self.foreign_currency)
        assert {sku: product.unit_price for sku, product in found.items()} == dict.fromkeys(
            self.sells
        )

    def test_amounts_are_minor_units(self, catalogue: ProductCatalog) -> None:
        """A price is a plain integer, from 0 to 2**53 - 1: no float, no Decimal, no bool."""
        assert self.currency in CURRENCIES
        for product in self._found(catalogue):
            assert type(product.unit_price) is int
            assert 0 <= product.unit_price <= MAX_AMOUNT

    def test_texts_are_texts(self, catalogue: ProductCatalog) -> None:
        """The sku is the one that was asked, and name and tax class are texts with something in."""
        for sku, product in catalogue.find(list(self.sells), self.currency).items():
            assert product.sku == sku
            for text in (product.sku, product.name, product.tax_class):
                assert type(text) is str
                assert text

    def test_skus_compare_as_bytes(self, catalogue: ProductCatalog) -> None:
        """Case and spaces at the ends make another sku, whatever a database thinks of them."""
        for sku in self.sells:
            for other in {sku.swapcase(), f"{sku} ", f" {sku}"} - set(self.sells):
                assert not catalogue.find([other], self.currency)

    def test_any_sku_may_be_asked(self, catalogue: ProductCatalog) -> None:
        """Quotes, wildcards and emoji are skus that are not sold, and nothing worse."""
        others = [sku for sku in _HOSTILE if sku not in self.sells]
        assert not catalogue.find(others, self.currency)

    def test_a_large_cart_comes_in_one_call(self, catalogue: ProductCatalog) -> None:
        """Two thousand skus are one question; the ones that are sold are found among them."""
        strangers = [f"{self.unsold[:50]}-{number}" for number in range(_LARGE_CART)]
        skus = [*strangers[: _LARGE_CART - len(self.sells)], *self.sells]
        assert dict(catalogue.find(skus, self.currency)) == dict(self.sells)

    def test_any_thread_may_ask(self, catalogue: ProductCatalog) -> None:
        """Threads that ask at the same time all get the same answer."""
        with ThreadPoolExecutor(_THREADS) as threads:
            answers = list(threads.map(lambda _: self._found(catalogue), range(4 * _THREADS)))
        assert all(answer == list(self.sells.values()) for answer in answers)

    def test_asking_changes_nothing(self, catalogue: ProductCatalog) -> None:
        """The same question has the same answer, whatever was asked before."""
        before = self._found(catalogue)
        catalogue.find([self.unsold, *self.sells], self.foreign_currency)
        catalogue.find([self.unsold], self.currency)
        assert self._found(catalogue) == before
        assert not catalogue.find([self.unsold], self.currency)

    def _first(self) -> str:
        return next(iter(self.sells))

    def _found(self, catalogue: ProductCatalog) -> Sequence[Product]:
        found = catalogue.find(list(self.sells), self.currency)
        return [found[sku] for sku in self.sells]
