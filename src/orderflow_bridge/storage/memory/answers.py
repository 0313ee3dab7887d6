"""Idempotency keys and the answers under them."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from orderflow_bridge.ports import Answer, AnswerKey, Claim, KeptAnswer
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Answers", "Kept"]


class Kept(Struct, frozen=True):
    """A key that was claimed, and its answer as soon as there is one; times in Unix ms."""

    fingerprint: bytes
    running_until: int
    until: int
    answer: Answer | None = None


class Answers:
    """The ports `CountingAnswerLedger` and `RewritableAnswerLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[AnswerKey, Kept]) -> None:
        self._session = session
        self._rows = rows

    def claim(
        self, key: AnswerKey, *, fingerprint: bytes, now: int, running_until: int, until: int
    ) -> Claim:
        """Claim a key for a body's SHA-256; times in Unix ms.

        A twin's insert waits for the unit that claimed first, and then finds its answer.
        """
        self._session.must_write()
        kept = self._rows.get(key)
        if kept is not None and kept.until > now:
            if kept.fingerprint != fingerprint:
                return Claim("reused")
            if kept.answer is not None:
                return Claim("done", answer=kept.answer)
            if kept.running_until > now:
                return Claim("running", running_until=kept.running_until)
        self._rows.put(key, Kept(fingerprint, running_until, until))
        return Claim("new")

    def store(self, key: AnswerKey, answer: Answer, *, running_until: int) -> bool:
        """Store the answer of the claim made with `running_until`; tell whether it did."""
        self._session.must_write()
        kept = self._rows.get(key)
        if kept is None or kept.answer is not None or kept.running_until != running_until:
            return False
        self._rows.put(key, replace(kept, answer=answer))
        return True

    def kept_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's keys with a later `until` (Unix ms), up to `limit`."""
        later = (
            key
            for key, kept in self._rows.items()
            if kept.until > until and key.connection == connection
        )
        return min(limit, sum(1 for _ in later))

    def release(self, key: AnswerKey, *, running_until: int) -> bool:
        """Forget the unanswered claim made with `running_until`; tell whether it did."""
        self._session.must_write()
        kept = self._rows.get(key)
        if kept is None or kept.answer is not None or kept.running_until != running_until:
            return False
        self._rows.remove(key)
        return True

    def page(
        self, *, connection: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[KeptAnswer]:
        """Give stored answers of a connection by action and key, beyond `after`."""
        found = [
            KeptAnswer(key, kept.answer)
            for key, kept in self._rows.items()
            if key.connection == connection
            and kept.answer is not None
            and (after is None or (key.action, key.key) > after)
        ]
        return sorted(found, key=lambda one: (one.key.action, one.key.key))[:limit]

    def rewrite(self, key: AnswerKey, answer: Answer, *, replacing: Answer) -> bool:
        """Replace a stored answer while it is `replacing`; tell whether it was."""
        self._session.must_write()
        kept = self._rows.get(key)
        if kept is None or kept.answer != replacing:
            return False
        self._rows.put(key, replace(kept, answer=answer))
        return True

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` keys whose `until` is before `before`; tell how many."""
        self._session.must_write()
        stale = [
            key
            for key, kept in sorted(self._rows.items(), key=lambda item: item[1].until)
            if kept.until < before
        ]
        for key in stale[:limit]:
            self._rows.remove(key)
        return len(stale[:limit])
