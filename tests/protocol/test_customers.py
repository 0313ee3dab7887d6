"""A customer is exported whole and erased for good, and nothing that was sold changes."""

import sqlite3
import unicodedata
from contextlib import closing

import msgspec
import pytest

from orderflow_bridge.actions.answers import CartAnswer, OrderAnswer
from orderflow_bridge.customers import EXPORT_FORMAT, Erasure
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.erasure import ERASED, ERASED_EMAIL, erased, same_email, spellings
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.order import Line, Order
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.ports import Answer, AnswerKey
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.peewee import PeeweeStorage
from orderflow_bridge.testing.faults import Fault, FaultyStorage
from orderflow_bridge.testing.samples import add, cart, connection, order
from tests.rig import ADDRESS, TestShop, item, open_shop

ZOE, MAX = "zoe@example.com", "max@example.com"
WORDS = "For Mum, from Zoë"
"""What a buyer writes wherever there is room for it."""


@pytest.fixture
def shop() -> TestShop:
    return open_shop()


def cart_of(front, email=ZOE, **fields):
    """Make a cart with words in every place."""
    engraved = item("mug", 2, options={"text": WORDS}, metadata={"card": WORDS})
    cart = front.cart(engraved, metadata={"from": WORDS})
    return front.ok(
        "cart.update",
        cart_id=cart["cart_id"],
        customer={
            "email": email, "name": WORDS, "phone": "+44 113", "company": WORDS, "external_id": "7",
        },
        shipping_address=ADDRESS | {"line2": WORDS, "region": WORDS, "phone": "+44 113"},
        note=WORDS,
        **fields,
    )  # fmt: skip


def order_of(front, email=ZOE, *, intent="pi_0001", key="", **fields):
    cart = cart_of(front, email)
    reply = front.call(
        "convertToOrder", key, cart_id=cart["cart_id"], payment_intent=intent,
        purchase_order=WORDS, **fields,
    )  # fmt: skip
    assert reply.status == 200, reply.json
    return reply.json


def paid_order_of(shop, front, email=ZOE, *, intent="pi_0001"):
    order = order_of(front, email, intent=intent)
    shop.bridge.settle(intent, amount=order["totals"]["total"], currency="GBP")
    return order


# Who a customer is.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zoe@example.com", "ZOE@Example.COM"),
        (" zoe@example.com\n", "zoe@example.com"),
        ("zo\u00eb@example.com", "zoe\u0308@example.com"),
        ("ZO\u00cb@example.com", "zoe\u0308@example.com"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(one, other):
    """Without case, in either form of Unicode, and with blanks around it."""
    assert same_email(one, other)
    assert same_email(other, one)


@pytest.mark.parametrize(
    "other",
    ["zoe+shop@example.com", "z.oe@example.com", "zoe@example.org", "oe@example.com", "zoe@%"],
)
def test_another_address_is_another_customer(shop, other):
    """Nothing is folded that a mail server may fold, and nothing is a pattern."""
    assert not same_email(ZOE, other)
    front = shop.storefront()
    paid_order_of(shop, front)
    assert shop.bridge.customers.look(other) == Erasure()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_a_customer_is_found_in_either_form(shop, form, asked):
    """Whatever keyboard the buyer had, and the operator has."""
    front = shop.storefront()
    paid_order_of(shop, front, unicodedata.normalize(form, "zoë@exämple.com"))
    done = shop.bridge.customers.erase(unicodedata.normalize(asked, "ZOË@exämple.com"))
    assert (done.orders, done.carts) == (1, 1)


@pytest.mark.parametrize("kept", ["zo\u00eb@exa\u0308mple.com", "zoe\u0308@ex\u00e4mple.com"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_customer_is_found_in_a_mixed_form(shop, kept, form):
    """One letter came composed and the other did not: it is one address all the same."""
    front = shop.storefront()
    paid_order_of(shop, front, kept)
    cart_of(front, kept)
    done = shop.bridge.customers.erase(unicodedata.normalize(form, "zo\u00eb@ex\u00e4mple.com"))
    assert (done.orders, done.carts) == (1, 2)
    assert front.ok("orders.list")["orders"][0]["customer"] == {"email": ERASED_EMAIL}


def test_an_ascii_address_is_searched_once():
    """Most have one form."""
    assert spellings(f" {ZOE} ") == (ZOE,)
    assert len(spellings("zoë@example.com")) == 2


def test_an_address_is_searched_in_a_bounded_number_of_forms():
    """Each is a walk through every cart: an address of many accents is not searched for ever."""
    assert len(spellings("ë" * 5 + "@example.com")) == 2**5
    assert len(spellings("ë" * 6 + "@example.com")) == 2


@pytest.mark.parametrize(
    "email",
    ["", "  ", ERASED_EMAIL, "ERASED@customer.invalid", "a\x00@b.example", "\ud800@b.example"],
)
def test_nobody_is_not_a_customer(shop, email):
    """An address that is empty, of everybody who was erased, or unlike any is refused."""
    for act in (shop.bridge.customers.export, shop.bridge.customers.look,
                shop.bridge.customers.erase):  # fmt: skip
        with pytest.raises(BridgeError) as caught:
            act(email)
        assert caught.value.code == "invalid_request"


# What is erased, and what stays.

PERSONAL = {
    Order: {
        "customer", "shipping_address", "billing_address", "purchase_order", "note", "metadata",
        "cancel_reason", "lines",
    },
    OrderAnswer: {
        "customer", "shipping_address", "billing_address", "purchase_order", "note", "metadata",
        "lines",
    },
    Cart: {
        "customer", "shipping_address", "billing_address", "note", "metadata", "lines",
        "conversion",
    },
    CartAnswer: {
        "customer", "shipping_address", "billing_address", "note", "metadata", "lines",
    },
    Line: {"options", "metadata"},
    Customer: {"email", "name", "phone", "company", "external_id"},
    Address: {"name", "line1", "line2", "city", "region", "postal_code", "phone"},
}  # fmt: skip
KEPT = {
    Order: {
        "order_id", "number", "connection", "channel", "status", "cart_id", "currency", "totals",
        "shipping_method", "payment", "placed_at", "updated_at", "taken",
    },
    OrderAnswer: {
        "order_id", "number", "status", "cart_id", "channel", "currency", "totals",
        "shipping_method", "payment", "placed_at", "updated_at",
    },
    Cart: {
        "cart_id", "connection", "version", "currency", "own_prices", "totals", "shipping_method",
        "notices", "created_at", "updated_at", "expires_at", "order_id",
    },
    CartAnswer: {
        "cart_id", "status", "version", "currency", "totals", "shipping_method", "notices",
        "created_at", "updated_at", "expires_at",
    },
    Line: {
        "line_id", "sku", "name", "quantity", "unit_price", "subtotal", "discount", "tax", "total",
    },
    Customer: set(),
    Address: {"country"},
}  # fmt: skip


@pytest.mark.parametrize("kind", PERSONAL, ids=lambda kind: kind.__name__)
def test_every_field_is_decided(kind):
    """A new field is personal or is kept: whoever adds it says which, here and in `erased`."""
    fields = {field.name for field in msgspec.structs.fields(kind)}
    assert PERSONAL[kind] | KEPT[kind] == fields
    assert not PERSONAL[kind] & KEPT[kind]


def test_nothing_personal_is_left_of_an_order_or_a_cart(shop):
    """Each personal field is gone, each other one is as it was."""
    front = shop.storefront()
    order = paid_order_of(shop, front)
    before = front.ok("orders.get", order_id=order["order_id"])
    cart_before = front.ok("cart.get", cart_id=order["cart_id"])
    shop.bridge.customers.erase(ZOE)
    after = front.ok("orders.get", order_id=order["order_id"])
    cart_after = front.ok("cart.get", cart_id=order["cart_id"])
    nowhere = {"name": ERASED, "line1": ERASED, "city": ERASED, "country": "GB"}
    for document in (after, cart_after):
        assert document["customer"] == {"email": ERASED_EMAIL}
        assert document["shipping_address"] == nowhere
        assert (document["note"], document["metadata"]) == (None, {})
        assert [(one["options"], one["metadata"]) for one in document["lines"]] == [({}, {})]
    assert after["billing_address"] == nowhere
    assert after["purchase_order"] is None
    assert {name: after[name] for name in KEPT[OrderAnswer]} == {
        name: before[name] for name in KEPT[OrderAnswer]
    }
    changed = {"version", "updated_at"}
    assert {name: cart_after[name] for name in KEPT[CartAnswer] - changed} == {
        name: cart_before[name] for name in KEPT[CartAnswer] - changed
    }
    assert cart_after["version"] == cart_before["version"] + 1
    for name in KEPT[Line]:
        assert after["lines"][0][name] == before["lines"][0][name]


def test_what_is_erased_is_what_the_schema_takes():
    """An erased customer and address are valid ones, and erasing again changes nothing."""
    document = {
        "customer": {"email": ZOE}, "shipping_address": ADDRESS, "billing_address": None,
        "note": WORDS, "metadata": {"a": WORDS}, "lines": [],
    }  # fmt: skip
    left = erased(document)
    msgspec.convert(left["customer"], Customer)
    msgspec.convert(left["shipping_address"], Address)
    assert left["billing_address"] is None
    assert erased(left) == left
    assert erased({"note": WORDS}) == {"note": None}
    assert document["note"] == WORDS


def test_nothing_is_left_in_the_database(tmp_path):
    """Not in a column, not in a document, not in an answer, not in the audit."""
    with open_shop(f"sqlite:///{tmp_path}/shop.db").bridge as bridge:
        shop = open_shop(storage=bridge._storage)
        front = shop.storefront()
        paid_order_of(shop, front)
        cart_of(front)
        assert _tables(tmp_path).count("zoe@") > 5
        shop.bridge.customers.export(ZOE, actor="bob")
        shop.bridge.customers.erase(ZOE, actor="bob")
        tables = _tables(tmp_path)
    assert "customer.erased" in tables
    for words in ("zoe@", "Zoë", "Mum", "High Street", "+44"):
        assert words not in tables
        assert words.encode().hex().upper() not in tables


def _tables(folder):
    """Read every table of a database as text, with what is binary in hex."""
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        names = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        rows = [database.execute(f"SELECT * FROM {name}").fetchall() for name in names]
    return "\n".join(
        column.decode("utf-8", "replace") if isinstance(column, bytes) else str(column)
        for table in rows
        for row in table
        for column in row
    )


def test_a_cart_that_became_no_order_expires(shop):
    """What was in it is no longer known, so it cannot be bought; and the next purge takes it."""
    front = shop.storefront()
    cart = cart_of(front)
    shop.bridge.customers.erase(ZOE)
    reply = front.call("items.add", cart_id=cart["cart_id"], items=[item("tea")])
    assert (reply.status, reply.code) == (410, "cart_expired")
    shop.clock.forward(shop.bridge.settings.cart_retention + 1)
    assert shop.bridge.purge().carts == 1


# Stored answers.


def test_an_answer_keeps_its_status_and_its_code(shop):
    """A refusal that shows a cart is answered again, without the person in it."""
    front = shop.storefront()
    cart = cart_of(front)
    fields = {"cart_id": cart["cart_id"], "payment_intent": "pi_0001", "expected_total": 1}
    refused = front.call("convertToOrder", "refused", **fields)
    assert refused.code == "total_changed"
    shop.bridge.customers.erase(ZOE)
    shop.clock.forward(1)
    again = front.call("convertToOrder", "refused", **fields)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["cart"].pop("customer") == {"email": ERASED_EMAIL}
    assert WORDS not in again.body.decode()
    assert (again.status, again.code) == (refused.status, refused.code)
    assert again.json["cart"]["totals"] == refused.json["cart"]["totals"]


def test_a_cart_that_changed_hands_is_the_last_ones(shop):
    """Its answers from before are the first one's, and neither erases the other's."""
    front = shop.storefront()
    cart = cart_of(front)
    front.ok("cart.update", cart_id=cart["cart_id"], customer={"email": "max@example.com"})
    done = shop.bridge.customers.erase(ZOE)
    assert (done.orders, done.carts, done.answers) == (0, 0, 1)
    assert shop.bridge.customers.look(ZOE) == Erasure()
    assert front.ok("cart.get", cart_id=cart["cart_id"])["customer"]["email"] == "max@example.com"
    found = shop.bridge.customers.export("max@example.com")
    assert [one["action"] for one in found.answers] == ["cart.create", "cart.update"]


def test_a_cart_that_names_nobody_now_is_found_by_its_answers(shop):
    """The customer was taken out of it, their address and note were not: it is still theirs."""
    front = shop.storefront()
    cart = cart_of(front)
    other = front.cart(item("tea"))
    front.ok("cart.update", cart_id=other["cart_id"], note="nobody's")
    front.ok("cart.update", cart_id=cart["cart_id"], customer=None)
    theirs = shop.bridge.customers.export(ZOE)
    assert [one["cart_id"] for one in theirs.carts] == [cart["cart_id"]]
    assert theirs.carts[0]["shipping_address"].name == ADDRESS["name"]
    looked = shop.bridge.customers.look(ZOE)
    done = shop.bridge.customers.erase(ZOE)
    assert (looked.carts, looked.answers) == (done.carts, done.answers) == (1, 3)
    left = front.ok("cart.get", cart_id=cart["cart_id"])
    assert (left["customer"], left["note"], left["shipping_address"]["name"]) == (
        None, None, ERASED,
    )  # fmt: skip
    assert left["status"] == "expired"
    assert front.ok("cart.get", cart_id=other["cart_id"])["note"] == "nobody's"
    assert shop.bridge.customers.look(ZOE) == Erasure()


def test_a_cart_that_names_nobody_is_erased_once_however_many_answers_named_them(shop):
    """More than a batch of answers about one cart are one cart, in an export and in an erasure."""
    front = shop.storefront()
    cart = cart_of(front)
    for turn in range(120):
        front.ok("cart.update", cart_id=cart["cart_id"], note=f"{WORDS} {turn}")
    front.ok("cart.update", cart_id=cart["cart_id"], customer=None)
    assert len(shop.bridge.customers.export(ZOE).carts) == 1
    assert shop.bridge.customers.look(ZOE).carts == 1
    done = shop.bridge.customers.erase(ZOE)
    assert (done.carts, done.answers) == (1, 123)


def test_a_cart_that_gets_another_customer_meanwhile_is_theirs(shop):
    """It named nobody when it was found, and somebody when its turn came."""
    front = shop.storefront()
    cart = cart_of(front)
    front.ok("cart.update", cart_id=cart["cart_id"], customer=None)

    def change_hands():
        front.ok("cart.update", cart_id=cart["cart_id"], customer={"email": MAX})

    slow = FaultyStorage(shop.bridge._storage, Fault("writing", change_hands))
    erasing = open_shop(storage=slow, clock=shop.clock, stocked=False).bridge
    assert erasing.customers.erase(ZOE).carts == 0
    assert front.ok("cart.get", cart_id=cart["cart_id"])["note"] == WORDS


def test_answers_about_no_cart_are_nobodys(shop):
    """A refusal without a cart in it stays as it is."""
    front = shop.storefront()
    paid_order_of(shop, front)
    for action, fields in (
        ("orders.cancel", {"order_id": "order_none"}),
        ("convertToOrder", {"cart_id": "cart_none", "payment_intent": "pi_0002"}),
    ):
        assert front.call(action, "no", **fields).status == 404
    key = AnswerKey(front.client_id, "cart.create", "of-another-version")
    with shop.bridge._storage.writing() as unit:
        unit.answers.claim(key, fingerprint=b"f", now=0, running_until=1, until=2)
        unit.answers.store(key, Answer(404, b"gone"), running_until=1)
    with shop.bridge._storage.reading() as unit:
        before = unit.answers.page(connection=front.client_id, after=None, limit=99)
    done = shop.bridge.customers.erase(ZOE)
    with shop.bridge._storage.reading() as unit:
        after = unit.answers.page(connection=front.client_id, after=None, limit=99)
    assert len(before) == len(after) == 6
    assert [one.answer.status for one in after if one in before] == [404, 404, 404]
    assert done.answers == 3


# What is still going on.


def test_an_unpaid_order_is_left_whole(shop):
    """Its address is needed; when it is cancelled or paid, the erasure is repeated."""
    front = shop.storefront()
    paid_order_of(shop, front, intent="pi_paid")
    order = order_of(front, intent="pi_open", key="open")
    assert shop.bridge.customers.look(ZOE).unpaid == (order["order_id"],)
    done = shop.bridge.customers.erase(ZOE)
    assert (done.orders, done.carts, done.unpaid) == (1, 1, (order["order_id"],))
    assert not done.is_whole
    shop.clock.forward(1)
    again = front.call(
        "convertToOrder", "open", cart_id=order["cart_id"], payment_intent="pi_open",
        purchase_order=WORDS,
    )  # fmt: skip
    assert again.json == order
    shop.bridge.orders.cancel(order["order_id"], reason=WORDS)
    done = shop.bridge.customers.erase(ZOE)
    assert (done.orders, done.carts, done.is_whole) == (1, 1, True)
    assert shop.bridge.orders.find(order["order_id"]).cancel_reason is None


def test_a_crashed_conversion_is_given_up():
    """Its stock and its intent are free again, and its draft is gone."""
    provider = SimulatedProvider()
    shop = open_shop(payments=provider)
    front = shop.storefront()
    cart = front.cart(item("lamp"), customer={"email": ZOE})
    fields = {"cart_id": cart["cart_id"], "payment_intent": "pi_0001", "shipping_address": ADDRESS}
    crashing = FaultyStorage(shop.bridge._storage, Fault("writing", _crash, passing=1, times=None))
    crashed = open_shop(storage=crashing, payments=provider, clock=shop.clock, stocked=False)
    dying = crashed.bridge
    front.bridge, alive = dying, front.bridge
    assert front.call("convertToOrder", **fields).status == 503
    front.bridge = alive
    assert shop.stock("lamp") == 2
    left = shop.bridge.customers.erase(ZOE)
    assert left.converting == (cart["cart_id"],)
    shop.clock.forward(shop.bridge.settings.conversion_lease + 1)
    done = shop.bridge.customers.erase(ZOE)
    assert (done.carts, done.is_whole) == (1, True)
    assert shop.stock("lamp") == 3
    with shop.bridge._storage.reading() as unit:
        assert unit.intents.find("pi_0001").cart_id is None
        assert unit.carts.find(cart["cart_id"], connection=front.client_id).conversion is None


def _crash():
    raise BridgeError("storage_unavailable", "The process is gone.", retry_after=1)


def test_a_question_to_the_provider_brings_nobody_back():
    """An order that is erased while its payment is asked for stays erased, in its answer too."""
    provider = SimulatedProvider()
    shop = open_shop(payments=provider)
    front = shop.storefront()
    total = cart_of(front)["totals"]["total"]
    provider.announce("pi_0001", amount=total, currency="GBP")
    order = order_of(front)
    front.ok("orders.cancel", order_id=order["order_id"])
    provider.announce("pi_0001", amount=total, currency="GBP", paid=True)

    def find(intent, ask=provider.find):
        assert shop.bridge.customers.erase(ZOE).orders == 1
        return ask(intent)

    provider.find = find
    answer = front.ok("orders.confirmPayment", order_id=order["order_id"])
    assert answer["payment"]["state"] == "paid_after_cancel"
    assert answer["customer"] == {"email": ERASED_EMAIL}
    assert shop.bridge.customers.look(ZOE) == Erasure()


def test_a_cart_that_changes_hands_meanwhile_is_the_other_ones(shop):
    """It was found, and has another customer when its turn comes: nothing of that one changes."""
    add(shop.bridge._storage, connection(), cart())

    def change_hands():
        with shop.bridge._storage.writing() as unit:
            unit.carts.save(cart(customer=Customer(email=MAX), version=2), replacing=1)

    slow = FaultyStorage(shop.bridge._storage, Fault("writing", change_hands))
    assert open_shop(storage=slow, stocked=False).bridge.customers.erase(ZOE).is_nothing
    assert shop.bridge.customers.look(MAX).carts == 1


def test_an_order_of_another_customer_stays_where_the_cart_goes(shop):
    """A site's own carts may say otherwise than its orders: each is its own customer's."""
    theirs = order(status="paid", cart_id="cart_1", customer=Customer(email=MAX))
    add(shop.bridge._storage, connection(), cart(order_id="order_1"), theirs)
    done = shop.bridge.customers.erase(ZOE)
    assert (done.orders, done.carts) == (0, 1)
    assert shop.bridge.orders.find("order_1").customer.email == MAX


def test_an_order_that_moves_meanwhile_is_read_again(shop, monkeypatch):
    """A save that finds another status is a conflict, and the unit runs again."""
    paid_order_of(shop, shop.storefront())
    with shop.bridge._storage.reading() as unit:
        orders = type(unit.orders)
    save, asked = orders.save, []

    def slow_save(self, changed, *, expecting):
        asked.append(changed)
        return len(asked) > 1 and save(self, changed, expecting=expecting)

    monkeypatch.setattr(orders, "save", slow_save)
    done = shop.bridge.customers.erase(ZOE)
    assert (len(asked), done.orders, done.carts) == (2, 1, 1)


# The commands themselves.


def test_looking_tells_what_an_erasure_does(shop):
    """The same counts, and nothing is changed by it."""
    front = shop.storefront()
    paid_order_of(shop, front, intent="pi_1")
    order_of(front, intent="pi_2")
    cart_of(front, "ZOE@example.com")
    paid_order_of(shop, front, "max@example.com", intent="pi_3")
    looked = shop.bridge.customers.look(ZOE)
    assert looked == shop.bridge.customers.look(ZOE)
    done = shop.bridge.customers.erase(ZOE)
    assert msgspec.structs.replace(done, erasure_id=None) == looked
    assert (looked.orders, looked.carts, looked.answers) == (1, 2, 5)


def test_a_customer_of_many_orders_is_erased_batch_by_batch():
    """No batch hides another: what is left in one does not end the walk."""
    shop = open_shop(payment_hold=0)
    front = shop.storefront()
    unpaid = set()
    for number in range(120):
        shop.clock.forward(1)
        order = order_of(front, intent=f"pi_{number:04d}")
        if number % 3:
            shop.bridge.orders.settle(order["order_id"])
        else:
            unpaid.add(order["order_id"])
    done = shop.bridge.customers.erase(ZOE)
    assert (done.orders, done.carts, set(done.unpaid)) == (80, 80, unpaid)
    for order_id in unpaid:
        shop.bridge.orders.settle(order_id)
    done = shop.bridge.customers.erase(ZOE)
    assert (done.orders, done.carts, done.is_whole) == (40, 40, True)
    assert shop.bridge.customers.look(ZOE) == Erasure()


def test_the_audit_has_counts_and_no_address(shop):
    """Who did it and when; the entries of one erasure have one subject."""
    front = shop.storefront()
    paid_order_of(shop, front)
    cart_of(front)
    shop.clock.forward(1)
    shop.bridge.customers.export(ZOE, actor="bob")
    shop.clock.forward(1)
    done = shop.bridge.customers.erase(ZOE, actor="eve")
    shop.bridge.customers.erase(ZOE, actor="eve")
    entries = [one for one in shop.bridge.audit.page() if one.event.startswith("customer.")]
    erasures = [one for one in entries if one.event == "customer.erased"]
    assert {(one.actor, one.subject) for one in erasures} == {("eve", done.erasure_id)}
    for name in ("orders", "carts", "answers"):
        assert sum(one.details[name] for one in erasures) == getattr(done, name)
    [export] = [one for one in entries if one.event == "customer.exported"]
    assert (export.actor, export.details["orders"], export.details["carts"]) == ("bob", 1, 2)
    assert "zoe" not in str(entries).lower()


def test_an_erasure_without_a_name_does_not_happen(shop):
    """The entry is in the transaction of the change: without it there is none."""
    front = shop.storefront()
    paid_order_of(shop, front)
    looked = shop.bridge.customers.look(ZOE)
    with pytest.raises(BridgeError):
        shop.bridge.customers.erase(ZOE, actor="a\nb")
    assert shop.bridge.customers.look(ZOE) == looked


def test_an_export_is_one_document_for_a_program(shop):
    """With its form named, and times and amounts as the protocol has them."""
    front = shop.storefront()
    order = paid_order_of(shop, front)
    document = msgspec.json.decode(msgspec.json.encode(shop.bridge.customers.export(f" {ZOE} ")))
    assert document["format"] == EXPORT_FORMAT == "orderflow-bridge/customer/1"
    assert document["email"] == ZOE
    [exported] = document["orders"]
    assert (exported.pop("connection"), exported.pop("cancel_reason")) == (front.client_id, None)
    assert exported == front.ok("orders.get", order_id=order["order_id"])
    [cart] = document["carts"]
    assert cart.pop("order_id") == order["order_id"]
    assert cart.pop("connection") == front.client_id
    assert cart == front.ok("cart.get", cart_id=order["cart_id"])
    assert [one["body"]["cart_id"] for one in document["answers"]] == [order["cart_id"]] * 3


class _Narrow(MemoryStorage):
    capabilities = MemoryStorage.capabilities - {"privacy"}


def test_a_storage_that_cannot_says_so():
    """It opens and sells; the command alone is refused, with what to do."""
    shop = open_shop(storage=_Narrow())
    paid_order_of(shop, shop.storefront())
    for act in (shop.bridge.customers.export, shop.bridge.customers.look,
                shop.bridge.customers.erase):  # fmt: skip
        with pytest.raises(ConfigurationError, match=r"_Narrow can neither .* `privacy`"):
            act(ZOE)


class _Carts:
    """A site's own carts, which have what a repository of carts must have."""

    def __init__(self, session):
        self._session = session


def test_carts_of_a_site_that_cannot_be_searched_say_so(tmp_path):
    """The storage could, and the site's repository is named."""
    storage = PeeweeStorage(f"sqlite:///{tmp_path}/shop.db", carts=_Carts)
    with open_shop(storage=storage).bridge as bridge, pytest.raises(
        ConfigurationError, match="_Carts cannot find carts by e-mail"
    ):  # fmt: skip
        bridge.customers.erase(ZOE)
