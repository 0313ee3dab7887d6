"""What carts promise (protocol §4, Cart)."""

import pytest
from msgspec.structs import replace

from orderflow_bridge.domain.product import CatalogueEntry
from tests.rig import ADDRESS, CUSTOMER, SHIPPING, TAX, Storefront, TestShop, item, open_shop

DAY = 86_400


def reprice(shop: TestShop, sku: str, price: int, **fields) -> None:
    shop.bridge.catalogue.put(
        [CatalogueEntry(sku=sku, name=sku.title(), prices={"GBP": price}, **fields)]
    )


class TestCreate:
    def test_a_new_cart_has_every_field_of_the_protocol(self, storefront: Storefront) -> None:
        """A cart's answer has exactly the fields that the protocol names."""
        cart = storefront.cart(item("mug", 2), customer=CUSTOMER, metadata={"tab": 3})
        assert set(cart) == {
            "cart_id", "status", "version", "currency", "lines", "totals", "customer",
            "shipping_address", "billing_address", "shipping_method", "note", "metadata",
            "notices", "created_at", "updated_at", "expires_at",
        }  # fmt: skip
        assert (cart["status"], cart["version"], cart["currency"]) == ("open", 1, "GBP")
        assert set(cart["lines"][0]) == {
            "line_id", "sku", "name", "quantity", "unit_price", "subtotal", "discount", "tax",
            "total", "options", "metadata",
        }  # fmt: skip
        assert cart["totals"] == {
            "item_count": 2, "subtotal": 678, "discount": 0, "shipping": 0, "tax": 0, "total": 678,
        }  # fmt: skip
        assert cart["created_at"].endswith("Z")
        assert cart["cart_id"].startswith("cart_")
        assert len(cart["cart_id"]) == len("cart_") + 26

    def test_the_connection_s_currency_is_the_default(self, shop: TestShop) -> None:
        """Without `currency` the connection's default counts."""
        assert shop.storefront(currency="EUR").ok("cart.create")["currency"] == "EUR"

    def test_without_any_currency_it_says_so(self, storefront: Storefront) -> None:
        """No currency anywhere is an invalid request that points at the field."""
        reply = storefront.call("cart.create")
        assert (reply.status, reply.code) == (422, "invalid_request")
        assert reply.json["errors"][0]["path"] == "/currency"

    @pytest.mark.parametrize("currency", ["XXQ", "ZZZ"])
    def test_an_unknown_currency_is_not_supported(self, storefront, currency: str) -> None:
        """Three capitals that are no currency are refused."""
        assert storefront.call("cart.create", currency=currency).code == "currency_not_supported"

    def test_a_bad_item_makes_no_cart(self, storefront: Storefront, shop: TestShop) -> None:
        """A batch is all or nothing, the cart included."""
        drawn = storefront.call("cart.create", currency="GBP", items=[item("mug"), item("nope")])
        assert (drawn.status, drawn.code, drawn.json["path"]) == (
            422,
            "unknown_sku",
            "/items/1/sku",
        )


class TestItems:
    def test_the_same_item_merges_and_options_are_order_insensitive(self, storefront) -> None:
        """Lines merge on sku, options and the caller's price."""
        cart = storefront.cart(item("mug", 1, options={"a": "1", "b": "2"}))
        cart = storefront.ok(
            "items.add",
            cart_id=cart["cart_id"],
            items=[item("mug", 2, options={"b": "2", "a": "1"}), item("mug", 1), item("mug", 4)],
        )
        assert [line["quantity"] for line in cart["lines"]] == [3, 5]
        assert cart["version"] == 2

    def test_a_caller_s_price_is_a_line_of_its_own_and_is_never_refreshed(
        self, shop: TestShop, storefront: Storefront
    ) -> None:
        """The catalogue moves catalogue prices only."""
        cart = storefront.cart(
            item("mug"), item("mug", unit_price=100), item("mug", unit_price=100)
        )
        assert [(li["quantity"], li["unit_price"]) for li in cart["lines"]] == [(1, 339), (2, 100)]
        reprice(shop, "mug", 500)
        cart = storefront.ok("items.add", cart_id=cart["cart_id"], items=[item("tea")])
        assert [li["unit_price"] for li in cart["lines"]] == [500, 100, 255]
        assert cart["notices"] == [
            {
                "code": "price_changed",
                "line_id": cart["lines"][0]["line_id"],
                "from": 339,
                "to": 500,
            }
        ]
        again = storefront.ok("items.add", cart_id=cart["cart_id"], items=[item("tea")])
        assert again["notices"] == []

    def test_own_prices_sell_what_the_catalogue_does_not_have(self, storefront) -> None:
        """With `unit_price` and `name`, an unknown sku is sold."""
        cart = storefront.cart(item("85123A", 6, unit_price=255, name="WHITE HOLDER"))
        assert cart["lines"][0]["total"] == 1530
        merged = storefront.ok(
            "items.add",
            cart_id=cart["cart_id"],
            items=[item("85123A", 1, unit_price=255, name="WHITE HOLDER")],
        )
        assert [line["quantity"] for line in merged["lines"]] == [7]

    def test_own_prices_need_their_scope(self, shop: TestShop) -> None:
        """Without prices:write nothing is spent, stored or changed."""
        poor = shop.storefront(scopes=("carts:read", "carts:write"))
        for action, fields in (
            ("cart.create", {"currency": "GBP"}),
            ("items.add", {"cart_id": poor.cart()["cart_id"]}),
        ):
            reply = poor.call(action, items=[item("mug", unit_price=1)], **fields)
            assert (reply.status, reply.code) == (403, "insufficient_scope")
            assert reply.json["required"] == ["prices:write"]

    def test_metadata_given_with_a_merge_replaces(self, storefront: Storefront) -> None:
        """Absent metadata keeps, given metadata replaces the line's."""
        cart = storefront.cart(item("mug", metadata={"gift": True}))
        kept = storefront.ok("items.add", cart_id=cart["cart_id"], items=[item("mug")])
        assert kept["lines"][0]["metadata"] == {"gift": True}
        changed = storefront.ok(
            "items.add", cart_id=cart["cart_id"], items=[item("mug", metadata={"n": 1})]
        )
        assert changed["lines"][0]["metadata"] == {"n": 1}

    def test_update_sets_and_zero_removes(self, storefront: Storefront) -> None:
        """`items.update` is absolute."""
        cart = storefront.cart(item("mug", 2), item("tea", 2))
        mug, tea = (line["line_id"] for line in cart["lines"])
        cart = storefront.ok(
            "items.update",
            cart_id=cart["cart_id"],
            items=[{"line_id": mug, "quantity": 5}, {"line_id": tea, "quantity": 0}],
        )
        assert [(li["sku"], li["quantity"]) for li in cart["lines"]] == [("mug", 5)]

    def test_remove_takes_lines_out_all_or_nothing(self, storefront: Storefront) -> None:
        """One unknown line leaves every line."""
        cart = storefront.cart(item("mug"), item("tea"))
        mug = cart["lines"][0]["line_id"]
        reply = storefront.call(
            "items.remove", cart_id=cart["cart_id"], line_ids=[mug, "line_nope"]
        )
        assert (reply.status, reply.code, reply.json["path"]) == (
            422, "line_not_found", "/line_ids/1",
        )  # fmt: skip
        assert len(storefront.ok("cart.get", cart_id=cart["cart_id"])["lines"]) == 2
        left = storefront.ok("items.remove", cart_id=cart["cart_id"], line_ids=[mug])
        assert [line["sku"] for line in left["lines"]] == ["tea"]

    @pytest.mark.parametrize(
        ("items", "code"),
        [
            ([], "invalid_request"),
            ([item("nope")], "unknown_sku"),
            ([item("gone")], "unknown_sku"),
            ([item("mug", 1_000_000)], "quantity_limit"),
            ([item("mug", 600_000), item("mug", 600_000)], "quantity_limit"),
            ([item("lamp", 2), item("lamp", 2, options={"a": "b"})], "out_of_stock"),
            ([item("mug", 999_999, unit_price=2**53 - 1)], "amount_limit"),
        ],
    )
    def test_each_item_refusal_has_its_code_and_changes_nothing(
        self, storefront, items, code: str
    ) -> None:
        """A refused batch leaves the cart as it was."""
        cart = storefront.cart(item("tea"))
        batch = [item("tea"), *items] if items else []
        reply = storefront.call("items.add", cart_id=cart["cart_id"], items=batch)
        assert reply.code == code
        assert storefront.ok("cart.get", cart_id=cart["cart_id"]) == cart

    def test_a_product_without_a_price_in_the_currency_is_not_supported(self, storefront) -> None:
        """Known, but not sold in this currency."""
        reply = storefront.call("cart.create", currency="EUR", items=[item("tea")])
        assert (reply.status, reply.code) == (422, "currency_not_supported")

    def test_stock_is_counted_per_sku_over_all_lines(self, storefront: Storefront) -> None:
        """Two lines of one sku share its stock."""
        cart = storefront.cart(item("lamp", 2))
        reply = storefront.call(
            "items.add", cart_id=cart["cart_id"], items=[item("lamp", 2, options={"c": "red"})]
        )
        assert (reply.status, reply.code) == (409, "out_of_stock")
        assert reply.json["items"] == [{"sku": "lamp", "requested": 4, "available": 3}]

    def test_the_line_limit_holds(self) -> None:
        """A cart takes no more lines than the setting says."""
        shop = open_shop(max_lines=2)
        front = shop.storefront()
        reply = front.call(
            "cart.create",
            currency="GBP",
            items=[
                item("a", unit_price=1, name="a"),
                item("b", unit_price=1, name="b"),
                item("mug"),
            ],
        )
        assert (reply.status, reply.code) == (422, "line_limit")


class TestVersions:
    def test_an_old_version_gets_the_whole_current_cart(self, storefront: Storefront) -> None:
        """409 version_conflict carries the cart."""
        cart = storefront.cart(item("mug"))
        now = storefront.ok("items.add", cart_id=cart["cart_id"], items=[item("tea")])
        reply = storefront.call(
            "items.add", cart_id=cart["cart_id"], items=[item("tea")], expected_version=1
        )
        assert (reply.status, reply.code) == (409, "version_conflict")
        assert reply.json["cart"] == now

    def test_the_right_version_passes(self, storefront: Storefront) -> None:
        """And moves it by one."""
        cart = storefront.cart(item("mug"))
        line = cart["lines"][0]["line_id"]
        changed = storefront.ok(
            "items.update",
            cart_id=cart["cart_id"],
            items=[{"line_id": line, "quantity": 9}],
            expected_version=1,
        )
        assert changed["version"] == 2


class TestUpdate:
    def test_absent_keeps_null_clears_an_object_replaces(self, storefront: Storefront) -> None:
        """The three ways to say what happens to a field."""
        cart = storefront.cart(item("mug"), customer=CUSTOMER, metadata={"a": 1})
        cart_id = cart["cart_id"]
        cart = storefront.ok("cart.update", cart_id=cart_id, shipping_address=ADDRESS, note="ring")
        assert (cart["customer"], cart["note"]) == (CUSTOMER, "ring")
        assert cart["metadata"] == {"a": 1}
        cart = storefront.ok(
            "cart.update", cart_id=cart_id, customer=None, note=None, metadata={"b": True}
        )
        assert (cart["customer"], cart["note"], cart["metadata"]) == (None, None, {"b": True})
        assert cart["shipping_address"] == ADDRESS

    def test_shipping_and_tax_follow_the_address(self) -> None:
        """Totals are recomputed on every change, and always add up."""
        front = open_shop(shipping=SHIPPING, tax=TAX).storefront()
        cart = front.cart(item("mug", 3), item("book", 1))
        assert [
            o["method"] for o in front.ok("shipping.options", cart_id=cart["cart_id"])["options"]
        ]
        cart = front.ok(
            "cart.update", cart_id=cart["cart_id"], shipping_address=ADDRESS, shipping_method="van"
        )
        totals = cart["totals"]
        assert totals == {
            "item_count": 4, "subtotal": 2016, "discount": 0, "shipping": 900, "tax": 203,
            "total": 3119,
        }  # fmt: skip
        for part in ("subtotal", "discount", "tax"):
            assert sum(line[part] for line in cart["lines"]) == totals[part]
        assert sum(line["total"] for line in cart["lines"]) + totals["shipping"] == totals["total"]

    def test_an_unknown_shipping_method_is_refused(self, storefront: Storefront) -> None:
        """A method must be among the cart's options."""
        cart = storefront.cart(item("mug"))
        reply = storefront.call("cart.update", cart_id=cart["cart_id"], shipping_method="rocket")
        assert (reply.status, reply.code) == (422, "unknown_shipping_method")


class TestLifetime:
    def test_ninety_days_untouched_expires_for_writes_only(self, shop, storefront) -> None:
        """`cart.get` still answers, writes get 410, and nothing was written."""
        cart = storefront.cart(item("mug"))
        shop.clock.forward(90 * DAY)
        assert storefront.ok("cart.get", cart_id=cart["cart_id"])["status"] == "expired"
        reply = storefront.call("items.add", cart_id=cart["cart_id"], items=[item("mug")])
        assert (reply.status, reply.code) == (410, "cart_expired")

    def test_a_change_renews_the_lifetime(self, shop, storefront) -> None:
        """Touched carts live on."""
        cart = storefront.cart(item("mug"))
        shop.clock.forward(89 * DAY)
        storefront.ok("items.add", cart_id=cart["cart_id"], items=[item("mug")])
        shop.clock.forward(89 * DAY)
        assert storefront.ok("cart.get", cart_id=cart["cart_id"])["status"] == "open"

    def test_purge_deletes_long_expired_carts_only(self, shop, storefront) -> None:
        """Converted and fresh carts stay."""
        old = storefront.cart(item("mug"))
        sold = storefront.cart(item("mug"))
        storefront.order(sold["cart_id"])
        shop.clock.forward(181 * DAY)
        fresh = storefront.cart(item("mug"))
        assert shop.bridge.purge().carts == 1
        assert storefront.call("cart.get", cart_id=old["cart_id"]).code == "cart_not_found"
        for cart in (sold, fresh):
            assert storefront.call("cart.get", cart_id=cart["cart_id"]).status == 200


class TestIsolation:
    @pytest.mark.parametrize("cart_id", ["cart_x", "", "../etc", "order_1", "cart_" + "0" * 26])
    def test_an_id_of_another_form_is_not_found(self, storefront, cart_id: str) -> None:
        """An id without the right form is not found, not a schema error."""
        assert storefront.call("cart.get", cart_id=cart_id).code == "cart_not_found"

    def test_another_connection_s_cart_does_not_exist(self, shop: TestShop) -> None:
        """Every action answers 404 for a stranger's cart."""
        mine, other = shop.storefront("A"), shop.storefront("B")
        cart = mine.cart(item("mug"))
        cart_id = cart["cart_id"]
        for action, fields in {
            "cart.get": {},
            "cart.update": {"note": "x"},
            "items.add": {"items": [item("mug")]},
            "items.update": {"items": [{"line_id": "x", "quantity": 1}]},
            "items.remove": {"line_ids": ["x"]},
            "shipping.options": {},
            "convertToOrder": {"payment_intent": "pi_1234"},
        }.items():
            reply = other.call(action, cart_id=cart_id, **fields)
            assert (action, reply.status, reply.code) == (action, 404, "cart_not_found")
        wrong_case = cart_id.lower()
        assert mine.call("cart.get", cart_id=wrong_case).code == "cart_not_found"
        assert mine.ok("cart.get", cart_id=cart_id) == cart


def test_a_host_s_pricing_that_does_not_add_up_is_a_fault(shop: TestShop) -> None:
    """Totals that are not the sums of the lines never reach a storefront."""

    class Crooked:
        def __init__(self, honest) -> None:
            self.honest = honest

        def shipping_options(self, basket):
            return ()

        def price(self, basket, shipping):
            priced = self.honest.price(basket, shipping)
            totals = replace(priced.totals, total=priced.totals.total + 1)
            return replace(priced, totals=totals)

    crooked = open_shop(pricing=Crooked(shop.bridge._shop.pricing)).storefront()
    reply = crooked.call("cart.create", currency="GBP", items=[item("mug")])
    assert (reply.status, reply.code) == (500, "internal_error")
