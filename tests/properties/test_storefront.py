"""A storefront that does anything in any order sees what a shop in a few lines says it sees.

One thread, one request after the other: what goes on at the same time is `tests/faults`' part.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from orderflow_bridge.domain.product import CatalogueEntry
from tests.properties.examples import examples
from tests.properties.model import Cart, Item, Order, Refused, Shop
from tests.published import assert_published
from tests.rig import SHIPPING, Reply, open_shop, order_fields

PRICES = {"mug": 339, "tea": 255, "lamp": 4_200, "book": 999}
STOCK = {"lamp": 3, "book": 10}
WINDOW, REMEMBERED = 60, 86_400

ITEMS = st.builds(
    Item,
    sku=st.sampled_from([*PRICES, *PRICES, *PRICES, "none"]),
    quantity=st.integers(1, 3),
    options=st.sampled_from([(), (("size", "L"),), (("size", "L"), ("wrap", "yes"))]),
    own_price=st.sampled_from([None, None, None, 0, 500]),
)
SOME = st.lists(ITEMS, min_size=1, max_size=3)
VERSIONS = st.sampled_from(["none", "none", "none", "right", "right", "wrong"])


@dataclass
class Sent:
    """A write that was sent, and what came of it."""

    action: str
    body: bytes
    key: str | None
    headers: dict[str, str]
    at: int
    reply: Reply


@dataclass(eq=False)
class Known:
    """A cart or an order of the model, and the id that the bridge gave it."""

    name: str
    model: Cart | Order


class Storefront(RuleBasedStateMachine):
    """Buy, change one's mind, retry and replay; the model is asked first."""

    carts: Bundle[Known] = Bundle("carts")
    orders: Bundle[Known] = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.shop = open_shop(self.database(), stocked=False, shipping=SHIPPING[:1], payment_hold=0)
        self.front = self.shop.storefront("Ours")
        self.other = self.shop.storefront("Theirs")
        self.model = Shop(dict(PRICES), dict(STOCK), now=self.now)
        self.put(*PRICES)
        self.writes: list[Sent] = []
        self.known: list[Known] = []

    def database(self) -> str:
        return "memory://"

    def put(self, *skus: str) -> None:
        """Put products into the catalogue as the model has them."""
        self.shop.bridge.catalogue.put(
            [
                CatalogueEntry(
                    sku=sku,
                    name=sku.title(),
                    prices={"GBP": self.model.prices[sku]},
                    stock=self.model.stock.get(sku),
                )
                for sku in skus
            ]
        )

    @property
    def now(self) -> int:
        return self.shop.clock.now() // 1000

    def wait(self, seconds: int) -> None:
        self.shop.clock.forward(seconds)
        self.model.now = self.now

    def read(self, action: str, **fields: Any) -> Any:
        reply = self.front.call(action, key=None, **fields)
        assert reply.status == 200, reply.json
        return reply.json

    def write(self, action: str, *, keyed: bool, **fields: Any) -> Reply:
        """Send a write a second after the last one, so that no two have the same signature."""
        self.wait(1)
        body = json.dumps(fields).encode()
        key = self.front.new_key() if keyed else None
        headers = self.front.headers(action, body, key=key)
        reply = self.front.send(action, body, headers)
        assert_published(reply.status, list(reply.headers.items()), reply.body)
        self.writes.append(Sent(action, body, key, headers, self.now, reply))
        return reply

    def agree(self, reply: Reply, expected: str | None) -> bool:
        """Hold an answer to what the model said; tell whether it is a success."""
        assert reply.code == expected, reply.json
        return expected is None

    def tried(self, act: Any) -> tuple[Any, str | None]:
        """Ask the model at the time at which the bridge will be asked."""
        self.model.now = self.now + 1
        try:
            return act(), None
        except Refused as refusal:
            return None, refusal.code

    def version(self, cart: Cart, which: str) -> dict[str, int]:
        return {
            "none": {},
            "right": {"expected_version": cart.version},
            "wrong": {"expected_version": cart.version + 1},
        }[which]

    # What a storefront does.

    @rule(target=carts, items=SOME | SOME | st.just([]), keyed=st.booleans())
    def create(self, items: list[Item], keyed: bool) -> Any:
        cart, refused = self.tried(lambda: self.model.create(items))
        given = {"items": [sent(item) for item in items]} if items else {}
        reply = self.write("cart.create", keyed=keyed, currency="GBP", **given)
        if not self.agree(reply, refused):
            return multiple()
        return self.remember(Known(reply.json["cart_id"], cart))

    @rule(cart=carts, items=SOME, which=VERSIONS)
    def add(self, cart: Known, items: list[Item], which: str) -> None:
        version = self.version(cart.model, which)
        _, refused = self.tried(
            lambda: self.model.add(cart.model, items, version.get("expected_version"))
        )
        reply = self.write(
            "items.add",
            keyed=True,
            cart_id=cart.name,
            items=[sent(item) for item in items],
            **version,
        )
        self.agree(reply, refused)

    @rule(
        cart=carts,
        at=st.sampled_from([0, 0, 0, 1, 1, 3]),
        quantity=st.integers(0, 4),
        which=VERSIONS,
    )
    def change(self, cart: Known, at: int, quantity: int, which: str) -> None:
        lines = self.read("cart.get", cart_id=cart.name)["lines"]
        line_id = lines[at]["line_id"] if at < len(lines) else "line_none"
        version = self.version(cart.model, which)
        _, refused = self.tried(
            lambda: self.model.change(cart.model, at, quantity, version.get("expected_version"))
        )
        if quantity:
            items = [{"line_id": line_id, "quantity": quantity}]
            reply = self.write(
                "items.update", keyed=False, cart_id=cart.name, items=items, **version
            )
        else:
            reply = self.write(
                "items.remove", keyed=False, cart_id=cart.name, line_ids=[line_id], **version
            )
        self.agree(reply, refused)

    @rule(cart=carts, method=st.sampled_from([None, "post", "post", "balloon"]))
    def ship(self, cart: Known, method: str | None) -> None:
        _, refused = self.tried(lambda: self.model.ship(cart.model, method))
        reply = self.write("cart.update", keyed=True, cart_id=cart.name, shipping_method=method)
        self.agree(reply, refused)

    @rule(
        target=orders,
        cart=carts,
        intent=st.sampled_from(["pi_own", "pi_own", "pi_shared"]),
        expects=st.sampled_from([None, "seen", "wrong"]),
    )
    def convert(self, cart: Known, intent: str, expects: str | None) -> Any:
        intent = f"{intent}_{cart.name}" if intent == "pi_own" else intent
        total = cart.model.totals["total"]
        expected = {None: None, "seen": total, "wrong": total + 1}[expects]
        order, refused = self.tried(lambda: self.model.convert(cart.model, intent, expected))
        fields = order_fields(cart.name, intent=intent, expected_total=expected)
        reply = self.write("convertToOrder", keyed=True, **fields)
        if not self.agree(reply, refused):
            return multiple()
        for known in self.known:
            if known.model is order:
                assert known.name == reply.json["order_id"]
                return multiple()
        return self.remember(Known(reply.json["order_id"], order))

    @rule(order=orders)
    def cancel(self, order: Known) -> None:
        _, refused = self.tried(lambda: self.model.cancel(order.model))
        self.agree(self.write("orders.cancel", keyed=True, order_id=order.name), refused)

    # What happens around it.

    @rule(order=orders)
    def settle(self, order: Known) -> None:
        self.model.settle(order.model)
        model = order.model
        self.shop.bridge.settle(model.intent, amount=model.totals["total"], currency="GBP")

    @rule(sku=st.sampled_from(list(PRICES)), price=st.integers(0, 5_000))
    def reprice(self, sku: str, price: int) -> None:
        self.model.prices[sku] = price
        self.put(sku)

    @rule(
        seconds=st.sampled_from(
            [1, 1, 30, 30, 61, 61, 3_600, 3_600, 86_400, 89 * 86_400, 90 * 86_400 - 2]
        )
    )
    def pass_time(self, seconds: int) -> None:
        self.wait(seconds)

    # What a network and a nervous client do.

    @rule(which=st.integers(0, 3))
    def replay(self, which: int) -> None:
        """A write that was decided is accepted once, whatever it came to."""
        for one in self.writes[::-1][which : which + 1]:
            reply = self.front.send(one.action, one.body, one.headers)
            fresh = self.now - one.at <= WINDOW
            assert reply.code == ("replayed_request" if fresh else "timestamp_out_of_window")

    @rule(which=st.integers(0, 9), again=st.integers(1, 2))
    def retry(self, which: int, again: int) -> None:
        """A retry with the same key and body gets the same answer, to the byte."""
        keyed = [one for one in self.writes if one.key and self.now - one.at < REMEMBERED - 5]
        for one in keyed[::-1][which : which + 1]:
            for _ in range(again):
                self.wait(1)
                headers = self.front.headers(one.action, one.body, key=one.key)
                reply = self.front.send(one.action, one.body, headers)
                assert (reply.status, reply.body) == (one.reply.status, one.reply.body)
                assert reply.headers["Idempotent-Replayed"] == "true"

    @rule(which=st.integers(0, 9))
    def reuse(self, which: int) -> None:
        """A key stands for one body."""
        keyed = [one for one in self.writes if one.key and self.now - one.at < REMEMBERED - 5]
        for one in keyed[::-1][which : which + 1]:
            self.wait(1)
            body = one.body[:-1] + b" }"
            headers = self.front.headers(one.action, body, key=one.key)
            assert self.front.send(one.action, body, headers).code == "idempotency_key_reused"

    @rule(cart=carts)
    def ask_as_another(self, cart: Known) -> None:
        """What is one connection's does not exist for another."""
        for action, fields in (
            ("cart.get", {}),
            ("items.add", {"items": [{"sku": "tea", "quantity": 1}]}),
        ):
            reply = self.other.call(action, cart_id=cart.name, **fields)
            assert reply.code == "cart_not_found"

    # What must be so at every moment.

    def remember(self, known: Known) -> Known:
        self.known.append(known)
        return known

    @invariant()
    def every_cart_and_order_is_the_model_s(self) -> None:
        for known in self.known:
            if isinstance(known.model, Cart):
                self.hold_cart(known.model, self.read("cart.get", cart_id=known.name))
            else:
                self.hold_order(known.model, self.read("orders.get", order_id=known.name))

    @invariant()
    def the_stock_is_the_model_s(self) -> None:
        for sku, left in self.model.stock.items():
            assert self.shop.stock(sku) == left, sku

    def hold_cart(self, cart: Cart, shown: Any) -> None:
        assert shown["version"] == cart.version
        assert shown["status"] == cart.status(self.now)
        assert shown["totals"] == cart.totals
        assert [told(line) for line in shown["lines"]] == lines_of(cart)

    def hold_order(self, order: Order, shown: Any) -> None:
        assert (shown["status"], shown["payment"]["state"]) == (order.status, order.payment)
        assert shown["payment"]["intent"] == order.intent
        assert shown["totals"] == order.totals
        assert [told(line) for line in shown["lines"]] == lines_of(order)

    def teardown(self) -> None:
        self.shop.bridge.close()


class OnSQLite(Storefront):
    """The same in a database."""

    def database(self) -> str:
        self.folder = Path(tempfile.mkdtemp(prefix="orderflow-bridge-"))
        return f"sqlite:///{self.folder / 'shop.db'}"

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


def sent(item: Item) -> dict[str, Any]:
    own = {} if item.own_price is None else {"unit_price": item.own_price}
    return {"sku": item.sku, "quantity": item.quantity, "options": dict(item.options)} | own


def told(line: dict[str, Any]) -> tuple[Any, ...]:
    return line["sku"], line["quantity"], line["unit_price"], line["options"]


def lines_of(one: Cart | Order) -> list[tuple[Any, ...]]:
    return [(item.sku, item.quantity, price, dict(item.options)) for item, price in one.lines]


TestInMemory = Storefront.TestCase
TestInMemory.settings = examples(80)
TestOnSQLite = OnSQLite.TestCase
TestOnSQLite.settings = examples(8)
