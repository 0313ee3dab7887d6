"""The one decision path: `admit` and `execute`, in the order of the protocol's table (§2).

`admit` is pure: no thread, no database. `execute` reads without a write lock up to step 17, so that
strangers never queue before the shop's own writers, and then opens one writing unit.
"""

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.actions.action import Action, Outside, Shop, Work
from orderflow_bridge.actions.watched import Watched
from orderflow_bridge.capabilities import counting, counting_answers
from orderflow_bridge.decisions import Asked, Decisions
from orderflow_bridge.domain.connection import Connection, Issue
from orderflow_bridge.domain.errors import BridgeError, StorageUnavailable
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.domain.ids import RANDOM_BYTES, new_id
from orderflow_bridge.domain.latest import Latest
from orderflow_bridge.http import CODES, READ_HEADERS, Head, Request, Response
from orderflow_bridge.journal import Course, Recorder
from orderflow_bridge.parsing import parse
from orderflow_bridge.ports import Answer, AnswerKey, Claim, RateLedger, Storage, Unit
from orderflow_bridge.quotas import Quota
from orderflow_bridge.rates import Rates
from orderflow_bridge.refusals import Refusals
from orderflow_bridge.security.forwarding import ClientAddress
from orderflow_bridge.security.network import AllowList, parse_allow_list
from orderflow_bridge.security.secrets import MasterKeyRing, matching
from orderflow_bridge.security.signing import (
    ACTION,
    CLIENT_ID,
    IDEMPOTENCY_KEY,
    SIGNATURE,
    TIMESTAMP,
    string_to_sign,
)
from orderflow_bridge.security.spent import remembered_for
from orderflow_bridge.security.window import inside, looks_like_milliseconds, skew
from orderflow_bridge.settings import Settings
from orderflow_bridge.transactions import go_outside, transact

__all__ = ["Admitted", "Protocol", "client_address"]

_log = logging.getLogger("orderflow_bridge.faults")
_encode = msgspec.json.Encoder().encode
_DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(action.request) for name, action in ACTIONS.items()
}
_PATH = re.compile(rb"/(%b)/(%b)" % (CLIENT_ID.pattern, ACTION.pattern))
_MOST_DIGITS = 18
_ROW = 32 * 1024
_REPLAYS = 4_096
_JSON_TYPE = re.compile(
    rb'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?', re.IGNORECASE
)
_AUTH_HEADERS = (b"x-client-id", b"x-timestamp", b"x-signature")
_TRY_AGAIN = "cart_converting"
_SUCCESS, _UNAUTHORIZED, _FAULT = 200, 401, 500
_NO_STORE = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_OK = (("Content-Type", "application/json"), *_NO_STORE)
_PROBLEM = (("Content-Type", "application/problem+json"), *_NO_STORE)


class Admitted(Asked, frozen=True, kw_only=True, gc=False):
    """A request whose head passed steps 1–8; its body may be read now.

    `limit` is the largest body in bytes, `length` the declared one.
    """

    timestamp: bytes
    signature: bytes
    key: bytes
    limit: int
    length: int | None


class Verified(Struct, frozen=True, kw_only=True, gc=False):
    """A writing request that passed steps 1–17."""

    admitted: Admitted
    action: Action
    request: Any
    issue: Issue
    mac: bytes
    fingerprint: bytes
    running_until: int

    @property
    def key(self) -> AnswerKey | None:
        """Give the scope of its idempotency key, if it has one."""
        admitted = self.admitted
        if not admitted.key:
            return None
        return AnswerKey(
            admitted.client_id.decode("ascii"),
            admitted.action.decode("ascii"),
            admitted.key.decode("ascii"),
        )


class Protocol:
    """Decide about requests; answers everything, raises nothing.

    `after_write` is called when a writing unit has committed, outside of it, with the time at which
    its request arrived (Unix ms) and was in its window. `recorder` keeps what was answered for the
    operator, None where nothing is kept.
    """

    def __init__(
        self,
        *,
        shop: Shop,
        keys: MasterKeyRing,
        storage: Storage,
        after_write: Callable[[int], None],
        rates: RateLedger | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        settings = shop.settings
        self._shop = shop
        self._keys = keys
        self._storage = storage
        self._after_write = after_write
        self._client = client_address(settings)
        self._spent_for = remembered_for(settings.max_window)
        self._rates = Rates(
            most=settings.max_writes_per_minute, spent_for=self._spent_for, ledger=rates
        )
        counts = "rates" in storage.capabilities
        self._signatures = Quota(
            most=settings.max_spent_signatures if counts else 0, lifetime=self._spent_for // 1000
        )
        self._answers = Quota(
            most=settings.max_stored_answers if counts else 0,
            lifetime=settings.idempotency_lifetime,
        )
        self._decisions = Decisions(shop.clock)
        self._recorder = recorder
        self._allow_lists: Latest[tuple[str, ...], AllowList] = Latest(parse_allow_list)
        self._missed: set[str] = set()
        self._replayed: OrderedDict[bytes, None] = OrderedDict()
        self.refusals: Refusals = Refusals()

    @property
    def read_headers(self) -> tuple[bytes, ...]:
        """Name the headers, in lower case, that a shell must hand over."""
        return (*READ_HEADERS, self._client.header) if self._client.header else READ_HEADERS

    def refuse_aliases(self) -> None:
        """Refuse a host that cannot tell headers from aliases, where one could be forged.

        Raises `ConfigurationError`.
        """
        self._client.refuse_aliases()

    def handle(self, request: Request) -> Response:
        """Answer a whole request: `admit`, then `execute`."""
        admitted = self.admit(request.head)
        if isinstance(admitted, Response):
            return admitted
        if len(request.body) > admitted.limit:
            return self.refuse("body_too_large", admitted)
        if admitted.length is not None and len(request.body) != admitted.length:
            return self.refuse("incomplete_body", admitted)
        return self.execute(admitted, request.body)

    # Steps 1–8: the head alone.

    def admit(self, head: Head) -> Admitted | Response:
        """Take steps 1–8; pure."""
        now = self._shop.clock.now()
        request_id = new_id("req", now, self._shop.entropy.token(RANDOM_BYTES))
        address = self._client.find(head.peer, head.headers, aliased=head.aliased)
        path = _PATH.fullmatch(head.path)
        try:
            path = _endpoint(head, path)  # 1–3
            _refuse_media_type(head)  # 4
            length = self._declared_length(head)  # 5
            client_id, timestamp, signature, key = _auth_headers(head)  # 6
            _refuse_mismatch(client_id, path[1])  # 7
            _refuse_skew(now, timestamp, self._shop.settings.max_window)  # 8
        except BridgeError as refusal:
            asked = Asked(
                request_id=request_id,
                client_id=path[1] if path else b"",
                action=path[2] if path else b"",
                address=address,
                arrived=now,
                headers=head.headers,
            )
            return self._refused(refusal, asked)
        return Admitted(
            request_id=request_id,
            client_id=client_id,
            action=path[2],
            timestamp=timestamp,
            signature=signature[3:],
            key=key,
            limit=self._shop.settings.max_body,
            length=length,
            address=address,
            arrived=now,
            headers=head.headers,
        )

    def _declared_length(self, head: Head) -> int | None:
        lengths = head.headers.get(b"content-length", ())
        chunked = bool(head.headers.get(b"transfer-encoding"))
        if not lengths:
            if chunked and not head.framed:
                raise BridgeError("length_required", "Send Content-Length.")
            return None
        # No pattern: going back over a long run of zeros takes quadratic time.
        if chunked or len(lengths) > 1 or not lengths[0].isdigit():
            raise BridgeError("invalid_content_length", "Send one Content-Length, in digits.")
        digits = lengths[0].lstrip(b"0") or b"0"
        limit = self._shop.settings.max_body
        if len(digits) > _MOST_DIGITS or int(digits) > limit:
            raise _too_large(limit)
        return int(digits)

    # Steps 9–21: who it is, what it may do, what it says, and once only.

    def refuse(self, code: str, admitted: Admitted) -> Response:
        """Answer step 9 for a shell: `body_too_large`, `incomplete_body` or `body_timeout`.

        Or `storage_unavailable`, where the shell has as many requests as it may hold.
        """
        if code == "storage_unavailable":
            refusal: BridgeError = StorageUnavailable("Too many requests are read or wait at once.")
        elif code == "body_too_large":
            refusal = _too_large(admitted.limit)
        else:
            refusal = BridgeError(code, "Send all of the body, and a Content-Length that is true.")
        return self._refused(refusal, admitted)

    def execute(self, admitted: Admitted, body: bytes) -> Response:
        """Take steps 10–21 and answer; a fault rolls everything back."""
        course = Course(len(body))
        try:
            answer = self._execute(admitted, body, course)
        except BridgeError as refusal:
            return self._refused(refusal, admitted, course)
        except Exception as error:  # noqa: BLE001 -- the one place where a fault becomes an answer
            _log.error("fault in %s: %s", admitted.request_id, whereabouts(error))
            return self._refused(_internal_error(), admitted, course)
        self._decisions.answered(admitted, answer)
        if self._recorder is not None:
            self._recorder.keep(admitted, answer, course=course)
        return answer

    def _execute(self, admitted: Admitted, body: bytes, course: Course) -> Response:
        fingerprint = sha256(body)
        text = course.text = string_to_sign(
            admitted.timestamp,
            admitted.client_id,
            b"POST",
            admitted.action,
            admitted.key,
            fingerprint.hexdigest().encode("ascii"),
        )
        now = self._shop.clock.now()
        with self._storage.reading() as unit:
            found = unit.connections.find(admitted.client_id.decode("ascii"))
            connection, issue, mac = self._authenticate(found, admitted, text, now)  # 10
            course.verified = True
            _refuse_skew(now, admitted.timestamp, connection.window)  # 11
            action = self._permit(connection, admitted)  # 12–14
            request = parse(  # 15–17
                _DECODERS[admitted.action.decode("ascii")], body, key=admitted.key.decode("ascii")
            )
            _refuse_scopes(connection, action.more_scopes(request))
            if not action.writes:
                answer = action.run(Work(self._shop, unit, connection, now), request)
                return _success(_encode(answer), admitted.request_id)
        return self._write(
            Verified(
                admitted=admitted,
                action=action,
                request=request,
                issue=issue,
                mac=mac,
                fingerprint=fingerprint.digest(),
                running_until=now + self._shop.settings.conversion_lease * 1000,
            )
        )

    def _authenticate(
        self, found: Connection | None, admitted: Admitted, text: bytes, now: int
    ) -> tuple[Connection, Issue, bytes]:
        """Derive and compare exactly two secrets, dummies included (step 10)."""
        current = found.current if found is not None else None
        previous = found.previous if found is not None and now < found.previous_until else None
        client_id = admitted.client_id.decode("ascii")
        one, two = self._secret(current, client_id), self._secret(previous, client_id)
        decoy = self._keys.decoy
        which, mac = matching(
            admitted.signature, text, (one or decoy(client_id), two or decoy(client_id))
        )
        if found is not None and current is not None and one is not None and which == 0:
            return found, current, mac
        if found is not None and previous is not None and two is not None and which == 1:
            return found, previous, mac
        raise _authentication_failed()

    def _secret(self, issue: Issue | None, client_id: str) -> bytes | None:
        if issue is None:
            return None
        secret = self._keys.derive(issue.key_id, client_id, issue.nonce)
        # Once: strangers make it happen as often as they like.
        if secret is None and issue.key_id not in self._missed:
            self._missed.add(issue.key_id)
            _log.error("connection %s needs a master key that is not in the ring", client_id)
        return secret

    def _permit(self, connection: Connection, admitted: Admitted) -> Action:
        """Take steps 12–14."""
        if connection.status != "enabled":
            raise BridgeError("connection_disabled", "Ask the shop to enable the connection.")
        if connection.allow_list and not self._allow_lists.of(
            connection.client_id, connection.allow_list
        ).allows(admitted.address):
            raise BridgeError(
                "ip_not_allowed",
                "Ask the shop to allow this address.",
                {"address": admitted.address or ""},
            )
        action = ACTIONS.get(admitted.action.decode("ascii"))
        if action is None:
            raise BridgeError("unknown_action", "See the protocol for the actions there are.")
        _refuse_scopes(connection, action.scopes)
        return action

    def _write(self, verified: Verified) -> Response:
        """Take steps 18–21 in one unit; ask outside and go on in a second one if need be."""
        client_id, now = verified.admitted.client_id.decode("ascii"), self._shop.clock.now()
        if verified.mac in self._replayed:
            raise _replayed()
        self._rates.ask(client_id, now)
        self._refuse_full_signatures(client_id, now)  # 18, cap
        full = self._seconds_until_a_key(verified.key, client_id, now)
        outcome = transact(self._storage, lambda unit: self._first(unit, verified, full))
        if isinstance(outcome, Outside):
            outside = outcome
            outcome = go_outside(
                outside,
                apply=lambda found: transact(
                    self._storage, lambda unit: self._second(unit, verified, outside, found)
                ),
                release=lambda: transact(
                    self._storage, lambda unit: self._release(unit, verified, outside)
                ),
            )
        self._after_write(verified.admitted.arrived)
        if isinstance(outcome, BridgeError):
            raise outcome
        if isinstance(outcome, Outside):
            raise TypeError("an action asks outside once")
        return outcome

    def _first(self, unit: Unit, verified: Verified, full: int) -> Response | Outside | BridgeError:
        """Spend, claim, act and store in one unit; a returned refusal commits with it.

        A new key is refused for `full` seconds. A known one gets its answer all the same.
        """
        admitted = verified.admitted
        watched = Watched(unit)
        work = Work(self._shop, watched, self._live(unit, verified), self._shop.clock.now())
        client_id = work.connection.client_id
        self._rates.count(unit, client_id, work.now)  # 18, rate
        if not unit.replays.spend(
            verified.mac, connection=client_id, until=work.now + self._spent_for
        ):  # 19
            self._remember_replay(verified.mac)
            raise _replayed()
        self._signatures.take(client_id)
        key = verified.key
        if key is not None:  # 20
            claim = unit.answers.claim(
                key,
                fingerprint=verified.fingerprint,
                now=work.now,
                running_until=verified.running_until,
                until=work.now + self._shop.settings.idempotency_lifetime * 1000,
            )
            if claim.state != "new":
                return _claimed_before(claim, admitted.request_id, work.now)
            if full:
                raise _full("idempotency keys", full)
            self._answers.take(client_id)
        try:
            outcome = verified.action.run(work, verified.request)  # 21
        except BridgeError as refusal:
            outcome = _refusal(refusal, changed=watched.changed)
        if isinstance(outcome, Outside):
            return outcome
        return self._stored(unit, verified, outcome)

    def _live(self, unit: Unit, verified: Verified) -> Connection:
        """Read the connection again: still live, enabled, allowed, in scope, in time (step 18)."""
        admitted, now = verified.admitted, self._shop.clock.now()
        connection = unit.connections.find(admitted.client_id.decode("ascii"))
        if connection is None or (
            verified.issue != connection.current
            and (verified.issue != connection.previous or now >= connection.previous_until)
        ):
            raise _authentication_failed()
        _refuse_skew(now, admitted.timestamp, connection.window)
        self._permit(connection, admitted)
        _refuse_scopes(connection, verified.action.more_scopes(verified.request))
        return connection

    def _remember_replay(self, mac: bytes) -> None:
        """Remember what was spent before: to repeat it once more takes nothing of a rate.

        So a captured write is counted by a rate ledger once in each process, and not each time.
        """
        self._replayed[mac] = None
        if len(self._replayed) > _REPLAYS:
            self._replayed.popitem(last=False)

    # The caps are counted before the writing unit: no other writer waits for a count.

    def _refuse_full_signatures(self, client_id: str, now: int) -> None:
        """Refuse a write of a connection that spent as many signatures as are remembered."""

        def count(until: int, limit: int) -> int:
            with self._storage.reading() as unit:
                return counting(unit).spent_after(until, connection=client_id, limit=limit)

        seconds = self._signatures.wait(client_id, now, count) if self._signatures.on else 0
        if seconds:
            raise _full("spent signatures", seconds)

    def _seconds_until_a_key(self, key: AnswerKey | None, client_id: str, now: int) -> int:
        """Tell for how long a connection has as many keys as are kept; 0 where it has not."""

        def count(until: int, limit: int) -> int:
            with self._storage.reading() as unit:
                return counting_answers(unit).kept_after(until, connection=client_id, limit=limit)

        on = self._answers.on and key is not None
        return self._answers.wait(client_id, now, count) if on else 0

    def _second(
        self, unit: Unit, verified: Verified, outside: Outside, found: object
    ) -> Response | BridgeError:
        watched = Watched(unit)
        work = Work(self._shop, watched, self._known(unit, verified), self._shop.clock.now())
        try:
            outcome = outside.apply(work, found)
        except BridgeError as refusal:
            outcome = _refusal(refusal, changed=watched.changed)
        return self._stored(unit, verified, outcome)

    def _release(self, unit: Unit, verified: Verified, outside: Outside) -> None:
        outside.release(Work(self._shop, unit, self._known(unit, verified), self._shop.clock.now()))
        if verified.key is not None:
            unit.answers.release(verified.key, running_until=verified.running_until)

    def _known(self, unit: Unit, verified: Verified) -> Connection:
        connection = unit.connections.find(verified.admitted.client_id.decode("ascii"))
        if connection is None:
            raise _authentication_failed()
        return connection

    def _stored(self, unit: Unit, verified: Verified, outcome: object) -> Response | BridgeError:
        """Store the answer under its key, final unless it says "try again".

        Where the claim was taken over meanwhile, the key and its answer are another's.
        """
        request_id, key = verified.admitted.request_id, verified.key
        if isinstance(outcome, BridgeError):
            try:
                answer = _answer_to(outcome, request_id)
            except Exception:  # noqa: BLE001 -- what is no answer is not kept as one
                raise outcome from None
            status, body = answer.status, answer.body
        else:
            status, body = _SUCCESS, _encode(outcome)
        if key is not None:
            if isinstance(outcome, BridgeError) and outcome.code == _TRY_AGAIN:
                unit.answers.release(key, running_until=verified.running_until)
            elif unit.answers.store(
                key, Answer(status, body), running_until=verified.running_until
            ):
                self._fill_rows(unit, verified, key.connection, (len(body) - 1) // _ROW)
        return outcome if isinstance(outcome, BridgeError) else _success(body, request_id)

    def _fill_rows(self, unit: Unit, verified: Verified, connection: str, rows: int) -> None:
        """Take more rows for an answer that is larger than one: the cap of rows is one of bytes.

        They are keys that nobody can send, of an action that has no action's grammar.
        """
        now = self._shop.clock.now()
        until = now + self._shop.settings.idempotency_lifetime * 1000
        for row in range(rows if self._answers.on else 0):
            unit.answers.claim(
                AnswerKey(connection, "-", f"{verified.admitted.request_id}-{row}"),
                fingerprint=verified.fingerprint,
                now=now,
                running_until=verified.running_until,
                until=until,
            )
            self._answers.take(connection)

    def _refused(
        self, refusal: BridgeError, asked: Asked, course: Course | None = None
    ) -> Response:
        """Turn a refusal into its answer: the one place where that is done.

        One that is not of the protocol, or that JSON cannot say, is a fault of what raised it.
        """
        request_id = asked.request_id
        told = refusal
        try:
            if refusal.code == "storage_unavailable":
                # What the shop's database lacks is the operator's to know.
                _log.warning("%s: %s", request_id, ascii(refusal.detail)[1:-1])
                told = _storage_unavailable(refusal.retry_after)
            answer = _answer_to(told, request_id)
        except Exception as error:  # noqa: BLE001 -- a port may put anything into a refusal
            _log.error(
                "fault in %s: %s, and what was raised is no answer: %s",
                request_id,
                whereabouts(refusal),
                whereabouts(error),
            )
            told = _internal_error()
            answer = _answer_to(told, request_id)
        self.refusals.count(told.code, asked.address)
        self._decisions.refused(asked, told.code)
        if self._recorder is not None:
            self._recorder.keep(asked, answer, course=course, refusal=told)
        return answer


class _Fault(Exception):  # noqa: N818 -- carries a refusal that came too late out of its unit
    """A refusal after a change: rolls everything back."""


def _refusal(raised: BridgeError, *, changed: bool) -> BridgeError:
    """Give a refusal to be stored; what must roll back is raised on instead."""
    if raised.code not in CODES or CODES[raised.code][0] >= _FAULT:
        raise raised
    if changed:
        raise _Fault from raised
    return raised


def _success(body: bytes, request_id: str) -> Response:
    return Response(status=_SUCCESS, headers=(("X-Request-Id", request_id), *_OK), body=body)


def _claimed_before(claim: Claim, request_id: str, now: int) -> Response | BridgeError:
    """Answer a key that was claimed before: its answer, or why there is none."""
    if claim.state == "reused":
        return BridgeError("idempotency_key_reused", "Use a new key for a new body.")
    if claim.answer is None:
        return BridgeError(
            "idempotency_in_progress",
            "Try again with a new timestamp and the same key and body.",
            retry_after=max(1, min(5, (claim.running_until - now) // 1000)),
        )
    kind = _OK if claim.answer.status == _SUCCESS else _PROBLEM
    return Response(
        status=claim.answer.status,
        headers=(("X-Request-Id", request_id), ("Idempotent-Replayed", "true"), *kind),
        body=claim.answer.body,
    )


def _answer_to(refusal: BridgeError, request_id: str) -> Response:
    """Write a refusal down; raises whatever comes of one that cannot be."""
    status, _ = CODES[refusal.code]
    headers = [("X-Request-Id", request_id), *_PROBLEM]
    if status == _UNAUTHORIZED:
        headers.append(("WWW-Authenticate", "OFB1-HMAC-SHA256"))
    if refusal.code == "method_not_allowed":
        headers.append(("Allow", "POST"))
    if refusal.retry_after is not None:
        headers.append(("Retry-After", f"{refusal.retry_after:d}"))
    return Response(status=status, headers=tuple(headers), body=_problem(refusal, request_id))


def _problem(refusal: BridgeError, request_id: str) -> bytes:
    """Encode a refusal as RFC 9457 problem details; its members may replace none of ours."""
    status, title = CODES[refusal.code]
    ours = {
        "type": f"urn:orderflow-bridge:problem:{refusal.code}",
        "title": title,
        "status": status,
        "code": refusal.code,
        "detail": refusal.detail or title,
        "request_id": request_id,
    }
    if not ours.keys().isdisjoint(refusal.members):
        raise ValueError("a member has the name of a field of every problem")
    return _encode({**ours, **refusal.members})


def _internal_error() -> BridgeError:
    return BridgeError("internal_error", "Nothing happened; give us the request id.")


def _authentication_failed() -> BridgeError:
    return BridgeError(
        "authentication_failed",
        "Check the client id, the secret, and the six lines that are signed.",
    )


def _replayed() -> BridgeError:
    return BridgeError(
        "replayed_request",
        "Wait for the next second, sign again, and retry with the same key and body.",
    )


def _storage_unavailable(retry_after: int | None) -> BridgeError:
    return BridgeError(
        "storage_unavailable",
        # Not that nothing happened: a connection that breaks during a commit leaves that open.
        "Sign again and retry with the same key and body; a key has one effect.",
        retry_after=retry_after,
    )


def _full(what: str, seconds: int) -> BridgeError:
    return BridgeError(
        "rate_limited",
        f"This connection has as many {what} as are kept; the first is forgotten in {seconds} s.",
        retry_after=seconds,
    )


def _too_large(limit: int) -> BridgeError:
    return BridgeError("body_too_large", f"Send at most {limit} bytes.")


def _endpoint(head: Head, path: re.Match[bytes] | None) -> re.Match[bytes]:
    """Take steps 1–3."""
    if path is None:
        raise BridgeError("not_found", "The endpoint is {mount}/{clientId}/{action}.")
    if head.method != "POST":
        raise BridgeError("method_not_allowed", "Every action is a POST.")
    if head.query:
        raise BridgeError("query_not_allowed", "Everything goes into the signed body.")
    return path


def _refuse_media_type(head: Head) -> None:
    """Take step 4."""
    kinds = head.headers.get(b"content-type", ())
    if len(kinds) != 1 or (
        kinds[0] != b"application/json" and _JSON_TYPE.fullmatch(kinds[0]) is None
    ):
        raise BridgeError("unsupported_media_type", "Send Content-Type: application/json.")
    if head.headers.get(b"content-encoding"):
        raise BridgeError("unsupported_media_type", "Send the body without Content-Encoding.")


def _auth_headers(head: Head) -> tuple[bytes, bytes, bytes, bytes]:
    """Take step 6; give client id, timestamp, signature and key."""
    headers = head.headers
    client_ids = headers.get(b"x-client-id")
    timestamps = headers.get(b"x-timestamp")
    signatures = headers.get(b"x-signature")
    if not (client_ids and timestamps and signatures):
        missing = next(_shown(name) for name in _AUTH_HEADERS if not headers.get(name))
        raise BridgeError("missing_auth_header", f"Send {missing}.")
    keys = headers.get(b"idempotency-key")
    return (
        _once(b"x-client-id", CLIENT_ID, client_ids),
        _once(b"x-timestamp", TIMESTAMP, timestamps),
        _once(b"x-signature", SIGNATURE, signatures),
        _once(b"idempotency-key", IDEMPOTENCY_KEY, keys) if keys else b"",
    )


def _once(name: bytes, grammar: re.Pattern[bytes], given: Sequence[bytes]) -> bytes:
    if len(given) == 1 and grammar.fullmatch(given[0]) is not None:
        return given[0]
    hint = ""
    if name == b"x-timestamp" and looks_like_milliseconds(given[0]):
        hint = " It looks like milliseconds; send whole seconds."
    raise BridgeError(
        "malformed_auth_header", f"Send {_shown(name)} once, as the protocol writes it.{hint}"
    )


def _shown(name: bytes) -> str:
    return name.decode("ascii").title()


def _refuse_mismatch(client_id: bytes, in_path: bytes) -> None:
    if client_id != in_path:
        raise BridgeError("client_id_mismatch", "Send the client id of the path.")


def _refuse_skew(now: int, timestamp: bytes, window: int) -> None:
    """Refuse a timestamp outside `window` seconds of `now` (Unix ms)."""
    seconds = skew(now, timestamp)
    if not inside(seconds, window):
        raise BridgeError(
            "timestamp_out_of_window",
            f"Set the clock, and sign each attempt anew; the window is {window} seconds.",
            {"server_time": now // 1000, "skew_seconds": seconds},
        )


def _refuse_scopes(connection: Connection, scopes: frozenset[str]) -> None:
    if not connection.scopes.issuperset(scopes):
        raise BridgeError(
            "insufficient_scope",
            "Ask the shop to grant what `required` names.",
            {"required": sorted(scopes)},
        )


def client_address(settings: Settings) -> ClientAddress:
    """Make what finds the client's address; raises `ConfigurationError` that names the setting."""
    return ClientAddress(
        trusted=settings.trusted_proxies,
        header=settings.client_address_header,
        aliases_dropped=settings.header_aliases_dropped,
    )
