"""A port may refuse with anything: the storefront gets an answer of the protocol all the same."""

import json
import logging
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.pricing import Basket, Priced, ShippingOption
from orderflow_bridge.journal.entries import sentence_of
from orderflow_bridge.pricing import TablePricing
from orderflow_bridge.storage.memory import MemoryStorage
from tests.rig import Reply, Storefront, TestShop, item, open_shop

SAID = "what-a-port-said"

NO_ANSWERS = [
    BridgeError(SAID),
    BridgeError("out_of_stock", members={"path": object()}),
    BridgeError("out_of_stock", members={"path": "\ud800" + SAID}),
    BridgeError("out_of_stock", members={"code": SAID}),
    BridgeError("out_of_stock", members=[SAID]),
    BridgeError("out_of_stock", object()),
    BridgeError("rate_limited", retry_after=f"1\r\nSet-Cookie: {SAID}"),
    BridgeError("storage_unavailable", SAID, retry_after=SAID),
]
"""Refusals that cannot be one of the protocol's answers."""

NAMES = [
    "an unknown code", "a member that is no JSON", "half a surrogate pair",
    "a member in place of the code", "members without names", "a detail that is no text",
    "a line end in a header", "a wait that is no number",
]  # fmt: skip

ODD_MEMBERS = [
    {"errors": ["a"]},
    {"errors": [{"path": 5}, {"message": ["b"]}, None]},
    {"errors": {"path": "/a"}},
    {"required": [1, None]},
    {"required": "carts:read"},
    {"path": ["a"]},
    {"skew_seconds": "much"},
]
"""Members that JSON can say, and the protocol has otherwise."""


class Unruly(TablePricing):
    """A pricing that refuses when it is told to."""

    refusal: BridgeError | None = None

    def shipping_options(self, basket: Basket) -> Sequence[ShippingOption]:
        if self.refusal is not None:
            raise self.refusal
        return super().shipping_options(basket)

    def price(self, basket: Basket, shipping: ShippingOption | None) -> Priced:
        if self.refusal is not None:
            raise self.refusal
        return super().price(basket, shipping)


class UnrulyStorage(MemoryStorage):
    """A storage that refuses to be read when it is told to."""

    refusal: BridgeError | None = None

    @contextmanager
    def reading(self):
        if self.refusal is not None:
            raise self.refusal
        with super().reading() as unit:
            yield unit


@pytest.fixture
def pricing() -> Unruly:
    return Unruly()


@pytest.fixture
def shop(pricing: Unruly):
    made = open_shop(pricing=pricing, journal_rows=50)
    yield made
    made.bridge.close()


@pytest.fixture
def front(shop: TestShop) -> Storefront:
    return shop.storefront()


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def decided(caplog: pytest.LogCaptureFixture) -> Any:
    """Read the last line of the log of decisions."""
    lines = [one.getMessage() for one in caplog.records if one.name == "orderflow_bridge.requests"]
    return json.loads(lines[-1])


def faulted(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    """Look that a request ended as a fault: answered, in the log, and nothing said of it."""
    assert (reply.status, reply.code) == (500, "internal_error")
    assert "Retry-After" not in reply.headers
    request_id = reply.json["request_id"]
    line = decided(caplog)
    assert (line["request_id"], line["code"]) == (request_id, "internal_error")
    (fault,) = [one for one in caplog.records if one.name == "orderflow_bridge.faults"][-1:]
    assert fault.levelname == "ERROR"
    assert request_id in fault.getMessage()
    assert "test_unruly_ports.py" in fault.getMessage()
    assert SAID not in reply.body.decode() + str(reply.headers) + fault.getMessage()


@pytest.mark.parametrize("refusal", NO_ANSWERS, ids=NAMES)
def test_a_read_that_a_port_refuses_with_no_answer_is_a_fault(
    shop, front, pricing, caplog, refusal
):
    """500 in place of an exception; counted, in the log with both places, and in the journal."""
    cart_id = front.cart(item("mug"))["cart_id"]
    pricing.refusal = refusal
    reply = front.call("shipping.options", cart_id=cart_id)
    faulted(reply, caplog)
    _, _, why = caplog.text.partition("what was raised is no answer: ")
    assert "Error at protocol.py:" in why
    assert ("internal_error", "203.0.113.9") in shop.bridge.refusals()
    shop.bridge._recorder.flush()
    assert shop.bridge.journal.find(reply.json["request_id"]).code == "internal_error"


@pytest.mark.parametrize("refusal", NO_ANSWERS, ids=NAMES)
def test_a_write_that_a_port_refuses_with_no_answer_never_was(front, pricing, caplog, refusal):
    """All of it is rolled back: the same signed bytes succeed once the port does."""
    cart_id = front.cart(item("mug"))["cart_id"]
    body = json.dumps({"cart_id": cart_id, "items": [item("tea")]}).encode()
    headers = front.headers("items.add", body, key="once")
    pricing.refusal = refusal
    faulted(front.send("items.add", body, headers), caplog)
    pricing.refusal = None
    again = front.send("items.add", body, headers)
    assert (again.status, again.json["version"]) == (200, 2)


@pytest.mark.parametrize("refusal", NO_ANSWERS, ids=NAMES)
def test_a_storage_that_refuses_with_no_answer_is_a_fault(caplog, refusal):
    """So it is where nobody is known yet, and nothing was read."""
    storage = UnrulyStorage()
    front = open_shop(storage=storage).storefront()
    storage.refusal = refusal
    faulted(front.call("cart.create", currency="GBP"), caplog)


@pytest.mark.parametrize("members", ODD_MEMBERS, ids=str)
def test_odd_members_are_the_answer_of_a_write_that_was_kept(shop, front, pricing, caplog, members):
    """A refusal that committed is told as it is, now and to a retry; the next write succeeds."""
    cart_id = front.cart(item("mug"))["cart_id"]
    add = {"cart_id": cart_id, "items": [item("tea")]}
    pricing.refusal = BridgeError("amount_limit", "Ask for less.", members)
    reply = front.call("cart.create", key="once", currency="GBP", items=[item("mug")])
    assert (reply.status, reply.code) == (422, "amount_limit")
    assert members.items() <= reply.json.items()
    assert decided(caplog)["code"] == "amount_limit"
    pricing.refusal = None
    shop.clock.forward(1)
    again = front.call("cart.create", key="once", currency="GBP", items=[item("mug")])
    assert (again.body, again.headers["Idempotent-Replayed"]) == (reply.body, "true")
    assert decided(caplog)["code"] == "amount_limit"
    assert front.ok("items.add", **add)["version"] == 2
    shop.bridge._recorder.flush()
    detail = shop.bridge.journal.find(reply.json["request_id"]).detail
    assert detail.startswith("Ask for less.")


@pytest.mark.parametrize("members", ODD_MEMBERS, ids=str)
def test_a_sentence_passes_over_what_it_does_not_know(members):
    """What is not as the protocol has it says nothing of its own; a code of nobody neither."""
    assert sentence_of(BridgeError("out_of_stock", "Wait.", members)).startswith("Wait.")
    assert sentence_of(BridgeError(SAID, members=members)) is not None


def test_a_sentence_has_what_the_protocol_says():
    """Of some errors those that are errors, and each of the other members."""
    errors = ["a", {"path": "", "message": "is none"}, {"path": "/b", "message": "is odd"}]
    for members, said in (
        ({"errors": errors}, "No. / is none. /b is odd."),
        ({"required": ["carts:read", 5]}, "No. Required: carts:read."),
        ({"path": ""}, "No. At /."),
        ({"skew_seconds": -61}, "No. Skew: -61 s."),
    ):
        assert sentence_of(BridgeError("invalid_request", "No.", members)) == said
