"""What the ledgers of signatures and of idempotency keys promise on every storage."""

from orderflow_bridge.ports import Answer, AnswerKey, Claim, Storage
from tests.storage.samples import OTHER, SHOP

KEY = AnswerKey(SHOP, "cart.create", "key-1")
ANSWER = Answer(200, b'{"cart": "\x00\xff\xe2\x98\x95"}')


def spend(storage: Storage, mac: bytes, *, connection: str = SHOP, until: int = 100) -> bool:
    """Spend a signature in a unit of its own."""
    with storage.writing() as unit:
        return unit.replays.spend(mac, connection=connection, until=until)


def claim(storage: Storage, key: AnswerKey = KEY, *, body: bytes = b"f" * 32, now: int = 0):
    """Claim a key in a unit of its own, running for 10 ms and kept for 100."""
    with storage.writing() as unit:
        return unit.answers.claim(
            key, fingerprint=body, now=now, running_until=now + 10, until=now + 100
        )


class TestReplays:
    """The port `ReplayLedger`."""

    def test_a_signature_is_spent_once(self, storage: Storage):
        """The second time is told, also within one unit; any bytes are a signature."""
        mac = bytes(range(32))
        assert spend(storage, mac)
        assert not spend(storage, mac, until=999)
        with storage.writing() as unit:
            assert unit.replays.spend(b"\x00" * 32, connection=SHOP, until=1)
            assert not unit.replays.spend(b"\x00" * 32, connection=SHOP, until=1)

    def test_connections_spend_for_themselves(self, storage: Storage):
        """The same bytes under another connection are another signature."""
        assert spend(storage, b"m" * 32)
        assert spend(storage, b"m" * 32, connection=OTHER)
        assert spend(storage, b"M" * 32)
        assert spend(storage, b"m" * 31 + b" ")

    def test_purge_is_bounded(self, storage: Storage):
        """The oldest go first, up to the limit; what is still kept stays spent."""
        for until in (3, 1, 2, 10):
            spend(storage, bytes([until]) * 32, until=until)
        with storage.writing() as unit:
            assert unit.replays.purge(before=10, limit=2) == 2
            assert unit.replays.purge(before=10, limit=5) == 1
            assert unit.replays.purge(before=10, limit=5) == 0
        assert spend(storage, bytes([1]) * 32)
        assert not spend(storage, bytes([10]) * 32)


class TestAnswers:
    """The port `AnswerLedger`."""

    def test_a_new_key_is_ours(self, storage: Storage):
        """The first claim is to be executed, a second one finds it running."""
        assert claim(storage) == Claim("new")
        assert claim(storage, now=5) == Claim("running", running_until=10)

    def test_a_stored_answer_is_given_again(self, storage: Storage):
        """The same key and body get the stored status and bytes."""
        claim(storage)
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
        assert claim(storage, now=99) == Claim("done", answer=ANSWER)

    def test_claim_and_answer_in_one_unit(self, storage: Storage):
        """The unit that claims may store at once."""
        with storage.writing() as unit:
            found = unit.answers.claim(KEY, fingerprint=b"f", now=0, running_until=1, until=9)
            assert found == Claim("new")
            assert unit.answers.store(KEY, ANSWER, running_until=1)
        assert claim(storage, body=b"f") == Claim("done", answer=ANSWER)

    def test_another_body_is_told(self, storage: Storage):
        """A key stands for one body, while it runs, after its lease and when it is done."""
        claim(storage)
        assert claim(storage, body=b"g" * 32) == Claim("reused")
        assert claim(storage, body=b"g" * 32, now=50) == Claim("reused")
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
        assert claim(storage, body=b"F" * 32) == Claim("reused")

    def test_a_claim_whose_lease_is_over_is_taken_over(self, storage: Storage):
        """From `running_until` on, the same body claims anew, and others find that claim."""
        claim(storage)
        assert claim(storage, now=10) == Claim("new")
        assert claim(storage, now=15) == Claim("running", running_until=20)

    def test_a_key_past_its_time_is_new(self, storage: Storage):
        """Then it stands for another body, and its old answer is gone."""
        claim(storage)
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
        assert claim(storage, body=b"g" * 32, now=100) == Claim("new")
        assert claim(storage, body=b"g" * 32, now=101) == Claim("running", running_until=110)

    def test_the_scope_is_connection_action_and_key(self, storage: Storage):
        """Each of the three, and the case of each, makes another key."""
        claim(storage)
        for key in (
            AnswerKey(OTHER, KEY.action, KEY.key),
            AnswerKey(SHOP, "cart.update", KEY.key),
            AnswerKey(SHOP, KEY.action, "KEY-1"),
            AnswerKey(SHOP, KEY.action, "key-1 "),
        ):
            assert claim(storage, key) == Claim("new")

    def test_a_released_key_is_new(self, storage: Storage):
        """A claim without an answer can be taken back; an answered key cannot."""
        claim(storage)
        with storage.writing() as unit:
            unit.answers.release(KEY, running_until=10)
            unit.answers.release(KEY, running_until=10)
        assert claim(storage, body=b"g" * 32) == Claim("new")
        with storage.writing() as unit:
            unit.answers.store(KEY, ANSWER, running_until=10)
            unit.answers.release(KEY, running_until=10)
        assert claim(storage, body=b"g" * 32) == Claim("done", answer=ANSWER)

    def test_an_answer_needs_its_claim(self, storage: Storage):
        """Nothing is stored for a key that nobody claims, nor over an answer."""
        with storage.writing() as unit:
            assert not unit.answers.store(KEY, ANSWER, running_until=10)
        claim(storage)
        with storage.writing() as unit:
            assert unit.answers.store(KEY, ANSWER, running_until=10)
            assert not unit.answers.store(KEY, Answer(500, b""), running_until=10)
        assert claim(storage) == Claim("done", answer=ANSWER)

    def test_a_claim_that_was_taken_over_is_another_s(self, storage: Storage):
        """Its first holder neither answers nor releases it."""
        claim(storage)
        assert claim(storage, now=10) == Claim("new")
        with storage.writing() as unit:
            assert not unit.answers.store(KEY, Answer(409, b"late"), running_until=10)
            assert not unit.answers.release(KEY, running_until=10)
            assert unit.answers.store(KEY, ANSWER, running_until=20)
        assert claim(storage, now=30) == Claim("done", answer=ANSWER)

    def test_a_large_answer_is_kept(self, storage: Storage):
        """The answer of a cart of two thousand lines is stored like any other."""
        claim(storage)
        large = Answer(200, bytes(range(256)) * 8_192)
        with storage.writing() as unit:
            unit.answers.store(KEY, large, running_until=10)
        assert claim(storage).answer == large

    def test_purge_is_bounded(self, storage: Storage):
        """Keys past their time are forgotten, up to the limit."""
        for now in range(5):
            claim(storage, AnswerKey(SHOP, "a", str(now)), now=now)
        with storage.writing() as unit:
            assert unit.answers.purge(before=104, limit=3) == 3
            assert unit.answers.purge(before=104, limit=3) == 1
        assert claim(storage, AnswerKey(SHOP, "a", "4"), now=5).state == "running"
