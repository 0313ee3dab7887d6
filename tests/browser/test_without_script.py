"""The console in a browser that runs no script: every act is a link or a form."""

import pytest

from orderflow_bridge.ports import OrderQuery
from tests.browser.browsing import watched


@pytest.fixture
def page(browser, own_console):
    """Open the overview."""
    with watched(browser, java_script_enabled=False) as seen:
        seen.visit(own_console)
        yield seen.page


def test_a_connection_is_made(page, own):
    """The form keeps what was typed while an address is added, and makes the connection."""
    page.get_by_role("link", name="Connections", exact=True).click()
    page.get_by_role("link", name="New inbound").click()
    page.get_by_label("Name", exact=True).fill("Tea blog")
    page.get_by_role("button", name="Add my current address").click()
    page.get_by_role("button", name="Create connection").click()
    page.get_by_text("The connection is made.").wait_for()
    made = next(one for one in own.bridge.connections.all() if one.name == "Tea blog")
    assert made.allow_list == ("127.0.0.1",)


def test_a_double_click_makes_one_connection(page, own):
    """The form goes out twice, and the second answer leads to what the first one made."""
    page.get_by_role("link", name="Connections", exact=True).click()
    page.get_by_role("link", name="New inbound").click()
    page.get_by_label("Name", exact=True).fill("Tea blog")
    page.get_by_role("button", name="Create connection").dblclick()
    page.get_by_text("The connection is made.").wait_for()
    [made] = [one for one in own.bridge.connections.all() if one.name == "Tea blog"]
    assert made.client_id in page.url


def test_orders_are_filtered(page):
    """Tabs are links, filters are a form, and what was chosen stands in the address."""
    page.get_by_role("link", name="Orders", exact=True).click()
    page.get_by_role("link", name="Paid", exact=True).click()
    page.get_by_label("Connection").select_option(label="Europe")
    page.get_by_role("button", name="Filter").click()
    # Waits until the page has loaded, too.
    page.wait_for_url(lambda url: "status=paid" in url and "connection=" in url)
    cells = page.locator("tbody tr")
    assert cells.count() > 1
    for row in cells.all():
        assert row.get_by_text("Paid", exact=True).count() == 1
        assert row.get_by_text("Europe", exact=True).count() == 1


def test_an_order_is_settled(page, own):
    """An order that waits for its payment is marked as paid, with a tick."""
    page.get_by_role("link", name="Orders", exact=True).click()
    page.get_by_role("link", name="Pending payment", exact=True).click()
    number = page.locator("tbody th a").first.inner_text()
    page.get_by_role("link", name=number).click()
    page.get_by_text("Mark as paid").first.click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Mark as paid").click()
    page.get_by_text("The payment is recorded, and the order is paid.").wait_for()
    paid = own.bridge.orders.search(OrderQuery(status="paid", limit=200))
    assert number in {order.number for order in paid}


def test_a_secret_is_revealed(page, own):
    """After the word that shows the intent, the secret stands on the page."""
    page.get_by_role("link", name="Connections", exact=True).click()
    page.get_by_role("link", name="Bookkeeping").click()
    page.get_by_role("button", name="Reveal the secret").click()
    page.get_by_label("Type confirm").fill("confirm")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text(own.made["books"].secret).first.wait_for()


def test_a_refused_request_is_explained(page, own):
    """The list leads to the reason, without anything that renews itself."""
    own.keep()
    page.get_by_role("link", name="Requests", exact=True).first.click()
    page.get_by_role("link", name="Refused", exact=True).click()
    page.locator("tbody a").first.click()
    page.get_by_role("heading", name="Why it was refused, and what to do").wait_for()
