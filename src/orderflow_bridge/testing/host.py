"""The contract of a mount: a site gives the very bytes that the bridge itself would."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.client.signing import sign
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.http import Head, Request
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.clock import SetClock
from orderflow_bridge.testing.entropy import CountedEntropy

__all__ = ["HostContract", "Send"]

Headers = list[tuple[str, str]]
Send = Callable[[str, str, Headers, bytes], tuple[int, Iterable[tuple[str, str]], bytes]]
"""Send method, path (with its query), headers and body; give status, headers and body."""

_MASTER_KEYS = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
"""For bridges that live in memory during one test."""
_SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write")
_MAX_BODY = 4_096
_NAMED = (
    "content-type", "content-length", "cache-control", "x-content-type-options", "x-request-id",
    "www-authenticate", "allow", "retry-after", "idempotent-replayed",
)  # fmt: skip
_PROBLEM = "application/problem+json"
_OK = 200
_SHOWN = 300


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Journey:
    """One storefront's requests, each sent twice: to the site, and to a bridge without a site."""

    send: Send
    twin: Bridge
    mount: str
    client_id: str
    secret: str
    clock: SetClock

    def call(
        self,
        action: str,
        fields: Mapping[str, object] | bytes,
        *,
        key: str | None = None,
        method: str = "POST",
        path: str | None = None,
        changed: Mapping[str, str] | None = None,
    ) -> _Answer:
        """Sign, change what is to be wrong (an empty value leaves a header out), and compare."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        signed = sign(
            client_id=self.client_id,
            secret=self.secret,
            action=action,
            body=body,
            timestamp=self.clock.now() // 1000,
            idempotency_key=key,
        )
        headers = [(name, value) for name, value in (signed | dict(changed or {})).items() if value]
        path = f"/{self.client_id}/{action}" if path is None else path
        expected = self._from_the_bridge(method, path, headers, body)
        _compare(
            f"{method} {self.mount}{path}",
            _read(*self.send(method, self.mount + path, headers, body)),
            expected,
        )
        return expected

    def ok(self, action: str, fields: Mapping[str, object], *, key: str | None = None) -> Any:
        """Call what must succeed; give its document."""
        answer = self.call(action, fields, key=key)
        assert answer.status == _OK
        return json.loads(answer.body)

    def _from_the_bridge(self, method: str, path: str, headers: Headers, body: bytes) -> _Answer:
        under, _, query = path.partition("?")
        named = {name.lower().encode(): (value.encode(),) for name, value in headers}
        head = Head(
            method=method,
            path=under.encode(),
            query=query.encode(),
            headers=named | {b"content-length": (str(len(body)).encode(),)},
            peer="127.0.0.1",
        )
        response = self.twin.handle(Request(head=head, body=body))
        length = ("Content-Length", str(len(response.body)))
        return _read(response.status, [*response.headers, length], response.body)


class HostContract:
    """Hold a mount to the bridge: subclass it, and send requests to a site around `bridge`.

        class TestMySite(HostContract):
            page = ("/about", b"About us")

            @pytest.fixture
            def send(self, bridge):
                client = make_site(bridge).test_client()

                def send(method, path, headers, body):
                    answer = client.open(path, method=method, headers=headers, data=body)
                    return answer.status_code, answer.headers.items(), answer.data

                return send

    The path is as on the wire and begins at the site; a body's Content-Length is added as every
    HTTP client does. `mount` is where the site has the bridge, `page` a page of the site's own
    and a text in it.
    """

    mount: str = "/bridge"
    page: tuple[str, bytes] = ("/", b"")

    @pytest.fixture
    def bridge(self) -> Iterator[Bridge]:
        """Give the bridge that the site is to mount: in memory, with a set clock and entropy."""
        with _open_bridge(SetClock()) as bridge:
            yield bridge

    @pytest.fixture
    def send(self, bridge: Bridge) -> Send:
        """Give a function that sends to a site around `bridge`; override this."""
        raise NotImplementedError("Override the fixture `send`: mount `bridge` and send to it.")

    @pytest.fixture
    def journey(self, bridge: Bridge, send: Send) -> Iterator[_Journey]:
        """Give a storefront of both bridges."""
        with _open_bridge(SetClock()) as twin:
            made = [one.connections.create("Storefront", scopes=_SCOPES) for one in (bridge, twin)]
            secrets = {(one.connection.client_id, one.secret) for one in made}
            assert len(secrets) == 1, "two bridges with one entropy make one secret"
            client_id, secret = secrets.pop()
            yield _Journey(send, twin, self.mount, client_id, secret, SetClock())

    def test_a_purchase_has_the_same_bytes(self, journey: _Journey) -> None:
        """From an empty cart to an order, status, headers and body are the bridge's own."""
        customer = {"email": "zoe@example.com", "name": "Zoë ☕"}
        address = {"name": "Zoë", "line1": "1 High Street", "city": "Leeds", "country": "GB"}
        made = journey.ok("cart.create", {"currency": "GBP", "customer": customer}, key="a")
        cart = {"cart_id": made["cart_id"]}
        items = {"items": [{"sku": "mug", "quantity": 2}, {"sku": "lamp", "quantity": 1}]}
        journey.ok("items.add", cart | items, key="b")
        journey.ok("cart.get", cart)
        buying = {"customer": customer, "shipping_address": address, "payment_intent": "pi_0001"}
        order = journey.ok("convertToOrder", cart | buying, key="c")
        journey.ok("orders.get", {"order_id": order["order_id"]})

    def test_a_repeated_request_has_the_same_bytes(self, journey: _Journey) -> None:
        """A spent signature is refused, and the same key signed anew gets the stored answer."""
        fields = {"currency": "GBP"}
        first = journey.call("cart.create", fields, key="once")
        assert _code(journey.call("cart.create", fields, key="once")) == "replayed_request"
        moved = str(journey.clock.now() // 1000 - 1)
        journey.call("cart.create", fields, key="once", changed={"X-Timestamp": moved})
        journey.clock.forward(1)
        again = journey.call("cart.create", fields, key="once")
        assert (again.body, again.headers.get("idempotent-replayed")) == (first.body, "true")

    def test_a_refused_body_has_the_same_bytes(self, journey: _Journey) -> None:
        """No JSON, no fields, unknown ones, bytes that are no text, and one byte too many."""
        cart_id = journey.ok("cart.create", {"currency": "GBP"}, key="a")["cart_id"]
        nothing = {"items": [{"sku": "nope", "quantity": 1}]}
        journey.call("items.add", {"cart_id": cart_id} | nothing, key="b")
        journey.call("cart.get", {"cart_id": cart_id, "more": 1})
        for body in (b"", b"{", b'{"cart_id": "\xff\xfe"}', b'{"cart_id":\r\n"\x00"}'):
            journey.call("cart.get", body)
        largest = b'{"cart_id": "%s"}'
        fill = _MAX_BODY - len(largest) + 2
        assert journey.call("cart.get", largest % (b"x" * fill)).status not in {_OK, 413}
        assert _code(journey.call("cart.get", largest % (b"x" * (fill + 1)))) == "body_too_large"

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("X-Signature", ""),
            ("X-Signature", "v1=" + "0" * 64),
            ("X-Signature", "v1=zz"),
            ("X-Timestamp", "0"),
            ("X-Timestamp", "1000000000"),
            ("X-Client-Id", "someone-else"),
            ("Idempotency-Key", "not/a/key"),
            ("Content-Type", "text/plain"),
            ("Content-Encoding", "gzip"),
        ],
    )
    def test_a_refused_header_has_the_same_bytes(
        self, journey: _Journey, header: str, value: str
    ) -> None:
        """Each header that the bridge reads arrives as it was sent, or is seen to be missing."""
        answer = journey.call("cart.create", {"currency": "GBP"}, changed={header: value})
        assert answer.status >= 400

    def test_a_refused_path_has_the_same_bytes(self, journey: _Journey) -> None:
        """The mount itself, half a path, a slash too many, a query: the bridge refuses them."""
        front = journey.client_id
        for path in (
            "",
            "/",
            "/x",
            f"/{front}/cart.get/",
            f"//{front}/cart.get",
            f"/{front}/no.such",
        ):
            assert journey.call("cart.get", {}, path=path).status in {401, 404}
        answer = journey.call("cart.get", {}, path=f"/{front}/cart.get?x=1")
        assert _code(answer) == "query_not_allowed"

    def test_another_method_has_the_same_bytes(self, journey: _Journey) -> None:
        """The bridge itself says 405 and names the method it takes."""
        for method in ("PUT", "PATCH", "DELETE"):
            assert journey.call("cart.get", {}, method=method).status == 405

    def test_pages_outside_the_mount_pass(self, send: Send) -> None:
        """The site's own page is the site's."""
        path, text = self.page
        answer = _read(*send("GET", path, [], b""))
        assert (answer.status, text in answer.body) == (_OK, True)

    def test_the_mount_ends_where_its_segment_ends(self, send: Send) -> None:
        """A path that only begins with the mount's letters is the site's."""
        answer = _read(*send("GET", f"{self.mount}s", [], b""))
        assert answer.headers.get("content-type") != _PROBLEM


def _open_bridge(clock: SetClock) -> Bridge:
    bridge = Bridge(
        storage=MemoryStorage(),
        master_keys=_MASTER_KEYS,
        settings=Settings(database="memory://", max_body=_MAX_BODY),
        clock=clock,
        entropy=CountedEntropy(),
    )
    bridge.catalogue.put(
        [
            CatalogueEntry(sku="mug", name="Mug ☕", prices={"GBP": 339}),
            CatalogueEntry(sku="lamp", name="Lamp", prices={"GBP": 4200}, stock=3),
        ]
    )
    return bridge


def _read(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> _Answer:
    return _Answer(status, {name.lower(): value for name, value in headers}, bytes(body))


def _code(answer: _Answer) -> object:
    return json.loads(answer.body).get("code")


def _compare(asked: str, got: _Answer, expected: _Answer) -> None:
    """Tell the first difference, with the request that brought it out."""
    assert got.status == expected.status, (
        f"{asked}: the site answers {got.status} and the bridge {expected.status}:"
        f" {got.body[:_SHOWN]!r}"
    )
    assert got.body == expected.body, f"{asked}: the site's body is not the bridge's"
    for name in _NAMED:
        mine, theirs = got.headers.get(name), expected.headers.get(name)
        assert mine == theirs, f"{asked}: the site sends {name}: {mine}, the bridge {theirs}"
