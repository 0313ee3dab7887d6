"""The host contract: with a set clock and entropy, the same requests give the same bytes."""

import json
from collections.abc import Iterator

import pytest

from orderflow_bridge.client.signing import sign
from tests.hosts.hosts import HOSTS, Answer, Host, build
from tests.rig import CUSTOMER, NOW, Storefront, TestShop, item, open_shop, order_fields

Asked = tuple[str, str, list[tuple[str, str]], bytes]


def journey(host: Host, front: Storefront) -> list[Answer]:
    """Buy something, and do everything wrong once; give every answer."""
    answers: list[Answer] = []

    def call(action: str, fields: object, *, key: str | None = None, **changed: str) -> dict:
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        headers = sign(
            client_id=front.client_id,
            secret=front.secret,
            action=action,
            body=body,
            timestamp=NOW // 1000,
            idempotency_key=key,
        )
        path = changed.pop("path", f"/bridge/{front.client_id}/{action}")
        method = changed.pop("method", "POST")
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        sent = [(name, value) for name, value in headers.items() if value]
        answers.append(host.send(method, path, sent, body))
        return json.loads(answers[-1].body) if answers[-1].body else {}

    cart = call("cart.create", {"currency": "GBP", "customer": CUSTOMER}, key="a")
    cart_id = cart["cart_id"]
    call("items.add", {"cart_id": cart_id, "items": [item("mug", 2), item("lamp")]}, key="b")
    call("items.add", {"cart_id": cart_id, "items": [item("mug", 2), item("lamp")]}, key="b")
    call("items.add", {"cart_id": cart_id, "items": [item("nope")]}, key="c")
    call("cart.get", {"cart_id": cart_id})
    order = call("convertToOrder", order_fields(cart_id), key="d")
    call("orders.get", {"order_id": order["order_id"]})
    call("cart.get", b"{", key=None)
    call("cart.get", b"")
    call("cart.get", {"cart_id": cart_id, "more": 1})
    call("no.such", {})
    call("cart.get", {}, X_Signature="")
    call("cart.get", {}, X_Signature="v1=" + "0" * 64)
    call("cart.get", {}, X_Signature="v1=zz")
    call("cart.get", {}, X_Timestamp=str(NOW))
    call("cart.get", {}, X_Timestamp=str(NOW // 1000 - 9_999))
    call("cart.get", {}, X_Client_Id="someone-else")
    call("cart.get", {}, Content_Type="text/plain")
    call("cart.get", {}, Content_Encoding="gzip")
    call("cart.get", {}, method="PUT")
    call("cart.get", {}, path=f"/bridge/{front.client_id}/cart.get?x=1")
    for tail in ("", "/", "/x", f"/{front.client_id}/cart.get/", f"//{front.client_id}/cart.get"):
        call("cart.get", {}, path=f"/bridge{tail}")
    call("cart.create", b'{"metadata": {"a": "' + b"x" * 300_000 + b'"}}')
    return answers


def fresh() -> tuple[TestShop, Storefront]:
    shop = open_shop(max_lines=50)
    return shop, shop.storefront()


@pytest.fixture(scope="module")
def expected() -> list[Answer]:
    """Give what the bare WSGI mount answers."""
    shop, front = fresh()
    return journey(build(HOSTS[0], shop.bridge), front)


@pytest.fixture(params=HOSTS)
def host_and_front(request) -> Iterator[tuple[Host, Storefront]]:
    """Give each host with a bridge that has seen nothing yet."""
    shop, front = fresh()
    host = build(request.param, shop.bridge)
    yield host, front
    if hasattr(host, "close"):
        host.close()
    shop.bridge.close()


def test_every_host_gives_the_same_bytes(host_and_front, expected: list[Answer]) -> None:
    """Status, protocol headers and body are the same on every host, prefix or not."""
    host, front = host_and_front
    named = (
        "content-type", "content-length", "cache-control", "x-content-type-options",
        "x-request-id", "www-authenticate", "allow", "retry-after", "idempotent-replayed",
    )  # fmt: skip
    got = journey(host, front)
    assert [a.status for a in got] == [a.status for a in expected]
    for mine, theirs in zip(got, expected, strict=True):
        assert mine.body == theirs.body
        for name in named:
            assert mine.headers.get(name) == theirs.headers.get(name), name


def test_the_journey_meets_every_kind_of_answer(expected: list[Answer]) -> None:
    """The contract would notice a host that answers anything by itself."""
    assert {a.status for a in expected} >= {200, 400, 401, 404, 405, 413, 415, 422}
    assert [a.status for a in expected[:3]] == [200, 200, 409]


def test_the_host_s_own_pages_are_untouched(host_and_front) -> None:
    """Requests outside the mount pass through."""
    host, _ = host_and_front
    answer = host.send("GET", "/hello")
    assert (answer.status, answer.body[:5]) == (200, b"hello")
