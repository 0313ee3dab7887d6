"""What products, stock and payment intents promise on every storage."""

import pytest

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.payment import PaymentIntent, Settlement
from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.ports import Storage


def entry(sku: str, **changes) -> CatalogueEntry:
    """Make an entry at 100 GBP."""
    return CatalogueEntry(**{"sku": sku, "name": sku, "prices": {"GBP": 100}} | changes)


def put(storage: Storage, *entries: CatalogueEntry) -> None:
    """Put entries in a unit of their own."""
    with storage.writing() as unit:
        unit.products.put(entries)


def page(storage: Storage, after: str = "", limit: int = 100) -> list[CatalogueEntry]:
    """Read a page in a unit of its own."""
    with storage.reading() as unit:
        return list(unit.products.page(after=after, limit=limit))


class TestProducts:
    """The port `ProductRepository`."""

    def test_round_trip(self, storage: Storage):
        """An entry comes back as it was put, tracked or not."""
        entries = [
            entry("A", name="Tea ☕", prices={"EUR": 2**53 - 1, "GBP": 0}, stock=2**53 - 1),
            entry("B", active=False, tax_class="reduced", prices={}),
        ]
        put(storage, *entries)
        assert page(storage) == entries

    def test_find_gives_what_is_for_sale(self, storage: Storage):
        """One, several and no skus; the inactive and the unknown are missing."""
        put(storage, entry("A", prices={"GBP": 5, "EUR": 6}), entry("B"), entry("C", active=False))
        with storage.reading() as unit:
            find = unit.products.find
            assert find(["A"], "EUR") == {"A": Product(sku="A", name="A", unit_price=6)}
            assert find(["B"], "EUR") == {"B": Product(sku="B", name="B", unit_price=None)}
            assert set(find(["A", "B", "C", "D", "A"], "GBP")) == {"A", "B"}
            assert find([], "GBP") == {}
            assert find(["C"], "GBP") == {}

    def test_skus_differ_by_case_and_by_spaces(self, storage: Storage):
        """Identifiers compare as bytes, spaces at the end included."""
        put(storage, entry("tea"), entry("Tea"), entry("tea "), entry("té", stock=1))
        with storage.reading() as unit:
            assert set(unit.products.find(["tea", "TEA", "tea  "], "GBP")) == {"tea"}
            assert set(unit.products.find(["TEA"], "GBP")) == set()
            assert set(unit.products.find(["tea ", "Tea"], "GBP")) == {"tea ", "Tea"}
            assert unit.stock.available(["té", "te"]) == {"té": 1}
        assert [one.sku for one in page(storage)] == sorted(["tea", "Tea", "tea ", "té"])

    def test_skus_with_marks_of_sql_are_only_text(self, storage: Storage):
        """Quotes, placeholders and wildcards mean nothing in a sku."""
        skus = ["a'b", 'a"b', "a\\b", "a%sb", "a?b", "a%b", "☕", "a;--b", "{0}", "[1]", "null"]
        put(storage, *(entry(sku, stock=3) for sku in skus))
        with storage.writing() as unit:
            assert set(unit.products.find(skus, "GBP")) == set(skus)
            unit.stock.take(dict.fromkeys(skus, 1))
            assert unit.stock.available(skus) == dict.fromkeys(skus, 2)

    def test_put_keeps_prices_in_other_currencies(self, storage: Storage):
        """A second import in another currency adds its prices and replaces the rest."""
        put(storage, entry("A", name="Old", prices={"GBP": 1, "EUR": 2}, tax_class="old"))
        put(storage, entry("A", name="New", prices={"EUR": 3}, active=False))
        assert page(storage) == [entry("A", name="New", prices={"GBP": 1, "EUR": 3}, active=False)]

    def test_put_sets_and_ends_the_tracking_of_stock(self, storage: Storage):
        """A stock of zero is tracked; None is not."""
        put(storage, entry("A", stock=5), entry("B"))
        put(storage, entry("A", stock=0), entry("B", stock=7))
        with storage.reading() as unit:
            assert unit.stock.available(["A", "B"]) == {"A": 0, "B": 7}
        put(storage, entry("A"), entry("B"))
        with storage.reading() as unit:
            assert unit.stock.available(["A", "B"]) == {}

    def test_the_last_entry_of_a_sku_wins(self, storage: Storage):
        """A sku twice in one import is put twice, in the order given."""
        put(storage, entry("A", name="1", stock=1), entry("A", name="2", prices={"EUR": 1}))
        assert page(storage) == [entry("A", name="2", prices={"GBP": 100, "EUR": 1})]

    def test_pages_are_in_sku_order(self, storage: Storage):
        """Each page starts after the last sku of the one before, and has at most its limit."""
        put(storage, *(entry(sku) for sku in "dbcae"))
        assert [one.sku for one in page(storage, limit=2)] == ["a", "b"]
        assert [one.sku for one in page(storage, after="b", limit=2)] == ["c", "d"]
        assert [one.sku for one in page(storage, after="e")] == []

    def test_two_thousand_at_once(self, storage: Storage):
        """A cart's skus come in one call, however many there are."""
        skus = [f"SKU-{number:05d}" for number in range(2_000)]
        put(storage, *(entry(sku, stock=number) for number, sku in enumerate(skus)))
        with storage.reading() as unit:
            assert set(unit.products.find(skus, "GBP")) == set(skus)
            assert unit.stock.available(skus)["SKU-01999"] == 1_999
        put(storage)


class TestStock:
    """The port `StockLedger`."""

    def test_take_and_give_back(self, storage: Storage):
        """What was taken and given back is there again."""
        put(storage, entry("A", stock=5), entry("B", stock=1))
        with storage.writing() as unit:
            unit.stock.take({"B": 1, "A": 2})
            assert unit.stock.available(["A", "B"]) == {"A": 3, "B": 0}
        with storage.writing() as unit:
            unit.stock.give_back({"B": 1, "A": 2})
        with storage.reading() as unit:
            assert unit.stock.available(["A", "B", "C"]) == {"A": 5, "B": 1}
            assert unit.stock.available(["A"]) == {"A": 5}
            assert unit.stock.available([]) == {}

    @pytest.mark.parametrize("wanted", [{"A": 1, "B": 2}, {"A": 1, "UNTRACKED": 1}, {"A": 6}])
    def test_take_is_all_or_nothing(self, storage: Storage, wanted):
        """One sku that is short, or not tracked, leaves every other as it was."""
        put(storage, entry("A", stock=5), entry("B", stock=1), entry("UNTRACKED"))
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.stock.take(wanted)
        with storage.reading() as unit:
            assert unit.stock.available(["A", "B"]) == {"A": 5, "B": 1}

    def test_taking_nothing_is_fine(self, storage: Storage):
        """Nothing, and none of a sku, can always be taken."""
        put(storage, entry("A", stock=0))
        with storage.writing() as unit:
            unit.stock.take({})
            unit.stock.take({"A": 0})
            unit.stock.give_back({})
            assert unit.stock.available(["A"]) == {"A": 0}

    def test_what_is_no_longer_tracked_is_not_given_back(self, storage: Storage):
        """A sku whose tracking ended stays unlimited."""
        put(storage, entry("A", stock=5))
        with storage.writing() as unit:
            unit.stock.give_back({"A": 1, "GONE": 3})
            assert unit.stock.available(["A", "GONE"]) == {"A": 6}


class TestIntents:
    """The port `IntentLedger`."""

    SETTLED = PaymentIntent(
        intent="pi_1",
        version=2,
        cart_id="cart_1",
        settlement=Settlement(amount=2**53 - 1, currency="GBP", settled_at=5),
    )

    def test_round_trip(self, storage: Storage):
        """An intent comes back as it was, settled or not."""
        with storage.writing() as unit:
            unit.intents.add(PaymentIntent(intent="pi_1"))
            assert unit.intents.find("pi_1") == PaymentIntent(intent="pi_1")
            unit.intents.save(self.SETTLED, replacing=1)
        with storage.reading() as unit:
            assert unit.intents.find("pi_1") == self.SETTLED
            assert unit.intents.find("PI_1") is None

    def test_an_intent_is_unique(self, storage: Storage):
        """A second one conflicts."""
        with storage.writing() as unit:
            unit.intents.add(self.SETTLED)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.intents.add(PaymentIntent(intent="pi_1"))

    def test_save_replaces_the_version_it_names(self, storage: Storage):
        """A save whose version moved conflicts; one that changes nothing does not."""
        with storage.writing() as unit:
            unit.intents.add(self.SETTLED)
            unit.intents.save(self.SETTLED, replacing=2)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.intents.save(self.SETTLED, replacing=1)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.intents.save(PaymentIntent(intent="pi_2"), replacing=1)
