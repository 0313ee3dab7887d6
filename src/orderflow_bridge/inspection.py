"""Why a request was refused: the checks it passed, and what its signature was made over."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from orderflow_bridge.connections import Office
from orderflow_bridge.diagnosis import (
    Check,
    Explanation,
    Finding,
    Received,
    Signer,
    advice,
    checks,
    explain_signature,
    secret_changed,
)
from orderflow_bridge.domain.connection import Connection, Issue
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.journal import RecentRequests

__all__ = ["Inspected", "Inspector"]

_DAY = 86_400_000
_LATEST = 100
_CHANGES = {"connection.rotated": False, "connection.previous_secret_revoked": True}
"""The events after which a storefront may still have an old secret: whether one was ended."""


class Inspected(Struct, frozen=True, kw_only=True):
    """A kept request, each check with its state, what is known of its signature, and the fix.

    `fix` is empty where nothing is to be done.
    """

    entry: JournalEntry
    checks: tuple[Check, ...]
    explanation: Explanation
    fix: str

    @property
    def was_compared(self) -> bool:
        """Tell whether it came as far as its body, so that a signature could be computed."""
        return any(one.step == "body" and one.state == "passed" for one in self.checks)


class Inspector:
    """Tell operators why a request was refused; shows no secret, and gives no signature.

    The connections' secrets are derived for the time of one explanation and do not leave it: what
    it says of a signature is what a request with it would be told, and which mistake it shows.
    """

    def __init__(self, office: Office, journal: RecentRequests) -> None:
        self._office = office
        self._journal = journal

    def inspect(self, request_id: str) -> Inspected:
        """Explain a kept request.

        Raises `BridgeError` `not_found` where it is not kept, and `ConfigurationError` where
        nothing is.
        """
        entry = self._journal.find(request_id)
        if entry is None:
            raise BridgeError(
                "not_found",
                "There is no such request here: it is not kept any more, or it named no connection"
                " that there is.",
            )
        return self.inspect_entry(entry)

    def inspect_entry(self, entry: JournalEntry) -> Inspected:
        """Explain a request that was read already."""
        return Inspected(
            entry=entry,
            checks=checks(entry.code, verified=entry.verified, action=entry.action),
            explanation=self._explanation_of(entry),
            fix=advice(entry.code) if entry.code else "",
        )

    def explain(self, received: Received, *, now: int | None = None) -> Explanation:
        """Explain a request that was pasted; `now` is when it arrived, in Unix ms.

        The connection is that of the path, or of `X-Client-Id` where the path is not known.
        """
        client_id = received.path_client_id or received.client_id or b""
        signer, others = self._signers(client_id.decode("utf-8", "replace"))
        now = self._office.clock.now() if now is None else now
        explanation = explain_signature(
            received,
            signer,
            now=now,
            server_window=self._office.settings.max_window,
            others=others,
        )
        if explanation.verdict != "unexplained" or signer is None:
            return explanation
        changes = self._changes_of_secret(signer.client_id, now)
        return replace(explanation, findings=(*changes, *explanation.findings))

    def _changes_of_secret(self, client_id: str, now: int) -> Sequence[Finding]:
        """Tell the last change of a secret, where it was within a day before a request."""
        audit = self._office.audit
        if not audit.is_kept:
            return ()
        for entry in audit.page(subject=client_id, limit=_LATEST):
            if entry.event in _CHANGES and 0 <= now - entry.at < _DAY:
                return (secret_changed(entry.at, ended=_CHANGES[entry.event]),)
        return ()

    def _explanation_of(self, entry: JournalEntry) -> Explanation:
        if entry.verified:
            return Explanation(
                verdict="right", string_to_sign=entry.string_to_sign, problems=(), findings=()
            )
        explanation = self.explain(_received(entry), now=entry.at)
        malformed = tuple(_malformed(entry))
        # What is malformed was not kept, and would seem to be missing.
        return replace(explanation, problems=malformed) if malformed else explanation

    def _signers(self, client_id: str) -> tuple[Signer | None, Sequence[Signer]]:
        """Derive the secrets of every connection, the named one apart."""
        with self._office.storage.reading() as unit:
            signers = [self._signer(one) for one in unit.connections.all()]
        named = next((one for one in signers if one.client_id == client_id), None)
        return named, [one for one in signers if one is not named]

    def _signer(self, connection: Connection) -> Signer:
        return Signer(
            client_id=connection.client_id,
            name=connection.name,
            window=connection.window,
            current=self._secret(connection.client_id, connection.current),
            previous=self._secret(connection.client_id, connection.previous),
            previous_until=connection.previous_until,
        )

    def _secret(self, client_id: str, issue: Issue | None) -> bytes | None:
        if issue is None:
            return None
        return self._office.keys.derive(issue.key_id, client_id, issue.nonce)


def _malformed(entry: JournalEntry) -> Iterator[Finding]:
    for name, text in entry.headers.items():
        if text.startswith("(malformed"):
            yield Finding(f"{name} is {text[1:-1]}.", "Send it as the protocol writes it.")


def _received(entry: JournalEntry) -> Received:
    """Put together again what arrived, as far as it was kept."""
    headers = {
        name: None if text.startswith("(") else text.encode()
        for name, text in entry.headers.items()
    }
    action, digest = (entry.action or "").encode("ascii"), None
    if entry.string_to_sign is not None:
        *_, request, _, last = entry.string_to_sign.encode("ascii").split(b"\n")
        action, digest = request.removeprefix(b"POST "), last
    return Received(
        action=action,
        path_client_id=(entry.connection or "").encode("ascii") or None,
        client_id=headers.get("X-Client-Id"),
        timestamp=headers.get("X-Timestamp"),
        key=headers.get("Idempotency-Key"),
        signature=headers.get("X-Signature"),
        body_sha256=digest,
    )
