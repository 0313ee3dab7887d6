"""Storages that are wrong about the recent requests."""

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60
BATCH = "test_journal_takes_a_batch"
BYTES = "test_journal_ids_compare_as_bytes"
NEVER = "test_journal_an_entry_is_never_replaced"
NEWEST = "test_journal_pages_are_newest_first"
BOTH = "test_journal_pages_of_a_connection_and_a_verdict"
ORDER = "test_journal_of_an_order"
PURGE = "test_journal_purge_is_bounded"
TRIM = "test_journal_trim_keeps_the_newest"
UNIT = "test_journal_is_in_its_unit"


def every(unit):
    """Give every entry, newest first."""
    return unit.journal.page(connection=None, refused=None, before=None, limit=FOR_EVER)


class TestDropsWhatIsNoText(Fault):
    breaks = ("test_journal_round_trip",)

    def journal_append(self, unit, entries):
        kept = [
            replace(one, headers={k: v.replace("\x00", "") for k, v in one.headers.items()})
            for one in entries
        ]
        unit.journal.append(kept)


class TestKeepsSizesIn31Bits(Fault):
    breaks = ("test_journal_round_trip",)

    def journal_append(self, unit, entries):
        kept = [replace(one, body_bytes=one.body_bytes and one.body_bytes % 2**31)
                for one in entries]  # fmt: skip
        unit.journal.append(kept)


class TestCutsLongSentences(Fault):
    breaks = ("test_journal_round_trip",)

    def journal_append(self, unit, entries):
        unit.journal.append([replace(one, detail=one.detail[:255]) for one in entries])


class TestTakesAHundredAtOnce(Fault):
    breaks = (BATCH,)

    def journal_append(self, unit, entries):
        unit.journal.append(entries[:100])


class TestRefusesAnEmptyBatch(Fault):
    breaks = (BATCH,)

    def journal_append(self, unit, entries):
        if not entries:
            raise ValueError("no values")
        unit.journal.append(entries)


class TestReplacesARequest(Fault):
    breaks = (NEVER,)

    def journal_append(self, unit, entries):
        for one in entries:
            unit.journal._rows.put(one.request_id, one)


class TestRefusesABatchWithAKnownRequest(Fault):
    breaks = (NEVER,)

    def journal_append(self, unit, entries):
        if any(unit.journal.find(one.request_id) for one in entries):
            raise Conflict("The journal has that entry.")
        unit.journal.append(entries)


class TestSkipsABatchWithAKnownRequest(Fault):
    breaks = (NEVER,)

    def journal_append(self, unit, entries):
        if not any(unit.journal.find(one.request_id) for one in entries):
            unit.journal.append(entries)


class TestFoldsTheCaseOfRequests(Fault):
    breaks = (BYTES,)

    def journal_append(self, unit, entries):
        known = {one.request_id.lower() for one in every(unit)}
        for one in entries:
            if one.request_id.lower() not in known:
                known.add(one.request_id.lower())
                unit.journal.append([one])


class TestFoldsTheCaseOfOrders(Fault):
    breaks = (BYTES,)

    def journal_of_order(self, unit, order_id):
        made = [one for one in every(unit) if (one.made or "").lower() == order_id.lower()]
        return min(made, key=lambda one: (one.at, one.request_id), default=None)


class TestFoldsTheCaseOfConnections(Fault):
    breaks = (BYTES,)

    def journal_page(self, unit, *, connection, **how):
        return unit.journal.page(connection=connection and connection.lower(), **how)


class TestTrimsConnectionsInAnyCase(Fault):
    breaks = (BYTES,)

    def journal_trim(self, unit, connection, *, keep, limit):
        return unit.journal.trim(connection and connection.lower(), keep=keep, limit=limit)


class TestGivesTheOldestRequestFirst(Fault):
    breaks = (NEWEST,)

    def journal_page(self, unit, **how):
        return unit.journal.page(**how)[::-1]


class TestGivesTheLastRequestAgain(Fault):
    breaks = (NEWEST,)

    def journal_page(self, unit, *, before, **how):
        return unit.journal.page(before=before and (before[0], before[1] + "~"), **how)


class TestSkipsRequestsOfTheSameMillisecond(Fault):
    breaks = (NEWEST,)

    def journal_page(self, unit, *, before, **how):
        return unit.journal.page(before=before and (before[0], ""), **how)


class TestForgetsTheLimitOfRequests(Fault):
    breaks = (NEWEST,)

    def journal_page(self, unit, *, limit, **how):
        return unit.journal.page(limit=limit + 9, **how)


class TestForgetsTheVerdictOfAConnection(Fault):
    breaks = (BOTH,)

    def journal_page(self, unit, *, connection, refused, **how):
        refused = refused if connection is None else None
        return unit.journal.page(connection=connection, refused=refused, **how)


class TestTakesAllowedForAnything(Fault):
    breaks = (BOTH,)

    def journal_page(self, unit, *, refused, **how):
        return unit.journal.page(refused=refused or None, **how)


class TestHidesRequestsOfNoConnection(Fault):
    breaks = (BOTH,)

    def journal_page(self, unit, *, limit, **how):
        page = unit.journal.page(limit=FOR_EVER, **how)
        return [one for one in page if one.connection is not None][:limit]


class TestFiltersRequestsAfterThePageWasCut(Fault):
    breaks = (BOTH,)

    def journal_page(self, unit, *, refused, limit, **how):
        page = unit.journal.page(refused=None, limit=limit, **how)
        return [one for one in page if refused in (None, one.refused)]


class TestGivesAnyRequestAboutAnOrder(Fault):
    breaks = (ORDER,)

    def journal_of_order(self, unit, order_id):
        return next((one for one in every(unit)[::-1] if one.order_id == order_id), None)


class TestGivesTheLastThatMadeAnOrder(Fault):
    breaks = (ORDER,)

    def journal_of_order(self, unit, order_id):
        return next((one for one in every(unit) if one.made == order_id), None)


class TestPurgesEveryRequest(Fault):
    breaks = (PURGE,)

    def journal_purge(self, unit, *, before, limit):
        return unit.journal.purge(before=before, limit=FOR_EVER)


class TestPurgesOneMillisecondMore(Fault):
    breaks = (PURGE,)

    def journal_purge(self, unit, *, before, limit):
        return unit.journal.purge(before=before + 1, limit=limit)


class TestPurgesTheNewestFirst(Fault):
    breaks = (PURGE,)

    def journal_purge(self, unit, *, before, limit):
        stale = [one.request_id for one in every(unit) if one.at < before][:limit]
        for request_id in stale:
            unit.journal._rows.remove(request_id)
        return len(stale)


class TestPurgesWhatWasRefusedFirst(Fault):
    breaks = (PURGE,)

    def journal_purge(self, unit, *, before, limit):
        stale = sorted((not one.refused, one.at, one.request_id) for one in every(unit)
                       if one.at < before)[:limit]  # fmt: skip
        for _, _, request_id in stale:
            unit.journal._rows.remove(request_id)
        return len(stale)


class TestTrimsAllAtOnce(Fault):
    breaks = (TRIM,)

    def journal_trim(self, unit, connection, *, keep, limit):
        return unit.journal.trim(connection, keep=keep, limit=FOR_EVER)


class TestTrimsEveryConnection(Fault):
    breaks = (TRIM,)

    def journal_trim(self, unit, connection, *, keep, limit):
        stale = [one for one in every(unit) if connection in (None, one.connection)][keep:]
        stale = stale[::-1][:limit]
        for one in stale:
            unit.journal._rows.remove(one.request_id)
        return len(stale)


class TestKeepsOneMore(Fault):
    breaks = (TRIM,)

    def journal_trim(self, unit, connection, *, keep, limit):
        return unit.journal.trim(connection, keep=keep + 1, limit=limit)


class TestTrimsByWholeMilliseconds(Fault):
    breaks = (TRIM,)

    def journal_trim(self, unit, connection, *, keep, limit):
        of = [one for one in every(unit) if one.connection == connection]
        stale = [one for one in of if of[:keep] and one.at < of[:keep][-1].at][::-1][:limit]
        for one in stale:
            unit.journal._rows.remove(one.request_id)
        return len(stale)


class TestHidesWhatTheUnitJournalled(Fault):
    breaks = (UNIT,)

    def journal_find(self, unit, request_id):
        with self.true.reading() as committed:
            return committed.journal.find(request_id)


class TestKeepsTheJournalApart(Fault):
    """It is written at once, whatever becomes of the unit."""

    breaks = (UNIT,)

    def journal_append(self, unit, entries):
        unit.journal.append(entries)
        unit.publish()
