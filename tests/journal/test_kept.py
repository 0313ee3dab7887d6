"""What is kept of a request: enough to say what came of it, nothing that anyone could use."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.http import Head, Request
from tests.canary.marks import CARDS, EMAIL, PEOPLE
from tests.rig import item, open_shop


@pytest.fixture(params=["memory://", "sqlite://"])
def shop(request, tmp_path):
    url = "memory://" if request.param == "memory://" else f"sqlite:///{tmp_path}/shop.db"
    made = open_shop(url, journal_rows=50)
    yield made
    made.bridge.close()


@pytest.fixture
def front(shop):
    return shop.storefront()


def kept(shop, **options):
    """Read the journal, as it is once everything that waits was written."""
    shop.bridge._recorder.flush()
    return shop.bridge.journal.page(**options)


def raw(shop, front, headers, *, body=b"{}", action=b"cart.create", client_id=None):
    """Send what no signer sends."""
    path = b"/" + (client_id or front.client_id.encode()) + b"/" + action
    head = Head(method="POST", path=path, headers=headers, peer="203.0.113.9", framed=True)
    return shop.bridge.handle(Request(head=head, body=body))


def test_a_write_is_kept_with_its_string_to_sign(shop, front):
    """The request id of the answer leads to how it went, to its cart, and to what was signed."""
    reply = front.call("cart.create", key="key-7", currency="GBP", items=[item("mug")])
    (entry,) = kept(shop)
    assert entry == shop.bridge.journal.find(reply.headers["X-Request-Id"])
    assert (entry.verdict, entry.code, entry.status, entry.verified) == ("allowed", None, 200, True)
    assert (entry.connection, entry.action) == (front.client_id, "cart.create")
    assert entry.cart_id == reply.json["cart_id"]
    assert entry.order_id is None
    assert entry.address == "203.0.113.9"
    lines = (entry.string_to_sign or "").split("\n")
    assert lines[3:5] == ["POST cart.create", "key-7"]
    assert entry.headers["Idempotency-Key"] == "key-7"
    assert entry.headers["X-Client-Id"] == front.client_id
    assert entry.headers["X-Timestamp"] == lines[1]
    assert entry.headers["Content-Length"] == str(entry.body_bytes)


def test_of_a_signature_the_first_digits_are_kept(shop, front):
    """It is known again by them, and nobody signs with them."""
    headers = front.headers("cart.create", b"{}")
    raw(shop, front, {name.lower().encode(): (value.encode(),) for name, value in headers.items()})
    (entry,) = kept(shop)
    assert entry.headers["X-Signature"] == headers["X-Signature"][:11] + "…"
    assert headers["X-Signature"][11:] not in repr(entry)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (
            b"content-type",
            b'application/json; charset="utf-8"',
            'application/json; charset="utf-8"',
        ),
        (b"content-length", b"2", "2"),
        (b"content-length", b"2".zfill(40), "(malformed: it has a character that it may not have)"),
    ],
)
def test_what_is_odd_and_allowed_is_shown_as_what_is_refused(shop, front, name, value, shown):
    """A header that no signature covers is looked at, though the request was let pass."""
    signed = front.headers("orders.list", b"{}", key=None)
    headers = {name.lower().encode(): (text.encode(),) for name, text in signed.items()}
    response = raw(shop, front, headers | {name: (value,)}, action=b"orders.list")
    assert response.status == 200
    (entry,) = kept(shop)
    assert entry.headers[name.decode().title()] == shown
    assert entry.string_to_sign is not None


def test_a_read_is_kept_too(shop, front):
    """Which cart it was about is in its answer."""
    cart = front.cart()
    front.ok("cart.get", cart_id=cart["cart_id"])
    entry = kept(shop)[0]
    assert (entry.action, entry.cart_id, entry.verified) == ("cart.get", cart["cart_id"], True)


def test_the_request_that_made_an_order_is_found_by_it(shop, front):
    """The retry that got the stored answer, and a later look, are others."""
    cart = front.cart(item("mug"))
    order = front.order(cart["cart_id"])
    shop.clock.forward(1)
    front.ok("orders.get", order_id=order["order_id"])
    entries = kept(shop)
    made = shop.bridge.journal.of_order(order["order_id"])
    assert made is not None
    assert (made.action, made.cart_id) == ("convertToOrder", cart["cart_id"])
    assert [entry.order_id for entry in entries].count(order["order_id"]) == 2
    assert entries[0].order_id == order["order_id"]
    assert shop.bridge.journal.of_order("ord_none") is None


def test_a_retry_that_got_the_stored_answer_is_marked(shop, front):
    """An answer of step 20 that was a refusal has its code and its sentence."""
    for _ in range(2):
        front.call("cart.get", key=None, cart_id="cart_none")
        front.call("items.add", key="same", cart_id="cart_none", items=[item("mug")])
        shop.clock.forward(1)
    entries = [entry for entry in kept(shop) if entry.action == "items.add"]
    assert [entry.replayed for entry in entries] == [True, False]
    assert [entry.code for entry in entries] == ["cart_not_found", "cart_not_found"]
    assert all(entry.detail for entry in entries)


def test_a_refusal_says_what_the_caller_was_told(shop, front):
    """With the fields that were wrong, and never what stood in them."""
    front.call("cart.create", currency="GBP", items=[{"sku": "mug", "quantity": "Zelda"}])
    front.call("orders.list")
    entry = kept(shop, refused=True)[0]
    assert (entry.verdict, entry.code, entry.verified) == ("refused", "invalid_request", True)
    assert "/items/0/quantity" in entry.detail
    assert "Zelda" not in repr(entry)
    assert len(kept(shop, refused=False)) == 1


def test_a_refusal_for_scopes_names_them(shop):
    """An operator sees at once what to grant."""
    reading = shop.storefront("Reading", scopes=["carts:read"])
    reading.call("cart.create")
    (entry,) = kept(shop, connection=reading.client_id)
    assert entry.code == "insufficient_scope"
    assert "carts:write" in entry.detail


def test_the_cart_and_the_order_of_a_refusal_are_kept(shop, front):
    """A conflict names the cart, a cart that is an order names the order."""
    cart = front.cart(item("mug"))
    front.call("cart.update", cart_id=cart["cart_id"], note="a", expected_version=7)
    order = front.order(cart["cart_id"])
    front.call("items.add", cart_id=cart["cart_id"], items=[item("mug")])
    found = {entry.code: entry for entry in kept(shop)}
    assert found["version_conflict"].cart_id == cart["cart_id"]
    assert found["cart_converted"].order_id == order["order_id"]


def test_a_fault_is_kept_with_what_was_signed(shop, front, monkeypatch):
    """Whoever asks for its request id finds a request that was verified, and how long it was."""

    def faulty(*_given):
        raise RuntimeError

    monkeypatch.setitem(ACTIONS, "orders.list", replace(ACTIONS["orders.list"], run=faulty))
    reply = front.call("orders.list", key=None)
    (entry,) = kept(shop)
    assert entry.request_id == reply.json["request_id"]
    assert (entry.code, entry.status, entry.verified) == ("internal_error", 500, True)
    assert entry.string_to_sign is not None
    assert entry.body_bytes == len(b"{}")


def test_a_wrong_signature_is_kept_for_the_connection_it_names(shop, front):
    """It is not verified, and says what the server would have signed."""
    front.secret = "ofs_" + "x" * 43
    front.call("cart.create")
    (entry,) = kept(shop)
    assert (entry.code, entry.verified, entry.connection) == (
        "authentication_failed",
        False,
        front.client_id,
    )
    assert entry.string_to_sign is not None


def test_what_names_no_connection_that_exists_is_not_kept(shop, front):
    """Nobody fills the journal without knowing a client id."""
    front.client_id = "ofc_nobody0nobody0nobody"
    front.call("cart.create")
    raw(shop, front, {}, client_id=b"x")
    assert kept(shop) == []


def test_a_malformed_header_is_told_and_not_repeated(shop, front):
    """What is wrong with it is kept, what stood there is not."""
    hostile = b"<script>\x1b[31m"
    raw(
        shop,
        front,
        {
            b"content-type": (b"application/json",),
            b"x-client-id": (front.client_id.encode(),),
            b"x-timestamp": (b"1767225600123",),
            b"x-signature": (b"v1=" + b"A" * 64,),
            b"idempotency-key": (hostile, hostile),
        },
    )
    (entry,) = kept(shop)
    assert entry.code == "malformed_auth_header"
    assert entry.headers["X-Timestamp"] == "(malformed: it is in milliseconds)"
    assert "upper-case" in entry.headers["X-Signature"]
    assert entry.headers["Idempotency-Key"] == "(came 2 times)"
    assert entry.string_to_sign is None


@pytest.mark.parametrize("card", CARDS)
def test_no_card_is_kept_and_nothing_to_find_one_by(shop, front, card):
    """Neither as a key, nor as a media type, nor as the hash of a body with one."""
    front.call("cart.create", note=card)
    front.call("cart.create", key=card)
    front.secret = "ofs_" + "x" * 43
    front.call("cart.create", key=card)
    media = {b"content-type": (b"application/" + card.encode(),)}
    raw(shop, front, media)
    entries = kept(shop)
    assert len(entries) == 4
    assert card not in repr(entries)
    for entry in entries:
        assert entry.string_to_sign is None


def test_nothing_of_a_body_is_kept(shop, front):
    """Not even of one that an action stored."""
    cart_id = front.cart(metadata={"lead": "Quixote"})["cart_id"]
    front.ok("cart.update", cart_id=cart_id, note="Leave it at the green door")
    text = json.dumps([str(entry) for entry in kept(shop)])
    assert "green door" not in text
    assert "Quixote" not in text


def test_an_erasure_leaves_the_keys_and_the_hashes(shop, front):
    """Nothing that says who it was, and what a guess at a whole body would confirm."""
    front.order(front.cart(item("mug"))["cart_id"])
    shop.bridge.settle("pi_0001", amount=339, currency="GBP")
    asked = front.call("orders.list", key="her-orders", email=EMAIL)
    assert shop.bridge.customers.erase(EMAIL).is_whole
    assert len(kept(shop)) == 3
    assert not any(text in repr(kept(shop)) for text in PEOPLE)
    entry = shop.bridge.journal.find(asked.headers["X-Request-Id"])
    assert entry.headers["Idempotency-Key"] == "her-orders"
    guess = json.dumps({"email": EMAIL}).encode()
    assert entry.string_to_sign.endswith("\nher-orders\n" + sha256(guess).hexdigest())


def test_an_action_that_there_is_not_is_not_repeated(shop, front):
    """Its name is a stranger's text."""
    front.call("drop.everything")
    (entry,) = kept(shop)
    assert (entry.action, entry.code) == (None, "unknown_action")


def test_the_newest_rows_of_a_connection_stay(shop, front):
    """As many as the setting says, however many there were; another connection's stay."""
    other = shop.storefront("Other")
    other.cart()
    for _ in range(200):
        front.call("orders.list")
        shop.clock.forward(1)
    newest = front.call("orders.list").headers["X-Request-Id"]
    entries = kept(shop, connection=front.client_id, limit=1000)
    assert 50 <= len(entries) < 50 + 64
    assert entries[0].request_id == newest
    assert len(kept(shop, connection=other.client_id)) == 1


def test_what_is_old_is_forgotten():
    """After the days that the setting says."""
    shop = open_shop(journal_rows=1_000, journal_days=30)
    front = shop.storefront()
    front.call("orders.list")
    assert len(kept(shop)) == 1
    shop.clock.forward(31 * 86_400)
    for _ in range(70):
        front.call("orders.list")
    assert len(kept(shop, limit=1000)) == 70


def test_nothing_is_kept_where_the_setting_says_so():
    """And asking for it says which setting."""
    shop = open_shop(journal_rows=0)
    shop.storefront().cart()
    assert not shop.bridge.journal.is_kept
    for ask in (
        shop.bridge.journal.page,
        lambda: shop.bridge.journal.find("req_1"),
        lambda: shop.bridge.journal.of_order("ord_1"),
    ):
        with pytest.raises(ConfigurationError, match="journal_rows"):
            ask()


def test_a_storage_that_cannot_keep_requests_keeps_none():
    """The bridge works as before, and asking says what is missing."""
    shop = open_shop(journal_rows=50)
    storage = shop.bridge._storage
    storage.capabilities = storage.capabilities - {"journal"}
    again = open_shop(storage=storage, journal_rows=50, stocked=False)
    again.storefront().cart()
    assert not again.bridge.journal.is_kept
    with pytest.raises(ConfigurationError, match="capability `journal`"):
        again.bridge.journal.page()
