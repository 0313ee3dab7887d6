"""The overview: sums of thirty days, pictures with their tables, refusals and first steps."""

import itertools
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.storage.memory import MemoryStorage
from tests.hosts.hosts import optional
from tests.rig import TestShop, item, open_shop

optional("jinja2")

from orderflow_bridge.console.charts import Bar, bar_chart, round_up  # noqa: E402
from orderflow_bridge.console.takings import last_days, summaries  # noqa: E402
from orderflow_bridge.console.zones import Zone  # noqa: E402
from tests.console.placed import AT, PLACED, numbers_of, open_console, place, place_many  # noqa: E402

DAY = 86_400_000
HOUR = 3_600_000


class Plain(MemoryStorage):
    """A storage without `search`, as a plugin may be."""

    capabilities = MemoryStorage.capabilities - {"search"}


def steps(shop: TestShop) -> list[bool]:
    page = open_console(shop).get(f"{AT}/")
    return ["passed" in step.get("class", ()) for step in page.html.select("ol.steps li")]


def test_first_steps_are_ticked_off(shop: TestShop) -> None:
    """A connection, a signed request, an order; then there is nothing left to teach."""
    assert steps(shop) == [False, False, False]
    storefront = shop.storefront()
    assert steps(shop) == [True, False, False]
    cart = storefront.cart(item("mug"))
    assert steps(shop) == [True, True, False]
    storefront.order(cart["cart_id"])
    assert steps(shop) == []


def test_a_signed_request_that_left_no_cart_is_ticked_off() -> None:
    """The journal has it; a refused one is no success."""
    shop = open_shop(journal_rows=10)
    storefront = shop.storefront()
    storefront.call("cart.get", cart_id="cart_none")
    shop.bridge._recorder.flush()
    assert steps(shop) == [True, False, False]
    storefront.ok("orders.list")
    shop.bridge._recorder.flush()
    assert steps(shop) == [True, True, False]
    shop.bridge.close()


def test_sums_are_those_of_thirty_days_by_currency(shop: TestShop) -> None:
    """Today and 29 days before it, and nothing of the day before."""
    bridge = shop.bridge
    begin = PLACED - 29 * DAY
    place(bridge, "a", status="paid", total=1_000, placed_at=begin)
    place(bridge, "b", status="paid", total=234, placed_at=PLACED)
    place(bridge, "c", status="paid", total=99_999, placed_at=begin - 1)
    place(bridge, "d", status="cancelled", total=7, placed_at=PLACED)
    place(bridge, "e", total=500, placed_at=PLACED)
    place(bridge, "f", total=700, currency="JPY", placed_at=PLACED)
    page = open_console(shop, "vera viewer").get(f"{AT}/")
    cards = {
        card.h3.get_text(): [" ".join(dd.get_text().split()) for dd in card.find_all("dd")]
        for card in page.html.select("div.grid section:has(h3)")
    }
    assert cards == {
        "GBP": ["12.34 GBP in 2 orders", "5.00 GBP in 1 order", "0.07 GBP in 1 order"],
        "JPY": ["0 JPY in 0 orders", "700 JPY in 1 order", "0 JPY in 0 orders"],
    }


def test_a_picture_has_its_numbers_in_a_table(shop: TestShop) -> None:
    """One row for each day, the same sums, and a title and a description for who cannot see."""
    place(shop.bridge, "a", status="paid", total=1_000, placed_at=PLACED - 2 * DAY)
    place(shop.bridge, "b", status="paid", total=250, placed_at=PLACED)
    page = open_console(shop).get(f"{AT}/")
    [figure] = page.html.find_all("figure")
    picture, narrow = figure.find_all("svg")
    assert picture["role"] == "img"
    assert [figure.find(id=name).get_text() for name in picture["aria-labelledby"].split()] == [
        "Paid orders in GBP by day",
        "12.50 GBP in 2 orders since 2025-12-03.",
    ]
    bars = [bar.get_text() for bar in picture.find_all("rect")]
    assert bars == ["2025-12-30: 10.00 GBP", "2026-01-01: 2.50 GBP"]
    assert [bar.get_text() for bar in narrow.find_all("rect")] == bars
    rows = [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in figure.select("tbody tr")
    ]
    assert len(rows) == 30
    assert [row for row in rows if row[1] != "0"] == [
        ["2025-12-30", "1", "10.00 GBP"],
        ["2026-01-01", "1", "2.50 GBP"],
    ]


def test_three_currencies_are_drawn_and_the_others_are_listed(shop: TestShop) -> None:
    """Those with the most paid orders first."""
    for times, currency in enumerate(("CHF", "EUR", "GBP", "USD"), 1):
        for n in range(times):
            place(shop.bridge, f"{currency}{n}", status="paid", currency=currency)
    page = open_console(shop).get(f"{AT}/")
    drawn = [figure.figcaption.get_text() for figure in page.html.find_all("figure")]
    assert drawn == [f"Paid in {currency} by day" for currency in ("USD", "GBP", "EUR")]
    [others] = [
        table for table in page.html.find_all("table")
        if table.caption.get_text() == "Other currencies"
    ]  # fmt: skip
    assert [row.th.get_text() for row in others.select("tbody tr")] == ["CHF"]


def test_the_newest_five_are_there(shop: TestShop) -> None:
    """Newest first, each with a way to it."""
    place_many(shop.bridge, [PLACED + n for n in range(7)])
    page = open_console(shop).get(f"{AT}/")
    assert numbers_of(page) == [f"OF-00000{n}" for n in (7, 6, 5, 4, 3)]
    assert page.html.select("table.orders a")[0]["href"] == "./orders/order_0006"


def test_refusals_are_counted_by_their_code(shop: TestShop) -> None:
    """Of this process, from all addresses together, and no address is shown."""
    storefront = shop.storefront()
    for peer in ("203.0.113.1", "203.0.113.1", "203.0.113.2"):
        storefront.send("cart.get", b"{}", {"Content-Type": "application/json"}, peer=peer)
    body = b'{"cart_id": "cart_none"}'
    storefront.send("cart.get", body, storefront.headers("cart.get", body))
    page = open_console(shop).get(f"{AT}/")
    refused = page.html.find("section", attrs={"aria-labelledby": "refused"})
    assert "by this worker process since it started" in refused.get_text()
    rows = [row.get_text(" ", strip=True) for row in refused.select("tbody tr")]
    assert rows[0] == "A signature header is missing missing_auth_header 3"
    assert "203.0.113" not in refused.get_text()


def test_connections_are_counted(shop: TestShop) -> None:
    """All of them, and how many are enabled; only who may make one is led there."""
    for name in ("One", "Two"):
        made = shop.storefront(name)
    shop.bridge.connections.disable(made.client_id)
    place(shop.bridge, "a")
    text = open_console(shop).get(f"{AT}/").html.main.get_text(" ", strip=True)
    assert "3 connections , 2 enabled" in text
    for who, led in (("ana admin", True), ("olga operator", False), ("vera viewer", False)):
        assert (open_console(shop, who).get(f"{AT}/").html.find(
            "a", href="./connections/new"
        ) is not None) is led  # fmt: skip


def test_without_the_capability_there_is_no_picture() -> None:
    """The page says why, and has the rest."""
    shop = open_shop(storage=Plain())
    place_many(shop.bridge, [PLACED])
    page = open_console(shop).get(f"{AT}/")
    assert "cannot sum" in page.text
    assert numbers_of(page) == ["OF-000001"]


def test_no_style_stands_in_a_page(shop: TestShop) -> None:
    """The policy of the pages forbids it, in pictures too."""
    place(shop.bridge, "a", status="paid")
    page = open_console(shop).get(f"{AT}/").text
    assert re.search(r"\sstyle=|<style|\son[a-z]+=", page) is None


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("America/Havana", "2026-11-01", 25),
        ("Africa/Cairo", "2026-04-24", 23),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_day_has_as_many_hours_as_its_zone_gives_it(
    shop: TestShop, zone: str, day: str, hours: float
) -> None:
    """Days follow each other without a gap, and an order counts on the day that a clock shows."""
    there = Zone(zone)
    now = there.day_begins(day) + 5 * DAY
    days = last_days(there, now, 30)
    assert all(one.end == after.begin for one, after in itertools.pairwise(days))
    assert days[-1].begin <= now < days[-1].end
    [odd] = [one for one in days if one.name == day]
    assert odd.end - odd.begin == hours * HOUR
    for n, at in enumerate((odd.begin - 1, odd.begin, odd.end - 1, odd.end)):
        place(shop.bridge, f"{n}", status="paid", total=10**n, placed_at=at)
    [found] = summaries(shop.bridge.orders, days)
    place_of = days.index(odd)
    assert [one.total for one in found.paid_by_day[place_of - 1 : place_of + 2]] == [1, 110, 1_000]
    assert sum(one.total for one in found.paid_by_day) == found.paid.total == 1_111


def test_a_day_that_a_zone_left_out_is_left_out() -> None:
    """Samoa had no 30 December 2011."""
    there = Zone("Pacific/Apia")
    names = [day.name for day in last_days(there, there.day_begins("2012-01-02"), 5)]
    assert names == ["2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]


@given(value=st.integers(min_value=0, max_value=30 * 2**53))
def test_a_scale_is_above_what_it_measures(value: int) -> None:
    """And four lines divide it into whole minor units."""
    top = round_up(value)
    assert top >= value
    assert top % 4 == 0
    assert top <= max(4, 3 * value)


@given(
    values=st.lists(st.integers(min_value=0, max_value=30 * 2**53), max_size=40),
    wide=st.sampled_from([720, 340]),
)
def test_any_values_are_drawn_inside_the_picture(values: list[int], wide: int) -> None:
    """A bar for each that is not zero, seen however small, and well-formed whatever it says."""
    bars = [Bar(value=value, label="<&>", text='"<b>"') for value in values]
    drawn = bar_chart(
        bars, name="x", title="<t>", description="&", scale=lambda _: "<s>", width=wide
    )
    picture = ET.fromstring(drawn)
    found = picture.findall("rect")
    assert len(found) == sum(value > 0 for value in values)
    for bar in found:
        x, y, width, height = (int(bar.get(name)) for name in ("x", "y", "width", "height"))
        assert width >= 1
        assert height >= 1
        assert 0 <= x <= x + width <= wide
        assert 12 <= y <= y + height == 196
