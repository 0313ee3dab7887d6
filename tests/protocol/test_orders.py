"""What orders promise (protocol §4, Order)."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from msgspec.structs import replace

from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.order import Payment
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.payments import SimulatedProvider
from tests.rig import (
    ADDRESS,
    CUSTOMER,
    SHIPPING,
    TAX,
    Storefront,
    TestShop,
    item,
    open_shop,
    order_fields,
)

DAY = 86_400


class TestConvert:
    def test_an_order_has_every_field_of_the_protocol(self, storefront: Storefront) -> None:
        """The answer has exactly the fields that the protocol names, frozen from the cart."""
        cart = storefront.cart(item("mug", 2), metadata={"tab": 1})
        order = storefront.order(cart["cart_id"], purchase_order="PO-7", note="ring twice")
        assert set(order) == {
            "order_id", "number", "status", "cart_id", "channel", "currency", "lines", "totals",
            "customer", "shipping_address", "billing_address", "shipping_method", "payment",
            "purchase_order", "note", "metadata", "placed_at", "updated_at",
        }  # fmt: skip
        assert (order["status"], order["channel"]) == ("pending_payment", "storefront")
        assert order["payment"] == {"intent": "pi_0001", "state": "pending"}
        assert (order["lines"], order["totals"]) == (cart["lines"], cart["totals"])
        assert order["billing_address"] == order["shipping_address"] == ADDRESS
        assert (order["purchase_order"], order["note"]) == ("PO-7", "ring twice")
        assert order["metadata"] == {"tab": 1}
        assert order["number"].startswith("OF-0")
        assert storefront.ok("orders.get", order_id=order["order_id"]) == order
        cart = storefront.ok("cart.get", cart_id=cart["cart_id"])
        assert cart["status"] == "converted"

    def test_one_cart_is_one_order(self, storefront: Storefront) -> None:
        """The same intent answers the same order, another intent is refused with its id."""
        cart_id = storefront.cart(item("lamp", 2))["cart_id"]
        order = storefront.order(cart_id)
        assert storefront.order(cart_id) == order
        reply = storefront.call("convertToOrder", **order_fields(cart_id, intent="pi_other"))
        assert (reply.status, reply.code) == (409, "cart_converted")
        assert reply.json["order_id"] == order["order_id"]
        reply = storefront.call("items.add", cart_id=cart_id, items=[item("mug")])
        assert (reply.code, reply.json["order_id"]) == ("cart_converted", order["order_id"])

    def test_one_intent_pays_one_order_in_the_whole_store(self, shop: TestShop) -> None:
        """An intent of another cart, even of another connection, is used."""
        one, two = shop.storefront("A"), shop.storefront("B")
        one.order(one.cart(item("mug"))["cart_id"], intent="pi_shared")
        for front in (one, two):
            cart = front.cart(item("mug"))
            reply = front.call(
                "convertToOrder", **order_fields(cart["cart_id"], intent="pi_shared")
            )
            assert (reply.status, reply.code) == (409, "payment_intent_used")

    def test_what_the_cart_has_need_not_be_said_again(self, storefront: Storefront) -> None:
        """Customer and address come from the request or the cart."""
        cart = storefront.cart(item("mug"), customer=CUSTOMER)
        storefront.ok("cart.update", cart_id=cart["cart_id"], shipping_address=ADDRESS, note="n")
        order = storefront.ok("convertToOrder", cart_id=cart["cart_id"], payment_intent="pi_1234")
        assert (order["customer"], order["note"]) == (CUSTOMER, "n")

    def test_an_incomplete_order_names_what_is_missing(self, storefront: Storefront) -> None:
        """Customer and address, one of the two must have them."""
        cart = storefront.cart(item("mug"))
        reply = storefront.call("convertToOrder", cart_id=cart["cart_id"], payment_intent="pi_1234")
        assert (reply.status, reply.code) == (422, "invalid_request")
        assert [e["path"] for e in reply.json["errors"]] == ["/customer", "/shipping_address"]

    def test_an_empty_cart_is_no_order(self, storefront: Storefront) -> None:
        """422 cart_empty."""
        reply = storefront.call("convertToOrder", **order_fields(storefront.cart()["cart_id"]))
        assert (reply.status, reply.code) == (422, "cart_empty")

    def test_a_total_that_moved_is_shown_and_nothing_is_ordered(
        self, shop: TestShop, storefront: Storefront
    ) -> None:
        """409 total_changed carries the refreshed cart, whose total then converts."""
        cart = storefront.cart(item("mug", 2))
        shop.bridge.catalogue.put([CatalogueEntry(sku="mug", name="Mug", prices={"GBP": 400})])
        asked = order_fields(cart["cart_id"], expected_total=678)
        reply = storefront.call("convertToOrder", **asked)
        assert (reply.status, reply.code) == (409, "total_changed")
        assert reply.json["cart"]["totals"]["total"] == 800
        assert reply.json["cart"]["notices"][0]["code"] == "price_changed"
        order = storefront.order(cart["cart_id"], expected_total=800)
        assert order["totals"]["total"] == 800

    def test_what_is_no_longer_sold_is_out_of_stock(self, shop, storefront) -> None:
        """A withdrawn product counts as none available."""
        cart = storefront.cart(item("mug", 2))
        shop.bridge.catalogue.put(
            [CatalogueEntry(sku="mug", name="Mug", prices={"GBP": 339}, active=False)]
        )
        reply = storefront.call("convertToOrder", **order_fields(cart["cart_id"]))
        assert (reply.status, reply.code) == (409, "out_of_stock")
        assert reply.json["items"] == [{"sku": "mug", "requested": 2, "available": 0}]

    def test_shipping_goes_where_the_order_goes(self) -> None:
        """The method is checked against the order's own address."""
        front = open_shop(shipping=SHIPPING, tax=TAX).storefront()
        cart = front.cart(item("mug"))
        reply = front.call(
            "convertToOrder",
            **order_fields(
                cart["cart_id"],
                shipping_address=ADDRESS | {"country": "FR"},
                shipping_method="van",
            ),
        )
        assert (reply.status, reply.code) == (422, "unknown_shipping_method")
        order = front.order(cart["cart_id"], shipping_method="van")
        assert order["totals"]["shipping"] == 900
        assert order["totals"]["tax"] == 68

    @pytest.mark.parametrize(
        "intent", ["pi", "1234567890", "pi 1", "x" * 256, "pi_1\n", "", "pi_ü23"]
    )
    def test_an_intent_is_a_reference_not_a_bare_number(self, storefront, intent: str) -> None:
        """Other forms are schema errors."""
        cart = storefront.cart(item("mug"))
        reply = storefront.call("convertToOrder", **order_fields(cart["cart_id"], intent=intent))
        assert (reply.status, reply.code) == (422, "invalid_request")

    def test_refusals_come_in_the_protocol_s_order(self, storefront: Storefront) -> None:
        """An empty, incomplete cart with a used intent is first of all empty."""
        used = storefront.cart(item("mug"))
        storefront.order(used["cart_id"], intent="pi_used")
        cart = storefront.cart()
        asked = {"cart_id": cart["cart_id"], "payment_intent": "pi_used", "expected_total": 1}
        assert storefront.call("convertToOrder", **asked).code == "cart_empty"
        storefront.ok("items.add", cart_id=cart["cart_id"], items=[item("lamp", 3)])
        other = storefront.cart(item("lamp", 3))
        storefront.order(other["cart_id"], intent="pi_lamps")
        assert storefront.call("convertToOrder", **asked).code == "invalid_request"
        asked |= {"customer": CUSTOMER, "shipping_address": ADDRESS, "shipping_method": "rocket"}
        assert storefront.call("convertToOrder", **asked).code == "unknown_shipping_method"
        del asked["shipping_method"]
        assert storefront.call("convertToOrder", **asked).code == "total_changed"
        del asked["expected_total"]
        assert storefront.call("convertToOrder", **asked).code == "out_of_stock"
        storefront.ok(
            "items.update",
            cart_id=cart["cart_id"],
            items=[
                {
                    "line_id": storefront.ok("cart.get", cart_id=cart["cart_id"])["lines"][0][
                        "line_id"
                    ],
                    "quantity": 0,
                }
            ],
        )
        storefront.ok("items.add", cart_id=cart["cart_id"], items=[item("mug")])
        assert storefront.call("convertToOrder", **asked).code == "payment_intent_used"


class TestStock:
    def test_stock_is_taken_with_the_order_and_given_back_once(self, shop, storefront) -> None:
        """Leaving pending_payment for cancelled gives it back, once."""
        order = storefront.order(storefront.cart(item("lamp", 2), item("mug", 9))["cart_id"])
        assert shop.stock("lamp") == 1
        for _ in range(2):
            again = storefront.ok("orders.cancel", order_id=order["order_id"], reason="changed")
            assert again["status"] == "cancelled"
        assert shop.stock("lamp") == 3

    def test_stock_that_sold_out_meanwhile_takes_nothing(self, shop, storefront) -> None:
        """All or nothing over the skus."""
        first = storefront.cart(item("lamp", 2), item("book", 2))
        second = storefront.cart(item("lamp", 2), item("book", 2))
        storefront.order(first["cart_id"])
        reply = storefront.call(
            "convertToOrder", **order_fields(second["cart_id"], intent="pi_2222")
        )
        assert (reply.code, reply.json["items"]) == (
            "out_of_stock",
            [{"sku": "lamp", "requested": 2, "available": 1}],
        )
        assert (shop.stock("lamp"), shop.stock("book")) == (1, 8)


class TestSettlement:
    def test_settled_after_the_order(self, shop: TestShop, storefront: Storefront) -> None:
        """The host settles, the order is paid; the same again changes nothing."""
        order = storefront.order(storefront.cart(item("mug"))["cart_id"])
        for _ in range(2):
            paid = shop.bridge.settle("pi_0001", amount=339, currency="GBP")
            assert paid is not None
            assert paid.status == "paid"
        seen = storefront.ok("orders.get", order_id=order["order_id"])
        assert (seen["status"], seen["payment"]["state"]) == ("paid", "paid")

    def test_settled_before_the_order(self, shop: TestShop, storefront: Storefront) -> None:
        """Money that came first makes the order paid at once."""
        assert shop.bridge.settle("pi_0001", amount=339, currency="GBP") is None
        order = storefront.order(storefront.cart(item("mug"))["cart_id"])
        assert order["status"] == "paid"

    @pytest.mark.parametrize(("amount", "currency"), [(338, "GBP"), (339, "EUR")])
    def test_another_amount_or_currency_is_refused_on_both_sides(
        self, shop, storefront, amount: int, currency: str
    ) -> None:
        """A cheap intent never settles an expensive order."""
        shop.bridge.settle("pi_cheap", amount=amount, currency=currency)
        cart = storefront.cart(item("mug"))
        reply = storefront.call(
            "convertToOrder", **order_fields(cart["cart_id"], intent="pi_cheap")
        )
        assert (reply.status, reply.code) == (422, "payment_mismatch")
        storefront.order(cart["cart_id"], intent="pi_right")
        with pytest.raises(BridgeError, match="payment_mismatch"):
            shop.bridge.settle("pi_right", amount=amount, currency=currency)
        with pytest.raises(BridgeError, match="payment_mismatch"):
            shop.bridge.settle("pi_cheap", amount=339, currency="GBP")
        assert shop.bridge.orders.search()[0].status == "pending_payment"

    @pytest.mark.parametrize("intent", ["4111111111111111", "pi", "pi 1234", "", "p" * 256])
    def test_what_can_be_no_intent_is_never_kept(self, shop: TestShop, intent: str) -> None:
        """A bare number might be a card's."""
        with pytest.raises(BridgeError, match="invalid_request"):
            shop.bridge.settle(intent, amount=1, currency="GBP")

    def test_a_paid_order_is_not_cancellable(self, shop: TestShop, storefront: Storefront) -> None:
        """It takes a refund."""
        order = storefront.order(storefront.cart(item("mug"))["cart_id"])
        shop.bridge.settle("pi_0001", amount=339, currency="GBP")
        reply = storefront.call("orders.cancel", order_id=order["order_id"])
        assert (reply.status, reply.code) == (409, "order_not_cancellable")

    def test_a_reason_is_as_short_for_an_operator_as_for_a_storefront(
        self, shop, storefront
    ) -> None:
        """300 characters; a longer one cancels nothing."""
        kept, refused = (
            storefront.order(storefront.cart(item("mug"))["cart_id"], intent=intent)["order_id"]
            for intent in ("pi_kept", "pi_refused")
        )
        reply = storefront.call("orders.cancel", order_id=refused, reason="x" * 301)
        assert (reply.status, reply.code) == (422, "invalid_request")
        for length in (301, 10_000_000):
            with pytest.raises(BridgeError, match="reason has more than 300 char") as raised:
                shop.bridge.orders.cancel(refused, reason="x" * length)
            assert raised.value.code == "invalid_request"
            assert raised.value.members["errors"][0]["path"] == "/reason"
        assert shop.bridge.orders.find(refused).status == "pending_payment"
        assert shop.bridge.orders.cancel(kept, reason="x" * 300).cancel_reason == "x" * 300

    def test_money_after_a_cancel_is_kept_visible_and_loud(self, shop, storefront, caplog) -> None:
        """`paid_after_cancel`, still cancelled, and an error in the log."""
        order = storefront.order(storefront.cart(item("lamp"))["cart_id"])
        storefront.ok("orders.cancel", order_id=order["order_id"])
        shop.bridge.settle("pi_0001", amount=4200, currency="GBP")
        seen = storefront.ok("orders.get", order_id=order["order_id"])
        assert (seen["status"], seen["payment"]["state"]) == ("cancelled", "paid_after_cancel")
        assert shop.stock("lamp") == 3
        assert [r.levelname for r in caplog.records if "refund" in r.message] == ["ERROR"]

    def test_an_operator_settles_the_whole_order(self, shop, storefront) -> None:
        """`orders settle` records the order's own total."""
        order = storefront.order(storefront.cart(item("mug"))["cart_id"])
        assert shop.bridge.orders.settle(order["order_id"]).status == "paid"

    def test_an_unpaid_order_is_cancelled_after_its_hold(self, shop, storefront) -> None:
        """Paid ones and fresh ones stay, stock comes back."""
        old = storefront.order(storefront.cart(item("lamp"))["cart_id"], intent="pi_old0")
        paid = storefront.order(storefront.cart(item("mug"))["cart_id"], intent="pi_paid")
        shop.bridge.settle("pi_paid", amount=339, currency="GBP")
        shop.clock.forward(DAY + 1)
        fresh = storefront.order(storefront.cart(item("mug"))["cart_id"], intent="pi_fresh")
        assert shop.bridge.purge().unpaid_orders == 1
        states = {o.order_id: o.status for o in shop.bridge.orders.search()}
        assert states == {
            old["order_id"]: "cancelled",
            paid["order_id"]: "paid",
            fresh["order_id"]: "pending_payment",
        }
        assert shop.stock("lamp") == 3

    def test_the_hold_can_be_off(self) -> None:
        """`payment_hold` 0 never cancels."""
        shop = open_shop(payment_hold=0)
        front = shop.storefront()
        front.order(front.cart(item("mug"))["cart_id"])
        shop.clock.forward(400 * DAY)
        assert shop.bridge.purge().unpaid_orders == 0


class TestList:
    def test_newest_first_with_a_cursor(self, shop: TestShop, storefront: Storefront) -> None:
        """Pages follow each other without a gap or a repeat."""
        placed = []
        for n in range(7):
            shop.clock.forward(1 if n % 2 else 0)
            cart = storefront.cart(item("mug"))
            placed.append(storefront.order(cart["cart_id"], intent=f"pi_{n:04}")["order_id"])
        seen, cursor = [], None
        while True:
            fields = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = storefront.ok("orders.list", **fields)
            seen += [order["order_id"] for order in page["orders"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == sorted(placed)
        dates = [storefront.ok("orders.get", order_id=o)["placed_at"] for o in seen]
        assert dates == sorted(dates, reverse=True)

    def test_a_page_of_large_orders_ends_early(
        self, shop: TestShop, storefront: Storefront
    ) -> None:
        """After some MiB the page ends and the next one goes on, so that no answer is huge."""
        small = storefront.order(storefront.cart(item("mug"))["cart_id"])["order_id"]
        with shop.bridge._storage.writing() as unit:
            placed = unit.orders.find(small, connection=storefront.client_id)
            [line] = placed.lines
            told = {f"{number:02}": "x" * 500 for number in range(50)}
            lines = tuple(replace(line, line_id=f"line_{n}", metadata=told) for n in range(40))
            for n in range(20):
                unit.orders.place(
                    replace(
                        placed,
                        order_id=f"order_{n:02}",
                        cart_id=f"cart_{n:02}",
                        payment=Payment(intent=f"pi_large_{n:02}"),
                        lines=lines,
                        placed_at=placed.placed_at + n + 1,
                    )
                )
        seen, counts, cursor = [], [], None
        while not counts or cursor is not None:
            fields = {"limit": 100} | ({"cursor": cursor} if cursor else {})
            reply = storefront.call("orders.list", **fields)
            assert len(reply.body) < 10 * 1024 * 1024
            seen += [order["order_id"] for order in reply.json["orders"]]
            counts.append(len(reply.json["orders"]))
            cursor = reply.json["next_cursor"]
        assert seen == [*(f"order_{n:02}" for n in reversed(range(20))), small]
        assert len(counts) == 3

    @pytest.mark.parametrize("count", [6, 7, 8, 14, 20, 21])
    def test_the_last_page_has_no_cursor(self, storefront: Storefront, count: int) -> None:
        """However many there are, a page has 20 and the next one the rest."""
        placed = [
            storefront.order(storefront.cart(item("mug"))["cart_id"], intent=f"pi_{n:04}")
            for n in range(count)
        ]
        page = storefront.ok("orders.list")
        assert len(page["orders"]) == min(20, count)
        assert (page["next_cursor"] is None) == (count <= 20)
        if count > 20:
            rest = storefront.ok("orders.list", cursor=page["next_cursor"])
            assert len(rest["orders"]) == len(placed) - 20
            assert rest["next_cursor"] is None

    def test_filters_restrict(self, shop: TestShop, storefront: Storefront) -> None:
        """Status, dates (from inclusive, to exclusive) and e-mail without case."""
        first = storefront.order(storefront.cart(item("mug"))["cart_id"], intent="pi_0001")
        shop.clock.forward(60)
        second = storefront.order(
            storefront.cart(item("mug"))["cart_id"],
            intent="pi_0002",
            customer={"email": "Max@Example.com"},
        )
        shop.bridge.settle("pi_0002", amount=339, currency="GBP")

        def ids(**fields):
            return [o["order_id"] for o in storefront.ok("orders.list", **fields)["orders"]]

        assert ids(status="paid") == [second["order_id"]]
        assert ids(email="max@example.COM") == [second["order_id"]]
        assert ids(placed_before=second["placed_at"]) == [first["order_id"]]
        assert ids(placed_after=second["placed_at"]) == [second["order_id"]]
        assert ids(placed_after="2026-01-01T01:00:00+01:00") == [
            second["order_id"],
            first["order_id"],
        ]

    @pytest.mark.parametrize(
        "fields",
        [
            {"cursor": "x"}, {"cursor": "é"}, {"cursor": "OTk5OjE"+"A" * 200}, {"limit": 0},
            {"limit": 101}, {"status": "lost"}, {"placed_after": "2026-01-01T00:00:00"},
            {"placed_after": 5},
        ],
    )  # fmt: skip
    def test_bad_filters_are_schema_errors(self, storefront, fields) -> None:
        """422 invalid_request that points at the field, and quotes nothing."""
        reply = storefront.call("orders.list", **fields)
        assert (reply.status, reply.code) == (422, "invalid_request")
        assert reply.json["errors"][0]["path"] == f"/{next(iter(fields))}"
        assert "lost" not in json.dumps(reply.json)

    def test_a_cursor_that_was_not_given_is_refused(self, shop: TestShop) -> None:
        """Made up, of another connection, or spelt in another way: 422, and nothing is listed."""
        mine, other = shop.storefront("A"), shop.storefront("B")
        for n in range(2):
            mine.order(mine.cart(item("mug"))["cart_id"], intent=f"pi_{n:04}")
        given = mine.ok("orders.list", limit=1)["next_cursor"]
        placed_at, order_id = urlsafe_b64decode(given + "==").decode().split(":")
        forged = [
            f"{placed_at}:order_00000000000000000000000000",
            f"{int(placed_at) + 1}:{order_id}",
            f"0{placed_at}:{order_id}",
            "999999999999999:~",
        ]
        cursors = [urlsafe_b64encode(one.encode()).decode().rstrip("=") for one in forged]
        for front, cursor in [
            *((mine, cursor) for cursor in (*cursors, f"{given}!", f"{given}==")),
            (other, given),
        ]:
            reply = front.call("orders.list", cursor=cursor)
            assert (reply.status, reply.code) == (422, "invalid_request"), cursor
            assert reply.json["errors"][0]["path"] == "/cursor"
        assert len(mine.ok("orders.list", cursor=given)["orders"]) == 1

    def test_another_connection_s_orders_do_not_exist(self, shop: TestShop) -> None:
        """404 and an empty list."""
        mine, other = shop.storefront("A"), shop.storefront("B")
        order_id = mine.order(mine.cart(item("mug"))["cart_id"])["order_id"]
        for action in ("orders.get", "orders.confirmPayment", "orders.cancel"):
            reply = other.call(action, order_id=order_id)
            assert (reply.status, reply.code) == (404, "order_not_found")
        assert other.ok("orders.list") == {"orders": [], "next_cursor": None}


class Slow(SimulatedProvider):
    """A provider during whose answer something else happens."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.meanwhile = None

    def find(self, intent):
        self.asked += 1
        happening, self.meanwhile = self.meanwhile, None
        if happening:
            happening()
        return super().find(intent)


@pytest.fixture
def provider() -> Slow:
    """Give a provider that knows one intent, unpaid."""
    made = Slow()
    made.announce("pi_0001", amount=4200, currency="GBP")
    return made


@pytest.fixture
def remote(provider: Slow) -> TestShop:
    """Give a shop whose payments are asked for remotely."""
    return open_shop(payments=provider)


class Died(BaseException):
    """The process dies here: nothing after it runs."""


class TestRemoteProvider:
    def test_the_provider_s_word_decides(self, remote: TestShop, provider: Slow) -> None:
        """Pending converts to pending, paid to paid, and confirmPayment asks again."""
        front = remote.storefront()
        order = front.order(front.cart(item("lamp"))["cart_id"])
        assert (order["status"], remote.stock("lamp")) == ("pending_payment", 2)
        provider.announce("pi_0001", amount=4200, currency="GBP", paid=True)
        confirmed = front.ok("orders.confirmPayment", order_id=order["order_id"])
        assert confirmed["status"] == "paid"
        provider.announce("pi_0002", amount=4200, currency="GBP", paid=True)
        assert (
            front.order(front.cart(item("lamp"))["cart_id"], intent="pi_0002")["status"] == "paid"
        )

    @pytest.mark.parametrize("case", ["unknown", "amount", "currency"])
    def test_a_mismatch_frees_everything(self, remote, provider, case: str) -> None:
        """422 payment_mismatch; stock, intent and cart are as before."""
        front = remote.storefront()
        cart = front.cart(item("lamp"))
        if case != "unknown":
            provider.announce(
                "pi_0009",
                amount=4199 if case == "amount" else 4200,
                currency="EUR" if case == "currency" else "GBP",
            )
        reply = front.call("convertToOrder", **order_fields(cart["cart_id"], intent="pi_0009"))
        assert (reply.status, reply.code) == (422, "payment_mismatch")
        assert remote.stock("lamp") == 3
        assert front.order(cart["cart_id"])["status"] == "pending_payment"

    def test_a_failing_provider_is_503_and_the_same_key_tries_again(self, remote, provider) -> None:
        """Claim, stock and key are released; the signature stays spent."""
        front = remote.storefront()
        cart = front.cart(item("lamp", 3))
        provider.announce("pi_0001", amount=12600, currency="GBP")
        provider.failing = True
        body = json.dumps(order_fields(cart["cart_id"])).encode()
        headers = front.headers("convertToOrder", body, key="buy-1")
        reply = front.send("convertToOrder", body, headers)
        assert (reply.status, reply.code) == (503, "payment_provider_unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        assert remote.stock("lamp") == 3
        provider.failing = False
        assert front.send("convertToOrder", body, headers).code == "replayed_request"
        remote.clock.forward(1)
        retried = front.send(
            "convertToOrder", body, front.headers("convertToOrder", body, key="buy-1")
        )
        assert retried.status == 200
        assert "Idempotent-Replayed" not in retried.headers

    def test_while_it_is_asked_the_cart_is_converting(self, remote, provider) -> None:
        """Writes get 409 cart_converting, the same key 409 idempotency_in_progress."""
        front = remote.storefront()
        cart = front.cart(item("lamp"))
        seen = {}
        body = json.dumps(order_fields(cart["cart_id"])).encode()

        def meanwhile() -> None:
            seen["add"] = front.call("items.add", cart_id=cart["cart_id"], items=[item("mug")])
            seen["other"] = front.call("convertToOrder", **order_fields(cart["cart_id"]))
            remote.clock.forward(1)
            seen["twin"] = front.send(
                "convertToOrder", body, front.headers("convertToOrder", body, key="one")
            )
            seen["get"] = front.call("cart.get", cart_id=cart["cart_id"])
            seen["stock"] = remote.stock("lamp")

        provider.meanwhile = meanwhile
        reply = front.send("convertToOrder", body, front.headers("convertToOrder", body, key="one"))
        assert reply.status == 200, reply.json
        assert (seen["add"].status, seen["add"].code) == (409, "cart_converting")
        assert seen["add"].headers["Retry-After"]
        assert seen["other"].code == "cart_converting"
        assert (seen["twin"].status, seen["twin"].code) == (409, "idempotency_in_progress")
        assert seen["twin"].headers["Retry-After"]
        assert (seen["get"].status, seen["stock"]) == (200, 2)

    def test_try_again_answers_are_not_stored(self, remote, provider) -> None:
        """A key that met cart_converting executes when it comes back."""
        front = remote.storefront()
        cart = front.cart(item("lamp"))
        provider.meanwhile = lambda: front.call(
            "items.add", key="later", cart_id=cart["cart_id"], items=[item("mug")]
        )
        front.order(cart["cart_id"])
        remote.clock.forward(1)
        reply = front.call("items.add", key="later", cart_id=cart["cart_id"], items=[item("mug")])
        assert reply.code == "cart_converted"

    def test_a_crashed_conversion_is_taken_over_after_its_lease(self, remote, provider) -> None:
        """With the same key and intent; stock is taken once; nobody gets in before."""
        front = remote.storefront()
        cart = front.cart(item("lamp", 3))
        provider.announce("pi_0001", amount=12600, currency="GBP", paid=True)
        body = json.dumps(order_fields(cart["cart_id"])).encode()

        def die() -> None:
            raise Died

        provider.meanwhile = die
        with pytest.raises(Died):
            front.send("convertToOrder", body, front.headers("convertToOrder", body, key="one"))
        assert remote.stock("lamp") == 0
        remote.clock.forward(60)
        soon = front.send("convertToOrder", body, front.headers("convertToOrder", body, key="one"))
        assert soon.code == "idempotency_in_progress"
        remote.clock.forward(61)
        late = front.send("convertToOrder", body, front.headers("convertToOrder", body, key="one"))
        assert (late.status, late.json["status"]) == (200, "paid")
        assert remote.stock("lamp") == 0
        assert len(remote.bridge.orders.search()) == 1

    def test_a_late_loser_answers_the_winner_s_order(self, remote, provider) -> None:
        """Transaction 2 applies only where the claim token is still its own."""
        front = remote.storefront()
        cart = front.cart(item("lamp"))
        won = {}

        def overtaken() -> None:
            remote.clock.forward(121)
            won["order"] = front.order(cart["cart_id"])

        provider.meanwhile = overtaken
        loser = front.order(cart["cart_id"])
        assert loser == won["order"]
        assert remote.stock("lamp") == 2
        assert len(remote.bridge.orders.search()) == 1

    def test_a_late_loser_whose_cart_went_on_is_told_to_try_again(self, remote, provider) -> None:
        """After the lease the cart may change; the old claim places nothing."""
        front = remote.storefront()
        cart = front.cart(item("lamp"))

        def changed() -> None:
            remote.clock.forward(121)
            front.ok("items.add", cart_id=cart["cart_id"], items=[item("mug")])

        provider.meanwhile = changed
        reply = front.call("convertToOrder", **order_fields(cart["cart_id"]))
        assert reply.code == "cart_converting"
        assert remote.bridge.orders.search() == []
        assert remote.stock("lamp") == 3

    def test_purge_frees_a_crashed_claim(self, remote, provider) -> None:
        """Stock held by a cart that nobody touches again comes back."""
        front = remote.storefront()
        cart = front.cart(item("lamp", 3))
        provider.announce("pi_0001", amount=12600, currency="GBP")

        def die() -> None:
            raise Died

        provider.meanwhile = die
        with pytest.raises(Died):
            front.call("convertToOrder", **order_fields(cart["cart_id"]))
        assert remote.bridge.purge().claims == 0
        remote.clock.forward(121)
        assert remote.bridge.purge().claims == 1
        assert remote.stock("lamp") == 3

    def test_settled_while_the_provider_is_asked(self, remote, provider) -> None:
        """The host's word counts where the provider is behind."""
        front = remote.storefront()
        cart = front.cart(item("lamp"))
        provider.meanwhile = lambda: remote.bridge.settle("pi_0001", amount=4200, currency="GBP")
        assert front.order(cart["cart_id"])["status"] == "paid"

    def test_cancel_asks_first_and_finds_the_money(self, remote, provider) -> None:
        """The payment is recorded, then the cancel is refused."""
        front = remote.storefront()
        order = front.order(front.cart(item("lamp"))["cart_id"])
        provider.announce("pi_0001", amount=4200, currency="GBP", paid=True)
        reply = front.call("orders.cancel", order_id=order["order_id"])
        assert (reply.status, reply.code) == (409, "order_not_cancellable")
        assert front.ok("orders.get", order_id=order["order_id"])["status"] == "paid"
        assert remote.stock("lamp") == 2

    def test_cancel_with_a_failing_provider_changes_nothing(self, remote, provider) -> None:
        """503, and the order stands."""
        front = remote.storefront()
        order = front.order(front.cart(item("lamp"))["cart_id"])
        provider.failing = True
        assert front.call("orders.cancel", order_id=order["order_id"]).status == 503
        assert front.call("orders.confirmPayment", order_id=order["order_id"]).status == 503
        with pytest.raises(BridgeError, match="payment_provider_unavailable"):
            remote.bridge.orders.cancel(order["order_id"])
        assert front.ok("orders.get", order_id=order["order_id"])["status"] == "pending_payment"
        provider.failing = False
        assert remote.bridge.orders.cancel(order["order_id"]).status == "cancelled"
        assert remote.stock("lamp") == 3

    def test_money_found_after_a_cancel_by_asking_again(self, remote, provider) -> None:
        """confirmPayment of a cancelled order finds late money too."""
        front = remote.storefront()
        order = front.order(front.cart(item("lamp"))["cart_id"])
        front.ok("orders.cancel", order_id=order["order_id"])
        provider.announce("pi_0001", amount=4200, currency="GBP", paid=True)
        seen = front.ok("orders.confirmPayment", order_id=order["order_id"])
        assert (seen["status"], seen["payment"]["state"]) == ("cancelled", "paid_after_cancel")

    def test_a_late_loser_of_one_key_leaves_the_winner_its_answer(self, remote, provider) -> None:
        """A retry takes the key over after the lease; the first one answers the same order."""
        front = remote.storefront()
        cart = front.cart(item("lamp"))
        body = json.dumps(order_fields(cart["cart_id"])).encode()
        won = {}

        def overtaken() -> None:
            remote.clock.forward(121)
            headers = front.headers("convertToOrder", body, key="one")
            won["reply"] = front.send("convertToOrder", body, headers)

        provider.meanwhile = overtaken
        loser = front.send("convertToOrder", body, front.headers("convertToOrder", body, key="one"))
        assert (loser.status, loser.json) == (200, won["reply"].json)
        remote.clock.forward(1)
        again = front.send("convertToOrder", body, front.headers("convertToOrder", body, key="one"))
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json == loser.json
