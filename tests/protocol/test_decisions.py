"""Every decision is one line of JSON, and a stranger writes nothing of it (docs/logs.md)."""

import json
import logging
from typing import Any

import pytest

from orderflow_bridge.decisions import Asked, Decisions
from orderflow_bridge.http import CODES, Head, Request, Response
from orderflow_bridge.testing.clock import SetClock
from tests.rig import Storefront, TestShop, item, open_shop

LOGGER = "orderflow_bridge.requests"
FIELDS = {
    "request_id", "connection", "action", "verdict", "code", "status", "replayed", "address",
    "milliseconds",
}  # fmt: skip


@pytest.fixture
def shop() -> TestShop:
    return open_shop()


@pytest.fixture
def front(shop: TestShop) -> Storefront:
    return shop.storefront()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture):
    """Give the lines so far, read, and begin anew."""
    caplog.set_level(logging.INFO, LOGGER)

    def read() -> list[Any]:
        texts = [record.getMessage() for record in caplog.records if record.name == LOGGER]
        caplog.clear()
        assert all(text.isascii() and text.isprintable() for text in texts)
        return [json.loads(text) for text in texts]

    return read


def test_an_allowed_request_is_one_line(front: Storefront, lines) -> None:
    """With the fields that the docs name, and no others."""
    reply = front.call("cart.create", currency="GBP", items=[item("mug")])
    assert lines() == [
        {
            "request_id": reply.headers["X-Request-Id"],
            "connection": front.client_id,
            "action": "cart.create",
            "verdict": "allowed",
            "code": None,
            "status": 200,
            "replayed": False,
            "address": "203.0.113.9",
            "milliseconds": 0,
        }
    ]


@pytest.mark.parametrize(
    ("changed", "code", "connection", "action"),
    [
        ({"path": b"/"}, "not_found", None, None),
        ({"path": b"/ofc_short/../etc/passwd"}, "not_found", None, None),
        ({"method": "GET"}, "method_not_allowed", "{id}", "orders.list"),
        ({"query": b"a=1"}, "query_not_allowed", "{id}", "orders.list"),
        ({"headers": {}}, "unsupported_media_type", "{id}", "orders.list"),
        ({"path": b"/{id}/no.such"}, "authentication_failed", "{id}", None),
        ({"path": b"/{id}/\r\nforged"}, "not_found", None, None),
    ],
)
def test_a_refusal_is_one_line_with_its_code(
    front: Storefront, lines, changed: dict[str, Any], code: str, connection, action
) -> None:
    """From the head alone: what has no valid form is not repeated."""
    signed = front.headers("orders.list", b"{}")
    headers = {name.lower().encode(): (value.encode(),) for name, value in signed.items()}
    own = front.client_id
    given = {
        "method": "POST",
        "path": f"/{own}/orders.list".encode(),
        "headers": headers | {b"content-length": (b"2",)},
        "peer": front.peer,
    } | changed
    given["path"] = given["path"].replace(b"{id}", own.encode())
    admitted = front.bridge.admit(Head(**given))
    if not hasattr(admitted, "status"):
        admitted = front.bridge.execute(admitted, b"{}")
    (line,) = lines()
    assert set(line) == FIELDS
    assert (line["verdict"], line["code"], line["status"]) == ("refused", code, admitted.status)
    assert (line["address"], line["replayed"]) == (front.peer, False)
    assert line["connection"] == (connection and connection.format(id=own))
    assert line["action"] == action


def test_a_body_that_does_not_come_is_one_line(front: Storefront, lines) -> None:
    """A shell's refusal is a decision too."""
    body = b"{}"
    signed = front.headers("orders.list", body)
    headers = {name.lower().encode(): (value.encode(),) for name, value in signed.items()}
    admitted = front.bridge.admit(
        Head(method="POST", path=f"/{front.client_id}/orders.list".encode(), headers=headers)
    )
    front.bridge.refuse("body_timeout", admitted)
    (line,) = lines()
    assert (line["code"], line["connection"]) == ("body_timeout", front.client_id)
    assert line["address"] is None


def test_an_address_that_cannot_be_told_is_unknown(front: Storefront, lines) -> None:
    """In the word that the docs name."""
    front.peer = "somewhere"
    front.call("orders.list")
    (line,) = lines()
    assert line["address"] == "unknown"


def test_an_answer_given_again_says_so(front: Storefront, lines) -> None:
    """A retry with its key, of a success and of a stored refusal."""
    for _ in "ab":
        front.call("cart.create", key="made", currency="GBP")
        front.clock.forward(1)
    first, again = lines()
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["verdict"] == "allowed"
    missing = {"cart_id": "cart_" + "0" * 26, "items": [item("mug")]}
    for _ in "ab":
        front.call("items.add", key="missing", **missing)
        front.clock.forward(1)
    first, again = lines()
    assert again["replayed"]
    assert first["code"] == again["code"] == "cart_not_found"
    assert again["verdict"] == "refused"


def test_an_address_cannot_forge_a_line(front: Storefront, lines) -> None:
    """What a server or another middleware gives as a peer, and is no address, is not quoted."""
    front.peer = 'fe80::1%\r\n{"verdict":"allowed"}\x1b[31m\u2028\u202e\x7f"' + "x" * 9_999
    front.call("orders.list")
    (line,) = lines()
    assert line["address"] == "unknown"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
@pytest.mark.parametrize(
    "text",
    [
        "fe80::1%\r\n{}", "::1%\u2028", "\x1b[31m1.2.3.4", '1.2.3.4"', "\u0661.2.3.4", "\ud800",
        "1.2.3.4\0", "/run/site.sock", "@site", "xn--a", " ", "x" * 9_999, "1.2.3.4" + " " * 999,
    ],
)  # fmt: skip
def test_neither_a_peer_nor_a_header_can_forge_a_line(header: str, text: str, lines) -> None:
    """Whatever stands there: what is not an address is `unknown`, also from a trusted proxy."""
    shop = open_shop(trusted_proxies=("10.0.0.1",), client_address_header=header)
    sent = text.encode("utf-8", "surrogatepass")
    for value in (sent, b'for="' + sent + b'"', b"1.2.3.4, " + sent):
        headers = {header.lower().encode(): (value,)}
        for peer in ("10.0.0.1", text):
            shop.bridge.admit(Head(method="POST", path=b"/", headers=headers, peer=peer))
    assert {line["address"] for line in lines()} <= {"unknown", "1.2.3.4"}


@pytest.mark.parametrize("number", ["4111111111111111", "4111-1111-1111-1111", "378282246310005"])
def test_a_card_number_in_the_path_is_not_logged(
    shop: TestShop, number: str, lines, caplog
) -> None:
    """The path is written before anyone is known, by whoever asks, and fits an id's grammar."""
    caplog.set_level(logging.DEBUG)
    path = f"/{number}/cart.get".encode()
    headers = {
        b"content-type": (b"application/json",),
        b"x-client-id": (number.encode(),),
        b"x-timestamp": (b"%d" % (shop.clock.now() // 1000),),
        b"x-signature": (b"v1=" + b"0" * 64,),
    }
    for sent in (headers, headers | {b"x-client-id": (b"somebody-else",)}, {}):
        answer = shop.bridge.handle(Request(head=Head(method="POST", path=path, headers=sent)))
        assert answer.status in {401, 415}
        assert number not in caplog.text
        assert number.encode() not in answer.body
        assert [line["connection"] for line in lines()] == [None]


def test_milliseconds_are_those_of_the_clock(lines) -> None:
    """From the head to the answer; a clock that was set back counts as nothing."""
    moved = 0

    class Moving(SetClock):
        def now(self) -> int:
            self.milliseconds += moved
            return self.milliseconds

    shop = open_shop(clock=Moving())
    front = shop.storefront()
    body = b"{}"
    signed = front.headers("orders.list", body)
    headers = {name.lower().encode(): (value.encode(),) for name, value in signed.items()}
    head = Head(method="POST", path=f"/{front.client_id}/orders.list".encode(), headers=headers)
    for moved in (7, -7):  # noqa: B007 -- the clock reads it
        front.bridge.execute(front.bridge.admit(head), body)
    late, early = lines()
    assert late["milliseconds"] >= 7
    assert late["milliseconds"] % 7 == 0
    assert early["milliseconds"] == 0


@pytest.mark.parametrize("code", CODES)
def test_only_a_fault_is_louder_than_info(shop: TestShop, caplog, code: str) -> None:
    """From 500 on it is ours to mend, and shown by default."""
    caplog.set_level(logging.INFO, LOGGER)
    asked = Asked(
        request_id="req_1", client_id=b"", action=b"", address=None, arrived=0, headers={}
    )
    Decisions(shop.clock).refused(asked, code)
    (record,) = caplog.records
    assert record.levelno == (logging.WARNING if CODES[code][0] >= 500 else logging.INFO)


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(
    ("kept", "code"),
    [
        (b'{"code":"out_of_stock"}', "out_of_stock"),
        (b"", "internal_error"),
        (b"\xff{", "internal_error"),
        (b"[]", "internal_error"),
        (b'{"title":"?"}', "internal_error"),
        (b'{"code":7}', "internal_error"),
        ('{"code":"aus\u2028verkauft"}'.encode(), "internal_error"),
    ],
)
def test_a_refusal_that_a_storage_kept_wrongly_is_a_line_all_the_same(
    shop: TestShop, kept: bytes, code: str, status: int, lines
) -> None:
    """A storage that somebody else wrote may give back anything: it is the client's, as it is."""
    asked = Asked(
        request_id="req_1", client_id=b"", action=b"", address=None, arrived=0, headers={}
    )
    Decisions(shop.clock).answered(asked, Response(status=status, headers=(), body=kept))
    (line,) = lines()
    assert (line["verdict"], line["code"], line["status"]) == ("refused", code, status)


def test_the_default_of_python_prints_no_decision(front: Storefront, lines, caplog) -> None:
    """A flood of refusals is INFO; only a fault of ours is louder."""
    front.call("orders.list")
    front.secret = "ofs_" + "x" * 43
    front.call("orders.list")
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    caplog.clear()
    logging.getLogger(LOGGER).setLevel(logging.WARNING)
    front.call("orders.list")
    assert lines() == []
