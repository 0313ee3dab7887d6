"""Every way in for text beside the body of a request: no card is kept, logged or told back."""

import io
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from orderflow_bridge.catalogue.csv_import import CatalogueFileError
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.payment import PaymentReport
from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.http import Head, Request
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.security.secrets import MasterKeyRing
from tests.rig import MASTER_KEY, RING, Storefront, TestShop, item, open_shop, order_fields

CARD = "4111111111111111"
DASHED = "4111-1111-1111-1111"
SPACED = "4111 1111 1111 1111"
FOREIGN = "\uff14\uff11\uff11\uff11 1111 1111 1111"
WRITTEN = [CARD, DASHED, SPACED, FOREIGN]
MUG = CatalogueEntry(sku="mug", name="Mug", prices={"GBP": 339})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Give the place of everything that is kept."""
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def shop(folder):
    """Give one shop for all: nothing that these tests do is kept."""
    opened = open_shop(f"sqlite:///{folder / 'shop.db'}", sqlite_synchronous="NORMAL")
    yield opened
    opened.bridge.close()


@pytest.fixture
def nothing_left(folder, caplog):
    """Look through every kept byte and every line of the log."""
    caplog.set_level(0)
    return lambda text: assert_nowhere(text, folder, caplog.text)


def shown(error: BaseException) -> str:
    """Give all that an error tells."""
    return f"{error} {error!r} {getattr(error, 'detail', '')} {getattr(error, 'members', '')}"


def assert_nowhere(text: str, folder: Path, log: str) -> None:
    """Look through what was stored and what was logged."""
    forms = {text, re.sub(r"[^0-9]", "", text), ascii(text)[1:-1]}
    for file in folder.rglob("*"):
        if file.is_file():
            kept = file.read_bytes()
            assert not any(form.encode() in kept for form in forms), file.name
    assert not any(form in log for form in forms)


def connect(shop: TestShop, **fields) -> str:
    given = {"name": "Tea blog", "scopes": ["carts:read"]} | fields
    return shop.bridge.connections.create(**given).connection.client_id


OPERATORS = {
    "a connection's name": lambda shop, text: connect(shop, name=f"Blog {text}"),
    "a connection's channel": lambda shop, text: connect(shop, channel=text),
    "an allow-list": lambda shop, text: connect(shop, allow=["10.0.0.1", text]),
    "a changed allow-list": lambda shop, text: shop.bridge.connections.allow(connect(shop), [text]),
    "a scope": lambda shop, text: connect(shop, scopes=[text]),
    "a currency": lambda shop, text: connect(shop, currency=text),
    "who did it": lambda shop, text: connect(shop, actor=text),
    "who changed it": lambda shop, text: shop.bridge.connections.disable(connect(shop), actor=text),
    "who made a master key": lambda shop, text: shop.bridge.keys.rotate(actor=text),
    "a master key's id": lambda shop, text: shop.bridge.keys.retire(text),
    "a client id": lambda shop, text: shop.bridge.connections.disable(text),
    "why an order was cancelled": lambda shop, text: shop.bridge.orders.cancel(
        placed(shop), reason=f"he paid with {text}"
    ),
    "an order's id": lambda shop, text: shop.bridge.orders.settle(text),
    "an intent": lambda shop, text: shop.bridge.settle(text, amount=1, currency="GBP"),
    "an intent around it": lambda shop, text: shop.bridge.settle(
        f"pi_{text}", amount=1, currency="GBP"
    ),
    "a settled currency": lambda shop, text: shop.bridge.settle("pi_1", amount=1, currency=text),
    "a sku": lambda shop, text: shop.bridge.catalogue.put([replace(MUG, sku=text)]),
    "a product's name": lambda shop, text: shop.bridge.catalogue.put(
        [replace(MUG, name=f"Mug {text}")]
    ),
    "a tax class": lambda shop, text: shop.bridge.catalogue.put([replace(MUG, tax_class=text)]),
    "a price's currency": lambda shop, text: shop.bridge.catalogue.put(
        [replace(MUG, prices={text: 1})]
    ),
}


def placed(shop: TestShop) -> str:
    front = shop.storefront("Tea blog")
    return front.order(front.cart(item("mug"))["cart_id"], intent=front.client_id)["order_id"]


@pytest.mark.parametrize("text", WRITTEN, ids=ascii)
@pytest.mark.parametrize("door", OPERATORS)
def test_no_operator_enters_a_card(shop, nothing_left, door, text):
    """It is refused before it is kept, and the refusal does not repeat it."""
    with pytest.raises((BridgeError, ValueError)) as refused:
        OPERATORS[door](shop, text)
    assert text not in shown(refused.value)
    nothing_left(text)


def test_what_is_kept_would_be_seen(shop, nothing_left):
    """The search that these tests rely on finds an honest name."""
    connect(shop, name="Coffee blog")
    with pytest.raises(AssertionError):
        nothing_left("Coffee blog")


def test_a_channel_that_becomes_a_card_is_refused(shop):
    """What stands between the digits of a name becomes a dash, and that is looked at again."""
    with pytest.raises(BridgeError, match="channel holds what looks like a card number"):
        connect(shop, name="4111é1111é1111é1111")


@pytest.mark.parametrize("key_id", [CARD, DASHED])
def test_no_master_key_is_named_like_a_card(key_id):
    """Its id is kept with every secret that it issues."""
    with pytest.raises(ConfigurationError, match="looks like a card number") as refused:
        MasterKeyRing.parse(f"{RING},{key_id}:{MASTER_KEY[::-1]}")
    assert key_id not in shown(refused.value)


ROWS = {
    "sku": "sku,name,price,currency\n{},Mug,3.39,GBP\n",
    "name": "sku,name,price,currency\nmug,Mug {},3.39,GBP\n",
    "tax class": "sku,name,price,currency,tax_class\nmug,Mug,3.39,GBP,{}\n",
    "price": "sku,name,price,currency\nmug,Mug,{},GBP\n",
    "currency": "sku,name,price,currency\nmug,Mug,3.39,{}\n",
    "stock": "sku,name,price,currency,stock\nmug,Mug,3.39,GBP,{} pieces\n",
    "option": "Handle,Title,SKU,Price,Option1 Value\nmug,Mug,mug,3.39,{}\n",
}


@pytest.mark.parametrize("text", WRITTEN, ids=ascii)
@pytest.mark.parametrize("column", ROWS)
def test_no_import_has_a_card(shop, nothing_left, column, text):
    """The row is refused, and the report names its line without what stands in it."""
    report = shop.bridge.catalogue.import_csv(
        io.StringIO(ROWS[column].format(text)), default_currency="GBP"
    )
    assert report.refused
    [(line, message)] = report.problems
    assert line == 2
    assert text not in message
    nothing_left(text)


@pytest.mark.parametrize("text", WRITTEN, ids=ascii)
def test_no_header_of_an_import_is_told_back(shop, text):
    """A file without a header may begin with anything."""
    with pytest.raises(CatalogueFileError) as refused:
        shop.bridge.catalogue.import_csv(
            io.StringIO(f"sku,name,price,{text}\nmug,Mug,1,x\n"), default_currency="GBP"
        )
    assert text not in shown(refused.value)


class HostCatalogue:
    """What a site sells, as it calls it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find(self, skus, currency):
        return {sku: Product(sku=sku, name=self.name, unit_price=100) for sku in skus}


@pytest.mark.parametrize("text", [CARD, FOREIGN], ids=ascii)
def test_a_site_s_own_title_that_holds_a_card_is_not_sold(tmp_path, caplog, text):
    """A title would be kept in carts and orders; the storefront is told which sku it is."""
    caplog.set_level(0)
    catalogue = HostCatalogue("Gift card")
    shop = open_shop(f"sqlite:///{tmp_path / 'shop.db'}", catalogue=catalogue, stocked=False)
    front = shop.storefront()
    cart = front.cart(item("gift"))
    catalogue.name = f"Gift {text}"
    refused = front.call("items.add", cart_id=cart["cart_id"], items=[item("tea"), item("other")])
    assert (refused.status, refused.code) == (422, "unknown_sku")
    assert refused.json["path"] == "/items/0/sku"
    assert "looks like a card number" in refused.json["detail"]
    # What is in carts already has the name that it came with.
    again = front.ok("items.add", cart_id=cart["cart_id"], items=[item("gift", 2)])
    assert [(line["name"], line["quantity"]) for line in again["lines"]] == [("Gift card", 3)]
    shop.bridge.close()
    assert_nowhere(text, tmp_path, caplog.text)


class TalkativeProvider(SimulatedProvider):
    """A provider whose answer holds what it should not."""

    def __init__(self, report: PaymentReport) -> None:
        super().__init__({})
        self.report = report

    def find(self, intent):
        return self.report


@pytest.mark.parametrize(("text", "state"), [(CARD, "pending"), (FOREIGN, "paid")], ids=ascii)
def test_a_provider_s_word_is_no_text_of_its_own(tmp_path, caplog, text, state):
    """Its currency, which a settlement keeps, is one that there is; or the provider has failed."""
    caplog.set_level(0)
    good = PaymentReport(state="pending", amount=339, currency="GBP")
    provider = TalkativeProvider(good)
    shop = open_shop(f"sqlite:///{tmp_path / 'shop.db'}", payments=provider)
    front = shop.storefront()
    first, second = front.cart(item("mug")), front.cart(item("mug"))
    order = front.order(first["cart_id"], intent="pi_1")
    provider.report = replace(good, state=state, currency=text)
    for action, fields in (
        ("convertToOrder", order_fields(second["cart_id"], intent="pi_2")),
        ("orders.confirmPayment", {"order_id": order["order_id"]}),
        ("orders.cancel", {"order_id": order["order_id"]}),
    ):
        refused = front.call(action, **fields)
        assert (refused.status, refused.code) == (503, "payment_provider_unavailable")
        assert text not in refused.body.decode()
    assert front.ok("orders.get", order_id=order["order_id"]) == order
    shop.bridge.close()
    assert_nowhere(text, tmp_path, caplog.text)


HEADS = {
    "the client id": {"path": f"/{CARD}/cart.get"},
    "a dashed client id": {"path": f"/{DASHED}/cart.get"},
    "the action": {"path": f"/ofc_7fk2mq9xt4b8c3d5e6g7/{CARD}"},
    "the rest of the path": {"path": f"/ofc_7fk2mq9xt4b8c3d5e6g7/cart.get/{CARD}"},
    "the method": {"method": CARD},
    "the query": {"query": f"card={CARD}".encode()},
    "x-client-id": {"headers": {b"x-client-id": (CARD.encode(),)}},
    "x-timestamp": {"headers": {b"x-timestamp": (CARD.encode(),)}},
    "x-signature": {"headers": {b"x-signature": (b"v1=" + CARD.encode(),)}},
    "content-type": {"headers": {b"content-type": (CARD.encode(),)}},
    "content-length": {"headers": {b"content-length": (CARD.encode(),)}},
    "user-agent": {"headers": {b"user-agent": (CARD.encode(),)}},
    "x-request-id": {"headers": {b"x-request-id": (CARD.encode(),)}},
    "x-forwarded-for": {"headers": {b"x-forwarded-for": (CARD.encode(),)}, "peer": "127.0.0.1"},
}


@pytest.fixture(scope="module")
def front(folder):
    """Give a storefront behind a proxy, of a shop in the same folder."""
    opened = open_shop(
        f"sqlite:///{folder / 'behind.db'}",
        trusted_proxies=("127.0.0.1",),
        client_address_header="X-Forwarded-For",
    )
    yield opened.storefront()
    opened.bridge.close()


@pytest.mark.parametrize("door", HEADS)
def test_no_head_of_a_request_leaves_a_card_behind(front, nothing_left, door):
    """Whoever sends it, signed or not: what has no known form is neither kept nor logged."""
    body = b'{"currency":"GBP"}'
    signed = front.headers("cart.create", body, key=front.new_key())
    headers = {name.lower().encode(): (value.encode(),) for name, value in signed.items()}
    given = {"path": f"/{front.client_id}/cart.create", "method": "POST", "peer": "192.0.2.1"}
    given |= HEADS[door]
    given["headers"] = (
        headers | {b"content-length": (b"%d" % len(body),)} | given.get("headers", {})
    )
    given["path"] = given["path"].encode()
    answer = front.bridge.handle(Request(head=Head(**given), body=body))
    told = [answer.body.decode(), *(value for _, value in answer.headers)]
    counted = [part for seen in front.bridge.refusals() for part in seen]
    assert not any(form in text for form in (CARD, DASHED) for text in (*told, *counted))
    nothing_left(CARD)
    nothing_left(DASHED)


KEYED = {
    "insufficient_scope": {},
    "ip_not_allowed": {"allow": ["10.0.0.0/8"]},
    "connection_disabled": {"status": "disabled"},
    "unknown_action": {"action": "cart.steal"},
    "invalid_json": {"action": "cart.get", "body": b"{"},
    "timestamp_out_of_window": {"action": "cart.get", "late": 100},
    "authentication_failed": {"secret": "ofs_" + "x" * 43},
    "pan_detected": {"scopes": ["carts:write"]},
}


@pytest.mark.parametrize("key", [CARD, DASHED])
@pytest.mark.parametrize("code", KEYED)
def test_a_card_as_a_key_is_kept_by_no_refusal(tmp_path, caplog, code, key):
    """Whichever check refuses it, also before the one for cards; not by the journal either."""
    caplog.set_level(0)
    given = {"action": "cart.create", "body": b'{"currency":"GBP"}', "late": 0} | KEYED[code]
    shop = open_shop(f"sqlite:///{tmp_path / 'shop.db'}", journal_rows=100)
    wanted = {"scopes": ["carts:read"]} | {
        name: given[name] for name in ("scopes", "allow", "status") if name in given
    }
    made = shop.bridge.connections.create("Tea blog", **wanted)
    client_id, secret = made.connection.client_id, given.get("secret", made.secret)
    front = Storefront(shop.bridge, client_id, secret, shop.clock)
    headers = front.headers(given["action"], given["body"], key=key)
    shop.clock.forward(given["late"])
    refused = front.send(given["action"], given["body"], headers)
    assert refused.code == code
    assert key not in refused.body.decode()
    shop.bridge.close()
    [kept] = shop.bridge.journal.page()
    assert kept.code == code
    assert_nowhere(key, tmp_path, caplog.text)
