"""Storages that are wrong about idempotency keys and their answers."""

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Answer, Claim
from tests.testing.broken_storages.fault import Fault

FOR_EVER = 2**60
SCOPE = "test_answers_the_scope_is_connection_action_and_key"


class TestClaimsForEveryone(Fault):
    breaks = (
        "test_answers_a_new_key_is_ours",
        "test_answers_a_claim_whose_lease_is_over_is_taken_over",
    )

    def answers_claim(self, unit, key, **of):
        found = unit.answers.claim(key, **of)
        return Claim("new") if found.state == "running" else found


class TestDoesNotTellWhenAClaimEnds(Fault):
    breaks = (
        "test_answers_a_new_key_is_ours",
        "test_answers_a_key_past_its_time_is_new",
    )

    def answers_claim(self, unit, key, **of):
        return replace(unit.answers.claim(key, **of), running_until=0)


class TestLosesTheAnswer(Fault):
    breaks = (
        "test_answers_a_stored_answer_is_given_again",
        "test_answers_claim_and_answer_in_one_unit",
    )

    def answers_store(self, unit, key, answer, *, running_until):
        return unit.answers._rows.get(key) is not None


class TestKeepsAnswersAsText(Fault):
    breaks = (
        "test_answers_a_stored_answer_is_given_again",
        "test_answers_a_large_answer_is_kept",
    )

    def answers_store(self, unit, key, answer, *, running_until):
        text = answer.body.decode(errors="replace").encode()
        return unit.answers.store(key, Answer(answer.status, text), running_until=running_until)


class TestStoresOnlyCommittedClaims(Fault):
    breaks = ("test_answers_claim_and_answer_in_one_unit",)

    def answers_store(self, unit, key, answer, *, running_until):
        with self.true.reading() as committed:
            if committed.answers._rows.get(key) is None:
                return False
        return unit.answers.store(key, answer, running_until=running_until)


class TestDoesNotTellAnotherBody(Fault):
    breaks = ("test_answers_another_body_is_told",)

    def answers_claim(self, unit, key, *, fingerprint, **of):
        return unit.answers.claim(key, fingerprint=b"", **of)


class TestTellsAnotherBodyWhenDoneOnly(Fault):
    breaks = ("test_answers_another_body_is_told",)

    def answers_claim(self, unit, key, *, fingerprint, **of):
        kept = unit.answers._rows.get(key)
        known = kept.fingerprint if kept and not kept.answer else fingerprint
        return unit.answers.claim(key, fingerprint=known, **of)


class TestFoldsTheCaseOfBodies(Fault):
    breaks = ("test_answers_another_body_is_told",)

    def answers_claim(self, unit, key, *, fingerprint, **of):
        return unit.answers.claim(key, fingerprint=fingerprint.lower(), **of)


class TestTakesNoClaimOver(Fault):
    breaks = (
        "test_answers_a_claim_whose_lease_is_over_is_taken_over",
        "test_answers_a_claim_that_was_taken_over_is_another_s",
    )

    def answers_claim(self, unit, key, *, now, **of):
        kept = unit.answers._rows.get(key)
        if kept and not kept.answer:
            now = min(now, kept.running_until - 1)
        return unit.answers.claim(key, now=now, **of)


class TestTakesAClaimOverButKeepsItsLease(Fault):
    breaks = ("test_answers_a_claim_whose_lease_is_over_is_taken_over",)

    def answers_claim(self, unit, key, *, running_until, **of):
        kept = unit.answers._rows.get(key)
        return unit.answers.claim(
            key, running_until=kept.running_until if kept else running_until, **of
        )


class TestKeepsAKeyForEver(Fault):
    breaks = ("test_answers_a_key_past_its_time_is_new",)

    def answers_claim(self, unit, key, *, until, **of):
        return unit.answers.claim(key, until=FOR_EVER, **of)


class TestClaimsForEveryConnection(Fault):
    breaks = (SCOPE,)

    def answers_claim(self, unit, key, **of):
        return unit.answers.claim(replace(key, connection=""), **of)


class TestClaimsForEveryAction(Fault):
    breaks = (SCOPE,)

    def answers_claim(self, unit, key, **of):
        return unit.answers.claim(replace(key, action=""), **of)


class TestFoldsTheCaseOfKeys(Fault):
    breaks = (SCOPE,)

    def answers_claim(self, unit, key, **of):
        return unit.answers.claim(replace(key, key=key.key.lower()), **of)


class TestStripsKeys(Fault):
    breaks = (SCOPE,)

    def answers_claim(self, unit, key, **of):
        return unit.answers.claim(replace(key, key=key.key.strip()), **of)


class TestReleasesNothing(Fault):
    breaks = ("test_answers_a_released_key_is_new",)

    def answers_release(self, unit, key, *, running_until):
        return True


class TestReleasesAnAnsweredKey(Fault):
    breaks = ("test_answers_a_released_key_is_new",)

    def answers_release(self, unit, key, *, running_until):
        unit.answers._rows.remove(key)
        return True


class TestTellsThatItReleased(Fault):
    breaks = ("test_answers_a_released_key_is_new",)

    def answers_release(self, unit, key, *, running_until):
        unit.answers.release(key, running_until=running_until)
        return True


class TestRefusesASecondRelease(Fault):
    breaks = ("test_answers_a_released_key_is_new",)

    def answers_release(self, unit, key, *, running_until):
        if not unit.answers.release(key, running_until=running_until):
            raise Conflict("not claimed")
        return True


class TestStoresWithoutAClaim(Fault):
    breaks = ("test_answers_an_answer_needs_its_claim",)

    def answers_store(self, unit, key, answer, *, running_until):
        unit.answers.claim(key, fingerprint=b"", now=0, running_until=running_until, until=FOR_EVER)
        return unit.answers.store(key, answer, running_until=running_until)


class TestOverwritesAnAnswer(Fault):
    breaks = ("test_answers_an_answer_needs_its_claim",)

    def answers_store(self, unit, key, answer, *, running_until):
        rows = unit.answers._rows
        kept = rows.get(key)
        if kept is None or kept.running_until != running_until:
            return False
        rows.put(key, replace(kept, answer=answer))
        return True


class TestStoresForWhoLostTheClaim(Fault):
    breaks = ("test_answers_a_claim_that_was_taken_over_is_another_s",)

    def answers_store(self, unit, key, answer, *, running_until):
        kept = unit.answers._rows.get(key)
        return unit.answers.store(
            key, answer, running_until=kept.running_until if kept else running_until
        )


class TestReleasesForWhoLostTheClaim(Fault):
    breaks = ("test_answers_a_claim_that_was_taken_over_is_another_s",)

    def answers_release(self, unit, key, *, running_until):
        kept = unit.answers._rows.get(key)
        return unit.answers.release(
            key, running_until=kept.running_until if kept else running_until
        )


class TestKeepsSmallAnswers(Fault):
    breaks = ("test_answers_a_large_answer_is_kept",)

    def answers_store(self, unit, key, answer, *, running_until):
        short = Answer(answer.status, answer.body[:65_535])
        return unit.answers.store(key, short, running_until=running_until)


class TestPurgesEveryKey(Fault):
    breaks = ("test_answers_purge_is_bounded",)

    def answers_purge(self, unit, *, before, limit):
        return unit.answers.purge(before=before, limit=FOR_EVER)


class TestPurgesKeptKeys(Fault):
    breaks = ("test_answers_purge_is_bounded",)

    def answers_purge(self, unit, *, before, limit):
        return unit.answers.purge(before=before + 1, limit=limit)


class TestPurgesTheNewestKeysFirst(Fault):
    breaks = ("test_answers_purge_is_bounded",)

    def answers_purge(self, unit, *, before, limit):
        rows = unit.answers._rows
        stale = sorted(
            (key for key, kept in rows.items() if kept.until < before), key=lambda one: one.key
        )
        for key in stale[::-1][:limit]:
            rows.remove(key)
        return len(stale[:limit])


class TestCountsKeysThatEndNow(Fault):
    breaks = ("test_rates_count_keys_that_are_kept_longer",)

    def answers_kept_after(self, unit, until, *, connection, limit):
        return unit.answers.kept_after(until - 1, connection=connection, limit=limit)


class TestCountsUnansweredKeysAlone(Fault):
    breaks = ("test_rates_count_keys_that_are_kept_longer",)

    def answers_kept_after(self, unit, until, *, connection, limit):
        kept = [
            row
            for key, row in unit.answers._rows.items()
            if key.connection == connection and row.until > until and row.answer is None
        ]
        return min(limit, len(kept))


class TestCountsTheKeysOfEveryone(Fault):
    breaks = ("test_rates_count_the_keys_of_each_connection_alone",)

    def answers_kept_after(self, unit, until, *, connection, limit):
        return min(limit, sum(row.until > until for _, row in unit.answers._rows.items()))


class TestCountsKeysWithoutALimit(Fault):
    breaks = ("test_rates_count_keys_no_further_than_asked",)

    def answers_kept_after(self, unit, until, *, connection, limit):
        return unit.answers.kept_after(until, connection=connection, limit=FOR_EVER)


class TestCountsKeysThatOthersCommitted(Fault):
    breaks = ("test_rates_count_keys_that_the_unit_itself_claimed",)

    def answers_kept_after(self, unit, until, *, connection, limit):
        with self.true.reading() as committed:
            return committed.answers.kept_after(until, connection=connection, limit=limit)
