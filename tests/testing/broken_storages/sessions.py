"""Storages that are wrong about who is signed in to the console."""

from contextlib import suppress

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60
TRIP = "test_sessions_round_trip"
TAKEN = "test_sessions_a_digest_is_taken_once"
BYTES = "test_sessions_digests_compare_as_bytes"
ONCE = "test_sessions_end_once"
TOGETHER = "test_sessions_of_an_operator_end_together"
PURGE = "test_sessions_purge_is_bounded"
UNIT = "test_sessions_are_in_their_unit"


class TestMakesLinksSessions(Fault):
    breaks = (TRIP,)

    def sessions_add(self, unit, session):
        unit.sessions.add(replace(session, kind="session"))


class TestCutsTheNamesOfOperators(Fault):
    breaks = (TRIP,)

    def sessions_add(self, unit, session):
        unit.sessions.add(replace(session, operator=session.operator[:150]))


class TestStripsTheNamesOfOperators(Fault):
    breaks = (TRIP,)

    def sessions_add(self, unit, session):
        unit.sessions.add(replace(session, operator=session.operator.strip()))


class TestEndsSessionsIn32Bits(Fault):
    breaks = (TRIP,)

    def sessions_add(self, unit, session):
        unit.sessions.add(replace(session, expires_at=session.expires_at % 2**32))


class TestReplacesASession(Fault):
    breaks = (TAKEN,)

    def sessions_add(self, unit, session):
        unit.sessions._rows.put(session.digest, session)


class TestIgnoresASecondSession(Fault):
    breaks = (TAKEN,)

    def sessions_add(self, unit, session):
        with suppress(Conflict):
            unit.sessions.add(session)


class TestFoldsTheCaseOfDigests(Fault):
    breaks = (BYTES,)

    def sessions_add(self, unit, session):
        unit.sessions.add(replace(session, digest=session.digest.lower()))


class TestEndsDigestsWithoutTheirZeros(Fault):
    breaks = (BYTES,)

    def sessions_end(self, unit, digest):
        alike = [one for one in unit.sessions._rows.values() if one.digest.rstrip(b"\0") == digest]
        return unit.sessions.end(alike[0].digest if alike else digest)


class TestEndsNothing(Fault):
    breaks = (ONCE,)

    def sessions_end(self, unit, digest):
        return unit.sessions.find(digest) is not None


class TestSaysThatItEnded(Fault):
    breaks = (ONCE,)

    def sessions_end(self, unit, digest):
        unit.sessions.end(digest)
        return True


class TestEndsTheOthersToo(Fault):
    breaks = (ONCE,)

    def sessions_end(self, unit, digest):
        found = unit.sessions.find(digest)
        return bool(found and unit.sessions.end_all(found.operator))


class TestEndsOperatorsInAnyCase(Fault):
    breaks = (TOGETHER,)

    def sessions_end_all(self, unit, operator):
        names = {one.operator for one in unit.sessions._rows.values()}
        alike = [name for name in names if name.lower() == operator.lower()]
        return sum(unit.sessions.end_all(name) for name in alike)


class TestEndsOperatorsWithoutTheirSpaces(Fault):
    breaks = (TOGETHER,)

    def sessions_end_all(self, unit, operator):
        names = {one.operator for one in unit.sessions._rows.values()}
        return sum(unit.sessions.end_all(name) for name in names if name.rstrip() == operator)


class TestLeavesTheLinks(Fault):
    breaks = (TOGETHER,)

    def sessions_end_all(self, unit, operator):
        theirs = [one for one in unit.sessions._rows.values()
                  if one.operator == operator and one.kind == "session"]  # fmt: skip
        return sum(unit.sessions.end(one.digest) for one in theirs)


class TestEndsEverybody(Fault):
    breaks = (TOGETHER,)

    def sessions_end_all(self, unit, operator):
        ended = unit.sessions.end_all(operator)
        for one in unit.sessions._rows.values():
            unit.sessions.end(one.digest)
        return ended


class TestPurgesEverySession(Fault):
    breaks = (PURGE,)

    def sessions_purge(self, unit, *, before, limit):
        return unit.sessions.purge(before=before, limit=FOR_EVER)


class TestPurgesSessionsTooEarly(Fault):
    breaks = (PURGE,)

    def sessions_purge(self, unit, *, before, limit):
        return unit.sessions.purge(before=before + 1, limit=limit)


class TestPurgesSessionsByTheirDigests(Fault):
    breaks = (PURGE,)

    def sessions_purge(self, unit, *, before, limit):
        stale = sorted(one.digest for one in unit.sessions._rows.values()
                       if one.expires_at < before)  # fmt: skip
        return sum(unit.sessions.end(digest) for digest in stale[:limit])


class TestHidesWhatExpired(Fault):
    breaks = (PURGE,)

    def sessions_purge(self, unit, *, before, limit):
        for one in list(unit.sessions._rows.values()):
            if one.expires_at < before:
                unit.sessions._rows.put(one.digest, replace(one, expires_at=0))
        return unit.sessions.purge(before=before, limit=limit)


class TestHidesWhatTheUnitEnded(Fault):
    breaks = (UNIT,)

    def sessions_find(self, unit, digest):
        with self.true.reading() as committed:
            return committed.sessions.find(digest)


class TestKeepsSessionsApart(Fault):
    """They are written at once, whatever becomes of the unit."""

    breaks = (UNIT,)

    def sessions_add(self, unit, session):
        unit.sessions.add(session)
        unit.publish()
