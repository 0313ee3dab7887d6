"""The idempotency keys and their answers."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Answer, AnswerKey, Claim, KeptAnswer

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.purging import delete_first
from orderflow_bridge_django.storage.session import Session

__all__ = ["Answers"]


class Answers:
    """The ports `CountingAnswerLedger` and `RewritableAnswerLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Answer.objects.using(session.using)

    def claim(
        self, key: AnswerKey, *, fingerprint: bytes, now: int, running_until: int, until: int
    ) -> Claim:
        """Claim a key for a body's SHA-256; times in Unix ms.

        A twin's insert waits for the unit that claimed first, and then finds its answer. Raises
        `Conflict` where the key is released or taken over at the same moment.
        """
        claimed = models.Answer(
            connection=key.connection,
            action=key.action,
            idempotency_key=key.key,
            fingerprint=fingerprint.hex(),
            running_until=running_until,
            kept_until=until,
        )
        if self._session.insert(claimed):
            return Claim("new")
        # Read without a lock, and taken over by a guarded update: on MariaDB the insert left a
        # shared lock, and twins that all wanted more of it would wait for each other.
        kept = next(iter(self._of(key)), None)
        if kept is None:
            raise Conflict("The key was released meanwhile.")
        if kept.kept_until > now:
            if kept.fingerprint != fingerprint.hex():
                return Claim("reused")
            if kept.status is not None:
                return Claim("done", answer=Answer(kept.status, bytes(kept.body or b"")))
            if kept.running_until > now:
                return Claim("running", running_until=kept.running_until)
        unchanged = self._rows.filter(
            pk=kept.pk,
            fingerprint=kept.fingerprint,
            running_until=kept.running_until,
            kept_until=kept.kept_until,
            status=kept.status,
        )
        taken_over = unchanged.update(
            fingerprint=fingerprint.hex(),
            running_until=running_until,
            kept_until=until,
            status=None,
            body=None,
        )
        if taken_over != 1:
            raise Conflict("The key was claimed meanwhile.")
        return Claim("new")

    def store(self, key: AnswerKey, answer: Answer, *, running_until: int) -> bool:
        """Store the answer of the claim made with `running_until`; tell whether it did."""
        self._session.must_write()
        claimed = self._of(key).filter(status__isnull=True, running_until=running_until)
        return claimed.update(status=answer.status, body=answer.body) == 1

    def release(self, key: AnswerKey, *, running_until: int) -> bool:
        """Forget the unanswered claim made with `running_until`; tell whether it did."""
        self._session.must_write()
        claimed = self._of(key).filter(status__isnull=True, running_until=running_until)
        return claimed.delete()[0] == 1

    def kept_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's keys with a later `until` (Unix ms), up to `limit`."""
        return self._rows.filter(kept_until__gt=until, connection=connection)[:limit].count()

    def page(
        self, *, connection: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[KeptAnswer]:
        """Give stored answers of a connection by action and key, beyond `after`."""
        stored = self._rows.filter(connection=connection, status__isnull=False)
        if after is not None:
            action, key = after
            # Not a comparison of rows: MariaDB would not use its index for one.
            stored = stored.filter(
                Q(action__gt=action) | Q(idempotency_key__gt=key), action__gte=action
            )
        rows = stored.order_by("action", "idempotency_key").values_list(
            "action", "idempotency_key", "status", "body"
        )
        return [
            KeptAnswer(AnswerKey(connection, action, key), Answer(status or 0, bytes(body or b"")))
            for action, key, status, body in rows[:limit]
        ]

    def rewrite(self, key: AnswerKey, answer: Answer, *, replacing: Answer) -> bool:
        """Replace a stored answer while it is `replacing`; tell whether it was."""
        self._session.must_write()
        stored = self._of(key).filter(status=replacing.status, body=replacing.body)
        return stored.update(status=answer.status, body=answer.body) == 1

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` keys whose `until` is before `before`; tell how many."""
        self._session.must_write()
        return delete_first(self._rows.filter(kept_until__lt=before).order_by("kept_until"), limit)

    def _of(self, key: AnswerKey) -> "QuerySet[models.Answer]":
        return self._rows.filter(
            connection=key.connection, action=key.action, idempotency_key=key.key
        )
