"""Storages that are wrong about stock."""

from orderflow_bridge.domain.errors import Conflict
from tests.testing.broken_storages.fault import Fault


class TestGivesNothingBack(Fault):
    breaks = (
        "test_stock_take_and_give_back",
        "test_stock_that_is_not_tracked_is_not_given_back",
        "test_stock_baskets_in_any_order_do_not_deadlock_for_good",
    )

    def stock_give_back(self, unit, taken):
        pass


class TestTellsEverySku(Fault):
    breaks = ("test_stock_take_and_give_back",)

    def stock_available(self, unit, skus):
        return dict.fromkeys(skus, 0) | dict(unit.stock.available(skus))


class TestTellsEveryTrackedSku(Fault):
    breaks = ("test_stock_take_and_give_back",)

    def stock_available(self, unit, skus):
        return dict(unit.stock._rows.items())


class TestTakesHalfABatch(Fault):
    breaks = ("test_stock_take_is_all_or_nothing",)

    def stock_take(self, unit, wanted):
        left = unit.stock.available(list(wanted))
        unit.stock.take({sku: min(left.get(sku, 0), more) for sku, more in wanted.items()
                         if sku in left})  # fmt: skip


class TestTakesBeforeTheConflict(Fault):
    breaks = ("test_stock_take_is_all_or_nothing",)

    def stock_take(self, unit, wanted):
        published = unit.stock._rows._table
        for sku, more in wanted.items():
            if (published.get(sku) or 0) < more:
                raise Conflict("short")
            published.put(sku, published.get(sku) - more)


class TestTakesBelowZero(Fault):
    breaks = ("test_stock_take_is_all_or_nothing",)

    def stock_take(self, unit, wanted):
        for sku, more in wanted.items():
            if unit.stock._rows.get(sku) is None:
                raise Conflict("not tracked")
            unit.stock._rows.put(sku, unit.stock._rows.get(sku) - more)


class TestTakesWhatIsNotTracked(Fault):
    breaks = ("test_stock_take_is_all_or_nothing",)

    def stock_take(self, unit, wanted):
        left = unit.stock.available(list(wanted))
        unit.stock.take({sku: more for sku, more in wanted.items() if sku in left})


class TestCannotTakeNothing(Fault):
    breaks = ("test_stock_taking_nothing_is_fine",)

    def stock_take(self, unit, wanted):
        if not any(wanted.values()):
            raise Conflict("no row was changed")
        unit.stock.take(wanted)


class TestTracksWhatIsGivenBack(Fault):
    breaks = ("test_stock_that_is_not_tracked_is_not_given_back",)

    def stock_give_back(self, unit, taken):
        for sku, more in taken.items():
            unit.stock._rows.put(sku, (unit.stock._rows.get(sku) or 0) + more)


class TestTakesOutsideTheUnit(Fault):
    breaks = ("test_stock_is_back_when_the_unit_fails",)
    stock_take = TestTakesBeforeTheConflict.stock_take


class TestFoldsTheCaseOfTakenSkus(Fault):
    breaks = ("test_stock_skus_compare_as_bytes",)

    def stock_take(self, unit, wanted):
        for sku, more in wanted.items():
            unit.stock.take({sku.lower(): more})


class TestTakesBySkusWithoutAccents(Fault):
    breaks = ("test_stock_skus_compare_as_bytes",)

    def stock_available(self, unit, skus):
        plain = {sku: sku.replace("te", "té") if sku == "te" else sku for sku in skus}
        left = unit.stock.available(list(plain.values()))
        return {sku: left[known] for sku, known in plain.items() if known in left}


class TestTakesAThousandSkus(Fault):
    breaks = ("test_stock_of_two_thousand_skus_in_one_call",)

    def stock_take(self, unit, wanted):
        unit.stock.take(dict(list(wanted.items())[:999]))


class TestTellsAThousandSkus(Fault):
    breaks = (
        "test_stock_of_two_thousand_skus_in_one_call",
        "test_products_two_thousand_at_once",
    )

    def stock_available(self, unit, skus):
        return dict.fromkeys(skus, 0) | dict(unit.stock.available(skus[:999]))
