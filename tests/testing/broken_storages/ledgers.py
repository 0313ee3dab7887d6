"""Storages that are wrong about intents and signatures."""

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60


class TestKeepsAmountsIn32Bits(Fault):
    breaks = ("test_intents_round_trip",)

    def intents_find(self, unit, intent):
        found = unit.intents.find(intent)
        if found and found.settlement:
            amount = found.settlement.amount % 2**32
            return replace(found, settlement=replace(found.settlement, amount=amount))
        return found


class TestFindsIntentsInAnyCase(Fault):
    breaks = ("test_intents_round_trip",)

    def intents_find(self, unit, intent):
        return unit.intents.find(intent.lower())


class TestAddsAnIntentOverAnother(Fault):
    breaks = ("test_intents_an_intent_is_unique",)

    def intents_add(self, unit, intent):
        found = unit.intents.find(intent.intent)
        if found:
            unit.intents.save(intent, replacing=found.version)
        else:
            unit.intents.add(intent)


class TestLosesAnUpdateOfAnIntent(Fault):
    breaks = ("test_intents_save_replaces_the_version_it_names",)

    def intents_save(self, unit, intent, *, replacing):
        found = unit.intents.find(intent.intent)
        unit.intents.save(intent, replacing=found.version if found else replacing)


class TestSavesAnIntentThatIsNotThere(Fault):
    breaks = ("test_intents_save_replaces_the_version_it_names",)

    def intents_save(self, unit, intent, *, replacing):
        if unit.intents.find(intent.intent):
            unit.intents.save(intent, replacing=replacing)
        else:
            unit.intents.add(intent)


class TestCountsChangedRowsOfIntents(Fault):
    breaks = ("test_intents_save_replaces_the_version_it_names",)

    def intents_save(self, unit, intent, *, replacing):
        if unit.intents.find(intent.intent) == intent:
            raise Conflict("no row was changed")
        unit.intents.save(intent, replacing=replacing)


class TestSpendsTwice(Fault):
    breaks = ("test_replays_a_signature_is_spent_once",)

    def replays_spend(self, unit, mac, *, connection, until):
        unit.replays.spend(mac, connection=connection, until=until)
        return True


class TestSpendsOncePerTime(Fault):
    breaks = ("test_replays_a_signature_is_spent_once",)

    def replays_spend(self, unit, mac, *, connection, until):
        return unit.replays.spend(mac + bytes([until % 256]), connection=connection, until=until)


class TestRefusesASecondSpend(Fault):
    breaks = ("test_replays_a_signature_is_spent_once",)

    def replays_spend(self, unit, mac, *, connection, until):
        if not unit.replays.spend(mac, connection=connection, until=until):
            raise Conflict("spent")
        return True


class TestSpendsForEveryConnection(Fault):
    breaks = ("test_replays_connections_spend_for_themselves",)

    def replays_spend(self, unit, mac, *, connection, until):
        return unit.replays.spend(mac, connection="", until=until)


class TestFoldsTheCaseOfSignatures(Fault):
    breaks = ("test_replays_connections_spend_for_themselves",)

    def replays_spend(self, unit, mac, *, connection, until):
        return unit.replays.spend(mac.lower(), connection=connection, until=until)


class TestStripsSignatures(Fault):
    breaks = ("test_replays_connections_spend_for_themselves",)

    def replays_spend(self, unit, mac, *, connection, until):
        return unit.replays.spend(mac[:31], connection=connection, until=until)


class TestPurgesEverySignature(Fault):
    breaks = ("test_replays_purge_is_bounded",)

    def replays_purge(self, unit, *, before, limit):
        return unit.replays.purge(before=before, limit=FOR_EVER)


class TestPurgesKeptSignatures(Fault):
    breaks = ("test_replays_purge_is_bounded",)

    def replays_purge(self, unit, *, before, limit):
        return unit.replays.purge(before=before + 1, limit=limit)


class TestPurgesTheNewestSignaturesFirst(Fault):
    breaks = ("test_replays_purge_is_bounded",)

    def replays_purge(self, unit, *, before, limit):
        rows = unit.replays._rows
        stale = sorted((until, key) for key, until in rows.items() if until < before)[::-1]
        for _, key in stale[:limit]:
            rows.remove(key)
        return len(stale[:limit])


class TestCountsWhatEndsNow(Fault):
    breaks = ("test_rates_count_what_is_kept_longer",)

    def replays_spent_after(self, unit, until, *, connection, limit):
        return unit.replays.spent_after(until - 1, connection=connection, limit=limit)


class TestCountsEveryConnection(Fault):
    breaks = ("test_rates_count_each_connection_alone",)

    def replays_spent_after(self, unit, until, *, connection, limit):
        return min(limit, sum(kept > until for _, kept in unit.replays._rows.items()))


class TestCountsWithoutALimit(Fault):
    breaks = ("test_rates_count_no_further_than_asked",)

    def replays_spent_after(self, unit, until, *, connection, limit):
        return unit.replays.spent_after(until, connection=connection, limit=FOR_EVER)


class TestCountsWhatOthersCommitted(Fault):
    breaks = ("test_rates_count_what_the_unit_itself_spent",)

    def replays_spent_after(self, unit, until, *, connection, limit):
        with self.true.reading() as committed:
            return committed.replays.spent_after(until, connection=connection, limit=limit)
