"""Carts, catalogue and health, as operators of each role find them."""

import io

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import BridgeConsole
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory import MemoryStorage
from tests.console.stage import browser, by_header, form_token_of, open_bridge
from tests.rig import ALL_SCOPES, CATALOGUE, RING, Storefront, item, order_fields

AT = "/bridge-console"
GOOD = b"sku,name,price,currency\nmug,Mug,3.39,GBP\npot,Pot,12,GBP\n"
MIXED = b"sku,name,price,currency\nmug,Mug,3.39,GBP\npot,,12,GBP\njug,Jug,1.234,GBP\n"


@pytest.fixture
def bridge():
    """Open a bridge with something for sale."""
    opened = open_bridge()
    opened.catalogue.put(CATALOGUE)
    return opened


@pytest.fixture
def front(bridge):
    """Give a storefront that signs."""
    made = bridge.connections.create("A storefront", scopes=ALL_SCOPES, currency="GBP")
    return Storefront(bridge, made.connection.client_id, made.secret, bridge.clock)


def at(bridge, who="Olga operator"):
    """Open the console as somebody."""
    return browser(BridgeConsole(bridge, identify=by_header), who)


def upload(page, app, content, **fields):
    """Send a file as a browser does."""
    return app.post(
        f"{AT}/catalogue/import",
        {"csrf": form_token_of(page), "act": "try", **fields},
        upload_files=[("file", "products.csv", content)],
        expect_errors=True,
    )


# Carts.


def test_carts_are_listed_by_what_became_of_them(bridge, front):
    """An open cart, one that is an order, and one that expired, each under its own tab."""
    front.cart(item("mug"))
    sold = front.cart(item("mug"))
    front.order(sold["cart_id"])
    app = at(bridge)
    assert app.get(f"{AT}/carts").text.count('<th scope="row">') == 2
    assert sold["cart_id"] in app.get(f"{AT}/carts?status=converted").text
    assert sold["cart_id"] not in app.get(f"{AT}/carts?status=open").text
    bridge.clock.forward(400 * 86_400)
    assert app.get(f"{AT}/carts?status=expired").text.count('<th scope="row">') == 1


def test_every_cart_is_on_one_page_forward_and_back(bridge, front):
    """Paging by what stands in the links shows each cart once, in both directions."""
    made = [front.cart(item("mug"))["cart_id"] for _ in range(120)]
    app = at(bridge)
    page, seen = app.get(f"{AT}/carts"), []
    while True:
        seen.append([one for one in made if f'carts/{one}"' in page.text])
        if 'rel="next"' not in page.text:
            break
        page = page.click("Older")
    assert [len(found) for found in seen] == [50, 50, 20]
    assert {one for found in seen for one in found} == set(made)
    page = page.click("Newer")
    assert [one for one in made if f'carts/{one}"' in page.text] == seen[1]


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=1.2.3", "newer=9999999999999999999.a", "status=odd", "connection=%00",
     "email=%ff", "after=1.%00", "after=999999999999999.cart_1"],
)  # fmt: skip
def test_an_address_that_somebody_wrote_by_hand_is_no_fault(bridge, front, query):
    """What cannot be read does not restrict, or finds nothing."""
    front.cart(item("mug"))
    assert at(bridge).get(f"{AT}/carts?{query}").status_int == 200


def test_a_cart_is_shown_whole_with_the_way_to_its_order(bridge, front):
    """Lines, sums and the order that it became."""
    cart = front.cart(item("mug", 2))
    order = front.ok("convertToOrder", **order_fields(cart["cart_id"]))
    page = at(bridge).get(f"{AT}/carts/{cart['cart_id']}").text
    assert "6.78 GBP" in page
    assert f'orders/{order["order_id"]}"' in page


def test_a_cart_shows_its_subtotal_and_the_number_of_its_order(bridge, front):
    """The sums add up on the page, and the order is called what the list of orders calls it."""
    cart = front.cart(item("mug", 2))
    order = front.ok("convertToOrder", **order_fields(cart["cart_id"]))
    page = at(bridge).get(f"{AT}/carts/{cart['cart_id']}")
    [link] = page.html.select("dl.facts a[href*='orders/']")
    assert link.text == order["number"]
    sums = [row.th.text for row in page.html.select("tfoot tr")]
    assert sums == ["Subtotal", "Shipping", "Tax", "Total"]


def test_a_cart_whose_order_is_gone_is_shown_all_the_same(bridge, front, monkeypatch):
    """A site may keep its orders elsewhere, and forget one; the id is what is left."""
    cart = front.cart(item("mug"))
    order = front.ok("convertToOrder", **order_fields(cart["cart_id"]))

    def find(order_id):
        raise BridgeError("order_not_found", "There is no order with that id.")

    monkeypatch.setattr(bridge.orders, "find", find)
    page = at(bridge).get(f"{AT}/carts/{cart['cart_id']}")
    assert page.html.select_one("dl.facts a[href*='orders/']").text == order["order_id"]


def test_a_cart_is_found_by_its_id(bridge, front):
    """Typed where a customer is looked for; an id that is none finds nothing."""
    cart_id = front.cart(item("mug"))["cart_id"]
    app = at(bridge)
    found = app.get(f"{AT}/carts?email={cart_id}", status=303)
    assert found.follow().request.path.endswith(f"/carts/{cart_id}")
    assert "No cart is like that" in app.get(f"{AT}/carts?email=cart_none").text


def test_a_cart_that_there_is_not_is_not_found(bridge):
    """The page says so."""
    assert at(bridge).get(f"{AT}/carts/cart_none", status=404).status_int == 404


def test_what_a_buyer_wrote_is_text_and_no_markup(bridge, front):
    """A script in a name or a note is shown as it was written."""
    evil = "<script>alert(1)</script>"
    cart = front.cart(item("mug"))
    customer = {"email": "a@shop.example", "name": evil}
    front.ok("cart.update", cart_id=cart["cart_id"], note=evil, customer=customer)
    page = at(bridge).get(f"{AT}/carts/{cart['cart_id']}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_a_buyer_wrote_turns_nothing_else_round(bridge, front):
    """Text that says that it runs from right to left stays where it stands."""
    turned = "\u202egnp.exe"
    cart = front.cart(item("mug"))
    customer = {"email": f"{turned}@shop.example", "name": turned}
    front.ok("cart.update", cart_id=cart["cart_id"], note=turned, customer=customer)
    for path, times in (("carts", 1), (f"carts/{cart['cart_id']}", 3)):
        page = at(bridge).get(f"{AT}/{path}")
        texts = page.html.find_all(string=lambda text: "\u202e" in text)
        assert len(texts) == times
        assert all(text.parent.name == "bdi" for text in texts)


# Catalogue.


def test_products_are_listed_with_their_prices_and_stock(bridge):
    """Each with every price, and what is left of it."""
    page = at(bridge, "Vera viewer").get(f"{AT}/catalogue").text
    assert "3.39 GBP" in page
    assert "3.99 EUR" in page
    assert "not counted" in page


def test_a_large_catalogue_comes_in_pages(bridge):
    """By sku, each product once."""
    bridge.catalogue.put(
        [CatalogueEntry(sku=f"z{n:03}", name="Z", prices={"GBP": 1}) for n in range(150)]
    )
    app = at(bridge)
    first = app.get(f"{AT}/catalogue")
    second = first.click("Further")
    shown = [f"z{n:03}" for n in range(150)]
    assert [one for one in shown if one in first.text] + [
        one for one in shown if one in second.text
    ] == shown


def test_a_trial_writes_nothing_and_names_each_wrong_row(bridge):
    """Line and reason, before anything is changed."""
    app = at(bridge)
    before = list(bridge.catalogue.entries())
    page = upload(app.get(f"{AT}/catalogue/import"), app, MIXED)
    assert page.status_int == 200
    assert "1 product is right, 2 rows are wrong" in page.text
    assert '<th scope="row" class="number">3</th>' in page.text
    assert list(bridge.catalogue.entries()) == before


def test_a_trial_says_how_many_are_new_and_how_many_change_their_price(bridge):
    """Rows of one sku count once; what is as it was counts as neither."""
    app = at(bridge)
    rows = (
        b"sku,name,price,currency\nmug,Mug,3.39,GBP\nmug,Mug,4.00,EUR\n"
        b"tea,Tea,2.55,GBP\ntea,Tea,3,EUR\nbook,Book,9.99,GBP\n"
        b"pot,Pot,12,GBP\npot,Pot,13,EUR\n"
    )
    page = upload(app.get(f"{AT}/catalogue/import"), app, rows)
    assert "4 products are right. 1 not for sale yet, 2 at another price." in page.text


def test_what_was_tried_is_imported_without_choosing_the_file_again(bridge):
    """One button goes on from the trial."""
    app = at(bridge)
    page = upload(app.get(f"{AT}/catalogue/import"), app, GOOD)
    done = page.forms[0].submit()
    assert "2 products imported." in done.text
    [entry] = bridge.audit.page(subject="catalogue")
    assert (entry.actor, entry.details["products"]) == ("Olga", 2)
    assert bridge.catalogue.find(["pot"], "GBP")["pot"].unit_price == 1200


def test_wrong_rows_are_left_out_where_the_operator_says_so(bridge):
    """The rest is imported, and the page says what was not."""
    app = at(bridge)
    done = upload(app.get(f"{AT}/catalogue/import"), app, MIXED).forms[0].submit()
    assert "1 product imported, 2 wrong rows left out." in done.text


def test_an_import_tells_how_far_it_is(bridge):
    """Each batch that was written is told while the page comes."""
    rows = b"".join(b"n%d,N,1,GBP\n" % n for n in range(1_200))
    app = at(bridge)
    page = upload(
        app.get(f"{AT}/catalogue/import"), app, b"sku,name,price,currency\n" + rows, act="import"
    )
    assert "500 written" in page.text
    assert "1,200 products imported." in page.text.replace("1200", "1,200")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a;b;c\n"])
@pytest.mark.parametrize("act", ["try", "import"])
def test_a_file_that_is_none_changes_nothing(bridge, content, act):
    """The page says what is wrong with it."""
    app = at(bridge)
    before = list(bridge.catalogue.entries())
    page = upload(app.get(f"{AT}/catalogue/import"), app, content, act=act, currency="GBP")
    assert page.status_int in (200, 422)
    assert 'role="alert"' in page.text
    assert list(bridge.catalogue.entries()) == before


class _Elsewhere:
    """A catalogue of the site's own, beside a storage that could keep products."""

    def find(self, skus, currency):
        return {}


def test_where_the_site_has_its_own_catalogue_nothing_is_imported():
    """Neither offered nor done: what the bridge would keep, nobody could buy."""
    bridge = open_bridge(catalogue=_Elsewhere())
    app = at(bridge)
    page = app.get(f"{AT}/catalogue")
    assert "the site's own" in page.text.replace("&#39;", "'")
    assert "catalogue/import" not in page.text
    assert "Nothing is for sale" not in page.text
    assert app.get(f"{AT}/catalogue/import", expect_errors=True).status_int == 404
    token = form_token_of(app.get(f"{AT}/confirm"))
    refused = app.post(
        f"{AT}/catalogue/import",
        {"csrf": token, "act": "import", "currency": "GBP"},
        upload_files=[("file", "products.csv", GOOD)],
        expect_errors=True,
    )
    assert refused.status_int == 404
    assert "nothing is imported here" in refused.text
    assert list(bridge.catalogue.entries()) == []


def test_a_viewer_imports_nothing(bridge):
    """Neither the page nor the act is theirs."""
    app = at(bridge, "Vera viewer")
    page = app.get(f"{AT}/catalogue")
    assert "catalogue/import" not in page.text
    assert app.get(f"{AT}/catalogue/import", expect_errors=True).status_int == 403


def test_a_file_over_the_bound_is_refused_before_it_is_read(bridge):
    """Nothing of it is kept."""
    app = at(bridge)
    answer = app.post(
        f"{AT}/catalogue/import",
        io.BytesIO(b"x" * (17 * 1024 * 1024)).read(),
        content_type="multipart/form-data; boundary=x",
        expect_errors=True,
    )
    assert answer.status_int == 413


# Health.


def test_health_shows_what_the_doctor_finds(bridge):
    """With the fix beside each, the master keys and what was refused."""
    page = at(bridge, "Vera viewer").get(f"{AT}/health").text
    assert "MemoryStorage" in page
    assert "nothing outlives the process" in page
    assert "<code>k1</code>" in page
    assert '<span class="pill good">in use</span>' in page


def test_health_leads_to_where_a_thing_is_done(bridge):
    """An admin clicks; who may not is told the command, which another one types."""
    assert "New inbound" not in at(bridge, "Vera viewer").get(f"{AT}/health").text
    form = at(bridge, "Ada admin").get(f"{AT}/health").click("New inbound")
    assert "New inbound connection" in form.text
    bridge.connections.create("Open to all", scopes=["carts:read"])
    page = at(bridge, "Ada admin").get(f"{AT}/health").click("The connection")
    assert "Open to all" in page.text


@pytest.mark.parametrize("loaded", [True, False])
def test_health_says_where_the_settings_are_from(tmp_path, loaded):
    """A file that was read is named, and a site that gave its own is not said to have one."""
    (tmp_path / "orderflow-bridge.toml").write_text('database = "memory://"\n')
    settings = Settings.load(home=tmp_path, environ={}) if loaded else Settings()
    bridge = Bridge(storage=MemoryStorage(), master_keys=RING, settings=settings)
    page = at(bridge).get(f"{AT}/health").text
    assert (f"{tmp_path}/orderflow-bridge.toml was read" in page) == loaded
    assert ("Those of the site" in page) != loaded


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "ok clock It says 2026-01-01T00:00:01+00:00, later than the newest record"),
        (-5, "ok clock It says 2025-12-31T23:59:55+00:00, within 5 s of the newest record"),
        (-6, "problem clock It says 2025-12-31T23:59:54+00:00, 6 s before the newest record"),
    ],
)
def test_health_looks_at_the_clock_that_decides_about_signatures(bridge, front, seconds, told):
    """The bridge's, whatever the machine's says; one behind the newest record is a problem."""
    bridge.clock.forward(seconds)
    rows = at(bridge).get(f"{AT}/health").html.select("tbody tr")
    [row] = [row for row in rows if row.th.get_text() == "clock"]
    assert row.get_text(" ", strip=True).startswith(told)


class _Small(MemoryStorage):
    """A storage that can do nothing besides."""

    capabilities = frozenset()


def test_a_storage_that_lists_nothing_has_pages_that_say_so():
    """What is off is told, and nothing breaks."""

    class Nothing:
        def find(self, skus, currency):
            return {}

    bridge = Bridge(storage=_Small(), master_keys=RING, catalogue=Nothing())
    app = at(bridge)
    assert "cannot list carts" in app.get(f"{AT}/carts").text
    assert "the site's own" in app.get(f"{AT}/catalogue").text.replace("&#39;", "'")
    assert app.get(f"{AT}/health").status_int == 200
