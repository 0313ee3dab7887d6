"""Storages whose columns are too narrow for the numbers of today."""

from msgspec.structs import replace

from tests.testing.broken_storages.fault import Fault


def narrow(number):
    """Keep the lower 32 bits."""
    return number % 2**32


def rounded(time):
    """Keep whole seconds, in milliseconds."""
    return time // 1_000 * 1_000


class TestKeepsConnectionsTimesIn32Bits(Fault):
    breaks = ("test_connections_times_are_milliseconds",)

    def connections_add(self, unit, connection):
        unit.connections.add(replace(connection, created_at=narrow(connection.created_at)))


class TestOrdersConnectionsBySeconds(Fault):
    breaks = ("test_connections_times_are_milliseconds",)

    def connections_all(self, unit):
        by_id = sorted(unit.connections.all(), key=lambda one: one.client_id, reverse=True)
        return sorted(by_id, key=lambda one: rounded(one.created_at))


class TestKeepsMoneyOfCartsIn32Bits(Fault):
    breaks = ("test_carts_times_and_money_go_beyond_32_bits",)

    def carts_add(self, unit, cart):
        unit.carts.add(replace(cart, totals=replace(cart.totals, total=narrow(cart.totals.total))))


class TestExpiresCartsInSeconds(Fault):
    breaks = ("test_carts_times_and_money_go_beyond_32_bits",)

    def carts_purge(self, unit, *, before, limit):
        return unit.carts.purge(before=rounded(before) + 1_000, limit=limit)


class TestEndsLeasesOfCartsInSeconds(Fault):
    breaks = ("test_carts_times_and_money_go_beyond_32_bits",)

    def carts_crashed(self, unit, *, before, limit):
        return unit.carts.crashed(before=rounded(before), limit=limit)


class TestKeepsMoneyOfOrdersIn32Bits(Fault):
    breaks = ("test_orders_times_and_money_go_beyond_32_bits",)

    def orders_place(self, unit, order):
        totals = replace(order.totals, total=narrow(order.totals.total))
        return unit.orders.place(replace(order, totals=totals))


class TestSearchesOrdersBySeconds(Fault):
    breaks = ("test_orders_times_and_money_go_beyond_32_bits",)

    def orders_search(self, unit, query):
        if query.placed_after is not None:
            query = replace(query, placed_before=rounded(query.placed_before) + 1_000)
        return unit.orders.search(query)


class TestKeepsSettlementsInSeconds(Fault):
    breaks = ("test_intents_round_trip",)

    def intents_save(self, unit, intent, *, replacing):
        settlement = replace(intent.settlement, settled_at=rounded(intent.settlement.settled_at))
        unit.intents.save(replace(intent, settlement=settlement), replacing=replacing)


class TestKeepsSignaturesIn32Bits(Fault):
    breaks = ("test_replays_times_are_milliseconds",)

    def replays_spend(self, unit, mac, *, connection, until):
        return unit.replays.spend(mac, connection=connection, until=narrow(until))


class TestKeepsSignaturesInSeconds(Fault):
    breaks = ("test_replays_times_are_milliseconds",)

    def replays_spend(self, unit, mac, *, connection, until):
        return unit.replays.spend(mac, connection=connection, until=rounded(until))


class TestKeepsLeasesIn32Bits(Fault):
    breaks = ("test_answers_times_are_milliseconds",)

    def answers_claim(self, unit, key, *, running_until, **of):
        return unit.answers.claim(key, running_until=narrow(running_until), **of)


class TestKeepsKeysInSeconds(Fault):
    breaks = ("test_answers_times_are_milliseconds",)

    def answers_claim(self, unit, key, *, until, **of):
        return unit.answers.claim(key, until=rounded(until), **of)
