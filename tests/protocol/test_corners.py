"""Rules that only a corner of a shop meets, each seen from outside."""

import runpy
import sys
import unicodedata
from contextlib import contextmanager
from typing import ClassVar

import pytest
from msgspec.structs import replace

from orderflow_bridge import ConfigurationError, Settings
from orderflow_bridge.domain.errors import BridgeError, Conflict
from orderflow_bridge.domain.payment import Settlement
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.keys import read_ring
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.ports import RateLedger
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.transactions import transact
from tests.rig import (
    ADDRESS,
    CUSTOMER,
    RING,
    SHIPPING,
    Storefront,
    TestShop,
    item,
    open_shop,
    order_fields,
)

DAY = 86_400


def test_a_method_that_no_longer_goes_there_is_named_and_costs_nothing() -> None:
    """The address moved away: the cart says so, and the conversion refuses."""
    front = open_shop(shipping=SHIPPING).storefront()
    cart_id = front.cart(item("mug"))["cart_id"]
    front.ok("cart.update", cart_id=cart_id, shipping_address=ADDRESS, shipping_method="van")
    abroad = ADDRESS | {"country": "FR"}
    cart = front.ok("cart.update", cart_id=cart_id, shipping_address=abroad)
    assert cart["notices"] == [{"code": "shipping_unavailable"}]
    assert cart["totals"]["shipping"] == 0
    asked = order_fields(cart_id, shipping_address=abroad)
    assert front.call("convertToOrder", **asked).code == "unknown_shipping_method"


def test_what_was_withdrawn_stays_in_the_cart_but_is_sold_no_more(shop, storefront) -> None:
    """The line keeps its price with a notice, and more of it is unknown."""
    cart_id = storefront.cart(item("mug"))["cart_id"]
    shop.bridge.catalogue.put(
        [CatalogueEntry(sku="mug", name="Mug", prices={"GBP": 1}, active=False)]
    )
    cart = storefront.ok("items.add", cart_id=cart_id, items=[item("tea")])
    assert [n["code"] for n in cart["notices"]] == ["product_unavailable"]
    assert cart["lines"][0]["unit_price"] == 339
    reply = storefront.call("items.add", cart_id=cart_id, items=[item("mug")])
    assert (reply.code, reply.json["path"]) == ("unknown_sku", "/items/0/sku")


def test_a_line_of_what_was_withdrawn_only_gets_smaller(shop, storefront) -> None:
    """`items.update` is refused to raise it, as `items.add` is; as many, or fewer, are taken."""
    priced = item("mug", 2, unit_price=5, name="Mug")
    cart = storefront.cart(item("mug", 3), item("tea"), priced)
    shop.bridge.catalogue.put(
        [CatalogueEntry(sku="mug", name="Mug", prices={"GBP": 1}, active=False)]
    )
    mug, tea, own = (line["line_id"] for line in cart["lines"])

    def update(line_id: str, quantity: int):
        items = [{"line_id": tea, "quantity": 2}, {"line_id": line_id, "quantity": quantity}]
        return storefront.call("items.update", cart_id=cart["cart_id"], items=items)

    refused = update(mug, 4)
    assert (refused.status, refused.code) == (422, "unknown_sku")
    assert refused.json["path"] == "/items/1/line_id"
    assert storefront.ok("cart.get", cart_id=cart["cart_id"])["version"] == 1
    for quantity in (3, 1, 0):
        assert update(mug, quantity).status == 200
    assert update(own, 9).json["totals"]["item_count"] == 11


def test_a_price_of_nothing_is_a_price(storefront: Storefront) -> None:
    """A caller's unit price of 0 is its own price, also for what the catalogue sells."""
    cart = storefront.cart(item("mug", 2, unit_price=0))
    assert [(li["name"], li["unit_price"]) for li in cart["lines"]] == [("Mug", 0)]
    assert cart["totals"]["total"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"items": [item("mug", name="No price")]},
        {"items": [item("mug\n")]},
        {"customer": {"email": "nobody"}},
        {"metadata": {"a": 1.5}},
        {"metadata": {str(n): n for n in range(51)}},
    ],
)
def test_bounds_are_schema_errors_that_point(storefront: Storefront, fields) -> None:
    """422 invalid_request with the place."""
    reply = storefront.call("cart.create", currency="GBP", **fields)
    assert (reply.status, reply.code) == (422, "invalid_request")
    assert reply.json["errors"][0]["path"].startswith(f"/{next(iter(fields))}")


def test_a_country_is_one_of_iso_3166(storefront: Storefront) -> None:
    """Two capitals that are no country are refused, with the place and not the value."""
    cart_id = storefront.cart()["cart_id"]
    reply = storefront.call(
        "cart.update", cart_id=cart_id, shipping_address=ADDRESS | {"country": "QQ"}
    )
    assert reply.json["errors"][0]["path"] == "/shipping_address"
    assert "QQ" not in reply.body.decode()


def test_null_metadata_is_absent_metadata(storefront: Storefront) -> None:
    """In items, in `cart.create` and in the conversion, null is what absent is."""
    cart = storefront.cart(item("mug", metadata=None), metadata=None)
    assert (cart["metadata"], cart["lines"][0]["metadata"]) == ({}, {})
    storefront.ok("cart.update", cart_id=cart["cart_id"], metadata={"kept": 1})
    assert storefront.order(cart["cart_id"], metadata=None)["metadata"] == {"kept": 1}


def test_confirming_without_a_provider_answers_the_order_as_it_is(storefront: Storefront) -> None:
    """There is nobody to ask."""
    order = storefront.order(storefront.cart(item("mug"))["cart_id"])
    assert storefront.ok("orders.confirmPayment", order_id=order["order_id"]) == order


def test_a_quantity_above_the_limit_is_refused_in_updates_too(storefront: Storefront) -> None:
    """422 quantity_limit with the place."""
    cart = storefront.cart(item("mug"))
    line_id = cart["lines"][0]["line_id"]
    for line, quantity, code in (
        (line_id, 1_000_000, "quantity_limit"),
        ("x", 1, "line_not_found"),
    ):
        reply = storefront.call(
            "items.update", cart_id=cart["cart_id"], items=[{"line_id": line, "quantity": quantity}]
        )
        assert reply.code == code
        assert reply.json["path"].startswith("/items/0/")


@pytest.mark.parametrize("asked", [True, False])
def test_what_a_refused_conversion_said_stays_where_a_provider_was_asked(asked: bool) -> None:
    """The claim wrote it into the cart, where an erasure finds it; nothing else writes it there."""
    provider = SimulatedProvider()
    provider.announce("pi_0001", amount=1, currency="GBP")
    shop = open_shop(payments=provider if asked else None)
    if not asked:
        shop.bridge.settle("pi_0001", amount=1, currency="GBP")
    front = shop.storefront()
    before = front.cart(item("mug"))
    fields = order_fields(before["cart_id"], note="Ring twice.", metadata={"tab": 1})
    assert front.call("convertToOrder", **fields).code == "payment_mismatch"
    after = front.ok("cart.get", cart_id=before["cart_id"])
    if not asked:
        assert after == before
        return
    assert (after["customer"]["email"], after["note"]) == (CUSTOMER["email"], "Ring twice.")
    assert (after["shipping_address"]["city"], after["metadata"]) == ("Leeds", {"tab": 1})
    assert shop.bridge.customers.look(CUSTOMER["email"]).carts == 1


class TestHold:
    """Cancelling what is unpaid for too long, where the provider has a say."""

    def test_an_order_that_refuses_does_not_hide_the_older_ones(self) -> None:
        """The newest was paid with another amount; the older ones are cancelled all the same."""
        provider = SimulatedProvider()
        shop = open_shop(payments=provider)
        front = shop.storefront()
        for n in range(3):
            provider.announce(f"pi_{n:04}", amount=339, currency="GBP")
            front.order(front.cart(item("mug"))["cart_id"], intent=f"pi_{n:04}")
            shop.clock.forward(1)
        provider.announce("pi_0002", amount=1, currency="GBP", paid=True)
        shop.clock.forward(DAY)
        assert shop.bridge.purge(limit=1).unpaid_orders == 1
        assert shop.bridge.purge(limit=1).unpaid_orders == 1
        assert [o.status for o in shop.bridge.orders.search()] == [
            "pending_payment",
            "cancelled",
            "cancelled",
        ]

    def test_a_provider_that_is_down_is_asked_once(self) -> None:
        """The rest waits for the next purge."""

        class Down(SimulatedProvider):
            asked = 0

            def find(self, intent):
                self.asked += self.failing
                return super().find(intent)

        provider = Down()
        shop = open_shop(payments=provider)
        front = shop.storefront()
        for n in range(3):
            provider.announce(f"pi_{n:04}", amount=339, currency="GBP")
            front.order(front.cart(item("mug"))["cart_id"], intent=f"pi_{n:04}")
        shop.clock.forward(DAY + 1)
        provider.failing = True
        assert shop.bridge.purge().unpaid_orders == 0
        assert provider.asked == 1


class TestOperators:
    """Connections and orders as an operator handles them."""

    @pytest.mark.parametrize(
        ("options", "place"),
        [
            ({"name": ""}, "/name"),
            ({"name": "a\nb"}, "/name"),
            ({"scopes": ["carts:read", "all"]}, "/scopes"),
            ({"scopes": []}, "/scopes"),
            ({"channel": "Not A Channel"}, "/channel"),
            ({"window": 0}, "/window"),
            ({"window": 301}, "/window"),
            ({"currency": "QQQ"}, "/currency"),
            ({"allow": ["example.com"]}, "/allow"),
        ],
    )
    def test_what_is_wrong_is_named(self, shop: TestShop, options, place: str) -> None:
        """Nothing is made of it."""
        given = {"name": "A", "scopes": ["carts:read"]} | options
        with pytest.raises(BridgeError) as caught:
            shop.bridge.connections.create(given.pop("name"), **given)
        assert caught.value.members["errors"][0]["path"] == place
        assert shop.bridge.connections.all() == []

    def test_a_name_without_letters_still_has_a_channel(self, shop: TestShop) -> None:
        """The channel is made from the name, or is a storefront's."""
        made = shop.bridge.connections.create("店", scopes=["carts:read"])
        assert made.connection.channel == "storefront"

    def test_credentials_do_not_show_their_secret_by_accident(self, shop: TestShop) -> None:
        """A repr in a log has the client id only."""
        made = shop.bridge.connections.create("A", scopes=["carts:read"])
        assert made.secret not in repr(made)
        assert made.connection.client_id in repr(made)

    def test_a_rotation_cannot_end_an_open_grace_by_accident(self, shop: TestShop) -> None:
        """Refused until it is said, and a negative one always."""
        client_id = shop.storefront().client_id
        connections = shop.bridge.connections
        with pytest.raises(BridgeError, match="grace"):
            connections.rotate(client_id, grace=-1)
        connections.rotate(client_id, grace=60)
        with pytest.raises(BridgeError, match="grace"):
            connections.rotate(client_id)
        connections.rotate(client_id, replace_open_grace=True)
        shop.clock.forward(61)
        connections.rotate(client_id)

    def test_unknown_ones_are_not_found(self, shop: TestShop) -> None:
        """Connections and orders alike."""
        with pytest.raises(BridgeError, match="not_found"):
            shop.bridge.connections.disable("ofc_nobody")
        with pytest.raises(BridgeError, match="order_not_found"):
            shop.bridge.orders.find("order_x")
        with pytest.raises(BridgeError, match="invalid_request"):
            shop.bridge.settle("pi_0001", amount=-1, currency="GBP")

    def test_a_secret_of_a_lost_master_key_says_so(self, shop: TestShop) -> None:
        """Revealing names the key to put back."""
        client_id = shop.storefront().client_id
        other = open_shop(storage=shop.bridge._storage, ring=RING.replace("k1:", "k2:"))
        with pytest.raises(ConfigurationError, match="'k1'"):
            other.bridge.connections.reveal(client_id)
        other.bridge.close()

    def test_the_operator_s_cancel_finds_the_money(self) -> None:
        """The payment is recorded, then the cancel is refused."""
        provider = SimulatedProvider()
        provider.announce("pi_0001", amount=339, currency="GBP")
        shop = open_shop(payments=provider)
        front = shop.storefront()
        order_id = front.order(front.cart(item("mug"))["cart_id"])["order_id"]
        provider.announce("pi_0001", amount=339, currency="GBP", paid=True)
        with pytest.raises(BridgeError, match="order_not_cancellable"):
            shop.bridge.orders.cancel(order_id)
        assert shop.bridge.orders.find(order_id).status == "paid"


class TestSettings:
    """Argument, environment, file, default; what is wrong is named, never quoted."""

    def load(self, folder, text="", **environ):
        if text:
            (folder / "orderflow-bridge.toml").write_text(text)
        return Settings.load(
            home=folder, environ={f"ORDERFLOW_BRIDGE_{k.upper()}": v for k, v in environ.items()}
        )

    def test_each_source_wins_over_the_next(self, tmp_path) -> None:
        """And a relative file is anchored in the folder of the settings."""
        text = 'database = "sqlite:///from-file.db"\nmax_lines = 5\n'
        assert self.load(tmp_path, text).database == f"sqlite:///{tmp_path / 'from-file.db'}"
        found = self.load(tmp_path, text, database="memory://", max_lines="6")
        assert (found.database, found.max_lines) == ("memory://", 6)
        argued = Settings.load(home=tmp_path, environ={}, database="sqlite:///here.db")
        assert argued.database == "sqlite:///here.db"

    def test_lists_in_the_environment_are_separated_by_commas(self, tmp_path) -> None:
        """White space around them is nothing."""
        found = self.load(tmp_path, trusted_proxies="10.0.0.0/8, 192.0.2.1")
        assert found.trusted_proxies == ("10.0.0.0/8", "192.0.2.1")

    @pytest.mark.parametrize(
        "text",
        [
            "max_lines = 'hush'",
            "rounding = 'hush'",
            "database = 5\nhome = 'hush'",
            "[[tax]]\nrate = 'hush'",
            "max_lines = ",
        ],
    )
    def test_what_is_wrong_is_refused(self, tmp_path, text: str) -> None:
        """With the file's name; values are not repeated."""
        with pytest.raises(ConfigurationError) as caught:
            self.load(tmp_path, text)
        assert "orderflow-bridge.toml" in str(caught.value)
        assert "hush" not in str(caught.value)

    def test_names_that_are_no_settings_are_refused(self, tmp_path) -> None:
        """A misspelt one in the file or the environment is named; a storefront's two are not."""
        with pytest.raises(ConfigurationError, match="payment_holds"):
            self.load(tmp_path, "payment_holds = 1")
        (tmp_path / "orderflow-bridge.toml").unlink()
        for name in ("payment_holds", "shipping", "secrets"):
            with pytest.raises(ConfigurationError, match=name.upper()):
                self.load(tmp_path, **{name: "1"})
        assert self.load(tmp_path, client_id="ofc_a", secret="ofs_b").max_lines == 2_000

    def test_a_folder_in_place_of_a_file_is_refused(self, tmp_path) -> None:
        """Settings and keys alike."""
        (tmp_path / "orderflow-bridge.toml").mkdir()
        with pytest.raises(ConfigurationError, match="cannot be read"):
            self.load(tmp_path)
        (tmp_path / "orderflow-bridge.keys").mkdir()
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_ring(Settings(home=str(tmp_path)))

    @pytest.mark.parametrize(
        "options",
        [
            {"trusted_proxies": ("10.0.0.0/8",)},
            {"client_address_header": "X-Forwarded-For"},
            {"trusted_proxies": ("nobody",), "client_address_header": "X-Forwarded-For"},
        ],
    )
    def test_proxies_are_configured_whole_or_not_at_all(self, options) -> None:
        """A header without proxies is dangerous, proxies without a header are useless."""
        with pytest.raises(ConfigurationError, match="trusted_proxies"):
            open_shop(**options)


def test_a_unit_that_always_conflicts_is_told_to_try_again() -> None:
    """Three attempts, then 503; nothing of them stays."""
    attempts = []

    def act(unit) -> None:
        attempts.append(unit)
        raise Conflict

    with pytest.raises(BridgeError, match="storage_unavailable"):
        transact(MemoryStorage(), act)
    assert len(attempts) == 3


def test_a_status_that_moved_meanwhile_runs_the_unit_again(shop: TestShop, monkeypatch) -> None:
    """Settlement and cancel are guarded by the status they saw."""
    front = shop.storefront()
    first = front.order(front.cart(item("mug"))["cart_id"], intent="pi_0001")["order_id"]
    second = front.order(front.cart(item("mug"))["cart_id"], intent="pi_0002")["order_id"]
    storage = shop.bridge._storage
    writing, lost = storage.writing, []

    class Once:
        def __init__(self, orders) -> None:
            self.orders = orders

        def __getattr__(self, name):
            return getattr(self.orders, name)

        def save(self, order, *, expecting):
            if order.order_id not in lost:
                lost.append(order.order_id)
                return False
            return self.orders.save(order, expecting=expecting)

    class Meddled:
        def __init__(self, unit) -> None:
            self.unit = unit
            self.orders = Once(unit.orders)

        def __getattr__(self, name):
            return getattr(self.unit, name)

    @contextmanager
    def meddling():
        with writing() as unit:
            yield Meddled(unit)

    monkeypatch.setattr(storage, "writing", meddling, raising=False)
    assert shop.bridge.settle("pi_0001", amount=339, currency="GBP").status == "paid"
    assert front.ok("orders.cancel", order_id=second)["status"] == "cancelled"
    assert lost == [first, second]


def test_python_m_runs_the_command(monkeypatch, capsys) -> None:
    """`python -m orderflow_bridge` is the command line."""
    pytest.importorskip("click")
    monkeypatch.setattr(sys, "argv", ["orderflow_bridge", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("orderflow_bridge", run_name="__main__")
    assert ended.value.code == 0
    assert "0.2.0" in capsys.readouterr().out


class TestRates:
    """A connection that writes too often is told to wait; nobody else is."""

    def test_the_minute_slides(self) -> None:
        """Two writes a minute: the third waits, signed anew it passes when one has left."""
        shop = open_shop(max_writes_per_minute=2)
        front, other = shop.storefront("A"), shop.storefront("B")
        cart_id = front.cart()["cart_id"]
        shop.clock.forward(30)
        front.cart()
        reply = front.call("cart.create", currency="GBP")
        assert (reply.status, reply.code, reply.headers["Retry-After"]) == (
            429,
            "rate_limited",
            "30",
        )
        assert front.call("cart.get", cart_id=cart_id).status == 200
        assert other.call("cart.create", currency="GBP").status == 200
        shop.clock.forward(29)
        assert front.call("cart.create", currency="GBP").headers["Retry-After"] == "1"
        shop.clock.forward(1)
        assert front.call("cart.create", currency="GBP").status == 200
        assert front.call("cart.create", currency="GBP").headers["Retry-After"] == "30"

    def test_a_refused_write_leaves_its_signature_unspent(self) -> None:
        """The same bytes pass once there is room."""
        shop = open_shop(max_writes_per_minute=1)
        front = shop.storefront(window=120)
        front.cart()
        body = b'{"currency": "GBP"}'
        headers = front.headers("cart.create", body)
        assert front.send("cart.create", body, headers).code == "rate_limited"
        shop.clock.forward(61)
        assert front.send("cart.create", body, headers).status == 200

    def test_a_rate_ledger_is_asked_for_each_connection_at_its_time(self) -> None:
        """Once for each write, none for a read; what it says is what is done."""

        class Asked(RateLedger):
            seen: ClassVar[list[tuple[str, int, int]]] = []
            milliseconds = 0

            def take(self, connection: str, *, now: int, most: int) -> int:
                self.seen.append((connection, now, most))
                return self.milliseconds

        ledger = Asked()
        shop = open_shop(rates=ledger, max_writes_per_minute=7)
        one, other = shop.storefront("A"), shop.storefront("B")
        started = shop.clock.now()
        one.ok("cart.get", cart_id=one.cart()["cart_id"])
        shop.clock.forward(1)
        other.cart()
        assert ledger.seen == [(one.client_id, started, 7), (other.client_id, started + 1_000, 7)]
        ledger.milliseconds = 1_001
        reply = one.call("cart.create", currency="GBP")
        assert (reply.code, reply.headers["Retry-After"]) == ("rate_limited", "2")


class TestFoundMoney:
    """Money that a cancel finds is never lost sight of."""

    def shop(self) -> tuple[SimulatedProvider, TestShop, Storefront, str]:
        provider = SimulatedProvider()
        provider.announce("pi_0001", amount=4200, currency="GBP")
        shop = open_shop(payments=provider)
        front = shop.storefront()
        order = front.order(front.cart(item("lamp"))["cart_id"])
        return provider, shop, front, order["order_id"]

    def test_another_amount_is_recorded_and_loud(self, caplog) -> None:
        """The order stays, the cancel is refused, the operator is told."""
        provider, shop, front, order_id = self.shop()
        provider.announce("pi_0001", amount=1, currency="GBP", paid=True)
        assert front.call("orders.cancel", order_id=order_id).code == "order_not_cancellable"
        assert front.call("orders.confirmPayment", order_id=order_id).code == "payment_mismatch"
        assert shop.bridge.orders.find(order_id).status == "pending_payment"
        assert "another amount" in caplog.text
        with pytest.raises(BridgeError, match="payment_mismatch"):
            shop.bridge.settle("pi_0001", amount=4200, currency="GBP")

    def test_an_order_cancelled_meanwhile_is_answered_with_its_late_payment(self) -> None:
        """A second cancel during the first one's question."""
        provider, shop, front, order_id = self.shop()
        find = provider.find

        def meanwhile(intent):
            provider.find = find
            assert front.ok("orders.cancel", order_id=order_id)["status"] == "cancelled"
            provider.announce("pi_0001", amount=4200, currency="GBP", paid=True)
            return find(intent)

        provider.find = meanwhile
        order = front.ok("orders.cancel", order_id=order_id)
        assert (order["status"], order["payment"]["state"]) == ("cancelled", "paid_after_cancel")
        assert shop.stock("lamp") == 3

    def test_the_host_s_settlement_comes_before_the_provider_s_word(self) -> None:
        """Settled, though the provider still says pending: not cancellable."""
        _, shop, front, order_id = self.shop()
        with shop.bridge._storage.writing() as unit:
            known = unit.intents.find("pi_0001")
            settlement = Settlement(amount=4200, currency="GBP", settled_at=1)
            unit.intents.save(
                replace(known, version=known.version + 1, settlement=settlement),
                replacing=known.version,
            )
        assert front.call("orders.cancel", order_id=order_id).code == "order_not_cancellable"
        assert shop.bridge.orders.find(order_id).status == "paid"

    def test_a_provider_that_answers_nonsense_is_a_provider_that_fails(self) -> None:
        """503, and stock, intent and key are free at once."""
        provider, shop, front, _ = self.shop()
        cart_id = front.cart(item("lamp"))["cart_id"]
        find = provider.find
        provider.find = lambda _intent: {"state": "paid"}
        reply = front.call("convertToOrder", key="k", **order_fields(cart_id, intent="pi_0002"))
        assert (reply.status, reply.code) == (503, "payment_provider_unavailable")
        assert shop.stock("lamp") == 2
        provider.find = find
        provider.announce("pi_0002", amount=4200, currency="GBP")
        shop.clock.forward(1)
        again = front.call("convertToOrder", key="k", **order_fields(cart_id, intent="pi_0002"))
        assert again.status == 200

    def test_a_fault_after_the_question_frees_everything(self, monkeypatch) -> None:
        """500 nothing happened, and so it is."""
        provider, shop, front, _ = self.shop()
        cart_id = front.cart(item("lamp"))["cart_id"]
        provider.announce("pi_0002", amount=4200, currency="GBP")

        def fail(*_arguments, **_options):
            raise RuntimeError

        with monkeypatch.context() as broken:
            broken.setattr("orderflow_bridge.actions.convert._place", fail)
            reply = front.call("convertToOrder", key="k", **order_fields(cart_id, intent="pi_0002"))
        assert (reply.status, reply.code) == (500, "internal_error")
        assert shop.stock("lamp") == 2
        shop.clock.forward(1)
        again = front.call("convertToOrder", key="k", **order_fields(cart_id, intent="pi_0002"))
        assert again.status == 200


def test_a_repeated_name_counts_once_whatever_the_first_was(storefront: Storefront) -> None:
    """The last wins, also where the hidden value is of another type; cards are still found."""
    cart = storefront.cart(item("mug"))
    body = f'{{"cart_id": 5, "cart_id": "{cart["cart_id"]}"}}'.encode()
    reply = storefront.send("cart.get", body, storefront.headers("cart.get", body))
    assert (reply.status, reply.json) == (200, cart)
    for value, code in (("\\u0000", "invalid_request"), ("4111111111111111", "pan_detected")):
        body = f'{{"currency": 1, "currency": "GBP", "metadata": {{"a": "{value}"}}}}'.encode()
        reply = storefront.send("cart.create", body, storefront.headers("cart.create", body))
        assert reply.code == code


@pytest.mark.parametrize(("sign", "at_once"), [("x", 8), ("\x01", 1)])
def test_a_cart_has_a_largest_size(storefront: Storefront, sign: str, at_once: int) -> None:
    """Lines that say too much are refused before a database chokes on them, be they many or few.

    A control character takes six bytes.
    """
    cart_id = storefront.cart()["cart_id"]
    said = {f"k{n}": sign * 500 for n in range(50)}
    codes = set()
    for n in range(30):
        items = [item("mug", options={"n": f"{n}-{m}"}, metadata=said) for m in range(at_once)]
        reply = storefront.call("items.add", cart_id=cart_id, items=items)
        codes.add(reply.code)
        if reply.status != 200:
            break
    assert codes == {None, "line_limit"}
    assert reply.json["limit"] == 4 * 1024 * 1024
    assert storefront.call("cart.get", cart_id=cart_id).status == 200


def test_normalisation_never_sees_a_run_of_marks(monkeypatch) -> None:
    """NFKC takes quadratic time over a long run of combining marks, so it gets one at a time."""
    normalize, seen = unicodedata.normalize, []

    def spying(form: str, text: str) -> str:
        seen.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", spying)
    assert not is_card("a" + "\u0301" * 500 + "\u0316" * 500 + "0" * 14)
    assert max(seen) == 1


def test_an_action_s_name_may_be_long(storefront: Storefront) -> None:
    """Signed and unknown is unknown_action, however long its halves are."""
    action = "a" * 200 + "." + "b" * 200
    reply = storefront.call(action)
    assert (reply.status, reply.code) == (404, "unknown_action")
