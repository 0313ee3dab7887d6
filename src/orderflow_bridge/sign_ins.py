"""Who is signed in to the console: sessions that can be ended, and links that sign in once."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from orderflow_bridge.audit import UNKNOWN, Audit
from orderflow_bridge.capabilities import sessions_of
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.operator import LONGEST_NAME
from orderflow_bridge.domain.session import Role, Session
from orderflow_bridge.ports import Clock, Entropy, Storage, Unit
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.transactions import transact

__all__ = ["LINK_LIFETIME", "SignIns"]

LINK_LIFETIME = 600
"""How many seconds a link can be used."""

_TOKEN_BYTES = 32
_LONGEST_TOKEN = 64
# In the token, whose digest is kept: so it can be neither added nor taken away.
_PROVEN = "pw."
_SECOND = 1_000
_SUBJECT = "console"
_BATCH = 100
_T = TypeVar("_T")


class SignIns:
    """Begin, find and end sign-ins; needs a storage with the capability `sessions`.

    A token is 32 random bytes, and only its SHA-256 is kept: who reads the database is not signed
    in by it. Every method raises `ConfigurationError` without the capability.
    """

    def __init__(
        self, *, storage: Storage, clock: Clock, entropy: Entropy, audit: Audit, lifetime: int
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._entropy = entropy
        self._audit = audit
        self._lifetime = lifetime

    def refuse_unfit(self) -> None:
        """Refuse a storage that keeps no sign-ins; raises `ConfigurationError` with the fix."""
        if "sessions" not in self._storage.capabilities:
            raise ConfigurationError(
                f"{type(self._storage).__name__} keeps no sign-ins: choose a storage with the"
                " capability `sessions`, or let the site tell the console whose a request is"
                " (identify=...)."
            )

    def begin(self, operator: str, role: Role, *, replacing: str = "") -> str:
        """Sign an operator in, and give the token of the session, which ends by itself.

        The session of the token `replacing` is over. Raises `BridgeError` `invalid_request` for a
        name that is not 1 to 64 printable characters.
        """
        return self._transact(
            lambda unit: self._begin(unit, operator, role, by="password", replacing=replacing)
        )

    def find(self, token: str) -> Session | None:
        """Give the session of a token; None where there is none, or it is over."""
        return self._found(token, "session")

    def is_by_password(self, token: str) -> bool:
        """Tell whether the session of a live token was begun by a password, and not by a link."""
        return token.startswith(_PROVEN)

    def end(self, token: str) -> bool:
        """Sign out, in every process at once; tell whether somebody was signed in by the token."""
        if not self._is_live(token, "session"):
            return False

        def act(unit: Unit) -> bool:
            session = self._live(unit, token, "session")
            if session is None or not sessions_of(unit).end(session.digest):
                return False
            self._record(unit, "signed_out", session.operator)
            return True

        return self._transact(act)

    def end_all(self, operator: str, *, actor: str = UNKNOWN) -> int:
        """Sign an operator out wherever they are, and take their links away; tell how many."""

        def act(unit: Unit) -> int:
            ended = sessions_of(unit).end_all(operator)
            if ended:
                self._record(unit, "signed_out_everywhere", actor, operator=operator)
            return ended

        return self._transact(act)

    def offer_link(
        self, operator: str, role: Role, *, seconds: int = LINK_LIFETIME, actor: str = UNKNOWN
    ) -> str:
        """Make a token that signs in once within `seconds`, for a link.

        Raises `BridgeError` `invalid_request` as `begin` does.
        """
        operator = _checked(operator)

        def act(unit: Unit) -> str:
            self._record(unit, "link_offered", actor, operator=operator, role=role)
            return self._add(unit, "link", operator, role, seconds)

        return self._transact(act)

    def redeem(self, token: str, *, replacing: str = "") -> str | None:
        """Sign in by a link, and give the token of the session; None where it is worth nothing.

        Of any number who use it at once, one is signed in.
        """
        # A stranger's guess is not worth a writer's turn.
        if not self._is_live(token, "link"):
            return None

        def act(unit: Unit) -> str | None:
            link = self._live(unit, token, "link")
            if link is None or not sessions_of(unit).end(link.digest):
                return None
            return self._begin(unit, link.operator, link.role, by="link", replacing=replacing)

        return self._transact(act)

    def _begin(self, unit: Unit, operator: str, role: Role, *, by: str, replacing: str) -> str:
        operator = _checked(operator)
        if replacing:
            sessions_of(unit).end(_digest(replacing))
        sessions_of(unit).purge(before=self._clock.now(), limit=_BATCH)
        self._record(unit, "signed_in", operator, role=role, by=by)
        mark = _PROVEN if by == "password" else ""
        return self._add(unit, "session", operator, role, self._lifetime, mark=mark)

    def _add(
        self, unit: Unit, kind: str, operator: str, role: Role, seconds: int, *, mark: str = ""
    ) -> str:
        now = self._clock.now()
        raw = self._entropy.token(_TOKEN_BYTES)
        token = mark + urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
        sessions_of(unit).add(
            Session(
                digest=_digest(token),
                kind="link" if kind == "link" else "session",
                operator=operator,
                role=role,
                created_at=now,
                expires_at=now + seconds * _SECOND,
            )
        )
        return token

    def _is_live(self, token: str, kind: str) -> bool:
        return self._found(token, kind) is not None

    def _found(self, token: str, kind: str) -> Session | None:
        self.refuse_unfit()
        if not token or len(token) > _LONGEST_TOKEN:
            return None
        with self._storage.reading() as unit:
            return self._live(unit, token, kind)

    def _live(self, unit: Unit, token: str, kind: str) -> Session | None:
        found = sessions_of(unit).find(_digest(token))
        if found is None or found.kind != kind or found.expires_at <= self._clock.now():
            return None
        return found

    def _record(self, unit: Unit, what: str, actor: str, **details: str) -> None:
        self._audit.record(unit, f"operator.{what}", actor=actor, subject=_SUBJECT, details=details)

    def _transact(self, act: Callable[[Unit], _T]) -> _T:
        self.refuse_unfit()
        return transact(self._storage, act)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()


def _checked(operator: str) -> str:
    operator = operator.strip()
    message = ""
    if not 1 <= len(operator) <= LONGEST_NAME or not operator.isprintable():
        message = f"is 1 to {LONGEST_NAME} printable characters"
    elif is_card(operator):
        message = "holds what looks like a card number; give a person's name"
    if message:
        raise BridgeError(
            "invalid_request",
            f"operator {message}.",
            {"errors": [{"path": "/operator", "message": message}]},
        )
    return operator
