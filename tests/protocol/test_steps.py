"""The verification order, step by step, through the core (protocol §2)."""

import dataclasses
import itertools
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from orderflow_bridge import protocol
from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.capabilities import counting
from orderflow_bridge.domain.errors import (
    BridgeError,
    ConfigurationError,
    Conflict,
    StorageUnavailable,
)
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.http import CODES, Head, Request
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.protocol import Admitted
from orderflow_bridge.refusals import Refusals
from orderflow_bridge.security import secrets
from orderflow_bridge.security.network import AllowList, parse_allow_list
from orderflow_bridge.security.secrets import new_master_key
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory import MemoryStorage
from tests.rig import (
    CountedEntropy,
    Reply,
    SetClock,
    Storefront,
    TestShop,
    item,
    open_shop,
    order_fields,
)

VISA = "4111111111111111"
OFFICE = "198.51.100.0/24"
CREATE = {"currency": "GBP"}


def request(
    front: Storefront,
    action: str = "cart.create",
    body: bytes | Mapping[str, Any] = CREATE,
    *,
    key: str | None = None,
    timestamp: int | None = None,
    secret: str | None = None,
    headers: Mapping[str, str | bytes | list[str | bytes] | None] | None = None,
    peer: str | None = "203.0.113.9",
    **head: Any,
) -> Request:
    """Sign a request, then change its head: a header that is None is left out."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    signed = front.headers(action, body, key=key, timestamp=timestamp, secret=secret)
    sent: dict[str, Any] = {name.lower(): value for name, value in signed.items()}
    sent["content-length"] = str(len(body))
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    lists = {
        name.encode(): value if isinstance(value, list) else [value]
        for name, value in sent.items()
        if value is not None
    }
    encoded = {
        name: [one if isinstance(one, bytes) else one.encode() for one in values]
        for name, values in lists.items()
    }
    given = {"method": "POST", "path": f"/{front.client_id}/{action}".encode()} | head
    return Request(head=Head(headers=encoded, peer=peer, **given), body=body)


def send(front: Storefront, *arguments: Any, **changes: Any) -> Reply:
    """Sign, change and send."""
    return Reply.of(front.bridge.handle(request(front, *arguments, **changes)))


def again(front: Storefront, sent: Request) -> Reply:
    """Send what was made before."""
    return Reply.of(front.bridge.handle(sent))


def without_id(reply: Reply) -> tuple[Any, ...]:
    """Give all of an answer but its request id."""
    body = {name: value for name, value in reply.json.items() if name != "request_id"}
    headers = {name: value for name, value in reply.headers.items() if name != "X-Request-Id"}
    return reply.status, body, headers, len(reply.body)


def contents(storage: MemoryStorage) -> dict[str, dict]:
    """Copy every table, so that a test can say: nothing happened."""
    published = storage._published
    return {
        name: dict(table.rows) for name, table in vars(published).items() if hasattr(table, "rows")
    }


class Meddled(MemoryStorage):
    """A storage in which something happens around its units.

    `before` runs once before the next writing unit, `inside` in every writing unit after it was
    opened, `after` as it is left; `reads` as a reading unit is opened.
    """

    before: Callable[[], None] | None = None
    inside: Callable[[Any], None] | None = None
    after: Callable[[], None] | None = None
    reads: Callable[[], None] | None = None

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Open a reading unit, or fail to."""
        if self.reads:
            self.reads()
        with super().reading() as unit:
            yield unit

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a writing unit with what happens around it."""
        happening, self.before = self.before, None
        if happening:
            happening()
        with super().writing() as unit:
            if self.inside:
                self.inside(unit)
            yield unit
            if self.after:
                self.after()


class Failing:
    """A repository one of whose methods raises."""

    def __init__(self, inner: Any, method: str, error: Exception) -> None:
        self._inner, self._method, self._error = inner, method, error

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            return self._fail
        return getattr(self._inner, name)

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise self._error


def failing(repository: str, method: str, error: Exception) -> Callable[[Any], None]:
    """Make one method of a unit's repository raise."""

    def break_(unit: Any) -> None:
        setattr(unit, repository, Failing(getattr(unit, repository), method, error))

    return break_


def raising(error: Exception) -> Callable[[], None]:
    """Make something that raises."""

    def happen() -> None:
        raise error

    return happen


# What makes each step fail, in the order of the steps: the first that applies must answer.
ORDER = {
    "not_found": 1,
    "method_not_allowed": 2,
    "query_not_allowed": 3,
    "unsupported_media_type": 4,
    "invalid_content_length": 5,
    "missing_auth_header": 6,
    "malformed_auth_header": 6,
    "client_id_mismatch": 7,
    "wide timestamp_out_of_window": 8,
    "incomplete_body": 9,
    "authentication_failed": 10,
    "timestamp_out_of_window": 11,
    "connection_disabled": 12,
    "ip_not_allowed": 13,
    "unknown_action": 14,
    "insufficient_scope": 14,
    "invalid_json": 15,
    "pan_detected": 16,
    "invalid_request": 17,
    "own price insufficient_scope": 17,
}
PAIRS = [
    pair
    for pair in itertools.combinations(ORDER, 2)
    if pair != ("unknown_action", "insufficient_scope")
    and not (pair[0] == "unknown_action" and pair[1].startswith("own price"))
]


def failing_at(*faults: str) -> Reply:  # noqa: C901, PLR0912 -- one branch for each fault
    """Send one request that fails every one of `faults`."""
    shop = open_shop()
    front = shop.storefront(
        scopes=["carts:read"] if "insufficient_scope" in faults else ["carts:read", "carts:write"],
        allow=[OFFICE] if "ip_not_allowed" in faults else [],
    )
    if "connection_disabled" in faults:
        shop.bridge.connections.disable(front.client_id)
    fields: dict[str, Any] = dict(CREATE)
    if "pan_detected" in faults:
        fields["metadata"] = {"note": VISA}
    if "invalid_request" in faults:
        fields["colour"] = "red"
    if "own price insufficient_scope" in faults:
        fields["items"] = [item("mug", unit_price=1)]
    body = json.dumps(fields).encode()
    if "invalid_json" in faults:
        body = body[:-1]
    headers: dict[str, Any] = {}
    head: dict[str, Any] = {}
    if "client_id_mismatch" in faults:
        head["path"] = f"/{shop.storefront('Other').client_id}/cart.create".encode()
    if "not_found" in faults:
        head["path"] = f"/{front.client_id}/cart.create/".encode()
    if "method_not_allowed" in faults:
        head["method"] = "PUT"
    if "query_not_allowed" in faults:
        head["query"] = b"a=b"
    if "unsupported_media_type" in faults:
        headers["content-type"] = "text/plain"
    if "incomplete_body" in faults:
        headers["content-length"] = str(len(body) + 1)
    if "invalid_content_length" in faults:
        headers["content-length"] = f"+{len(body)}"
    if "missing_auth_header" in faults:
        headers["x-signature"] = None
    away = {"wide timestamp_out_of_window": 301, "timestamp_out_of_window": 61}
    late = max([away.get(fault, 0) for fault in faults], default=0)
    return send(
        front,
        "cart.make" if "unknown_action" in faults else "cart.create",
        body,
        key="k",
        timestamp=shop.clock.now() // 1000 - late,
        secret="ofs_" + "x" * 43 if "authentication_failed" in faults else None,
        headers=headers | ({"idempotency-key": ""} if "malformed_auth_header" in faults else {}),
        **head,
    )


class TestOrder:
    """The first failure answers."""

    @pytest.mark.parametrize("fault", ORDER)
    def test_each_step_refuses_with_its_code(self, fault: str) -> None:
        """One thing wrong, and its own code and status."""
        reply = failing_at(fault)
        code = fault.rpartition(" ")[2]
        assert (reply.status, reply.code) == (CODES[code][0], code)

    @pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
    def test_the_first_failure_answers(self, pair: tuple[str, str]) -> None:
        """Two things wrong: the earlier step's code, for any two steps."""
        assert failing_at(*pair).code == pair[0].rpartition(" ")[2]

    def test_everything_wrong_is_the_first_step(self) -> None:
        """And so on down the table, one repair at a time."""
        faults = list(ORDER)
        faults.remove("unknown_action")
        for place, fault in enumerate(faults):
            assert failing_at(*faults[place:]).code == fault.rpartition(" ")[2]

    def test_nothing_wrong_passes(self) -> None:
        """The request that all of these are made from is answered."""
        assert failing_at().status == 200

    def test_a_wide_window_names_itself(self) -> None:
        """Step 8 speaks of the widest window, step 11 of the connection's."""
        wide, own = (
            failing_at("wide timestamp_out_of_window"),
            failing_at("timestamp_out_of_window"),
        )
        assert ("300 seconds" in wide.json["detail"], "60 seconds" in own.json["detail"]) == (
            True,
        ) * 2

    def test_the_connection_read_again_answers_before_a_replay(self) -> None:
        """Step 18 comes before step 19."""
        storage = Meddled()
        shop = open_shop(storage=storage)
        front = shop.storefront()
        sent = request(front)
        assert again(front, sent).status == 200
        storage.before = lambda: shop.bridge.connections.disable(front.client_id)
        assert again(front, sent).code == "connection_disabled"

    def test_a_replay_answers_before_its_stored_answer(self, storefront: Storefront) -> None:
        """Step 19 comes before step 20."""
        sent = request(storefront, key="k")
        assert again(storefront, sent).status == 200
        assert again(storefront, sent).code == "replayed_request"

    def test_a_reused_key_answers_before_the_action(self, storefront: Storefront) -> None:
        """Step 20 comes before step 21."""
        assert send(storefront, key="k").status == 200
        refused = CREATE | {"items": [item("nope")]}
        assert send(storefront, body=refused, key="k").code == "idempotency_key_reused"

    @pytest.mark.parametrize("code", ["body_too_large", "incomplete_body", "body_timeout"])
    def test_a_shell_refuses_for_step_9(self, storefront: Storefront, code: str) -> None:
        """What only a shell can see is answered by the core all the same."""
        admitted = storefront.bridge.admit(request(storefront).head)
        assert isinstance(admitted, Admitted)
        reply = Reply.of(storefront.bridge.refuse(code, admitted))
        assert (reply.status, reply.code) == (CODES[code][0], code)
        assert reply.headers["X-Request-Id"] == admitted.request_id == reply.json["request_id"]
        limit = storefront.bridge.settings.max_body
        assert (str(limit) in reply.json["detail"]) == (code == "body_too_large")


class TestEnvelope:
    """Steps 1 to 6 and 9: what can be told before anyone is known."""

    @pytest.mark.parametrize(
        "path",
        [
            b"", b"/", b"/x", b"/{id}", b"/{id}/", b"/{id}/cart.create/", b"//{id}/cart.create",
            b"/{id}//cart.create", b"/{id}/cart%2Ecreate", b"/{id}/%63art.create",
            b"/{id}/cart.create%00",
            b"/{id}/../admin", b"/{id}/..%2fadmin", b"/{id}/cart.create;a=b", b"/{id}\\cart.create",
            b"/{id}/cart.create\n", b"/{id}/cart.create.now", b"/{id}/cart_create",
            b"/sho\0ront/cart.create",
            b"/" + b"a" * 10_000 + b"/cart.create", "/😀😀😀😀😀😀😀😀/cart.create".encode(),
            b"{id}/cart.create",
        ],
    )  # fmt: skip
    def test_only_an_id_and_an_action_are_an_endpoint(self, storefront, path: bytes) -> None:
        """Attack rows 13, 53-55: nothing is decoded, normalised or redirected."""
        reply = send(storefront, path=path.replace(b"{id}", storefront.client_id.encode()))
        assert (reply.status, reply.code) == (404, "not_found")
        assert "Location" not in reply.headers

    @pytest.mark.parametrize(
        "method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "post", ""]
    )
    def test_only_post_is_a_method(self, storefront: Storefront, method: str) -> None:
        """Attack rows 51 and 52: 405 with Allow, no override and no CORS."""
        reply = send(
            storefront,
            method=method,
            headers={"x-http-method-override": "POST", "origin": "https://evil.example"},
        )
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("application/json", 200), ("application/json; charset=utf-8", 200),
            ("APPLICATION/JSON", 200), ("application/json ", 200),
            ("Application/JSON;charset=UTF-8", 200), ('application/json; charset="utf-8"', 200),
            ("application/json; charset=utf-16", 415), ("application/json; charset=latin-1", 415),
            ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("", 415),
            ("application/jsonp", 415), ("application/json, text/plain", 415), (None, 415),
            (["application/json", "application/json"], 415), ("application/problem+json", 415),
        ],
    )  # fmt: skip
    def test_only_json_in_utf8_is_a_media_type(self, storefront, kind, status: int) -> None:
        """Attack row 64."""
        assert send(storefront, headers={"content-type": kind}).status == status

    @pytest.mark.parametrize("coding", ["gzip", "identity", "br, gzip"])
    def test_no_content_encoding_is_read(self, storefront: Storefront, coding: str) -> None:
        """Attack row 63."""
        reply = send(storefront, headers={"content-encoding": coding})
        assert (reply.status, reply.code) == (415, "unsupported_media_type")
        assert "Content-Encoding" in reply.json["detail"]

    @pytest.mark.parametrize(
        ("length", "code"),
        [
            ("-1", "invalid_content_length"), ("+2", "invalid_content_length"),
            ("1_0", "invalid_content_length"), ("0x1", "invalid_content_length"),
            ("", "invalid_content_length"), (" 2", "invalid_content_length"),
            ("２", "invalid_content_length"), ("9" * 5000, "body_too_large"),
            ("0" * 30 + "18", "incomplete_body"), ("1" + "0" * 30, "body_too_large"),
            (["17", "18"], "invalid_content_length"), (["17", "17"], "invalid_content_length"),
            ("17, 17", "invalid_content_length"), ("262145", "body_too_large"),
            ("9" * 18, "body_too_large"), ("18", "incomplete_body"), ("20", "incomplete_body"),
        ],
    )  # fmt: skip
    def test_a_length_is_digits_once_within_the_limit(self, storefront, length, code: str) -> None:
        """Attack rows 58, 59, 61."""
        assert send(storefront, headers={"content-length": length}).code == code

    @pytest.mark.parametrize("end", ["x", "18", ""])
    def test_a_long_length_is_read_once(self, storefront: Storefront, end: str) -> None:
        """A million zeros before whatever follows: going back over each would take an hour."""
        code = "invalid_content_length" if end == "x" else "incomplete_body"
        assert send(storefront, headers={"content-length": "0" * 1_000_000 + end}).code == code

    def test_a_length_beside_a_transfer_encoding_is_refused(self, storefront: Storefront) -> None:
        """Attack row 62: two framings are one too many."""
        chunked = {"transfer-encoding": "chunked"}
        assert send(storefront, headers=chunked, framed=True).code == "invalid_content_length"
        chunked = {"transfer-encoding": "chunked", "content-length": None}
        assert send(storefront, headers=chunked).code == "length_required"
        assert send(storefront, headers=chunked, framed=True).status == 200

    def test_a_body_past_the_limit_is_refused_without_a_length(self) -> None:
        """Attack row 60: bytes are counted, not believed."""
        front = open_shop(max_body=1024).storefront()
        chunked = {"transfer-encoding": "chunked", "content-length": None}
        for size, code in ((1024, "invalid_json"), (1025, "body_too_large")):
            reply = send(front, body=b" " * size, headers=chunked, framed=True)
            assert reply.code == code

    def test_a_declared_length_may_be_the_limit_itself(self) -> None:
        """A byte more is refused before it is read, and the answer names the limit."""
        front = open_shop(max_body=1024).storefront()
        assert isinstance(front.bridge.admit(request(front, body=b" " * 1024).head), Admitted)
        refused = Reply.of(front.bridge.admit(request(front, body=b" " * 1025).head))
        assert refused.code == "body_too_large"
        assert "1024 bytes" in refused.json["detail"]

    @pytest.mark.parametrize("name", ["x-client-id", "x-timestamp", "x-signature"])
    def test_a_missing_header_answers_before_a_malformed_one(self, storefront, name: str) -> None:
        """Attack row 1."""
        broken: dict[str, Any] = {
            "x-client-id": "!", "x-timestamp": "!", "x-signature": "!", "idempotency-key": "!",
        }  # fmt: skip
        reply = send(storefront, headers=broken | {name: None})
        assert (reply.status, reply.code) == (401, "missing_auth_header")
        assert name.title() in reply.json["detail"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("x-timestamp", "１７６７２２５６００"), ("x-timestamp", "+767225600"),
            ("x-timestamp", "0767225600"),
            ("x-timestamp", "5_000"), ("x-timestamp", " 1767225600"),
            ("x-timestamp", "1767225600\n"),
            ("x-timestamp", "1e9"), ("x-timestamp", "inf"), ("x-timestamp", "2026-01-01T00:00:00Z"),
            ("x-timestamp", "9" * 400), ("x-timestamp", "9" * 5000), ("x-timestamp", ""),
            ("x-timestamp", ["1767225600"] * 2), ("x-timestamp", "1767225600,1767225600"),
            ("x-signature", "v1="), ("x-signature", ""), ("x-signature", b"v1=" + b"\xff" * 64),
            ("x-signature", "v0=" + "a" * 64), ("x-signature", "sha256=" + "a" * 64),
            ("x-signature", "v1=" + "A" * 64), ("x-signature", "v1=" + "a" * 63),
            ("x-signature", "v1=" + "a" * 65), ("x-signature", ["v1=" + "a" * 64] * 2),
            ("x-signature", "v1=" + "a" * 64 + ",v1=" + "a" * 64),
            ("x-client-id", "short"), ("x-client-id", "a\0aaaaaaa"),
            ("x-client-id", "../../../etc"),
            ("x-client-id", "😀" * 8), ("x-client-id", "a" * 10_000),
            ("x-client-id", ["a" * 24] * 2),
            ("idempotency-key", ""), ("idempotency-key", ["k", "k"]), ("idempotency-key", "a,b"),
            ("idempotency-key", "k" * 129), ("idempotency-key", "k\n"),
            ("idempotency-key", ["1767225600000"] * 2),
        ],
    )  # fmt: skip
    def test_a_malformed_header_is_named(self, storefront, name: str, value) -> None:
        """Attack rows 2-5, 7, 10, 13, 16-21, 26: 401, never a fault."""
        reply = send(storefront, headers={name: value})
        assert (reply.status, reply.code) == (401, "malformed_auth_header")
        assert reply.json["detail"] == f"Send {name.title()} once, as the protocol writes it."

    def test_milliseconds_get_a_hint(self, storefront: Storefront) -> None:
        """Attack row 6."""
        reply = send(storefront, headers={"x-timestamp": str(storefront.clock.now())})
        assert reply.code == "malformed_auth_header"
        assert reply.json["detail"].startswith("Send X-Timestamp once")
        assert "looks like milliseconds" in reply.json["detail"]


class TestAuthentication:
    """Step 10: one answer for everybody who is not in."""

    def attempts(self, shop: TestShop) -> dict[str, Reply]:
        """Fail to authenticate in every way there is."""
        good = shop.storefront("Good")
        stranger = dataclasses.replace(good, client_id="ofc_" + "0" * 20)
        rotated, revoked, off, listed, lost = (
            shop.storefront(name) for name in ("Rotated", "Revoked", "Off", "Listed", "Lost")
        )
        shop.bridge.connections.rotate(rotated.client_id, grace=60)
        shop.bridge.connections.rotate(revoked.client_id)
        shop.bridge.connections.disable(off.client_id)
        shop.bridge.connections.allow(listed.client_id, [OFFICE])
        shop.clock.forward(60)
        lost.secret = "ofs_" + "y" * 43
        wrong = good.secret
        other_case = "ofc_" + good.client_id[4:].upper()
        fronts = {
            "unknown client": stranger,
            "expired secret": rotated,
            "revoked secret": revoked,
            "wrong secret": lost,
            "disabled": dataclasses.replace(off, secret=wrong),
            "not allowed": dataclasses.replace(listed, secret=wrong),
            "wrong case": dataclasses.replace(good, client_id=other_case),
        }  # fmt: skip
        replies = {name: send(front) for name, front in fronts.items()}
        replies["unknown action"] = send(good, "cart.make", secret=lost.secret)
        replies["no json"] = send(good, body=b"{", secret=lost.secret)
        return replies

    def test_every_failure_has_one_answer(self, shop: TestShop) -> None:
        """Attack rows 13-15, 38, 39, 42, 57: identical but for the request id."""
        replies = self.attempts(shop)
        assert {reply.code for reply in replies.values()} == {"authentication_failed"}
        first = without_id(replies["unknown client"])
        for name, reply in replies.items():
            assert without_id(reply) == first, name

    def test_every_attempt_costs_the_same(self, shop: TestShop, monkeypatch) -> None:
        """Two derivations and two MACs, whoever asks and whatever is missing."""
        counted: list[str] = []

        def counting(name: str) -> None:
            real = getattr(secrets, name)

            def call(*arguments: Any) -> Any:
                counted.append(name)
                return real(*arguments)

            monkeypatch.setattr(secrets, name, call)

        counting("mac")
        counting("_printed")
        cost = ["_printed", "_printed", "mac", "mac"]
        real_send = send

        def counted_send(*arguments: Any, **changes: Any) -> Reply:
            counted.clear()
            reply = real_send(*arguments, **changes)
            assert counted == cost
            return reply

        monkeypatch.setitem(globals(), "send", counted_send)
        self.attempts(shop)
        front = shop.storefront("Fine")
        assert counted_send(front).status == 200
        shop.bridge.connections.rotate(front.client_id, grace=60)
        assert counted_send(front, key="old-secret").status == 200
        other = f"k2:{new_master_key(CountedEntropy().token(32))}"
        without = open_shop(storage=shop.bridge._storage, ring=other, stocked=False)
        lost = dataclasses.replace(front, bridge=without.bridge)
        assert counted_send(lost).code == "authentication_failed"

    @pytest.mark.parametrize(
        "changes",
        [
            {"action_sent": "cart.update"},
            {"headers": {"idempotency-key": "k"}},
            {"key": "k", "headers": {"idempotency-key": None}},
            {"key": "k", "headers": {"idempotency-key": "K"}},
            {"timestamp": -1, "headers": {"x-timestamp": "now"}},
            {"body_sent": b'{"currency": "EUR"}'},
        ],
    )  # fmt: skip
    def test_whatever_is_signed_cannot_be_changed(self, storefront: Storefront, changes) -> None:
        """Attack rows 22-26: nothing is written either."""
        before = contents(storefront.bridge._storage)
        now = storefront.clock.now() // 1000
        changes = dict(changes)
        if "timestamp" in changes:
            changes |= {"timestamp": now - 1, "headers": {"x-timestamp": str(now)}}
        if "action_sent" in changes:
            changes["path"] = f"/{storefront.client_id}/{changes.pop('action_sent')}".encode()
        body = changes.pop("body_sent", None)
        sent = request(storefront, **changes)
        if body is not None:
            sent = Request(head=sent.head, body=body)
        assert again(storefront, sent).code == "authentication_failed"
        assert contents(storefront.bridge._storage) == before

    def test_a_read_s_signature_is_no_order_s(self, storefront: Storefront) -> None:
        """Attack row 23: the action is signed."""
        cart = storefront.cart(item("mug"))
        body = order_fields(cart["cart_id"])
        path = f"/{storefront.client_id}/convertToOrder".encode()
        assert send(storefront, "cart.get", body, path=path).code == "authentication_failed"
        assert storefront.ok("orders.list")["orders"] == []

    def test_one_connection_s_signature_is_not_another_s(self, shop: TestShop) -> None:
        """Attack row 24: the client id is signed."""
        mine, other = shop.storefront("A"), shop.storefront("B")
        taken = {"x-client-id": other.client_id}
        path = f"/{other.client_id}/cart.create".encode()
        assert send(mine, headers=taken, path=path).code == "authentication_failed"

    @pytest.mark.parametrize(
        "part", ["x-timestamp", "x-client-id", "idempotency-key", "x-signature"]
    )
    def test_no_flipped_bit_of_a_header_gets_in(self, storefront: Storefront, part: str) -> None:
        """Attack row 22: AF or an earlier refusal, and nothing written."""
        before = contents(storefront.bridge._storage)
        sent = request(storefront, key="key-22")
        value = sent.head.headers[part.encode()][0]
        for bit in range(8 * len(value)):
            flipped = bytearray(value)
            flipped[bit // 8] ^= 1 << bit % 8
            headers = dict(sent.head.headers) | {part.encode(): [bytes(flipped)]}
            head = Head(
                method="POST",
                path=sent.head.path
                if part != "x-client-id"
                else b"/" + bytes(flipped) + b"/cart.create",
                headers=headers,
            )
            reply = again(storefront, Request(head=head, body=sent.body))
            assert reply.status in (401, 404)
        assert contents(storefront.bridge._storage) == before

    def test_a_lost_master_key_is_af_and_a_line_in_the_log(self, caplog) -> None:
        """Attack row 92: the operator learns which connection it is, a caller learns nothing."""
        storage = MemoryStorage()
        front = open_shop(storage=storage).storefront()
        other = new_master_key(CountedEntropy().token(32))
        without = open_shop(storage=storage, ring=f"k2:{other}", stocked=False)
        lost = dataclasses.replace(front, bridge=without.bridge)
        unknown = dataclasses.replace(lost, client_id="ofc_" + "0" * 20)
        assert without_id(send(lost)) == without_id(send(unknown))
        lines = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
        assert len(lines) == 1
        assert front.client_id in lines[0]
        assert "master key" in lines[0]
        with pytest.raises(ConfigurationError, match="k1"):
            without.bridge.connections.reveal(front.client_id)

    def test_a_lost_master_key_is_told_once(self, caplog) -> None:
        """No stranger fills the log of faults with it, however often he knocks."""
        storage = MemoryStorage()
        shop = open_shop(storage=storage)
        fronts = [shop.storefront("A"), shop.storefront("B")]
        other = new_master_key(CountedEntropy().token(32))
        without = open_shop(storage=storage, ring=f"k2:{other}", stocked=False)
        for front in [*fronts, *fronts]:
            reply = send(dataclasses.replace(front, bridge=without.bridge))
            assert reply.code == "authentication_failed"
        lines = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert len(lines) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            {"path": "/{id}/cart.create/"}, {"method": "GET"}, {"query": b"a"},
            {"headers": {"content-type": "text/plain"}}, {"headers": {"content-length": "+1"}},
            {"headers": {"x-signature": None}}, {"headers": {"idempotency-key": ""}},
            {"timestamp": 1_000_000_000}, {"headers": {"content-length": "300"}},
            {"secret": "ofs_" + "z" * 43},
        ],
    )  # fmt: skip
    def test_nothing_before_the_mac_tells_connections_apart(self, shop: TestShop, fault) -> None:
        """Unknown, enabled, disabled and listed connections answer alike up to step 10."""
        known, off = shop.storefront("Known"), shop.storefront("Off")
        listed = shop.storefront("Listed", allow=[OFFICE])
        shop.bridge.connections.disable(off.client_id)
        unknown = dataclasses.replace(known, client_id="ofc_" + "0" * 20)
        answers = []
        for front in (unknown, known, off, listed):
            changes = dict(fault)
            if "path" in changes:
                changes["path"] = changes["path"].replace("{id}", front.client_id).encode()
            answers.append(without_id(send(front, **changes)))
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][0] >= 400


class TestRotation:
    """Which secrets are live."""

    def test_the_old_secret_works_in_grace_and_not_after(self, shop: TestShop, storefront) -> None:
        """Attack row 39: 200 until the last millisecond, then AF."""
        made = shop.bridge.connections.rotate(storefront.client_id, grace=30)
        renewed = dataclasses.replace(storefront, secret=made.secret)
        assert made.secret != storefront.secret
        shop.clock.milliseconds += 29_999
        assert storefront.call("orders.list").status == 200
        assert renewed.call("orders.list").status == 200
        shop.clock.milliseconds += 1
        assert storefront.call("orders.list").code == "authentication_failed"
        assert renewed.call("orders.list").status == 200

    def test_without_grace_the_old_secret_is_revoked_at_once(self, shop, storefront) -> None:
        """Attack row 39."""
        shop.bridge.connections.rotate(storefront.client_id)
        assert storefront.call("orders.list").code == "authentication_failed"

    def test_a_secret_never_comes_back(self, shop: TestShop, storefront: Storefront) -> None:
        """Each issue has a nonce of its own."""
        rotate = shop.bridge.connections.rotate
        seen = {rotate(storefront.client_id).secret for _ in range(20)} | {storefront.secret}
        assert len(seen) == 21

    def test_an_open_grace_is_not_ended_unnoticed(self, shop: TestShop, storefront) -> None:
        """A third secret would shut out whoever still has the first."""
        rotate = shop.bridge.connections.rotate
        rotate(storefront.client_id, grace=60)
        with pytest.raises(BridgeError, match="grace"):
            rotate(storefront.client_id, grace=60)
        assert storefront.call("orders.list").status == 200
        rotate(storefront.client_id, grace=60, replace_open_grace=True)
        assert storefront.call("orders.list").code == "authentication_failed"

    def test_the_previous_secret_is_revoked_now(self, shop: TestShop, storefront) -> None:
        """Ended early, the grace is over, and another rotation has nothing to refuse."""
        connections = shop.bridge.connections
        made = connections.rotate(storefront.client_id, grace=60)
        assert storefront.call("orders.list").status == 200
        assert connections.revoke_previous(storefront.client_id).previous is None
        assert storefront.call("orders.list").code == "authentication_failed"
        renewed = dataclasses.replace(storefront, secret=made.secret)
        assert renewed.call("orders.list").status == 200
        connections.rotate(storefront.client_id, grace=60)
        assert renewed.call("orders.list").status == 200

    def test_a_rotation_between_verification_and_writing_counts(self) -> None:
        """Step 18 reads the connection again: a revoked secret writes nothing more."""
        storage = Meddled()
        shop = open_shop(storage=storage)
        front = shop.storefront()
        storage.before = lambda: shop.bridge.connections.rotate(front.client_id)
        assert send(front).code == "authentication_failed"
        assert contents(storage)["carts"] == {}
        front.secret = shop.bridge.connections.reveal(front.client_id).secret
        storage.before = lambda: shop.bridge.connections.rotate(front.client_id, grace=60)
        assert send(front).status == 200

    def test_two_rotations_between_verification_and_writing_leave_no_grace(self) -> None:
        """An open grace is the previous secret's, not that of the one before it."""
        storage = Meddled()
        shop = open_shop(storage=storage)
        front = shop.storefront()

        def twice() -> None:
            for _ in range(2):
                shop.bridge.connections.rotate(front.client_id, grace=60, replace_open_grace=True)

        storage.before = twice
        assert send(front).code == "authentication_failed"
        assert contents(storage)["carts"] == {}

    @pytest.mark.parametrize(("milliseconds", "status"), [(29_999, 200), (30_000, 401)])
    def test_a_grace_that_ends_before_writing_is_over(self, milliseconds, status: int) -> None:
        """To the millisecond, as in verification."""
        storage = Meddled()
        shop = open_shop(storage=storage)
        front = shop.storefront()
        shop.bridge.connections.rotate(front.client_id, grace=30)

        def late() -> None:
            shop.clock.milliseconds += milliseconds

        storage.before = late
        assert send(front).status == status


class TestOtherProcesses:
    """What an operator does works at once, everywhere."""

    @pytest.fixture
    def shops(self, tmp_path) -> Iterator[tuple[TestShop, TestShop]]:
        """Give two bridges on one database, as two processes have them."""
        url, clock = f"sqlite:///{tmp_path / 'shop.db'}", SetClock()
        one = open_shop(url, clock=clock)
        other = open_shop(url, clock=clock, entropy=CountedEntropy(b"other"), stocked=False)
        yield one, other
        for shop in (one, other):
            shop.bridge.close()

    def test_disabling_and_rotating_work_at_once(self, shops) -> None:
        """Attack row 40: the next request in any process."""
        one, other = shops
        front = one.storefront()
        there = dataclasses.replace(front, bridge=other.bridge)
        assert there.call("orders.list").status == 200
        one.bridge.connections.disable(front.client_id)
        assert there.call("orders.list").code == "connection_disabled"
        one.bridge.connections.enable(front.client_id)
        assert there.call("cart.create", **CREATE).status == 200
        one.bridge.connections.rotate(front.client_id)
        assert there.call("orders.list").code == "authentication_failed"

    def test_an_allow_list_works_at_once(self, shops) -> None:
        """Attack row 40, for addresses."""
        one, other = shops
        front = one.storefront()
        there = dataclasses.replace(front, bridge=other.bridge)
        assert there.call("orders.list").status == 200
        one.bridge.connections.allow(front.client_id, [OFFICE])
        assert there.call("orders.list").code == "ip_not_allowed"

    def test_a_replay_elsewhere_is_seen(self, shops) -> None:
        """Attack row 28, one after the other."""
        one, other = shops
        front = one.storefront()
        sent = request(front)
        assert again(front, sent).status == 200
        there = dataclasses.replace(front, bridge=other.bridge)
        assert again(there, sent).code == "replayed_request"

    def test_a_replay_after_a_restart_is_seen(self, tmp_path) -> None:
        """Attack row 29: what was spent stays spent."""
        url, clock = f"sqlite:///{tmp_path / 'shop.db'}", SetClock()
        shop = open_shop(url, clock=clock)
        front = shop.storefront()
        sent, keyed = request(front), request(front, key="k")
        assert {again(front, one).status for one in (sent, keyed)} == {200}
        shop.bridge.close()
        reopened = open_shop(url, clock=clock, stocked=False)
        front = dataclasses.replace(front, bridge=reopened.bridge)
        assert {again(front, one).code for one in (sent, keyed)} == {"replayed_request"}
        clock.forward(1)
        assert send(front, key="k").headers["Idempotent-Replayed"] == "true"
        reopened.bridge.close()


class TestAddresses:
    """Step 13, and who the client is."""

    def front(self, allow: list[str], **settings: Any) -> Storefront:
        """Give a storefront that may come from `allow` only."""
        return open_shop(**settings).storefront(allow=allow)

    @pytest.mark.parametrize(
        ("peer", "seen"),
        [
            ("198.51.100.7", None), ("::ffff:198.51.100.7", None),
            ("198.51.101.7", "198.51.101.7"), ("::ffff:198.51.101.7", "198.51.101.7"),
            ("64:ff9b::198.51.100.7", "64:ff9b::c633:6407"), ("fe80::1%eth0", "unknown"),
            (None, ""), ("", ""), ("-", "unknown"), ("unix", "unknown"), ("unknown", "unknown"),
            ("198.51.100.7\n", "unknown"), ("198.51.100.7%eth0", "unknown"),
        ],
    )  # fmt: skip
    def test_only_listed_addresses_get_in(self, peer, seen) -> None:
        """Attack rows 42, 47-49: others are told the address that was seen, in its normal form."""
        reply = send(self.front([OFFICE]), peer=peer)
        assert reply.status == (200 if seen is None else 403)
        assert reply.json.get("address") == seen
        assert reply.code in {None, "ip_not_allowed"}

    @pytest.mark.parametrize("peer", [None, ""])
    def test_a_unix_socket_is_allowed_by_name(self, peer) -> None:
        """Attack row 49."""
        assert send(self.front(["unix"]), peer=peer).status == 200

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP"])
    def test_no_header_is_believed_unless_configured(self, name: str) -> None:
        """Attack rows 44 and 46."""
        reply = send(self.front([OFFICE]), headers={name: "198.51.100.7"})
        assert (reply.code, reply.json["address"]) == ("ip_not_allowed", "203.0.113.9")

    @pytest.mark.parametrize(
        ("peer", "forwarded", "address"),
        [
            ("10.0.0.5", ["198.51.100.7"], None),
            ("10.0.0.5", ["192.0.2.1, 198.51.100.7"], None),
            ("10.0.0.5", ["192.0.2.1", "198.51.100.7, 10.0.0.9"], None),
            ("10.0.0.5", ["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.5", ["198.51.100.7", "192.0.2.1"], "192.0.2.1"),
            ("192.0.2.5", ["198.51.100.7"], "192.0.2.5"),
            ("10.0.0.5", ["a"], "unknown"),
            ("10.0.0.5", ["198.51.100.7,"], "unknown"),
            ("10.0.0.5", ["198.51.100.7:443"], None),
            ("10.0.0.5", ["198.51.100.7:99999"], "unknown"),
            ("10.0.0.5", ["010.0.0.1"], "unknown"),
            ("::ffff:10.0.0.5", ["::ffff:198.51.100.7"], None),
            ("10.0.0.5", ["fe80::1%eth0"], "unknown"),
            ("10.0.0.5", ["64:ff9b::198.51.100.7"], "64:ff9b::c633:6407"),
            ("10.0.0.5", [", ".join(["198.51.100.7"] * 500)], "unknown"),
            ("10.0.0.5", None, "unknown"),
        ],
    )
    def test_a_trusted_proxy_tells_the_client(self, peer, forwarded, address) -> None:
        """Attack rows 43-45: the rightmost hop that is not a proxy, and nothing odd."""
        front = self.front(
            [OFFICE], trusted_proxies=("10.0.0.0/8",), client_address_header="X-Forwarded-For"
        )
        reply = send(front, peer=peer, headers={"x-forwarded-for": forwarded})
        assert reply.status == (200 if address is None else 403)
        assert reply.json.get("address") == address

    @pytest.mark.parametrize(
        ("name", "sent", "address"),
        [
            ("Forwarded", ["for=192.0.2.1, for=198.51.100.7;proto=https"], None),
            ("Forwarded", ["for=198.51.100.7, for=192.0.2.1"], "192.0.2.1"),
            ("Forwarded", ['for=198.51.100.7;by="', "for=192.0.2.1"], "unknown"),
            ("Forwarded", ["for=unknown"], "unknown"),
            ("Forwarded", ["198.51.100.7"], "unknown"),
            ("X-Real-IP", ["198.51.100.7"], None),
            ("X-Real-IP", ["198.51.100.7", "192.0.2.1"], "unknown"),
            ("X-Real-IP", ["198.51.100.7, 192.0.2.1"], "unknown"),
            ("CF-Connecting-IP", ["198.51.100.7"], None),
            ("CF-Connecting-IP", ["192.0.2.1"], "192.0.2.1"),
            ("CF-Connecting-IP", None, "unknown"),
        ],
    )
    def test_the_configured_header_has_its_own_grammar(self, name, sent, address) -> None:
        """And the others, which a client may send along, are not there."""
        front = self.front([OFFICE], trusted_proxies=("10.0.0.5",), client_address_header=name)
        others = dict.fromkeys(["X-Forwarded-For", "Forwarded", "X-Real-IP"], "198.51.100.7")
        reply = send(front, peer="10.0.0.5", headers=others | {name: None} | {name.lower(): sent})
        assert reply.status == (200 if address is None else 403)
        assert reply.json.get("address") == address
        assert send(front, headers={name: sent}).json["address"] == "203.0.113.9"

    @pytest.mark.parametrize("peer", [None, ""])
    def test_a_proxy_on_a_unix_socket_is_trusted_by_name(self, peer) -> None:
        """Attack row 49: a socket's word counts where `unix` is among the proxies."""
        proxies = {"trusted_proxies": ("unix",), "client_address_header": "X-Real-IP"}
        front = self.front([OFFICE], **proxies)
        assert send(front, peer=peer, headers={"X-Real-IP": "198.51.100.7"}).status == 200
        refused = send(front, peer=peer, headers={"X-Real-IP": "192.0.2.1"})
        assert refused.json["address"] == "192.0.2.1"
        assert send(front, peer=peer).json["address"] == "unknown"
        others = self.front(["unix"], **proxies | {"trusted_proxies": ("10.0.0.5",)})
        assert send(others, peer=peer, headers={"X-Real-IP": "192.0.2.1"}).status == 200

    def test_a_shell_hands_over_the_header_of_the_settings(self) -> None:
        """Beside those that the protocol reads, and only where the settings name one."""
        named = {"trusted_proxies": ("10.0.0.5",), "client_address_header": "X-Real-IP"}
        plain, proxied = open_shop().bridge, open_shop(**named).bridge
        assert set(proxied.read_headers) - set(plain.read_headers) == {b"x-real-ip"}
        assert all(plain.read_headers)

    @pytest.mark.parametrize("declared", [False, True])
    def test_no_header_is_read_that_may_be_an_alias(self, *, declared: bool) -> None:
        """Attack row 11: of a host that merges them, only where aliases are dropped before."""
        front = self.front(
            [OFFICE],
            trusted_proxies=("10.0.0.5",),
            client_address_header="X-Forwarded-For",
            header_aliases_dropped=declared,
        )
        sent = {"X-Forwarded-For": "198.51.100.7"}
        read = partial(send, front, "orders.list", {})
        merged = read(peer="10.0.0.5", headers=sent, aliased=True)
        assert merged.status == (200 if declared else 403)
        assert merged.json.get("address") == (None if declared else "unknown")
        assert read(peer="10.0.0.5", headers=sent).status == 200
        assert read(peer="198.51.100.9", aliased=True).status == 200

    @pytest.mark.parametrize(
        "settings",
        [
            {"trusted_proxies": ("10.0.0.0/8",)},
            {"client_address_header": "X-Forwarded-For"},
            {"trusted_proxies": ("0.0.0.0/0",), "client_address_header": "X-Forwarded-For"},
            {"trusted_proxies": ("proxy",), "client_address_header": "X-Forwarded-For"},
        ],
    )
    def test_half_a_configuration_does_not_start(self, settings) -> None:
        """Attack row 50: a dangerous setting is refused at the start."""
        with pytest.raises(ConfigurationError, match="trusted_proxies"):
            open_shop(**settings)

    def test_an_allow_list_is_compiled_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not for each request, however many ranges it has; a changed one counts at once."""
        compiled = []

        def compile_list(entries: tuple[str, ...]) -> AllowList:
            compiled.append(entries)
            return parse_allow_list(entries)

        monkeypatch.setattr(protocol, "parse_allow_list", compile_list)
        shop = open_shop()
        front = shop.storefront(allow=[f"10.{n // 256}.{n % 256}.0/25" for n in range(1_000)])
        for inside in ("10.0.0.0", "10.1.77.127", "10.3.231.127"):
            assert send(front, "orders.list", {}, peer=inside).status == 200
        for outside in ("10.0.0.128", "10.1.77.128", "10.3.232.0"):
            assert send(front, "orders.list", {}, peer=outside).status == 403
        assert len(compiled) == 1
        shop.bridge.connections.allow(front.client_id, ["10.7.4.0/30"])
        assert send(front, "orders.list", {}, peer="10.7.4.0").status == 200
        assert send(front, "orders.list", {}, peer="10.1.77.0").status == 403
        assert len(compiled) == 2

    def test_the_lists_of_two_connections_are_compiled_once_each(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where they take turns."""
        compiled = []

        def compile_list(entries: tuple[str, ...]) -> AllowList:
            compiled.append(entries)
            return parse_allow_list(entries)

        monkeypatch.setattr(protocol, "parse_allow_list", compile_list)
        shop = open_shop()
        fronts = [shop.storefront(f"Shop {n}", allow=[f"10.0.0.{n}"]) for n in range(2)]
        for _ in range(3):
            for n, front in enumerate(fronts):
                assert send(front, "orders.list", {}, peer=f"10.0.0.{n}").status == 200
        assert len(compiled) == 2

    def test_an_empty_list_is_flagged_to_the_operator(self, shop: TestShop) -> None:
        """It allows everyone; so does a range of everyone."""
        create = shop.bridge.connections.create
        assert "every address" in create("A", scopes=["carts:read"]).warnings[0]
        everyone = create("B", scopes=["carts:read"], allow=["0.0.0.0/0"]).warnings
        assert "every IPv4 address" in everyone[0]
        assert create("C", scopes=["carts:read"], allow=[OFFICE]).warnings == ()


class TestWindow:
    """Steps 8, 11 and 18: the time of a request."""

    @pytest.mark.parametrize(
        ("away", "status"), [(-60, 200), (-61, 401), (60, 200), (61, 401), (5_490_892_800, 401)]
    )
    def test_the_default_is_sixty_seconds_both_ways(
        self, storefront, away: int, status: int
    ) -> None:
        """Attack rows 8 and 9; a refusal tells both clocks."""
        now = storefront.clock.now() // 1000
        reply = send(storefront, timestamp=now + away)
        assert reply.status == status
        if status == 401:
            assert reply.code == "timestamp_out_of_window"
            assert (reply.json["server_time"], reply.json["skew_seconds"]) == (now, -away)

    def test_a_connection_has_its_own_window(self, shop: TestShop) -> None:
        """From 1 second to the setting."""
        now = shop.clock.now() // 1000
        for window in (1, 300):
            front = shop.storefront(window=window)
            assert send(front, timestamp=now - window).status == 200
            assert send(front, timestamp=now - window - 1).code == "timestamp_out_of_window"
        for window in (0, 301):
            with pytest.raises(BridgeError, match="window"):
                shop.storefront(window=window)

    def test_a_request_dated_ahead_is_not_forgotten_while_it_is_fresh(
        self, shop, storefront
    ) -> None:
        """Attack row 30: purging at t+66 s does not let it in again."""
        sent = request(storefront, timestamp=shop.clock.now() // 1000 + 60)
        assert again(storefront, sent).status == 200
        shop.clock.forward(66)
        shop.bridge.purge()
        assert again(storefront, sent).code == "replayed_request"

    @pytest.mark.parametrize(
        ("widest", "seconds"), [(1, 900), (435, 900), (436, 902), (3600, 7230)]
    )
    def test_a_signature_is_remembered_while_any_window_may_take_it(
        self, widest: int, seconds: int
    ) -> None:
        """Twice the widest window and half a minute, but never less than a quarter of an hour."""
        shop = open_shop(max_window=widest)
        front = shop.storefront(window=1)
        now = shop.clock.now()
        assert send(front).status == 200
        with shop.bridge._storage.reading() as unit:
            kept = [
                counting(unit).spent_after(until, connection=front.client_id, limit=9)
                for until in (now + seconds * 1000 - 1, now + seconds * 1000)
            ]
        assert kept == [1, 0]

    def test_a_clock_that_steps_back_lets_nothing_in_twice(self, shop, storefront) -> None:
        """Attack row 31: also after a purge in between."""
        sent = request(storefront)
        assert again(storefront, sent).status == 200
        shop.clock.forward(600)
        shop.bridge.purge()
        assert again(storefront, sent).code == "timestamp_out_of_window"
        shop.clock.forward(-600)
        assert again(storefront, sent).code == "replayed_request"

    def test_a_body_held_back_is_judged_by_a_fresh_clock(self, shop, storefront) -> None:
        """Attack row 31: twenty minutes between head and body are too many."""
        sent = request(storefront)
        admitted = storefront.bridge.admit(sent.head)
        shop.clock.forward(20 * 60)
        reply = Reply.of(storefront.bridge.execute(admitted, sent.body))
        assert (reply.code, reply.json["skew_seconds"]) == ("timestamp_out_of_window", 1200)

    def test_a_long_wait_for_the_writing_unit_counts(self) -> None:
        """Step 18 takes the time again."""
        storage = Meddled()
        shop = open_shop(storage=storage)
        front = shop.storefront()
        storage.before = lambda: shop.clock.forward(61)
        assert send(front).code == "timestamp_out_of_window"
        assert contents(storage)["carts"] == {}


class TestReplays:
    """Step 19: once only."""

    def test_a_write_is_accepted_once(self, storefront: Storefront) -> None:
        """Attack row 27, with and without a key; the detail says how to go on."""
        for key in (None, "k"):
            sent = request(storefront, key=key)
            assert again(storefront, sent).status == 200
            reply = again(storefront, sent)
            assert (reply.status, reply.code) == (409, "replayed_request")
            assert "next second" in reply.json["detail"]

    def test_a_refused_write_is_spent(self, storefront: Storefront) -> None:
        """Attack row 32: 409 for what the action refused."""
        sent = request(storefront, body=CREATE | {"items": [item("nope")]})
        assert again(storefront, sent).code == "unknown_sku"
        assert again(storefront, sent).code == "replayed_request"

    @pytest.mark.parametrize("body", [b"{", {"colour": 1}, {"metadata": {"a": VISA}}])
    def test_a_request_that_never_reached_the_action_is_not_spent(self, storefront, body) -> None:
        """Attack row 32: the same 4xx again, and nothing written."""
        before = contents(storefront.bridge._storage)
        sent = request(storefront, body=body, key="k")
        first = again(storefront, sent)
        assert first.status in (400, 422)
        assert without_id(again(storefront, sent)) == without_id(first)
        assert contents(storefront.bridge._storage) == before

    def test_a_read_may_be_sent_again_and_writes_nothing(self, storefront: Storefront) -> None:
        """A key on it is signed and otherwise ignored."""
        before = contents(storefront.bridge._storage)
        sent = request(storefront, "orders.list", {}, key="k")
        replies = [again(storefront, sent) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 200]
        assert all("Idempotent-Replayed" not in reply.headers for reply in replies)
        assert send(storefront, "orders.list", {"limit": 5}, key="k").status == 200
        assert contents(storefront.bridge._storage) == before

    def test_steps_up_to_17_write_nothing(self) -> None:
        """Nor do they open a writing unit."""
        storage = Meddled()
        shop = open_shop(storage=storage)
        front = shop.storefront()
        storage.before = raising(AssertionError("a writing unit was opened"))
        assert send(front, secret="ofs_" + "x" * 43).code == "authentication_failed"
        assert send(front, "cart.make").code == "unknown_action"
        assert send(front, body=b"{").code == "invalid_json"
        assert send(front, body={"colour": 1}).code == "invalid_request"
        assert send(front, "orders.list", {}).status == 200


class TestIdempotency:
    """Step 20: one answer for each key."""

    def test_a_retry_gets_the_stored_answer(self, shop, storefront: Storefront) -> None:
        """Attack row 33: signed anew, the same bytes, one cart."""
        body = json.dumps(CREATE | {"items": [item("lamp", 2)]}).encode()
        first = send(storefront, body=body, key="k")
        shop.clock.forward(3600)
        second = send(storefront, body=body, key="k")
        assert (second.status, second.body) == (200, first.body)
        assert second.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert len(contents(shop.bridge._storage)["carts"]) == 1

    def test_a_refused_action_is_final_for_its_key(self, shop, storefront: Storefront) -> None:
        """Attack row 33: the refusal is stored, even where the action would now pass."""
        fields = CREATE | {"items": [item("soon")]}
        first = send(storefront, body=fields, key="k")
        shop.bridge.catalogue.put([CatalogueEntry(sku="soon", name="Soon", prices={"GBP": 1})])
        shop.clock.forward(1)
        second = send(storefront, body=fields, key="k")
        assert (second.status, second.body) == (422, first.body)
        assert second.headers["Idempotent-Replayed"] == "true"
        assert second.headers["Content-Type"] == "application/problem+json"
        assert send(storefront, body=fields, key="k2").status == 200

    def test_a_key_stands_for_one_body(self, shop, storefront: Storefront) -> None:
        """Attack row 34: another body is refused, white space included."""
        assert send(storefront, key="k").status == 200
        for body in ({"currency": "EUR"}, b'{"currency":"GBP"}'):
            reply = send(storefront, body=body, key="k")
            assert (reply.status, reply.code) == (422, "idempotency_key_reused")
        assert len(contents(shop.bridge._storage)["carts"]) == 1

    def test_a_key_belongs_to_its_action_and_connection(self, shop: TestShop) -> None:
        """Attack rows 34 and 35: elsewhere the same key is another key."""
        one, other = shop.storefront("A"), shop.storefront("B")
        made = send(one, key="k").json
        assert send(other, key="k").json["cart_id"] != made["cart_id"]
        add = {"cart_id": made["cart_id"], "items": [item("mug")]}
        reply = send(one, "items.add", add, key="k")
        assert (reply.status, "Idempotent-Replayed" in reply.headers) == (200, False)

    def test_a_key_is_forgotten_after_its_lifetime(self, shop, storefront: Storefront) -> None:
        """24 hours by default."""
        first = send(storefront, key="k").json
        shop.clock.forward(86_400)
        assert send(storefront, key="k").json["cart_id"] != first["cart_id"]

    def test_nothing_before_the_action_takes_the_key(self, shop, storefront: Storefront) -> None:
        """A refusal of steps 1-19 leaves the key free for a corrected body."""
        for body in (b"{", {"colour": 1}):
            assert send(storefront, body=body, key="k").status in (400, 422)
        assert send(storefront, key="k").status == 200

    def test_while_a_provider_is_asked_a_twin_is_in_progress(self) -> None:
        """Attack row 36: 409 with Retry-After, then the stored answer."""
        shop, front, provider = remote_shop()
        cart = front.cart(item("mug"))
        body = json.dumps(order_fields(cart["cart_id"])).encode()
        twins = []
        earlier = shop.clock.now() // 1000 - 1
        provider.meanwhile = lambda: twins.append(
            send(front, "convertToOrder", body, key="k", timestamp=earlier)
        )
        first = send(front, "convertToOrder", body, key="k")
        assert first.status == 200
        (twin,) = twins
        assert (twin.status, twin.code) == (409, "idempotency_in_progress")
        assert 1 <= int(twin.headers["Retry-After"]) <= 5
        shop.clock.forward(1)
        assert send(front, "convertToOrder", body, key="k").body == first.body

    @pytest.mark.parametrize(
        ("left", "seconds"),
        [(120_000, "5"), (6_000, "5"), (3_000, "3"), (2_999, "2"), (1_000, "1"), (1, "1")],
    )
    def test_a_twin_waits_until_the_first_must_be_done_but_not_long(self, left, seconds) -> None:
        """Whole seconds of what is left of the lease, from one to five."""
        shop, front, provider = remote_shop()
        body = json.dumps(order_fields(front.cart(item("mug"))["cart_id"])).encode()
        lease = Settings().conversion_lease * 1000
        twins = []

        def twin() -> None:
            shop.clock.milliseconds += lease - left
            timestamp = shop.clock.now() // 1000 - 1
            twins.append(send(front, "convertToOrder", body, key="k", timestamp=timestamp))

        provider.meanwhile = twin
        send(front, "convertToOrder", body, key="k")
        assert twins[0].code == "idempotency_in_progress"
        assert twins[0].headers["Retry-After"] == seconds

    def test_a_stored_answer_has_the_type_it_had(self, shop, storefront: Storefront) -> None:
        """JSON where it was allowed, problem details where it was refused."""
        refused = CREATE | {"items": [item("nope")]}
        for key, body, kind in (("a", CREATE, "json"), ("b", refused, "problem+json")):
            first = send(storefront, body=body, key=key)
            shop.clock.forward(1)
            stored = send(storefront, body=body, key=key)
            assert stored.headers.pop("Idempotent-Replayed") == "true"
            assert stored.headers["Content-Type"] == f"application/{kind}"
            assert stored.headers.keys() == first.headers.keys()

    def test_try_again_is_never_final(self) -> None:
        """`cart_converting` frees its key."""
        shop, front, provider = remote_shop()
        cart = front.cart(item("mug"))
        add = {"cart_id": cart["cart_id"], "items": [item("mug")]}
        seen = []
        provider.meanwhile = lambda: seen.append(send(front, "items.add", add, key="k"))
        assert front.call("convertToOrder", **order_fields(cart["cart_id"])).status == 200
        assert (seen[0].code, "Retry-After" in seen[0].headers) == ("cart_converting", True)
        shop.clock.forward(1)
        reply = send(front, "items.add", add, key="k")
        assert (reply.code, "Idempotent-Replayed" in reply.headers) == ("cart_converted", False)


class Interrupted(SimulatedProvider):
    """A provider during whose answer something happens, once."""

    meanwhile: Callable[[], Any] | None = None

    def find(self, intent: str) -> Any:
        """Let it happen, and answer."""
        happening, self.meanwhile = self.meanwhile, None
        if happening:
            happening()
        return super().find(intent)


def remote_shop() -> tuple[TestShop, Storefront, Interrupted]:
    """Give a shop whose provider can be interrupted."""
    provider = Interrupted()
    provider.announce("pi_0001", amount=339, currency="GBP")
    shop = open_shop(payments=provider)
    return shop, shop.storefront(), provider


class TestAnswers:
    """What every answer carries, and what none may."""

    @pytest.mark.parametrize("fault", [None, *ORDER])
    def test_every_answer_carries_the_protocol_s_headers(self, fault: str | None) -> None:
        """Request id, no-store and nosniff everywhere; RFC 9457 where it is refused."""
        reply = failing_at(*[fault] if fault else [])
        assert len(reply.headers["X-Request-Id"]) == len("req_") + 26
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        if fault is None:
            assert reply.headers["Content-Type"] == "application/json"
            return
        code = fault.rpartition(" ")[2]
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "code", "detail", "request_id"} <= set(reply.json)
        assert reply.json["type"] == f"urn:orderflow-bridge:problem:{code}"
        assert (reply.json["status"], reply.json["title"]) == CODES[code]
        assert reply.json["status"] == reply.status
        assert reply.json["request_id"] == reply.headers["X-Request-Id"]
        assert reply.json["detail"]
        challenge = reply.headers.get("WWW-Authenticate")
        assert challenge == ("OFB1-HMAC-SHA256" if reply.status == 401 else None)
        assert reply.headers.get("Allow") == ("POST" if reply.status == 405 else None)
        assert ("Retry-After" in reply.headers) == (reply.status in (429, 503))

    @pytest.mark.parametrize(
        ("fault", "members"),
        [
            ("wide timestamp_out_of_window", {"server_time": 1_767_225_600, "skew_seconds": 301}),
            ("timestamp_out_of_window", {"server_time": 1_767_225_600, "skew_seconds": 61}),
            ("ip_not_allowed", {"address": "203.0.113.9"}),
            ("insufficient_scope", {"required": ["carts:write"]}),
            ("own price insufficient_scope", {"required": ["prices:write"]}),
            ("pan_detected", {"path": "/metadata/note"}),
            (
                "invalid_request",
                {"errors": [{"path": "/colour", "message": "is not a field here"}]},
            ),
        ],
    )
    def test_the_members_are_those_of_the_protocol(self, fault: str, members) -> None:
        """And no others."""
        common = {"type", "title", "status", "code", "detail", "request_id"}
        reply = failing_at(fault)
        assert {name: reply.json[name] for name in set(reply.json) - common} == members

    def test_the_same_request_gives_the_same_bytes(self) -> None:
        """With a set clock and entropy, two bridges answer alike."""
        one, other = (
            send(open_shop().storefront(), body=CREATE | {"items": [item("mug")]}) for _ in "ab"
        )
        assert (one.status, one.headers, one.body) == (other.status, other.headers, other.body)

    @pytest.mark.parametrize(
        "step", ["ok", "head", "mac", "json", "schema", "card", "action", "fault"]
    )
    def test_no_marker_comes_back_or_is_logged(  # noqa: C901 -- one branch for each step
        self, step: str, caplog, monkeypatch
    ) -> None:
        """Bodies, secrets and signatures are in no answer and no line, at any level."""
        caplog.set_level(logging.DEBUG)
        mark = "zq7markerzq7"
        shop = open_shop()
        front = shop.storefront()
        fields: dict[str, Any] = {"currency": "GBP", "metadata": {"tag": mark}}
        changes: dict[str, Any] = {
            "headers": {
                "user-agent": mark, "cookie": mark, "authorization": mark, "referer": mark,
                "x-forwarded-for": mark,
            },
            "key": f"key-{mark}",
        }  # fmt: skip
        if step == "head":
            changes["headers"]["x-signature"] = f"v1={mark}"
        elif step == "mac":
            changes["secret"] = "ofs_" + (mark * 4)[:43]
        elif step == "json":
            fields = {}
        elif step == "schema":
            fields |= {"currency": mark, "items": [{"sku": mark, "quantity": mark}]}
        elif step == "card":
            fields["metadata"] = {"tag": f"{mark} {VISA}"}
        elif step == "action":
            fields["items"] = [item(mark)]
        elif step == "fault":

            def burst(_work: Any, wanted: Any) -> Any:
                raise RuntimeError(f"{mark} {wanted}")

            broken = dataclasses.replace(ACTIONS["cart.create"], run=burst)
            monkeypatch.setitem(ACTIONS, "cart.create", broken)
        body = f'{{"note":"{mark}'.encode() if step == "json" else fields
        sent = request(front, body=body, **changes)
        reply = again(front, sent)
        assert (reply.status == 200) == (step == "ok")
        signature = sent.head.headers[b"x-signature"][0].decode()[3:]
        lines = "\n".join(
            [record.getMessage() + str(record.exc_info or "") for record in caplog.records]
        )
        assert reply.headers["X-Request-Id"] in lines
        for text in (front.secret, front.secret[4:], signature, VISA):
            assert text not in reply.body.decode() + str(reply.headers)
            assert text not in lines
        assert mark not in lines
        if step != "ok":
            assert mark not in reply.body.decode() + str(reply.headers)

    def test_a_log_line_is_one_line(self, caplog) -> None:
        """Attack row 81: controls and other scripts are escaped."""
        caplog.set_level(logging.DEBUG)
        front = open_shop().storefront(allow=[OFFICE])
        send(front, peer="198.51.100.7\r\n\x1b[31m\u2028\u202e")
        text = caplog.records[-1].getMessage()
        assert text.isascii()
        assert text.isprintable()
        assert "ip_not_allowed" in text

    def test_every_refusal_is_one_line_with_its_request_id(self, storefront, caplog) -> None:
        """An operator finds what a caller quotes."""
        caplog.set_level(logging.INFO)
        reply = send(storefront, secret="ofs_" + "x" * 43)
        (line,) = [record.getMessage() for record in caplog.records]
        decided = json.loads(line)
        assert decided["request_id"] == reply.json["request_id"]
        assert (decided["code"], decided["address"]) == ("authentication_failed", "203.0.113.9")


class TestRefusals:
    """What the operator is told."""

    def test_refusals_are_counted_by_reason_and_address(self, shop, storefront) -> None:
        """For the operator, the most frequent first; success is not counted."""
        for _ in range(3):
            send(storefront, secret="ofs_" + "x" * 43)
        send(storefront, body=b"{", peer="192.0.2.1")
        send(storefront)
        assert list(shop.bridge.refusals().items()) == [
            (("authentication_failed", "203.0.113.9"), 3),
            (("invalid_json", "192.0.2.1"), 1),
        ]

    def test_a_refusal_of_nobody_s_address_is_counted_too(self, shop: TestShop) -> None:
        """A server behind a socket may have no address to name."""
        front = dataclasses.replace(shop.storefront(), peer=None)
        front.call("nope.nope")
        assert shop.bridge.refusals() == {("unknown_action", "-"): 1}

    def test_the_count_is_bounded(self) -> None:
        """However many addresses come, memory does not grow, and nothing is lost."""
        refusals = Refusals(most=10)
        for number in range(1000):
            refusals.count("authentication_failed", f"2001:db8::{number:x}")
        seen = refusals.seen()
        assert len(seen) == 11
        assert sum(seen.values()) == 1000
        assert next(iter(seen)) == ("authentication_failed", "others")

    def test_a_shop_counts_two_thousand_addresses_apart(self) -> None:
        """And the rest together: a few hundred kilobytes at most."""
        refusals = Refusals()
        for number in range(2_050):
            refusals.count("authentication_failed", f"2001:db8::{number:x}")
        assert len(refusals.seen()) == 2_049

    def test_refusals_throttle_nobody(self, storefront: Storefront) -> None:
        """Attack row 82: after a thousand bad signatures a good one passes."""
        bad = request(storefront, secret="ofs_" + "x" * 43)
        assert {again(storefront, bad).code for _ in range(1000)} == {"authentication_failed"}
        assert send(storefront).status == 200


class TestFaults:
    """A fault rolls everything back."""

    @pytest.fixture
    def storage(self) -> Meddled:
        """Give a storage to meddle with."""
        return Meddled()

    @pytest.fixture
    def front(self, storage: Meddled) -> Storefront:
        """Give a storefront of a shop on it."""
        return open_shop(storage=storage).storefront()

    def assert_nothing_happened(self, front, storage, sent, status: int, code: str) -> Reply:
        """Send into the fault, then again without it."""
        before = contents(storage)
        reply = again(front, sent)
        assert (reply.status, reply.code) == (status, code)
        assert contents(storage) == before
        storage.before = storage.inside = storage.after = storage.reads = None
        retried = again(front, sent)
        assert retried.status == 200, retried.json
        assert "Idempotent-Replayed" not in retried.headers
        return reply

    @pytest.mark.parametrize("place", ["before", "after", "reads"])
    def test_a_storage_that_is_away_is_503(self, front, storage, place: str) -> None:
        """Attack row 37: as a unit is opened, as it commits, as it is read; with Retry-After."""
        sent = request(front, key="k")
        setattr(storage, place, raising(StorageUnavailable("gone")))
        reply = self.assert_nothing_happened(front, storage, sent, 503, "storage_unavailable")
        assert int(reply.headers["Retry-After"]) >= 1

    def test_what_the_storage_lacks_is_the_operator_s_to_know(self, front, storage, caplog) -> None:
        """One line says which request and why; the caller is told neither name nor place."""
        storage.reads = raising(StorageUnavailable("no disk\nat /srv/data"))
        reply = send(front)
        lines = [r.getMessage() for r in caplog.records if r.name == "orderflow_bridge.faults"]
        assert lines == [f"{reply.json['request_id']}: no disk\\nat /srv/data"]
        assert "/srv" not in reply.body.decode()

    @pytest.mark.parametrize(
        ("repository", "method"),
        [("connections", "find"), ("replays", "spend"), ("answers", "claim"), ("answers", "store")],
    )
    def test_a_ledger_that_is_away_is_503(self, front, storage, repository, method) -> None:
        """Attack row 37: signature and key stay unspent."""
        sent = request(front, key="k")
        storage.inside = failing(repository, method, StorageUnavailable())
        self.assert_nothing_happened(front, storage, sent, 503, "storage_unavailable")

    @pytest.mark.parametrize(
        ("repository", "method"),
        [
            ("connections", "find"), ("replays", "spend"), ("answers", "claim"),
            ("carts", "add"), ("products", "find"), ("answers", "store"),
        ],
    )  # fmt: skip
    def test_a_storage_that_breaks_is_500(self, front, storage, repository, method) -> None:
        """Whatever it raises, wherever: nothing happened, and the request may be sent again."""
        sent = request(front, body=CREATE | {"items": [item("mug")]}, key="k")
        storage.inside = failing(repository, method, RuntimeError("broken"))
        self.assert_nothing_happened(front, storage, sent, 500, "internal_error")

    @pytest.mark.parametrize("place", ["before", "after", "reads"])
    def test_a_fault_around_a_unit_is_500(self, front, storage, place: str) -> None:
        """Nor does a commit that breaks leave half of it."""
        sent = request(front, key="k")
        setattr(storage, place, raising(OSError("disk")))
        self.assert_nothing_happened(front, storage, sent, 500, "internal_error")

    def test_a_conflict_is_tried_three_times(self, front, storage) -> None:
        """Twice is unnoticed; three times is 503, and nothing happened."""
        tries = []

        def conflict() -> None:
            tries.append(1)
            if len(tries) < limit:
                raise Conflict

        limit = 3
        storage.after = conflict
        assert send(front, key="k").status == 200
        assert len(tries) == 3
        tries.clear()
        limit = 100
        sent = request(front, key="k2")
        self.assert_nothing_happened(front, storage, sent, 503, "storage_unavailable")
        assert len(tries) == 3

    @pytest.mark.parametrize("code", ["cart_empty", "unknown_sku", "not_found"])
    def test_a_refusal_after_a_change_is_a_fault(self, front, storage, monkeypatch, code) -> None:
        """An action decides before it writes; one that does not is rolled back."""
        real = ACTIONS["cart.create"]

        def late(work: Any, wanted: Any) -> Any:
            real.run(work, wanted)
            raise BridgeError(code)

        sent = request(front, key="k")
        with monkeypatch.context() as patched:
            patched.setitem(ACTIONS, "cart.create", dataclasses.replace(real, run=late))
            before = contents(storage)
            reply = again(front, sent)
            assert (reply.status, reply.code) == (500, "internal_error")
            assert contents(storage) == before
        assert again(front, sent).status == 200

    @pytest.mark.parametrize("code", ["internal_error", "storage_unavailable"])
    def test_a_fault_that_an_action_names_is_not_its_answer(
        self, front, storage, monkeypatch, code
    ) -> None:
        """5xx is nobody's final answer, before a change as after one."""

        def faulty(_work: Any, _wanted: Any) -> Any:
            raise BridgeError(code)

        sent = request(front, key="k")
        with monkeypatch.context() as patched:
            real = ACTIONS["cart.create"]
            patched.setitem(ACTIONS, "cart.create", dataclasses.replace(real, run=faulty))
            before = contents(storage)
            assert again(front, sent).code == code
            assert contents(storage) == before
        assert again(front, sent).status == 200

    def test_a_refusal_before_any_change_stands(self, front, storage, monkeypatch) -> None:
        """The same refusal in time is an ordinary answer, stored under its key."""

        def early(_work: Any, _wanted: Any) -> Any:
            raise BridgeError("cart_empty", "Nothing in it.", {"path": "/items"})

        real = ACTIONS["cart.create"]
        monkeypatch.setitem(ACTIONS, "cart.create", dataclasses.replace(real, run=early))
        first = send(front, key="k")
        assert (first.status, first.code, first.json["path"]) == (422, "cart_empty", "/items")
        front.clock.forward(1)
        assert send(front, key="k").body == first.body

    def test_a_fault_in_a_read_is_500(self, front, storage, monkeypatch) -> None:
        """Reads fail closed too."""

        def burst(_work: Any, _wanted: Any) -> Any:
            raise ZeroDivisionError

        real = ACTIONS["orders.list"]
        monkeypatch.setitem(ACTIONS, "orders.list", dataclasses.replace(real, run=burst))
        assert send(front, "orders.list", {}).code == "internal_error"

    def test_a_fault_is_logged_by_place_and_type_only(self, front, storage, caplog) -> None:
        """Which request, which error, where; never its message."""
        storage.inside = failing("carts", "add", RuntimeError("quoting zq7markerzq7"))
        reply = send(front)
        errors = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert {error.name for error in errors} == {"orderflow_bridge.faults"}
        text = errors[0].getMessage()
        assert reply.json["request_id"] in text
        assert "RuntimeError" in text
        assert "zq7markerzq7" not in caplog.text


# Every code, and how it is provoked: what is left out cannot come from the core, with the reason.


def order_of(front: Storefront, **fields: Any) -> Any:
    """Order one mug."""
    return front.order(front.cart(item("mug"))["cart_id"], **fields)


def convert(front: Storefront, cart_id: str, **fields: Any) -> Reply:
    """Try to convert a cart."""
    return front.call("convertToOrder", **order_fields(cart_id, **fields))


def _refuse(code: str) -> Reply:
    front = open_shop().storefront()
    return Reply.of(front.bridge.refuse(code, front.bridge.admit(request(front).head)))


def _length_required() -> Reply:
    chunked = {"transfer-encoding": "chunked", "content-length": None}
    return send(open_shop().storefront(), headers=chunked)


def _twice(**changes: Any) -> Reply:
    front = open_shop().storefront()
    send(front, key="k")
    return send(front, key="k", **changes)


def _while_converting(action: str) -> Reply:
    shop, front, provider = remote_shop()
    cart_id = front.cart(item("mug"))["cart_id"]
    body = json.dumps(order_fields(cart_id)).encode()
    add = {"cart_id": cart_id, "items": [item("mug")]}
    seen = []
    now = shop.clock.now() // 1000

    def happen() -> None:
        if action == "items.add":
            seen.append(send(front, action, add))
        else:
            seen.append(send(front, action, body, key="k", timestamp=now - 1))

    provider.meanwhile = happen
    send(front, "convertToOrder", body, key="k")
    return seen[0]


def _cart(action: str, **fields: Any) -> Reply:
    front = open_shop().storefront()
    return front.call(action, cart_id=front.cart(item("mug"))["cart_id"], **fields)


def _converted() -> Reply:
    front = open_shop().storefront()
    return front.call("cart.update", cart_id=order_of(front)["cart_id"], note="x")


def _expired() -> Reply:
    shop = open_shop()
    front = shop.storefront()
    cart_id = front.cart(item("mug"))["cart_id"]
    shop.clock.forward(91 * 86_400)
    return front.call("cart.update", cart_id=cart_id, note="x")


def _empty() -> Reply:
    front = open_shop().storefront()
    return convert(front, front.cart()["cart_id"])


def _create(*items: Any, **settings: Any) -> Reply:
    return open_shop(**settings).storefront().call("cart.create", currency="GBP", items=list(items))


def _paid() -> Reply:
    shop = open_shop()
    front = shop.storefront()
    order = order_of(front)
    shop.bridge.settle("pi_0001", amount=order["totals"]["total"], currency="GBP")
    return front.call("orders.cancel", order_id=order["order_id"])


def _total_changed() -> Reply:
    front = open_shop().storefront()
    return convert(front, front.cart(item("mug"))["cart_id"], expected_total=1)


def _intent_used() -> Reply:
    front = open_shop().storefront()
    order_of(front)
    return convert(front, front.cart(item("mug"))["cart_id"])


def _mismatch() -> Reply:
    shop = open_shop()
    shop.bridge.settle("pi_0001", amount=1, currency="GBP")
    front = shop.storefront()
    return convert(front, front.cart(item("mug"))["cart_id"])


def _provider_down() -> Reply:
    _, front, provider = remote_shop()
    provider.failing = True
    return convert(front, front.cart(item("mug"))["cart_id"])


def _storage(error: Exception) -> Reply:
    storage = Meddled()
    front = open_shop(storage=storage).storefront()
    storage.after = raising(error)
    return send(front)


def _in_a_rush() -> Reply:
    front = open_shop(max_writes_per_minute=1).storefront()
    front.cart()
    return front.call("cart.create", currency="GBP")


PROVOKED: dict[str, Callable[[], Reply]] = {
    **{name: (lambda name=name: failing_at(name)) for name in ORDER if " " not in name},
    "body_too_large": lambda: _refuse("body_too_large"),
    "body_timeout": lambda: _refuse("body_timeout"),
    "length_required": _length_required,
    "replayed_request": _twice,
    "idempotency_key_reused": lambda: _twice(body={"currency": "EUR"}),
    "idempotency_in_progress": lambda: _while_converting("convertToOrder"),
    "cart_converting": lambda: _while_converting("items.add"),
    "cart_not_found": lambda: open_shop().storefront().call("cart.get", cart_id="cart_x"),
    "cart_converted": _converted,
    "cart_expired": _expired,
    "cart_empty": _empty,
    "version_conflict": lambda: _cart("items.add", items=[item("mug")], expected_version=7),
    "unknown_sku": lambda: _create(item("nope")),
    "currency_not_supported": lambda: (
        open_shop().storefront().call("cart.create", currency="EUR", items=[item("tea")])
    ),
    "unknown_shipping_method": lambda: _cart("cart.update", shipping_method="rocket"),
    "quantity_limit": lambda: _create(item("mug", 3), max_quantity=2),
    "line_limit": lambda: _create(item("mug"), item("tea"), max_lines=1),
    "line_not_found": lambda: _cart("items.remove", line_ids=["line_x"]),
    "out_of_stock": lambda: _create(item("lamp", 4)),
    "amount_limit": lambda: _create(item("mug", 999_999, unit_price=2**53 - 1)),
    "order_not_found": lambda: open_shop().storefront().call("orders.get", order_id="order_x"),
    "order_not_cancellable": _paid,
    "total_changed": _total_changed,
    "payment_intent_used": _intent_used,
    "payment_mismatch": _mismatch,
    "payment_provider_unavailable": _provider_down,
    "storage_unavailable": lambda: _storage(StorageUnavailable()),
    "internal_error": lambda: _storage(RuntimeError()),
    "rate_limited": _in_a_rush,
}


@pytest.mark.parametrize("code", PROVOKED)
def test_every_code_can_be_provoked_and_has_its_status(code: str) -> None:
    """The table from code to status holds, with Retry-After where the answer says: try again."""
    reply = PROVOKED[code]()
    assert (reply.code, reply.status) == (code, CODES[code][0])
    assert reply.json["title"] == CODES[code][1]
    again_later = {"cart_converting", "idempotency_in_progress", "rate_limited"}
    assert ("Retry-After" in reply.headers) == (reply.status == 503 or code in again_later)


@pytest.mark.parametrize("code", PROVOKED)
def test_a_refusal_says_what_to_do(code: str) -> None:
    """A person reads more than the title again."""
    reply = PROVOKED[code]()
    assert len(reply.json["detail"]) > 10
    assert reply.json["detail"] != reply.json["title"]


def test_no_code_is_without_a_test() -> None:
    """A new code needs a line in this table."""
    assert set(PROVOKED) == set(CODES)


class TestUnavailableInsideAnAction:
    """A storage that fails in the middle of an action is said to be unavailable, and that only."""

    def test_in_the_only_unit(self) -> None:
        """503 storage_unavailable with Retry-After, and the key is free."""
        storage = Meddled()
        front = open_shop(storage=storage).storefront()
        storage.inside = failing("carts", "add", StorageUnavailable())
        reply = send(front, key="k")
        assert (reply.status, reply.code) == (503, "storage_unavailable")
        assert reply.headers["Retry-After"]
        storage.inside = None
        assert send(front, key="k").status == 200

    def test_after_the_provider_was_asked(self) -> None:
        """The 503 is not stored: after the lease the same key gets its order."""
        provider = Interrupted()
        provider.announce("pi_0001", amount=339, currency="GBP")
        storage = Meddled()
        shop = open_shop(storage=storage, payments=provider)
        front = shop.storefront()
        body = json.dumps(order_fields(front.cart(item("mug"))["cart_id"])).encode()
        provider.meanwhile = lambda: setattr(
            storage, "inside", failing("carts", "lock", StorageUnavailable())
        )
        assert send(front, "convertToOrder", body, key="k").code == "storage_unavailable"
        storage.inside = None
        shop.clock.forward(130)
        assert send(front, "convertToOrder", body, key="k").status == 200


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"metadata": {"k" * 41: 1}}, "/metadata"),
        ({"metadata": {"": 1}}, "/metadata"),
        (
            {"items": [{"sku": "mug", "quantity": 1, "options": {"k" * 65: "x"}}]},
            "/items/0/options",
        ),
    ],
)
def test_a_bad_name_is_pointed_at_too(storefront, fields, path: str) -> None:
    """A key that is too long has a pointer and is not repeated."""
    reply = storefront.call("cart.create", currency="GBP", **fields)
    assert (reply.status, reply.code) == (422, "invalid_request")
    [error] = reply.json["errors"]
    assert error["path"].startswith(path)
    assert "kkkk" not in reply.body.decode()
    assert "$." not in error["message"]
