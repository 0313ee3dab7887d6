"""Storages that are wrong about products and stock."""

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60


class TestKeepsEveryProductActive(Fault):
    breaks = ("test_products_round_trip", "test_products_find_gives_what_is_for_sale")

    def products_put(self, unit, entries):
        unit.products.put([replace(one, active=True) for one in entries])


class TestPutsStockIn32Bits(Fault):
    breaks = ("test_products_round_trip",)

    def products_put(self, unit, entries):
        unit.products.put(
            [one if one.stock is None else replace(one, stock=one.stock % 2**31) for one in entries]
        )


class TestSellsOnlyWhatHasAPrice(Fault):
    breaks = ("test_products_find_gives_what_is_for_sale",)

    def products_find(self, unit, skus, currency):
        found = unit.products.find(skus, currency)
        return {sku: one for sku, one in found.items() if one.unit_price is not None}


class TestStripsSkus(Fault):
    breaks = ("test_products_skus_differ_by_case_and_by_spaces",)

    def products_put(self, unit, entries):
        unit.products.put([replace(one, sku=one.sku.strip()) for one in entries])


class TestFoldsTheCaseOfSkus(Fault):
    breaks = ("test_products_skus_differ_by_case_and_by_spaces",)

    def products_find(self, unit, skus, currency):
        found = unit.products.find([sku.lower() for sku in skus], currency)
        return {sku: found[sku.lower()] for sku in skus if sku.lower() in found}


class TestTakesSkusForPatterns(Fault):
    breaks = ("test_products_skus_with_marks_of_sql_are_only_text",)

    def products_find(self, unit, skus, currency):
        found = unit.products.find(skus, currency)
        return {sku: one for sku, one in found.items() if "?" not in sku and "%" not in sku}


class TestTakesANullForNothing(Fault):
    breaks = ("test_products_skus_with_marks_of_sql_are_only_text",)

    def products_put(self, unit, entries):
        unit.products.put([one for one in entries if one.sku != "null"])


class TestDropsPricesOfOtherCurrencies(Fault):
    breaks = ("test_products_put_keeps_prices_in_other_currencies",)

    def products_put(self, unit, entries):
        for one in entries:
            unit.products._rows.remove(one.sku)
            unit.products.put([one])


class TestPutsOnlyThePrices(Fault):
    breaks = ("test_products_put_keeps_prices_in_other_currencies",)

    def products_put(self, unit, entries):
        for one in entries:
            stored = unit.products._rows.get(one.sku) or one
            unit.products.put([replace(stored, prices=one.prices, stock=one.stock)])


class TestTakesAStockOfZeroForNone(Fault):
    breaks = ("test_products_put_sets_and_ends_the_tracking_of_stock",)

    def products_put(self, unit, entries):
        unit.products.put([replace(one, stock=one.stock or None) for one in entries])


class TestTracksForEver(Fault):
    breaks = ("test_products_put_sets_and_ends_the_tracking_of_stock",)

    def products_put(self, unit, entries):
        left = unit.stock.available([one.sku for one in entries])
        unit.products.put(
            [replace(one, stock=left.get(one.sku) if one.stock is None else one.stock)
             for one in entries]
        )  # fmt: skip


class TestEndsTheTrackingOnPut(Fault):
    breaks = (
        "test_products_round_trip",
        "test_products_put_sets_and_ends_the_tracking_of_stock",
    )

    def products_put(self, unit, entries):
        unit.products.put([replace(one, stock=None) for one in entries])


class TestKeepsTheFirstEntryOfASku(Fault):
    breaks = ("test_products_the_last_entry_of_a_sku_wins",)

    def products_put(self, unit, entries):
        unit.products.put(list({one.sku: one for one in reversed(entries)}.values()))


class TestKeepsOnlyTheLastEntryOfASku(Fault):
    breaks = ("test_products_the_last_entry_of_a_sku_wins",)

    def products_put(self, unit, entries):
        unit.products.put(list({one.sku: one for one in entries}.values()))


class TestPagesFromTheSkuItself(Fault):
    breaks = ("test_products_pages_are_in_sku_order",)

    def products_page(self, unit, *, after, limit):
        again = unit.products._rows.get(after)
        return [*([again] if again else []), *unit.products.page(after=after, limit=limit)][:limit]


class TestPagesInTheOrderOfPutting(Fault):
    breaks = ("test_products_pages_are_in_sku_order",)

    def products_page(self, unit, *, after, limit):
        return [one for one in unit.products._rows.values() if one.sku > after][:limit]


class TestPagesWithoutALimit(Fault):
    breaks = ("test_products_pages_are_in_sku_order",)

    def products_page(self, unit, *, after, limit):
        return unit.products.page(after=after, limit=FOR_EVER)


class TestFindsAThousandSkus(Fault):
    breaks = ("test_products_two_thousand_at_once",)

    def products_find(self, unit, skus, currency):
        return unit.products.find(skus[:999], currency)


class TestCannotPutNothing(Fault):
    breaks = ("test_products_two_thousand_at_once",)

    def products_put(self, unit, entries):
        if not entries:
            raise Conflict("no rows to insert")
        unit.products.put(entries)


class TestTakesWhatIsNoLongerTracked(Fault):
    breaks = ("test_products_that_are_not_tracked_are_neither_taken_nor_given_back",)

    def stock_take(self, unit, wanted):
        tracked = unit.stock.available(list(wanted))
        unit.stock.take({sku: more for sku, more in wanted.items() if sku in tracked})


class TestTracksProductsThatAreGivenBack(Fault):
    breaks = ("test_products_that_are_not_tracked_are_neither_taken_nor_given_back",)

    def stock_give_back(self, unit, taken):
        for sku, more in taken.items():
            unit.stock._rows.put(sku, (unit.stock._rows.get(sku) or 0) + more)


class TestImportsOutsideTheUnit(Fault):
    breaks = ("test_products_of_a_unit_that_fails_are_as_before",)

    def products_put(self, unit, entries):
        unit.products.put(entries)
        unit.publish()
