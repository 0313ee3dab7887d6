"""Shop → Orders: filters, search, pages and what a list never does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from orderflow_bridge.domain.customer import Customer
from orderflow_bridge.domain.order import Totals
from orderflow_bridge.ports import OrderQuery
from orderflow_bridge.storage.memory import MemoryStorage
from tests.hosts.hosts import optional
from tests.rig import TestShop, open_shop

optional("jinja2")

from tests.console.placed import AT, PLACED, numbers_of, open_console, place, place_many  # noqa: E402

DAY = 86_400_000
OTHER = "ofc_other000000000000000"


class Plain(MemoryStorage):
    """A storage without `search`, as a plugin may be."""

    capabilities = MemoryStorage.capabilities - {"search"}


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(params=["memory", "sqlite"])
def kept(request, tmp_path) -> Iterator[TestShop]:
    database = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/shop.db"}[request.param]
    shop = open_shop(database, stocked=False)
    shop.bridge.migrate()
    yield shop
    shop.bridge.close()


def test_an_empty_shop_says_what_to_do(shop: TestShop) -> None:
    """Without a connection the page leads to one; with one it says how an order comes."""
    page = open_console(shop).get(f"{AT}/orders")
    assert "Make an inbound" in page.text
    shop.storefront()
    assert "convertToOrder" in open_console(shop).get(f"{AT}/orders").text


def test_filters_find_what_the_python_face_finds(kept: TestShop) -> None:
    """Status, connection, days and e-mail, alone and together: the same orders, newest first."""
    bridge = kept.bridge
    place(bridge, "a", status="paid")
    place(bridge, "b", placed_at=PLACED + DAY, connection=OTHER)
    place(bridge, "c", placed_at=PLACED + DAY, status="cancelled", connection=OTHER)
    place(bridge, "d", placed_at=PLACED + 2 * DAY - 1, status="paid")
    place(bridge, "e", placed_at=PLACED + 2 * DAY)
    console = open_console(kept)
    begin, end = PLACED + DAY, PLACED + 2 * DAY
    for query, same in (
        ("", OrderQuery()),
        ("?status=paid", OrderQuery(status="paid")),
        (f"?connection={OTHER}", OrderQuery(connection=OTHER)),
        ("?from=2026-01-02", OrderQuery(placed_after=begin)),
        ("?to=2026-01-02", OrderQuery(placed_before=end)),
        (
            "?from=2026-01-02&to=2026-01-02&status=paid",
            OrderQuery(placed_after=begin, placed_before=end, status="paid"),
        ),
        ("?q=ZOE%40example.com", OrderQuery(email="zoe@example.com")),
        ("?q=nobody@example.com", OrderQuery(email="nobody@example.com")),
    ):
        found = numbers_of(console.get(f"{AT}/orders{query}"))
        assert found == [order.number for order in bridge.orders.search(same)], query


@pytest.mark.parametrize("day_of", ["2026-03-29", "2026-10-25"])
def test_days_are_those_of_the_operators_clock(shop: TestShop, day_of: str) -> None:
    """A day of 23 or 25 hours begins and ends where the operator's clock says midnight."""
    begin = {"2026-03-29": ms("2026-03-29T00:00"), "2026-10-25": ms("2026-10-24T23:00")}[day_of]
    end = {"2026-03-29": ms("2026-03-29T23:00"), "2026-10-25": ms("2026-10-26T00:00")}[day_of]
    place_many(shop.bridge, [begin - 1, begin, end - 1, end])
    console = open_console(shop, HTTP_COOKIE="ofb-zone=Europe/London")
    page = console.get(f"{AT}/orders?from={day_of}&to={day_of}")
    assert numbers_of(page) == ["OF-000003", "OF-000002"]
    assert "Days of Europe/London" in page.text


def test_a_link_finds_the_same_orders_for_everyone(shop: TestShop) -> None:
    """The zone of the days is in the address; whoever opens it elsewhere sees and exports those."""
    begin = ms("2026-03-01T00:00")
    place_many(shop.bridge, [begin - 1, begin, begin + 5 * 3_600_000])
    tokyo = open_console(shop, HTTP_COOKIE="ofb-zone=Asia/Tokyo")
    form = tokyo.get(f"{AT}/orders").form
    form["from"] = "2026-03-01"
    asked = form.submit()
    assert "tz=Asia%2FTokyo" in asked.request.url
    assert len(numbers_of(asked)) == 3
    query = asked.request.url.partition("?")[2]
    lima = open_console(shop, HTTP_COOKIE="ofb-zone=America/Lima")
    page = lima.get(f"{AT}/orders?{query}")
    assert numbers_of(page) == numbers_of(asked)
    assert "Days of Asia/Tokyo" in page.text
    assert page.form["tz"].value == "Asia/Tokyo"
    export = page.goto(page.html.find("a", string="Export CSV")["href"])
    assert export.text.count("OF-0000") == 3
    own = page.click("take its days")
    assert numbers_of(own) == ["OF-000003"]
    assert "Days of America/Lima, both included.<" in own.text.replace("</p>", "<")


def test_a_zone_without_days_restricts_nothing(shop: TestShop) -> None:
    """It stays in no address, and a search goes straight to its order all the same."""
    place_many(shop.bridge, [PLACED])
    console = open_console(shop)
    page = console.get(f"{AT}/orders?tz=Asia/Tokyo&status=pending_payment")
    assert page.html.find("a", string="Export CSV")["href"] == "./orders.csv?status=pending_payment"
    assert "Days of UTC" in page.text
    assert console.get(f"{AT}/orders?q=zoe@example.com&tz=Nowhere").status_int == 303


@pytest.mark.parametrize("number", [0, 1, 50, 51, 100, 101, 123])
def test_pages_have_each_order_once_both_ways(kept: TestShop, number: int) -> None:
    """From the newest to the oldest and back, also where many were placed at one time."""
    place_many(kept.bridge, [PLACED + n // 7 for n in range(number)])
    console = open_console(kept)
    page = console.get(f"{AT}/orders")
    pages = [numbers_of(page)]
    while (older := page.html.find("a", rel="next")) is not None:
        page = page.goto(older["href"])
        pages.append(numbers_of(page))
    everything = [order.number for order in kept.bridge.orders.search(OrderQuery(limit=number + 1))]
    assert [one for page in pages for one in page] == everything
    back = [numbers_of(page)]
    while (newer := page.html.find("a", rel="prev")) is not None:
        page = page.goto(newer["href"])
        back.append(numbers_of(page))
    assert back[::-1] == pages


def test_pages_keep_the_filters(shop: TestShop) -> None:
    """The way to the next page, the tabs and the export hold the whole state."""
    for n in range(60):
        place(shop.bridge, f"{n:03}", status="paid" if n % 2 else "cancelled", placed_at=PLACED + n)
    place_many(shop.bridge, [PLACED + 100 + n for n in range(51)])
    page = open_console(shop).get(f"{AT}/orders?status=pending_payment&from=2026-01-01")
    older = page.html.find("a", rel="next")["href"]
    assert "status=pending_payment&from=2026-01-01&tz=UTC&after=" in older
    assert numbers_of(page.goto(older)) == ["OF-000061"]
    export = page.html.find("a", string="Export CSV")["href"]
    assert export == "./orders.csv?status=pending_payment&from=2026-01-01&tz=UTC"
    tabs = {a.get_text(): a["href"] for a in page.html.select("nav.tabs a")}
    assert tabs["All"] == "./orders?from=2026-01-01&tz=UTC"
    assert tabs["Paid"] == "./orders?status=paid&from=2026-01-01&tz=UTC"
    current = page.html.select("nav.tabs a[aria-current=page]")
    assert [tab.get_text() for tab in current] == ["Pending payment"]


def test_what_is_newest_has_no_way_further(shop: TestShop) -> None:
    """Beyond the newest order stands the first page, and nothing that fails."""
    place_many(shop.bridge, [PLACED, PLACED + 1])
    console = open_console(shop)
    page = console.get(f"{AT}/orders?newer={PLACED + 5}.order_zzz")
    assert numbers_of(page) == ["OF-000002", "OF-000001"]
    page = console.get(f"{AT}/orders?after=1.order_a")
    assert "No order matches" in page.text


@pytest.mark.parametrize(
    "typed",
    ["OF-000002", "of-000002", "OF-2", "2", "pi_b", "order_b", "cart_b", " max@shop.example "],
)
def test_a_search_goes_straight_to_the_order(kept: TestShop, typed: str) -> None:
    """Number, payment, ids, and an address with one order: each as people copy it."""
    place(kept.bridge, "a")
    place(kept.bridge, "b", customer=Customer(email="max@shop.example"))
    place(kept.bridge, "c")
    answer = open_console(kept).get(f"{AT}/orders", {"q": typed})
    assert answer.status_int == 303
    assert answer.headers["Location"] == "./orders/order_b"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("status=paid", True),
        ("status=cancelled", False),
        (f"connection={OTHER}", False),
        ("from=2026-01-02", False),
        ("to=2025-12-31", False),
        ("from=2026-01-01&to=2026-01-01", True),
    ],
)
@pytest.mark.parametrize("typed", ["OF-000001", "pi_a", "order_a", "cart_a", "zoe@example.com"])
def test_a_search_finds_only_what_the_filters_leave(
    shop: TestShop, typed: str, filters: str, found: bool
) -> None:
    """An order that is called so and is not like that is not found, and not exported."""
    place(shop.bridge, "a", status="paid")
    place(shop.bridge, "b", connection=OTHER, customer=Customer(email="max@shop.example"))
    console = open_console(shop)
    answer = console.get(f"{AT}/orders?q={typed}&{filters}")
    export = console.get(f"{AT}/orders.csv?q={typed}&{filters}")
    assert ("order_a" in export.text) is found
    if found:
        assert answer.status_int == 303 or numbers_of(answer) == ["OF-000001"]
    else:
        assert "No order matches" in answer.text
        assert answer.click("Search all orders").location.endswith("/order_a")


@pytest.mark.parametrize("typed", ["OF-000009", "pi_none", "order_none", "cart_none", "a@b.c"])
def test_a_search_for_nothing_says_so(shop: TestShop, typed: str) -> None:
    """The page says that nothing matches, and how to see all again."""
    place_many(shop.bridge, [PLACED, PLACED])
    page = open_console(shop).get(f"{AT}/orders", {"q": typed})
    assert numbers_of(page) == []
    assert "No order matches" in page.text
    assert page.html.find("a", string="Clear filters")["href"] == "./orders"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=lost", None),
        ("connection=ofc_nobody", "connection"),
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("to=9999-12-31", "to"),
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("from=2026-01-01&tz=Atlantis/Main", None),
        ("to=2026-01-01&tz=..%2FUTC", None),
        ("q=%00%00", "q"),
        ("q=two+words", "q"),
        ("after=x", None),
        ("newer=1.", None),
        ("after=1.a&newer=1.a", None),
        ("after=9999999999999999.a", None),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(
    shop: TestShop, query: str, field: str | None
) -> None:
    """422, the reason beside the field, and neither a list nor an export."""
    place_many(shop.bridge, [PLACED])
    console = open_console(shop)
    for path in ("orders", "orders.csv"):
        page = console.get(f"{AT}/{path}?{query}", status=422)
        assert page.html.find(role="alert") is not None
        assert numbers_of(page) == []
        if field is not None:
            described = page.html.find(id=field)["aria-describedby"].split()
            assert page.html.find(id=described[-1]).get_text()


def test_a_card_number_is_not_searched_for(shop: TestShop) -> None:
    """It leaves the address of the page at once, and no page repeats it."""
    console = open_console(shop)
    for path in ("orders", "orders.csv"):
        answer = console.get(f"{AT}/{path}?q=4111+1111+1111+1111")
        assert answer.status_int == 303
        assert answer.headers["Location"] == "./orders?said=card"
    page = console.get(f"{AT}/orders?said=card")
    assert "looks like a card number" in page.text


def test_who_types_a_name_learns_that_names_are_not_searched(shop: TestShop) -> None:
    """And what is, said once."""
    page = open_console(shop).get(f"{AT}/orders", {"q": "Zoe Smith"}, status=422).text
    assert "Names are not searched" in page
    assert page.count("a payment intent") + page.count("A payment intent") == 1


def test_what_was_typed_is_escaped(shop: TestShop) -> None:
    """Neither a query nor what a storefront sent becomes markup."""
    evil = '"><script>alert(1)</script>'
    shop.storefront(name="<b>Tea</b>")
    place(shop.bridge, "b", customer=Customer(email="<i>@x&y"))
    page = open_console(shop).get(f"{AT}/orders", {"q": evil}, status=422)
    assert "<script>alert" not in page.text
    assert page.html.find(id="q")["value"] == evil
    page = open_console(shop).get(f"{AT}/orders")
    assert "&lt;i&gt;@x&amp;y" in page.text
    assert "&lt;b&gt;Tea&lt;/b&gt;" in page.text


@pytest.mark.parametrize(
    ("total", "currency", "text"),
    [
        (1_234_567, "JPY", "1,234,567 JPY"),
        (1_234_567, "KWD", "1,234.567 KWD"),
        (5, "KWD", "0.005 KWD"),
        (-1_050, "GBP", "-10.50 GBP"),
        (2**53 - 1, "EUR", "90,071,992,547,409.91 EUR"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency(
    shop: TestShop, total: int, currency: str, text: str
) -> None:
    """None for yen, three for dinars, and a sign in front."""
    place(shop.bridge, "a", currency=currency, totals=Totals(item_count=1, total=total))
    page = open_console(shop).get(f"{AT}/orders")
    assert page.html.select("table.orders tbody td.number data")[0].get_text() == text


def test_without_the_capability_the_list_does_what_it_can() -> None:
    """Filters and older pages work; what cannot be found is said, and newer is the first page."""
    shop = open_shop(storage=Plain())
    place_many(shop.bridge, [PLACED + n for n in range(60)])
    console = open_console(shop)
    page = console.get(f"{AT}/orders")
    assert "lacks the capability" in page.text
    page = page.goto(page.html.find("a", rel="next")["href"])
    assert len(numbers_of(page)) == 10
    assert len(numbers_of(page.goto(page.html.find("a", rel="prev")["href"]))) == 50
    assert "type an e-mail address" in console.get(f"{AT}/orders?q=OF-000001", status=422).text
    answer = console.get(f"{AT}/orders?q=order_0001")
    assert answer.headers["Location"] == "./orders/order_0001"
    assert len(numbers_of(console.get(f"{AT}/orders?newer={PLACED}.order_0000"))) == 50


@pytest.mark.parametrize("path", ["orders", "orders.csv", "orders/order_a", ""])
def test_a_stranger_sees_no_order(shop: TestShop, path: str) -> None:
    """Nobody who is not signed in gets anything of a customer."""
    order = place(shop.bridge, "a")
    page = open_console(shop, who="").get(f"{AT}/{path}", status=401)
    assert order.customer.email not in page.text
    assert order.number not in page.text


@pytest.fixture(scope="module")
def crowded() -> Any:
    shop = open_shop()
    place_many(shop.bridge, [PLACED + n for n in range(3)])
    return open_console(shop)


names = st.sampled_from(
    ["status", "connection", "from", "to", "tz", "q", "after", "newer", "said", "other"]
)
values = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["paid", "", "2026-01-01", "0001-01-01", "9999-12-31", "1.order_0001", "OF-1"]),
    st.from_regex(r"[0-9]{1,20}\.\S{0,70}", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True),
)


@hypothesis_settings(max_examples=150)
@given(
    pairs=st.lists(st.tuples(names, values), max_size=6),
    zone=st.sampled_from(["UTC", "Pacific/Apia", "America/New_York", "No/Where", "%00"]),
)
def test_no_query_fails(crowded: Any, pairs: list[tuple[str, str]], zone: str) -> None:
    """Whatever stands behind the question mark: a page, a way to an order, or a plain refusal."""
    cookie = {"HTTP_COOKIE": f"ofb-zone={zone}"}
    for path in ("orders", "orders.csv"):
        answer = crowded.get(f"{AT}/{path}", pairs, extra_environ=cookie, expect_errors=True)
        assert answer.status_int in (200, 303, 422)


@hypothesis_settings(max_examples=100)
@given(query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_no_query_string_fails(crowded: Any, query: str) -> None:
    """Also one that is no query string at all."""
    answer = crowded.request(f"{AT}/orders", environ={"QUERY_STRING": query}, expect_errors=True)
    assert answer.status_int in (200, 303, 422)
