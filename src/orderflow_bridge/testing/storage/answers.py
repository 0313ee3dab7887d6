"""What a ledger of idempotency keys promises."""

from orderflow_bridge.ports import Answer, AnswerKey, Claim, Storage
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["AnswersContract"]


KEY = AnswerKey(SHOP, "cart.create", "key-1")
ANSWER = Answer(200, b'{"cart": "\x00\xff\xe2\x98\x95"}')


def claim(
    storage: Storage, key: AnswerKey = KEY, *, body: bytes = b"f" * 32, now: int = 0
) -> Claim:
    """Claim a key in a unit of its own, running for 10 ms and kept for 100."""
    with storage.writing() as unit:
        return unit.answers.claim(
            key, fingerprint=body, now=now, running_until=now + 10, until=now + 100
        )


class AnswersContract(Contract):
    """The port `AnswerLedger`."""

    def test_answers_a_new_key_is_ours(self, storage: Storage) -> None:
        """The first claim is to be executed, a second one finds it running."""
        assert claim(storage) == Claim("new")
        assert claim(storage, now=5) == Claim("running", running_until=10)

    def test_answers_a_stored_answer_is_given_again(self, storage: Storage) -> None:
        """The same key and body get the stored status and bytes."""
        claim(storage)
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
        assert claim(storage, now=99) == Claim("done", answer=ANSWER)

    def test_answers_claim_and_answer_in_one_unit(self, storage: Storage) -> None:
        """The unit that claims may store at once."""
        with storage.writing() as unit:
            found = unit.answers.claim(KEY, fingerprint=b"f", now=0, running_until=1, until=9)
            assert found == Claim("new")
            assert unit.answers.store(KEY, ANSWER, running_until=1)
        assert claim(storage, body=b"f") == Claim("done", answer=ANSWER)

    def test_answers_another_body_is_told(self, storage: Storage) -> None:
        """A key stands for one body, while it runs, after its lease and when it is done."""
        claim(storage)
        assert claim(storage, body=b"g" * 32) == Claim("reused")
        assert claim(storage, body=b"g" * 32, now=50) == Claim("reused")
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
        assert claim(storage, body=b"F" * 32) == Claim("reused")

    def test_answers_a_claim_whose_lease_is_over_is_taken_over(self, storage: Storage) -> None:
        """From `running_until` on, the same body claims anew, and others find that claim."""
        claim(storage)
        assert claim(storage, now=10) == Claim("new")
        assert claim(storage, now=15) == Claim("running", running_until=20)

    def test_answers_a_key_past_its_time_is_new(self, storage: Storage) -> None:
        """Then it stands for another body, and its old answer is gone."""
        claim(storage)
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
        assert claim(storage, body=b"g" * 32, now=100) == Claim("new")
        assert claim(storage, body=b"g" * 32, now=101) == Claim("running", running_until=110)

    def test_answers_the_scope_is_connection_action_and_key(self, storage: Storage) -> None:
        """Each of the three, and the case of each, makes another key."""
        claim(storage)
        for key in (
            AnswerKey(OTHER, KEY.action, KEY.key),
            AnswerKey(SHOP, "cart.update", KEY.key),
            AnswerKey(SHOP, KEY.action, "KEY-1"),
            AnswerKey(SHOP, KEY.action, "key-1 "),
        ):
            assert claim(storage, key) == Claim("new")

    def test_answers_a_released_key_is_new(self, storage: Storage) -> None:
        """A claim without an answer can be taken back; an answered key cannot."""
        claim(storage)
        with storage.writing() as unit:
            assert unit.answers.release(KEY, running_until=10)
            assert not unit.answers.release(KEY, running_until=10)
        assert claim(storage, body=b"g" * 32) == Claim("new")
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
            assert not unit.answers.release(KEY, running_until=10)
        assert claim(storage, body=b"g" * 32) == Claim("done", answer=ANSWER)

    def test_answers_an_answer_needs_its_claim(self, storage: Storage) -> None:
        """Nothing is stored for a key that nobody claims, nor over an answer."""
        with storage.writing() as unit:
            assert not unit.answers.store(KEY, ANSWER, running_until=10)
        claim(storage)
        with storage.writing() as unit:
            assert unit.answers.store(KEY, ANSWER, running_until=10)
            assert not unit.answers.store(KEY, Answer(500, b""), running_until=10)
        assert claim(storage) == Claim("done", answer=ANSWER)

    def test_answers_a_claim_that_was_taken_over_is_another_s(self, storage: Storage) -> None:
        """Its first holder neither answers nor releases it."""
        claim(storage)
        assert claim(storage, now=10) == Claim("new")
        with storage.writing() as unit:
            assert not unit.answers.store(KEY, Answer(409, b"late"), running_until=10)
            assert not unit.answers.release(KEY, running_until=10)
            assert unit.answers.store(KEY, ANSWER, running_until=20)
        assert claim(storage, now=30) == Claim("done", answer=ANSWER)

    def test_answers_times_are_milliseconds(self, storage: Storage) -> None:
        """Leases and keys end at their millisecond of today, not before."""
        assert claim(storage, now=NOW) == Claim("new")
        assert claim(storage, now=NOW + 9) == Claim("running", running_until=NOW + 10)
        assert claim(storage, now=NOW + 10) == Claim("new")
        with storage.writing() as unit:
            assert unit.answers.store(KEY, ANSWER, running_until=NOW + 20)
            assert unit.answers.purge(before=NOW + 110, limit=9) == 0
            assert unit.answers.purge(before=NOW + 111, limit=9) == 1

    def test_answers_a_large_answer_is_kept(self, storage: Storage) -> None:
        """The answer of a cart of two thousand lines is stored like any other."""
        claim(storage)
        large = Answer(200, bytes(range(256)) * 8_192)
        with storage.writing() as unit:
            unit.answers.store(KEY, large, running_until=10)
        assert claim(storage).answer == large

    def test_answers_purge_is_bounded(self, storage: Storage) -> None:
        """Keys past their time are forgotten, the earliest first, up to the limit."""
        for now in range(5):
            claim(storage, AnswerKey(SHOP, "a", str(now)), now=now)
        with storage.writing() as unit:
            assert unit.answers.purge(before=104, limit=3) == 3
        assert claim(storage, AnswerKey(SHOP, "a", "3"), body=b"g" * 32).state == "reused"
        with storage.writing() as unit:
            assert unit.answers.purge(before=104, limit=3) == 1
        assert claim(storage, AnswerKey(SHOP, "a", "4"), now=5).state == "running"
