"""The idempotency keys and their answers."""

from collections.abc import Sequence

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Answer, AnswerKey, Claim, KeptAnswer
from sqlalchemy import (
    BindParameter,
    and_,
    bindparam,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from orderflow_bridge_sqlalchemy.executor import Executor
from orderflow_bridge_sqlalchemy.inserts import insert_or_ignore
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["AnswerStatements", "Answers"]

_NEW = Claim("new")
_REUSED = Claim("reused")
_ATTEMPTS = 3


class AnswerStatements:
    """What is said to the table of answers."""

    __slots__ = (
        "claim",
        "claim_anew",
        "kept_after",
        "page",
        "purge",
        "read",
        "release",
        "rewrite",
        "stale",
        "store",
    )

    def __init__(self, tables: Tables) -> None:
        table = tables.answers
        columns = table.c
        scope = and_(
            columns.connection == bindparam("of_connection"),
            columns.action == bindparam("of_action"),
            columns.idempotency_key == bindparam("of_key"),
        )
        self.claim = insert_or_ignore(table)
        self.read = (
            select(
                columns.fingerprint,
                columns.status,
                columns.body,
                columns.running_until,
                columns.kept_until,
            )
            .where(scope)
            .with_for_update()
        )
        self.claim_anew = (
            update(table)
            .where(scope)
            .values(
                fingerprint=bindparam("fingerprint"),
                running_until=bindparam("running_until"),
                kept_until=bindparam("kept_until"),
                status=null(),
                body=null(),
                revision=columns.revision + 1,
            )
        )
        claimed = and_(scope, columns.status.is_(None), columns.running_until == bindparam("lease"))
        self.store = (
            update(table)
            .where(claimed)
            .values(
                status=bindparam("status"),
                body=bindparam("body"),
                revision=columns.revision + 1,
            )
        )
        self.release = delete(table).where(claimed)
        kept = (
            select(literal(1).label("one"))
            .where(
                columns.kept_until > bindparam("until"),
                columns.connection == bindparam("of_connection"),
            )
            .limit(bindparam("at_most"))
            .subquery("kept")
        )
        self.kept_after = select(func.count()).select_from(kept)
        action = columns.action
        beyond: BindParameter[str] = bindparam("beyond_action")
        # Not a comparison of rows: MariaDB would not use its index for one.
        self.page = (
            select(action, columns.idempotency_key, columns.status, columns.body)
            .where(
                columns.connection == bindparam("of_connection"),
                action >= beyond,
                or_(action > beyond, columns.idempotency_key > bindparam("beyond_key")),
                columns.status.is_not(None),
            )
            .order_by(action, columns.idempotency_key)
            .limit(bindparam("at_most"))
        )
        self.rewrite = (
            update(table)
            .where(
                scope,
                columns.status == bindparam("old_status"),
                columns.body == bindparam("old_body"),
            )
            .values(
                status=bindparam("status"), body=bindparam("body"), revision=columns.revision + 1
            )
        )
        # What another unit deletes right now is not waited for.
        self.stale = (
            select(columns.connection, columns.action, columns.idempotency_key)
            .where(columns.kept_until < bindparam("before"))
            .order_by(columns.kept_until)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
        )
        key = tuple_(columns.connection, columns.action, columns.idempotency_key)
        self.purge = delete(table).where(key.in_(bindparam("keys", expanding=True)))


class Answers:
    """The ports `CountingAnswerLedger` and `RewritableAnswerLedger`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: AnswerStatements) -> None:
        self._executor = executor
        self._say = statements

    def claim(
        self, key: AnswerKey, *, fingerprint: bytes, now: int, running_until: int, until: int
    ) -> Claim:
        """Claim a key for a body's SHA-256; times in Unix ms.

        A twin's insert waits for the unit that claimed first, and then finds its answer.
        """
        executor, say = self._executor, self._say
        executor.must_write()
        scope = _scope(key)
        claimed = {
            "fingerprint": fingerprint,
            "running_until": running_until,
            "kept_until": until,
        }
        for _ in range(_ATTEMPTS):
            inserted = executor.count(
                say.claim,
                connection=key.connection,
                action=key.action,
                idempotency_key=key.key,
                revision=1,
                **claimed,
            )
            if inserted == 1:
                return _NEW
            row = executor.one(say.read, **scope)
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
            executor.count(say.claim_anew, **scope, **claimed)
            return _NEW
        raise Conflict("The key is claimed and released at once.")

    def store(self, key: AnswerKey, answer: Answer, *, running_until: int) -> bool:
        """Store the answer of the claim made with `running_until`; tell whether it did."""
        self._executor.must_write()
        stored = self._executor.count(
            self._say.store,
            lease=running_until,
            status=answer.status,
            body=answer.body,
            **_scope(key),
        )
        return stored == 1

    def release(self, key: AnswerKey, *, running_until: int) -> bool:
        """Forget the unanswered claim made with `running_until`; tell whether it did."""
        self._executor.must_write()
        return self._executor.count(self._say.release, lease=running_until, **_scope(key)) == 1

    def kept_after(self, until: int, *, connection: str, limit: int) -> int:
        """Count a connection's keys with a later `until` (Unix ms), up to `limit`."""
        row = self._executor.one(
            self._say.kept_after, until=until, of_connection=connection, at_most=limit
        )
        return int(row[0])

    def page(
        self, *, connection: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[KeptAnswer]:
        """Give stored answers of a connection by action and key, beyond `after`."""
        action, key = after or ("", "")
        rows = self._executor.all(
            self._say.page,
            of_connection=connection,
            beyond_action=action,
            beyond_key=key,
            at_most=limit,
        )
        return [
            KeptAnswer(AnswerKey(connection, action, key), Answer(status, body))
            for action, key, status, body in rows
        ]

    def rewrite(self, key: AnswerKey, answer: Answer, *, replacing: Answer) -> bool:
        """Replace a stored answer while it is `replacing`; tell whether it was."""
        self._executor.must_write()
        rewritten = self._executor.count(
            self._say.rewrite,
            status=answer.status,
            body=answer.body,
            old_status=replacing.status,
            old_body=replacing.body,
            **_scope(key),
        )
        return rewritten == 1

    def purge(self, *, before: int, limit: int) -> int:
        """Forget up to `limit` keys whose `until` is before `before`; tell how many."""
        self._executor.must_write()
        stale = self._executor.all(self._say.stale, before=before, at_most=limit)
        if not stale:
            return 0
        return self._executor.count(self._say.purge, keys=[tuple(row) for row in stale])


def _scope(key: AnswerKey) -> dict[str, object]:
    return {"of_connection": key.connection, "of_action": key.action, "of_key": key.key}
