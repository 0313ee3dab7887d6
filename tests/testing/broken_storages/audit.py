"""Storages that are wrong about the audit."""

from contextlib import suppress

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from tests.testing.broken_storages.fault import Fault


class TestKeepsTheDetailsAsWords(Fault):
    breaks = ("test_audit_round_trip",)

    def audit_append(self, unit, entry):
        details = {name: str(value) for name, value in entry.details.items()}
        unit.audit.append(replace(entry, details=details))


class TestGivesTheOldestFirst(Fault):
    breaks = ("test_audit_pages_are_newest_first",)

    def audit_page(self, unit, *, subject, before, limit):
        return unit.audit.page(subject=subject, before=before, limit=limit)[::-1]


class TestGivesTheLastEntryAgain(Fault):
    breaks = ("test_audit_pages_are_newest_first",)

    def audit_page(self, unit, *, subject, before, limit):
        wider = before and (before[0], before[1] + "~")
        return unit.audit.page(subject=subject, before=wider, limit=limit)


class TestSkipsTheSameMillisecond(Fault):
    breaks = ("test_audit_pages_are_newest_first",)

    def audit_page(self, unit, *, subject, before, limit):
        earlier = before and (before[0], "")
        return unit.audit.page(subject=subject, before=earlier, limit=limit)


class TestForgetsTheLimit(Fault):
    breaks = ("test_audit_pages_are_newest_first",)

    def audit_page(self, unit, *, subject, before, limit):
        return unit.audit.page(subject=subject, before=before, limit=limit + 9)


class TestFoldsTheCaseOfSubjects(Fault):
    breaks = ("test_audit_of_one_subject",)

    def audit_page(self, unit, *, subject, before, limit):
        every = unit.audit.page(subject=None, before=before, limit=10**6)
        if subject is not None:
            every = [one for one in every if one.subject.lower() == subject.lower()]
        return every[:limit]


class TestFiltersAPageAfterItWasCut(Fault):
    breaks = ("test_audit_of_one_subject",)

    def audit_page(self, unit, *, subject, before, limit):
        page = unit.audit.page(subject=None, before=before, limit=min(limit, 2))
        return [one for one in page if subject in (None, one.subject)]


class TestReplacesAnEntry(Fault):
    breaks = ("test_audit_an_entry_is_never_replaced",)

    def audit_append(self, unit, entry):
        unit.audit._rows.put(entry.entry_id, entry)


class TestIgnoresASecondEntry(Fault):
    breaks = ("test_audit_an_entry_is_never_replaced",)

    def audit_append(self, unit, entry):
        with suppress(Conflict):
            unit.audit.append(entry)


class TestKeepsAnEntryOfAUnitThatFailed(Fault):
    breaks = ("test_audit_is_in_the_transaction_of_the_change",)

    def remember(self):
        self.entries = []

    def audit_append(self, unit, entry):
        self.entries.append(entry)

    def audit_page(self, unit, *, subject, before, limit):
        return self.entries[::-1][:limit]


class TestHidesWhatTheUnitItselfAppended(Fault):
    breaks = ("test_audit_is_in_the_transaction_of_the_change",)

    def audit_page(self, unit, *, subject, before, limit):
        with self.true.reading() as committed:
            return committed.audit.page(subject=subject, before=before, limit=limit)
