"""Shop → Orders → one order: what it shows, and what an operator does with it."""

from typing import Any

import pytest
from msgspec.structs import replace

from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.order import Order, Payment
from orderflow_bridge.domain.payment import Settlement
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.testing import samples
from tests.hosts.hosts import optional
from tests.rig import TestShop, item, open_shop, order_fields

optional("jinja2")

from orderflow_bridge.console.orders.addresses import lines_of  # noqa: E402
from tests.console.placed import AT, PLACED, open_console, place  # noqa: E402
from tests.console.stage import form_token_of  # noqa: E402

CARD = "4111 1111 1111 1111"


@pytest.fixture
def order(shop: TestShop) -> Order:
    storefront = shop.storefront("Tea blog")
    cart = storefront.cart(item("lamp", 2))
    order_id = storefront.order(cart["cart_id"])["order_id"]
    return shop.bridge.orders.find(order_id)


def path_of(order: Order) -> str:
    return f"{AT}/orders/{order.order_id}"


def act(console: Any, order: Order, name: str, **fields: str) -> Any:
    """Send a form of the order's page, with the token that the page has."""
    token = form_token_of(console.get(path_of(order)))
    return console.post(f"{path_of(order)}/{name}", {"csrf": token, **fields}, expect_errors=True)


def happened(page: Any) -> list[str]:
    return [" ".join(row.get_text().split()) for row in page.html.select("ol.timeline li")]


@pytest.mark.parametrize(("shipping", "tax", "is_said"), [(495, 400, True), (0, 400, False)])
def test_the_tax_on_shipping_is_said_to_be_in_the_lines(
    shop: TestShop, shipping: int, tax: int, is_said: bool
) -> None:
    """Else a line's tax looks wrong to who computes it from the line's total."""
    totals = replace(place(shop.bridge, "b").totals, shipping=shipping, tax=tax)
    made = place(shop.bridge, "a", totals=totals)
    page = open_console(shop, "vera viewer").get(path_of(made))
    assert ("tax on shipping" in page.text) is is_said


@pytest.mark.parametrize(
    ("country", "lines"),
    [
        ("GB", ["Bob", "2 Low Road", "Ham", "Upper", "X1"]),
        ("US", ["Bob", "2 Low Road", "Ham Upper X1"]),
        ("DE", ["Bob", "2 Low Road", "X1 Ham", "Upper"]),
    ],
)
def test_an_address_is_written_as_its_country_does(country: str, lines: list[str]) -> None:
    """The code stands below the town, behind it, or before it; what is not known leaves no gap."""
    whole = Address(
        name="Bob", line1="2 Low Road", city="Ham", region="Upper", postal_code="X1",
        country=country,
    )  # fmt: skip
    assert lines_of(whole) == lines
    bare = Address(name="Bob", line1="2 Low Road", city="Ham", country=country)
    assert lines_of(bare) == ["Bob", "2 Low Road", "Ham"]


def test_an_order_is_shown_whole(shop: TestShop) -> None:
    """Lines with their options, sums, people, addresses, payment and what the storefront said."""
    billing = Address(name="Bob & Co", line1="2 Low Road", city="York", country="GB")
    made = place(
        shop.bridge,
        "a",
        billing_address=billing,
        shipping_method="van",
        purchase_order="PO-7",
        note="<b>Ring</b> twice",
        metadata={"gift": True, "<i>": "x"},
    )
    page = open_console(shop, "vera viewer").get(path_of(made))
    text = " ".join(page.html.main.get_text(" ").split())
    for said in ("TEA-1", "Tea ☕", "size : L", "zoe@example.com", "1 High Street", "2 Low Road",
                 "Bob & Co", "van", "PO-7", "<b>Ring</b> twice", "pi_a", "Not arrived",
                 "Zoë's shop", "7.50 GBP"):  # fmt: skip
        assert said in text, said
    assert "<b>Ring" not in page.text
    assert "<i>" not in page.text
    links = {a["href"] for a in page.html.main.find_all("a")}
    assert {f"../connections/{made.connection}", f"../carts/{made.cart_id}"} <= links
    assert page.html.find(attrs={"data-copy": "pi_a"}) is not None
    assert len(page.html.find_all("h1")) == 1


def test_what_a_customer_wrote_turns_nothing_else_round(shop: TestShop) -> None:
    """Text that runs from right to left, or says so, stays where it stands."""
    turned = "\u202egnp.exe"
    made = place(
        shop.bridge,
        "a",
        customer=Customer(email=f"{turned}@x.example", name=turned, company=turned, phone=turned),
        shipping_address=Address(name=turned, line1=turned, city=turned, country="GB"),
        note=turned,
        purchase_order=turned,
        cancel_reason=turned,
        metadata={turned: turned},
    )
    console = open_console(shop)
    for path, least in ((path_of(made), 11), (f"{AT}/orders", 1), (f"{AT}/", 1)):
        texts = console.get(path).html.find_all(string=lambda text: "\u202e" in text)
        assert len(texts) >= least
        assert all(text.parent.name == "bdi" for text in texts)


def test_an_id_is_one_segment_of_a_link(shop: TestShop) -> None:
    """Whatever a site's own storage calls an order or a cart, a link leads nowhere else."""
    made = place(shop.bridge, "../a?b")
    with shop.bridge._storage.writing() as unit:
        cart = samples.cart(made.cart_id, order_id=made.order_id)
        unit.carts.add(cart)
    console = open_console(shop)
    [listed] = console.get(f"{AT}/orders").html.select("table.orders a")
    assert listed["href"] == "./orders/order_..%2Fa%3Fb"
    shown = console.get(f"{AT}/carts").html.select("tbody a")
    assert [a["href"] for a in shown] == ["./carts/cart_..%2Fa%3Fb"]


def test_an_order_of_a_connection_that_is_gone_is_shown(shop: TestShop) -> None:
    """What refers to nothing is said, and the rest is there."""
    with shop.bridge._storage.writing() as unit:
        made = unit.orders.place(samples.order())
    assert "(gone)" in open_console(shop).get(path_of(made)).text


@pytest.mark.parametrize("order_id", ["order_none", "%00", "a%20b", "%F0%9F%8C%8D", "x" * 65])
def test_what_is_no_order_is_not_found(shop: TestShop, order_id: str) -> None:
    """Whatever stands in the place of the id."""
    assert open_console(shop).get(f"{AT}/orders/{order_id}", status=404)


def test_an_operator_marks_an_order_paid(shop: TestShop, order: Order) -> None:
    """After the tick that the whole total arrived; the audit and the page name who it was."""
    console = open_console(shop)
    shop.clock.forward(60)
    answer = act(console, order, "settle", arrived="yes")
    assert answer.status_int == 303
    page = answer.follow()
    assert "the order is paid" in page.html.find(role="status").get_text()
    assert shop.bridge.orders.find(order.order_id).status == "paid"
    assert happened(page) == [
        "2026-01-01 00:00:00 UTC Placed",
        "2026-01-01 00:01:00 UTC Payment arrived by olga",
    ]
    [entry] = shop.bridge.audit.page(subject=order.order_id)
    assert (entry.event, entry.actor) == ("order.settled", "olga")
    assert page.html.find("form") is None


@pytest.mark.parametrize("word", ["settled", "late", "cancelled"])
def test_an_address_alone_says_nothing_of_an_order(shop: TestShop, order: Order, word: str) -> None:
    """A link to an order that waits does not make it look paid, whoever wrote it."""
    page = open_console(shop).get(f"{path_of(order)}?done={word}")
    assert page.html.find(role="status") is None


def test_nothing_is_paid_without_the_tick(shop: TestShop, order: Order) -> None:
    """422, the reason at the field, the form open, and the order as it was."""
    page = act(open_console(shop), order, "settle")
    assert page.status_int == 422
    box = page.html.find(id="arrived")
    said = page.html.find(id=box["aria-describedby"]).get_text()
    assert "84.00 GBP arrived" in said
    assert "Nothing was changed" in said
    assert box.find_parent("details").has_attr("open")
    assert shop.bridge.orders.find(order.order_id) == order


def test_an_operator_cancels_with_a_reason(shop: TestShop, order: Order) -> None:
    """The reason is kept with the order, the stock comes back, and the page names who it was."""
    before = shop.stock("lamp")
    answer = act(open_console(shop), order, "cancel", reason=" Bought <twice> ")
    assert answer.status_int == 303
    page = answer.follow()
    now = shop.bridge.orders.find(order.order_id)
    assert (now.status, now.cancel_reason) == ("cancelled", "Bought <twice>")
    assert shop.stock("lamp") == before + 2
    assert happened(page)[-1] == "2026-01-01 00:00:00 UTC Cancelled by olga: Bought <twice>"
    assert "Bought &lt;twice&gt;" in page.text
    assert page.html.find(id="reason") is None


def test_a_reason_need_not_be_given(shop: TestShop, order: Order) -> None:
    """An empty field is no reason."""
    act(open_console(shop), order, "cancel", reason="  ")
    now = shop.bridge.orders.find(order.order_id)
    assert (now.status, now.cancel_reason) == ("cancelled", None)


@pytest.mark.parametrize(
    ("reason", "said", "kept"),
    [("x" * 301, "more than 300", "x" * 301), (CARD, "card number", ""), ("a\0b", "NUL", "a\0b")],
)
def test_a_reason_that_is_refused_is_said_at_its_field(
    shop: TestShop, order: Order, reason: str, said: str, kept: str
) -> None:
    """What was typed is there again, but for a card number, and the order is as it was."""
    page = act(open_console(shop), order, "cancel", reason=reason)
    assert page.status_int == 422
    field = page.html.find(id="reason")
    assert said in page.html.find(id=field["aria-describedby"].split()[-1]).get_text()
    assert field["value"].replace("\ufffd", "\0") == kept
    assert CARD not in page.text
    assert shop.bridge.orders.find(order.order_id) == order


def test_a_paid_order_is_not_cancelled(shop: TestShop, order: Order) -> None:
    """A page that was opened before the money came gets plain words, and changes nothing."""
    console = open_console(shop)
    token = form_token_of(console.get(path_of(order)))
    shop.bridge.orders.settle(order.order_id)
    paid = shop.bridge.orders.find(order.order_id)
    page = console.post(f"{path_of(order)}/cancel", {"csrf": token}, status=409)
    assert "The order is paid, so it was not cancelled." in page.html.find(role="alert").get_text()
    assert shop.bridge.orders.find(order.order_id) == paid


def test_money_of_another_amount_is_told(shop: TestShop, order: Order) -> None:
    """The intent is settled with less: the order is not paid, and the page says why."""
    with shop.bridge._storage.writing() as unit:
        known = unit.intents.find(order.payment.intent)
        settlement = Settlement(amount=1, currency="GBP", settled_at=PLACED)
        unit.intents.save(
            replace(known, version=known.version + 1, settlement=settlement),
            replacing=known.version,
        )
    page = act(open_console(shop), order, "settle", arrived="yes")
    assert page.status_int == 422
    assert "Another amount or currency" in page.html.find(role="alert").get_text()
    assert happened(page)[-1].endswith("Another amount arrived")
    assert shop.bridge.orders.find(order.order_id) == order


def test_money_after_a_cancellation_asks_for_a_refund(shop: TestShop, order: Order) -> None:
    """The payment is recorded, the order stays cancelled, and everything says so."""
    console = open_console(shop)
    act(console, order, "cancel")
    assert "will have to be refunded" in console.get(path_of(order)).text
    shop.clock.forward(60)
    page = act(console, order, "settle", arrived="yes").follow()
    assert "stays cancelled" in page.html.find(role="status").get_text()
    assert "Refund due" in page.text
    assert happened(page)[1:] == [
        "2026-01-01 00:00:00 UTC Cancelled by olga",
        "2026-01-01 00:01:00 UTC Payment arrived after the cancellation by olga",
    ]


def test_a_provider_that_is_down_keeps_the_order() -> None:
    """Nobody knows whether the money came: nothing is cancelled, and the page says so."""
    provider = SimulatedProvider()
    shop = open_shop(payments=provider)
    storefront = shop.storefront()
    cart = storefront.cart(item("mug"))
    provider.announce("pi_0001", amount=cart["totals"]["total"], currency="GBP")
    order = shop.bridge.orders.find(storefront.order(cart["cart_id"])["order_id"])
    provider.failing = True
    page = act(open_console(shop), order, "cancel")
    assert page.status_int == 503
    assert "could not be asked" in page.html.find(role="alert").get_text()
    assert shop.bridge.orders.find(order.order_id) == order


def test_times_are_left_out_where_nobody_kept_them(shop: TestShop) -> None:
    """An order that was cancelled before there was an audit, and paid later."""
    late = place(
        shop.bridge,
        "a",
        status="cancelled",
        payment=Payment(intent="pi_a", state="paid_after_cancel"),
    )
    assert happened(open_console(shop).get(path_of(late))) == [
        "2026-01-01 00:00:00 UTC Placed",
        "Cancelled",
    ]


def test_the_request_that_made_an_order_is_linked() -> None:
    """While the journal has it; an order without one has no such line."""
    shop = open_shop(journal_rows=10)
    storefront = shop.storefront()
    cart = storefront.cart(item("mug"))
    reply = storefront.call("convertToOrder", **order_fields(cart["cart_id"]))
    shop.bridge._recorder.flush()
    console = open_console(shop)
    page = console.get(f"{AT}/orders/{reply.json['order_id']}")
    [link] = page.html.select("p a[href^='../requests/']")
    assert link["href"] == f"../requests/{reply.headers['X-Request-Id']}"
    assert "203.0.113.9" in link.parent.get_text()
    other = place(shop.bridge, "a")
    assert "Made by" not in console.get(path_of(other)).text
    shop.bridge.close()


@pytest.mark.parametrize("name", ["settle", "cancel"])
def test_a_viewer_looks_and_does_not_touch(shop: TestShop, order: Order, name: str) -> None:
    """No form, and a form that is sent all the same is refused and told to the audit."""
    console = open_console(shop, "vera viewer")
    assert console.get(path_of(order)).html.find("form") is None
    # The confirmation's form has the token of the same session.
    token = form_token_of(console.get(f"{AT}/confirm"))
    page = console.post(f"{path_of(order)}/{name}", {"csrf": token, "arrived": "yes"}, status=403)
    assert "operator" in page.text
    assert shop.bridge.orders.find(order.order_id) == order
    assert shop.bridge.audit.page(subject=order.order_id)[0].event == "console.refused"


def test_who_moved_an_order_is_told_whatever_was_tried(shop: TestShop, order: Order) -> None:
    """Hundreds of refused acts on it hide neither who cancelled it nor who settled it."""

    def tried(times: int) -> None:
        for _ in range(times):
            shop.clock.forward(1)
            shop.bridge.audit.note(
                "console.refused", actor="vera", subject=order.order_id, details={}
            )

    tried(150)
    shop.bridge.orders.cancel(order.order_id, actor="olga")
    tried(150)
    shop.bridge.orders.settle(order.order_id, actor="otto")
    shop.clock.forward(60)
    tried(600)
    told = happened(open_console(shop).get(path_of(order)))
    assert [one.partition("Cancelled")[2] for one in told if "Cancelled" in one] == [" by olga"]
    assert told[-1].endswith("Payment arrived after the cancellation by otto")


@pytest.mark.parametrize("name", ["settle", "cancel"])
def test_a_form_without_its_token_does_nothing(shop: TestShop, order: Order, name: str) -> None:
    """What another site could send moves no order."""
    console = open_console(shop)
    console.get(path_of(order))
    console.post(f"{path_of(order)}/{name}", {"arrived": "yes"}, status=403)
    assert shop.bridge.orders.find(order.order_id) == order
    console.get(f"{path_of(order)}/{name}", status=405)
