"""Storages that are wrong about carts."""

from msgspec.structs import replace

from orderflow_bridge.domain.customer import Customer
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.testing.samples import OTHER, SHOP
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60


def stored(unit, cart):
    return unit.carts.find(cart.cart_id, connection=cart.connection)


class TestForgetsTheNotices(Fault):
    breaks = ("test_carts_round_trip",)

    def carts_add(self, unit, cart):
        unit.carts.add(replace(cart, notices=()))


class TestForgetsTheDraftOfAConversion(Fault):
    breaks = ("test_carts_round_trip_of_a_claimed_and_of_an_empty_cart",)

    def carts_find(self, unit, cart_id, *, connection):
        found = unit.carts.find(cart_id, connection=connection)
        if found and found.conversion:
            return replace(found, conversion=replace(found.conversion, draft=None))
        return found


class TestFillsAnEmptyCart(Fault):
    breaks = ("test_carts_round_trip_of_a_claimed_and_of_an_empty_cart",)

    def carts_add(self, unit, cart):
        unit.carts.add(replace(cart, customer=cart.customer or Customer(email="")))


class TestKeepsAThousandLines(Fault):
    breaks = ("test_carts_a_big_cart_round_trips",)

    def carts_add(self, unit, cart):
        unit.carts.add(replace(cart, lines=cart.lines[:1_000]))


class TestKeepsAShortNote(Fault):
    breaks = ("test_carts_a_big_cart_round_trips",)

    def carts_add(self, unit, cart):
        unit.carts.add(replace(cart, note=cart.note and cart.note[:255]))


class TestShowsACartToEveryone(Fault):
    breaks = ("test_carts_a_cart_does_not_exist_for_another_connection",)

    def carts_find(self, unit, cart_id, *, connection):
        return next(filter(None, (unit.carts.find(cart_id, connection=c) for c in (SHOP, OTHER))),
                    None)  # fmt: skip


class TestLocksACartForEveryone(Fault):
    breaks = ("test_carts_a_cart_does_not_exist_for_another_connection",)
    carts_lock = TestShowsACartToEveryone.carts_find


class TestAddsACartOverAnother(Fault):
    breaks = ("test_carts_a_cart_id_is_unique",)

    def carts_add(self, unit, cart):
        for connection in (SHOP, OTHER):
            found = unit.carts.find(cart.cart_id, connection=connection)
            if found:
                return unit.carts.save(cart, replacing=found.version)
        return unit.carts.add(cart)


class TestAddsACartForEachConnection(Fault):
    breaks = ("test_carts_a_cart_id_is_unique",)

    def carts_add(self, unit, cart):
        if stored(unit, cart):
            raise Conflict("taken")
        if cart.connection != OTHER:
            unit.carts.add(cart)


class TestStripsCartIds(Fault):
    breaks = ("test_carts_ids_differ_by_case_and_by_spaces",)

    def carts_find(self, unit, cart_id, *, connection):
        return unit.carts.find(cart_id.strip(), connection=connection)


class TestFoldsTheCaseOfCartIds(Fault):
    breaks = ("test_carts_ids_differ_by_case_and_by_spaces",)

    def carts_add(self, unit, cart):
        if unit.carts.find(cart.cart_id.lower(), connection=cart.connection):
            raise Conflict("taken")
        unit.carts.add(cart)


class TestFoldsTheCaseOfACartsConnection(Fault):
    breaks = ("test_carts_ids_differ_by_case_and_by_spaces",)

    def carts_find(self, unit, cart_id, *, connection):
        return unit.carts.find(cart_id, connection=connection.replace("OFC_SHOP", "ofc_shop"))


class TestLosesAnUpdate(Fault):
    breaks = ("test_carts_save_replaces_the_version_it_names",)

    def carts_save(self, unit, cart, *, replacing):
        found = stored(unit, cart)
        unit.carts.save(cart, replacing=found.version if found else replacing)


class TestSavesACartThatIsNotThere(Fault):
    breaks = ("test_carts_save_replaces_the_version_it_names",)

    def carts_save(self, unit, cart, *, replacing):
        if stored(unit, cart):
            unit.carts.save(cart, replacing=replacing)
        else:
            unit.carts.add(cart)


class TestIgnoresALateSave(Fault):
    breaks = ("test_carts_save_replaces_the_version_it_names",)

    def carts_save(self, unit, cart, *, replacing):
        found = stored(unit, cart)
        if found and found.version == replacing:
            unit.carts.save(cart, replacing=replacing)


class TestCountsChangedRowsOfCarts(Fault):
    breaks = ("test_carts_an_unchanged_save_is_no_conflict",)

    def carts_save(self, unit, cart, *, replacing):
        if stored(unit, cart) == cart:
            raise Conflict("no row was changed")
        unit.carts.save(cart, replacing=replacing)


class TestGivesTheLatestCrashesFirst(Fault):
    breaks = ("test_carts_crashed_conversions_are_those_whose_lease_is_over",)

    def carts_crashed(self, unit, *, before, limit):
        return unit.carts.crashed(before=before, limit=FOR_EVER)[::-1][:limit]


class TestGivesCrashesTooEarly(Fault):
    breaks = ("test_carts_crashed_conversions_are_those_whose_lease_is_over",)

    def carts_crashed(self, unit, *, before, limit):
        return unit.carts.crashed(before=before + 1, limit=limit)


class TestGivesEveryCrash(Fault):
    breaks = ("test_carts_crashed_conversions_are_those_whose_lease_is_over",)

    def carts_crashed(self, unit, *, before, limit):
        return unit.carts.crashed(before=before, limit=FOR_EVER)


class Purges(Fault):
    """A fault of `purge`: `stale` says which carts go, in this order."""

    def carts_purge(self, unit, *, before, limit):
        rows = unit.carts._rows
        gone = [one for one in self.stale(rows.values(), before) if self.may_go(one)][:limit]
        for one in gone:
            rows.remove(one.cart_id)
        return len(gone)

    def stale(self, carts, before):
        return sorted((one for one in carts if one.expires_at < before), key=lambda o: o.expires_at)

    def may_go(self, cart):
        return cart.order_id is None and cart.conversion is None


class TestPurgesConvertedCarts(Purges):
    breaks = ("test_carts_purge_is_bounded_and_spares_what_is_needed",)

    def may_go(self, cart):
        return cart.conversion is None


class TestPurgesClaimedCarts(Purges):
    breaks = ("test_carts_purge_is_bounded_and_spares_what_is_needed",)

    def may_go(self, cart):
        return cart.order_id is None


class TestPurgesCartsOnTheirLastMoment(Purges):
    breaks = ("test_carts_purge_is_bounded_and_spares_what_is_needed",)

    def stale(self, carts, before):
        return super().stale(carts, before + 1)


class TestPurgesTheNewestCartsFirst(Purges):
    breaks = ("test_carts_purge_is_bounded_and_spares_what_is_needed",)

    def stale(self, carts, before):
        return super().stale(carts, before)[::-1]


class TestPurgesEveryStaleCart(Fault):
    breaks = ("test_carts_purge_is_bounded_and_spares_what_is_needed",)

    def carts_purge(self, unit, *, before, limit):
        return unit.carts.purge(before=before, limit=FOR_EVER)


class TestOnlyCountsWhatItWouldPurge(Fault):
    breaks = ("test_carts_purge_is_bounded_and_spares_what_is_needed",)

    def remember(self):
        self.left = 3

    def carts_purge(self, unit, *, before, limit):
        gone = min(self.left, limit)
        self.left -= gone
        return gone
