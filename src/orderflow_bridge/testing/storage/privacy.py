"""What a storage promises that lets customers be exported and erased."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.capabilities import rewritable, searchable
from orderflow_bridge.client.signing import sign
from orderflow_bridge.customers import Erasure
from orderflow_bridge.domain.customer import Customer
from orderflow_bridge.domain.erasure import ERASED_EMAIL
from orderflow_bridge.domain.order import Line, Order, Payment
from orderflow_bridge.domain.payment import PaymentIntent, PaymentReport
from orderflow_bridge.domain.product import Product
from orderflow_bridge.http import Head, Request
from orderflow_bridge.ports import (
    Answer,
    AnswerKey,
    Capability,
    Claim,
    KeptAnswer,
    OrderQuery,
    Storage,
)
from orderflow_bridge.settings import Settings
from orderflow_bridge.testing.clock import SetClock
from orderflow_bridge.testing.entropy import CountedEntropy
from orderflow_bridge.testing.faults import Fault, FaultyStorage, fail
from orderflow_bridge.testing.samples import ADDRESS, OTHER, SHOP, add, cart, connection, order
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["PrivacyContract"]

# Nothing is written beside the requests: who has a storage closes it when a rule has been tried.
_SETTINGS = Settings(journal_rows=0)
_MASTER_KEYS = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
"""For a bridge that lives during one test."""
_SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write")
_ZOE, _CHLOE = "zoe@example.com", "chloe@example.com"
_SECRETS = ("zoe@", "Zoë", "High Street", "Leeds", "LS1", "For Mum")
"""What an erasure of the journey's customer must leave nowhere."""
_BODY = b'{"cart": "\x00\xff"}'
_OK = 200
_A_MOMENT = 0.1
"""How long the other side has to do something early, in seconds."""


class _Lamps:
    """A catalogue of its own: the storage need not keep one."""

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:  # noqa: ARG002 -- a port
        return {sku: Product(sku=sku, name="Lamp", unit_price=1_200) for sku in skus}


@dataclass
class _Provider:
    """A payment provider that says paid; `meanwhile` runs while it is asked."""

    meanwhile: Callable[[], object] = lambda: None

    def find(self, intent: str) -> PaymentReport:  # noqa: ARG002 -- a port
        self.meanwhile()
        return PaymentReport(state="paid", amount=1_200, currency="GBP")


@dataclass
class _Journey:
    """A storefront of a bridge on the storage."""

    bridge: Bridge
    clock: SetClock
    client_id: str = ""
    secret: str = ""
    keys: int = field(default=0)

    def __post_init__(self) -> None:
        made = self.bridge.connections.create("Storefront", scopes=_SCOPES, currency="GBP")
        self.client_id, self.secret = made.connection.client_id, made.secret

    def call(self, action: str, *, key: str | None = None, **fields: Any) -> Any:
        """Send a signed request that must succeed; give its document."""
        self.keys += 1
        body = json.dumps(fields).encode()
        self.clock.forward(1)
        headers = sign(
            client_id=self.client_id,
            secret=self.secret,
            action=action,
            body=body,
            timestamp=self.clock.now() // 1000,
            idempotency_key=key or f"key-{self.keys}",
        )
        head = Head(
            method="POST",
            path=f"/{self.client_id}/{action}".encode(),
            headers={name.lower().encode(): (value.encode(),) for name, value in headers.items()}
            | {b"content-length": (str(len(body)).encode(),)},
            peer="127.0.0.1",
        )
        response = self.bridge.handle(Request(head=head, body=body))
        assert response.status == _OK, response.body
        return json.loads(response.body)

    def cart(self, email: str = _ZOE) -> str:
        """Make a cart with everything that tells of its buyer; give its id."""
        lamp = {"sku": "lamp", "quantity": 1, "options": {"engraved": "For Mum"}}
        made = self.call("cart.create", items=[lamp])
        cart_id: str = made["cart_id"]
        self.call(
            "cart.update",
            cart_id=cart_id,
            customer={"email": email, "name": "Zoë"},
            shipping_address=_address(),
            note="Call Zoë",
        )
        return cart_id

    def order(self, email: str = _ZOE, *, key: str | None = None) -> Any:
        """Order a lamp."""
        return self.convert(self.cart(email), key=key)

    def convert(self, cart_id: str, *, key: str | None = None) -> Any:
        """Order what is in a cart."""
        return self.call("convertToOrder", key=key, cart_id=cart_id, payment_intent=f"pi_{cart_id}")

    def paid(self, email: str = _ZOE, *, key: str | None = None) -> Any:
        """Order a lamp, and pay for it."""
        placed = self.order(email, key=key)
        self.bridge.orders.settle(placed["order_id"])
        return placed


def _address() -> dict[str, str]:
    return {
        "name": ADDRESS.name, "line1": ADDRESS.line1, "city": ADDRESS.city,
        "postal_code": "LS1 1AA", "country": ADDRESS.country,
    }  # fmt: skip


def _journey(storage: Storage, payments: _Provider | None = None) -> _Journey:
    clock = SetClock()
    bridge = Bridge(
        settings=_SETTINGS,
        storage=storage,
        master_keys=_MASTER_KEYS,
        catalogue=_Lamps(),
        payments=payments,
        clock=clock,
        entropy=CountedEntropy(),
    )
    return _Journey(bridge, clock)


def _key(key: str, action: str = "cart.create", client_id: str = SHOP) -> AnswerKey:
    return AnswerKey(client_id, action, key)


def _store(storage: Storage, *keys: AnswerKey) -> None:
    """Store the key itself as its answer."""
    with storage.writing() as unit:
        for key in keys:
            unit.answers.claim(key, fingerprint=b"f" * 32, now=0, running_until=10, until=100)
            unit.answers.store(key, _answer(key), running_until=10)


def _answer(key: AnswerKey) -> Answer:
    return Answer(200, key.key.encode() + _BODY)


def _answers(storage: Storage, *, client_id: str = SHOP, limit: int = 2) -> list[KeptAnswer]:
    """Read a connection's answers page by page."""
    seen: list[KeptAnswer] = []
    # A storage that goes round in a circle ends too.
    for _ in range(9):
        after = (seen[-1].key.action, seen[-1].key.key) if seen else None
        with storage.reading() as unit:
            page = rewritable(unit).page(connection=client_id, after=after, limit=limit)
        assert len(page) <= limit
        if not page:
            break
        seen += page
    return seen


def _found(storage: Storage, email: str, *, after: str = "", limit: int = 9) -> list[str]:
    with storage.reading() as unit:
        carts = searchable(unit).of_email(email, after=after, limit=limit)
        assert all(unit.carts.find(one.cart_id, connection=one.connection) == one for one in carts)
    return [one.cart_id for one in carts]


def _claim(storage: Storage, key: AnswerKey, *, body: bytes = b"f" * 32, now: int = 0) -> Claim:
    with storage.writing() as unit:
        return unit.answers.claim(
            key, fingerprint=body, now=now, running_until=now + 10, until=now + 100
        )


def _everything(journey: _Journey, storage: Storage) -> str:
    """Read what is kept for the storefront, as one text."""
    with storage.reading() as unit:
        orders = list(unit.orders.search(OrderQuery(limit=99)))
        carts = [
            unit.carts.find(one.cart_id, connection=one.connection)
            for email in (_ZOE, _CHLOE, ERASED_EMAIL)
            for one in searchable(unit).of_email(email, after="", limit=99)
        ]
    answers = [one.answer.body for one in _answers(storage, client_id=journey.client_id, limit=99)]
    return f"{orders} {carts} {b' '.join(answers).decode()}"


class PrivacyContract(Contract):
    """The capability `privacy`: `SearchableCartRepository` and `RewritableAnswerLedger`.

    And what the bridge promises on such a storage: that a customer is exported whole, and erased
    without a change of what was sold.
    """

    needs: ClassVar[Capability | None] = "privacy"

    def test_privacy_carts_are_found_by_their_customer(self, storage: Storage) -> None:
        """Without case and as a whole, of every connection; not where there is no customer."""
        add(
            storage,
            cart("cart_1", customer=Customer(email="Zoe@Example.COM")),
            cart("cart_2", customer=Customer(email=_ZOE), connection=OTHER),
            cart("cart_3", customer=Customer(email=_CHLOE)),
            cart("cart_4", customer=None),
            cart("cart_5", customer=Customer(email="İ" * 100 + "@example.com")),
            cart("cart_6", customer=Customer(email="chlo%@example.com")),
        )
        assert _found(storage, "ZOE@example.com") == ["cart_1", "cart_2"]
        assert _found(storage, "oe@example.com") == []
        assert _found(storage, "chlo%@example.com") == ["cart_6"]
        assert _found(storage, "İ" * 100 + "@example.com") == ["cart_5"]
        with storage.writing() as unit:
            changed = cart("cart_1", customer=Customer(email=_CHLOE), version=2)
            unit.carts.save(changed, replacing=1)
        assert _found(storage, _ZOE) == ["cart_2"]
        assert _found(storage, _CHLOE) == ["cart_1", "cart_3"]

    def test_privacy_carts_come_in_pages(self, storage: Storage) -> None:
        """By their ids, as bytes; each page goes on beyond the one before."""
        ids = ["cart_2", "cart_B", "cart_a", "cart_10", "cart_b"]
        add(storage, *(cart(one) for one in ids))
        ordered = sorted(ids)
        assert _found(storage, _ZOE) == ordered
        assert _found(storage, _ZOE, limit=2) == ordered[:2]
        assert _found(storage, _ZOE, after=ordered[1], limit=2) == ordered[2:4]
        assert _found(storage, _ZOE, after=ordered[-1]) == []

    def test_privacy_a_saved_order_is_found_by_its_customer(self, storage: Storage) -> None:
        """By the one it has now, and no more by the one before: in a column too."""
        add(storage, order())
        nobody = order(customer=Customer(email="Erased@Customer.invalid"), lines=_plain(order()))
        with storage.writing() as unit:
            assert unit.orders.save(nobody, expecting="pending_payment")
        with storage.reading() as unit:
            assert unit.orders.search(OrderQuery(email=_ZOE)) == []
            [found] = unit.orders.search(OrderQuery(email=ERASED_EMAIL))
        assert replace(found, number="") == nobody

    def test_privacy_answers_come_in_pages(self, storage: Storage) -> None:
        """By action and key, as bytes, of one connection, answered ones, expired or not."""
        keys = [
            _key("b"), _key("a"), _key("B"), _key("a", "cart.update"), _key("c", "a.a"),
        ]  # fmt: skip
        _store(storage, *keys, _key("a", client_id=OTHER))
        _claim(storage, _key("running"))
        expected = sorted(keys, key=lambda one: (one.action, one.key))
        assert _answers(storage) == [KeptAnswer(key, _answer(key)) for key in expected]
        assert [one.key for one in _answers(storage, limit=99)] == expected
        assert [one.key for one in _answers(storage, client_id=OTHER)] == [
            _key("a", client_id=OTHER)
        ]

    def test_privacy_an_answer_is_rewritten_for_its_key(self, storage: Storage) -> None:
        """A retry gets the new answer; another body is told as before, and times stay."""
        key, other = _key("a"), _key("A")
        _store(storage, key, other)
        new = Answer(201, b"new" + _BODY)
        with storage.writing() as unit:
            assert rewritable(unit).rewrite(key, new, replacing=_answer(key))
        assert _claim(storage, key, now=99) == Claim("done", answer=new)
        assert _claim(storage, key, body=b"g" * 32, now=99) == Claim("reused")
        assert _claim(storage, other, now=99) == Claim("done", answer=_answer(other))
        assert _claim(storage, key, body=b"g" * 32, now=100) == Claim("new")

    def test_privacy_an_answer_is_rewritten_while_it_is_the_one(self, storage: Storage) -> None:
        """Neither another answer nor a running claim is touched."""
        key, running, new = _key("a"), _key("b"), Answer(200, b"new")
        _store(storage, key)
        _claim(storage, running)
        with storage.writing() as unit:
            ledger = rewritable(unit)
            assert not ledger.rewrite(key, new, replacing=replace(_answer(key), status=201))
            assert not ledger.rewrite(key, new, replacing=replace(_answer(key), body=_BODY))
            assert not ledger.rewrite(running, new, replacing=_answer(running))
            assert not ledger.rewrite(_key("c"), new, replacing=_answer(key))
        assert _claim(storage, key, now=1) == Claim("done", answer=_answer(key))
        assert _claim(storage, running, now=1) == Claim("running", running_until=10)

    def test_privacy_a_rewriting_is_in_its_unit(self, storage: Storage) -> None:
        """The unit itself reads it; a unit that fails leaves the answer as it was."""
        key, new = _key("a"), Answer(200, b"new")
        _store(storage, key)

        def fail_after_rewriting() -> None:
            with storage.writing() as unit:
                rewritable(unit).rewrite(key, new, replacing=_answer(key))
                assert list(rewritable(unit).page(connection=SHOP, after=None, limit=9)) == [
                    KeptAnswer(key, new)
                ]
                raise ValueError("fault")

        with pytest.raises(ValueError, match="fault"):
            fail_after_rewriting()
        assert _answers(storage) == [KeptAnswer(key, _answer(key))]

    def test_privacy_an_export_has_all_and_only_theirs(self, storage: Storage) -> None:
        """Orders, carts and stored answers of one customer, whoever else there is."""
        journey = _journey(storage)
        placed, open_cart = journey.order("Zoe@Example.com"), journey.cart()
        journey.order(_CHLOE)
        found = journey.bridge.customers.export("ZOE@example.com")
        assert [one["order_id"] for one in found.orders] == [placed["order_id"]]
        assert [one["cart_id"] for one in found.carts] == [placed["cart_id"], open_cart]
        assert sorted((one["action"], one["idempotency_key"]) for one in found.answers) == [
            ("cart.create", "key-1"),
            ("cart.create", "key-4"),
            ("cart.update", "key-2"),
            ("cart.update", "key-5"),
            ("convertToOrder", "key-3"),
        ]

    def test_privacy_an_erasure_leaves_what_was_sold(self, storage: Storage) -> None:
        """Nothing of the person, all of the money; and nothing of another customer changes."""
        journey = _journey(storage)
        journey.paid(_CHLOE)
        with storage.reading() as unit:
            [others] = unit.orders.search(OrderQuery())
        other_answers = _answers(storage, client_id=journey.client_id)
        placed, open_cart = journey.paid(), journey.cart("ZOE@example.com")
        with storage.reading() as unit:
            before = unit.orders.find(placed["order_id"], connection=None)
        done = journey.bridge.customers.erase(_ZOE)
        assert (done.orders, done.carts, done.answers, done.is_whole) == (1, 2, 5, True)
        with storage.reading() as unit:
            assert unit.orders.search(OrderQuery(email=_ZOE)) == []
            after = unit.orders.find(placed["order_id"], connection=None)
            assert unit.orders.find(others.order_id, connection=None) == others
            emptied = unit.carts.find(open_cart, connection=journey.client_id)
        assert before is not None
        assert after is not None
        assert _sold(after) == _sold(before)
        assert after.customer == Customer(email=ERASED_EMAIL)
        assert emptied is not None
        assert emptied.status(journey.clock.now()) == "expired"
        kept = {one.key: one for one in _answers(storage, client_id=journey.client_id)}
        assert [kept[one.key] for one in other_answers] == other_answers
        assert _found(storage, _ZOE) == []
        journey.bridge.customers.erase(_CHLOE)
        text = _everything(journey, storage)
        assert [secret for secret in (*_SECRETS, "chloe@") if secret in text] == []
        again = journey.bridge.customers.erase(_ZOE)
        assert replace(again, erasure_id=None) == Erasure()

    def test_privacy_a_retry_gets_the_erased_answer(self, storage: Storage) -> None:
        """The same key and body: the same order, status and totals, without the person."""
        journey = _journey(storage)
        placed = journey.paid(key="convert")
        journey.bridge.customers.erase(_ZOE)
        again = journey.convert(placed["cart_id"], key="convert")
        assert again["customer"] == {"email": ERASED_EMAIL}
        personal = ("customer", "shipping_address", "billing_address", "note", "lines")
        assert [(one["sku"], one["total"]) for one in again["lines"]] == [("lamp", 1_200)]
        for document in (again, placed):
            for name in personal:
                del document[name]
        assert again == placed
        with storage.reading() as unit:
            assert len(unit.orders.search(OrderQuery())) == 1

    def test_privacy_an_interrupted_erasure_is_ended_by_the_next(self, storage: Storage) -> None:
        """An order, its cart and their answers go together: all of them before, or after."""
        journey = _journey(storage)
        placed = journey.paid(key="convert")
        open_cart = journey.cart()
        for at in ("answers.rewrite", "commit"):
            before = _everything(journey, storage)
            broken = FaultyStorage(storage, fail(at, ValueError("fault")))
            with pytest.raises(ValueError, match="fault"):
                _on(broken, journey).bridge.customers.erase(_ZOE)
            assert _everything(journey, storage) == before
        broken = FaultyStorage(storage, fail("commit", ValueError("fault"), passing=1))
        with pytest.raises(ValueError, match="fault"):
            _on(broken, journey).bridge.customers.erase(_ZOE)
        again = journey.convert(placed["cart_id"], key="convert")
        assert again["customer"] == {"email": ERASED_EMAIL}
        assert _found(storage, _ZOE) == [open_cart]
        done = journey.bridge.customers.erase(_ZOE)
        assert (done.orders, done.carts, done.answers) == (0, 1, 2)
        text = _everything(journey, storage)
        assert [secret for secret in _SECRETS if secret in text] == []

    def test_privacy_a_conversion_meanwhile_is_left(self, storage: Storage) -> None:
        """It is told, not half erased; and when the order is there it is erased like any other."""
        provider = _Provider()
        journey = _journey(storage, provider)
        cart_id = journey.cart()
        done: list[Erasure] = []
        provider.meanwhile = lambda: done.append(journey.bridge.customers.erase(_ZOE))
        placed = journey.convert(cart_id)
        assert placed["customer"]["email"] == _ZOE
        assert [one.converting for one in done] == [(cart_id,)]
        assert [one.answers for one in done] == [0]
        found = journey.bridge.customers.erase(_ZOE)
        assert (found.orders, found.carts, found.answers) == (1, 1, 3)

    def test_privacy_what_is_stored_meanwhile_is_erased(self, storage: Storage) -> None:
        """A unit that changes an order and answers about it, holding the cart, is waited for."""
        add(storage, connection(), cart("cart_1", order_id="order_1"))
        late = order(
            cart_id="cart_1", status="cancelled", payment=Payment(intent="pi_late"), note="For Mum"
        )
        add(storage, late)
        key = _key("late")
        told = Answer(
            200, b'{"cart_id":"cart_1","customer":{"email":"zoe@example.com"},"lines":[]}'
        )
        has_read = threading.Event()
        reads = FaultyStorage(storage, Fault("orders.of_cart", has_read.set, when="after"))
        with ThreadPoolExecutor(1) as pool:
            with storage.writing() as unit:
                assert unit.carts.lock("cart_1", connection=SHOP)
                erasing = pool.submit(_bridge(reads).customers.erase, _ZOE)
                has_read.wait(_A_MOMENT)
                paid = replace(late, payment=Payment(intent="pi_late", state="paid_after_cancel"))
                assert unit.orders.save(paid, expecting="cancelled")
                unit.answers.claim(key, fingerprint=b"f", now=0, running_until=10, until=100)
                unit.answers.store(key, told, running_until=10)
            erasing.result()
        with storage.reading() as unit:
            found = unit.orders.find("order_1", connection=SHOP)
        assert found is not None
        assert (found.payment.state, found.customer.email) == ("paid_after_cancel", ERASED_EMAIL)
        assert [b"zoe" in one.answer.body for one in _answers(storage)] == [False]

    def test_privacy_money_meanwhile_brings_nobody_back(self, storage: Storage) -> None:
        """A payment that has read the order before the erasure's commit saves what that left."""
        late = order(cart_id="cart_1", status="cancelled", payment=Payment(intent="pi_late"))
        add(storage, connection(), cart("cart_1", order_id="order_1"), late)
        with storage.writing() as unit:
            unit.intents.add(PaymentIntent(intent="pi_late", cart_id="cart_1"))
        has_read = threading.Event()
        reads = FaultyStorage(storage, Fault("orders.of_cart", has_read.set, when="after"))

        def pay() -> None:
            # Where one unit waits for the other from its beginning, it cannot read so early.
            paying.append(pool.submit(_bridge(reads).settle, "pi_late", amount=750, currency="GBP"))
            has_read.wait(_A_MOMENT)

        paying: list[Future[Order | None]] = []
        with ThreadPoolExecutor(1) as pool:
            _bridge(FaultyStorage(storage, Fault("commit", pay))).customers.erase("zoe@example.com")
            paid = paying[0].result()
        assert paid is not None
        assert (paid.payment.state, paid.customer.email) == ("paid_after_cancel", ERASED_EMAIL)
        with storage.reading() as unit:
            assert unit.orders.find("order_1", connection=SHOP) == paid


def _bridge(storage: Storage) -> Bridge:
    return Bridge(
        storage=storage,
        master_keys=_MASTER_KEYS,
        settings=_SETTINGS,
        catalogue=_Lamps(),
        clock=SetClock(),
    )


def _on(storage: Storage, journey: _Journey) -> _Journey:
    """Give the journey's bridge on another storage."""
    bridge = Bridge(
        settings=_SETTINGS,
        storage=storage,
        master_keys=_MASTER_KEYS,
        catalogue=_Lamps(),
        clock=journey.clock,
    )
    other = object.__new__(_Journey)
    other.bridge = bridge
    return other


def _plain(order: Order) -> tuple[Line, ...]:
    """Give the lines of an order without what a buyer wrote there."""
    return tuple(replace(one, options={}, metadata={}) for one in order.lines)


def _sold(order: Order) -> Order:
    """Give what bookkeeping needs of an order: all but its person and texts."""
    nobody = Customer(email=ERASED_EMAIL)
    return replace(
        order,
        lines=_plain(order),
        customer=nobody,
        shipping_address=replace(ADDRESS, country=order.shipping_address.country),
        billing_address=replace(ADDRESS, country=order.billing_address.country),
        note=None,
        metadata={},
    )
