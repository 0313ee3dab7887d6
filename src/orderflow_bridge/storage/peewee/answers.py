"""The idempotency keys and their answers."""
# ruff: noqa: S608 -- statements are made of this package's own names; values are parameters

from collections.abc import Sequence

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Answer, AnswerKey, Claim, KeptAnswer
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["AnswerStatements", "Answers"]

_NEW = Claim("new")
_REUSED = Claim("reused")
_ATTEMPTS = 3


class AnswerStatements:
    """What is said to `ofb_answers`."""

    __slots__ = (
        "claim",
        "claim_anew",
        "kept_after",
        "page",
        "purge",
        "read",
        "release",
        "rewrite",
        "store",
    )

    def __init__(self, dialect: Dialect) -> None:
        say = dialect.text
        scope = "connection = ? AND action = ? AND idempotency_key = ?"
        self.claim = say(
            "INSERT INTO ofb_answers (fingerprint, running_until, kept_until, connection, action,"
            f" idempotency_key) VALUES (?, ?, ?, ?, ?, ?) {dialect.ignore('idempotency_key')}"
        )
        self.read = say(
            "SELECT fingerprint, status, body, running_until, kept_until FROM ofb_answers"
            f" WHERE {scope}{dialect.update}"
        )
        self.claim_anew = say(
            "UPDATE ofb_answers SET fingerprint = ?, running_until = ?, kept_until = ?,"
            f" status = NULL, body = NULL WHERE {scope}"
        )
        claimed = f"{scope} AND status IS NULL AND running_until = ?"
        self.store = say(f"UPDATE ofb_answers SET status = ?, body = ? WHERE {claimed}")
        self.release = say(f"DELETE FROM ofb_answers WHERE {claimed}")
        self.kept_after = say(
            "SELECT COUNT(*) FROM (SELECT 1 FROM ofb_answers"
            " WHERE kept_until > ? AND connection = ? LIMIT ?) AS kept"
        )
        # Not a comparison of rows: MariaDB would not use its index for one.
        self.page = say(
            "SELECT action, idempotency_key, status, body FROM ofb_answers WHERE connection = ?"
            " AND action >= ? AND (action > ? OR idempotency_key > ?) AND status IS NOT NULL"
            " ORDER BY action, idempotency_key LIMIT ?"
        )
        self.rewrite = say(
            f"UPDATE ofb_answers SET status = ?, body = ? WHERE {scope} AND status = ? AND body = ?"
        )
        self.purge = say(
            dialect.delete_some(
                "ofb_answers",
                "connection, action, idempotency_key",
                "kept_until < ?",
                "kept_until",
            )
        )


class Answers:
    """The ports `CountingAnswerLedger` and `RewritableAnswerLedger`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: AnswerStatements) -> None:
        self._session = session
        self._sql = sql

    def claim(
        self, key: AnswerKey, *, fingerprint: bytes, now: int, running_until: int, until: int
    ) -> Claim:
        """Claim a key for a body's SHA-256; times in Unix ms.

        A twin's insert waits for the unit that claimed first, and then finds its answer.
        """
        self._session.must_write()
        session, sql = self._session, self._sql
        scope = (key.connection, key.action, key.key)
        claimed = (fingerprint, running_until, until, *scope)
        for _ in range(_ATTEMPTS):
            if session.count(sql.claim, claimed) == 1:
                return _NEW
            row = session.one(sql.read, scope)
            if row is None:
                # It was released or purged between the two statements.
                continue
            stored, status, body, running, kept = row
            if kept > now:
                if stored != fingerprint:
                    return _REUSED
                if status is not None:
                    return Claim("done", answer=Answer(status, body))
                if running > now:
                    return Claim("running", running_until=running)
            session.count(sql.claim_anew, claimed)
            return _NEW
        raise Conflict("The key is claimed and released at once.")

    def store(self, key: AnswerKey, answer: Answer, *, running_until: int) -> bool:
        """Store the answer of the claim made with `running_until`; tell whether it did."""
        self._session.must_write()
        claim = (key.connection, key.action, key.key, running_until)
        return self._session.count(self._sql.store, (answer.status, answer.body, *claim)) == 1

    def release(self, key: AnswerKey, *, running_until: int) -> bool:
        """Forget the unanswered claim made with `running_until`; tell whether it did."""
        self._session.must_write()
        claim = (key.connection, key.action, key.key, running_until)
        return self._session.count(self._sql.release, claim) == 1

    def kept_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's keys with a later `until` (Unix ms), up to `limit`."""
        return int(self._session.one(self._sql.kept_after, (until, connection, limit))[0])

    def page(
        self, *, connection: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[KeptAnswer]:
        """Give stored answers of a connection by action and key, beyond `after`."""
        action, key = after or ("", "")
        rows = self._session.all(self._sql.page, (connection, action, action, key, limit))
        return [
            KeptAnswer(AnswerKey(connection, action, key), Answer(status, bytes(body)))
            for action, key, status, body in rows
        ]

    def rewrite(self, key: AnswerKey, answer: Answer, *, replacing: Answer) -> bool:
        """Replace a stored answer while it is `replacing`; tell whether it was."""
        self._session.must_write()
        row = (
            answer.status, answer.body, key.connection, key.action, key.key,
            replacing.status, replacing.body,
        )  # fmt: skip
        return self._session.count(self._sql.rewrite, row) == 1

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` keys whose `until` is before `before`; tell how many."""
        self._session.must_write()
        return self._session.count(self._sql.purge, (before, limit))
