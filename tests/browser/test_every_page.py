"""Every page, in a real browser: for everyone, on every screen, with and without a script."""

import pytest

from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, StandaloneAuth
from orderflow_bridge.ports import OrderQuery
from tests.browser.axe import violations
from tests.browser.browsing import served, watched

PAGES = {
    "overview": "",
    "connections": "connections",
    "new-inbound": "connections/new",
    "inspector": "connections/{client_id}",
    "audit": "connections/{client_id}/audit",
    "requests": "requests",
    "requests-refused": "requests?verdict=refused",
    "request": "requests/{request_id}",
    "request-refused": "requests/{refused_id}",
    "orders": "orders",
    "orders-paid": "orders?status=paid",
    "orders-nothing": "orders?q=nobody@shop.example",
    "order-pending": "orders/{pending_id}",
    "order-paid": "orders/{paid_id}",
    "order-refund": "orders/{refund_id}",
    "carts": "carts",
    "cart": "carts/{cart_id}",
    "catalogue": "catalogue",
    "import": "catalogue/import",
    "health": "health",
    "confirm": "confirm?next=/connections",
    "signature": "signature?request={refused_id}",
    "nothing-here": "no/such/page",
}


@pytest.fixture(scope="session")
def place(shop):
    """Name one of each thing that has a page of its own."""
    orders = shop.bridge.orders.search(OrderQuery(limit=200))
    shop.keep()
    return {
        "client_id": shop.client_id("web"),
        "pending_id": next(one.order_id for one in orders if one.status == "pending_payment"),
        "paid_id": next(one.order_id for one in orders if one.status == "paid"),
        "refund_id": next(
            one.order_id for one in orders if one.payment.state == "paid_after_cancel"
        ),
        "cart_id": orders[0].cart_id,
        "request_id": shop.bridge.journal.page(refused=False, limit=1)[0].request_id,
        "refused_id": shop.bridge.journal.page(refused=True, limit=1)[0].request_id,
    }


@pytest.fixture(params=PAGES)
def page(request, console, place):
    """Give the address of each page, and the status that it has."""
    status = 404 if request.param == "nothing-here" else 200
    return console + PAGES[request.param].format(**place), status


@pytest.fixture(scope="session")
def door(shop):
    """Serve the console to strangers; gives the address."""
    console = BridgeConsole(shop.bridge, identify=StandaloneAuth(shop.bridge))
    with served(ConsoleWSGI(console=console)) as url:
        yield f"{url}/bridge-console/"


def test_a_page_is_for_everyone(seen, page):
    """Axe finds nothing in either theme, and the page breaks none of its own rules."""
    address, status = page
    seen.visit(address, status=status)
    for theme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=theme)
        assert violations(seen.page) == []


@pytest.mark.parametrize("path", ["sign-in", "sign-in/link?token=spent"])
def test_the_door_is_for_everyone(seen, door, path):
    """So are the pages before one is in, with what they say to who may not enter."""
    seen.visit(door + path)
    for theme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=theme)
        assert violations(seen.page) == []
    if path == "sign-in":
        seen.page.get_by_label("Name").fill("nobody")
        seen.page.get_by_label("Password").fill("nothing")
    seen.page.get_by_role("button", name="Sign in").click()
    seen.page.get_by_role("alert").wait_for()
    seen.forgive(422)
    assert violations(seen.page) == []


def test_a_page_fits_a_narrow_screen(browser, page):
    """On 320 pixels nothing has to be scrolled sideways, but for a table by itself."""
    address, status = page
    with watched(browser, viewport={"width": 320, "height": 640}) as seen:
        seen.visit(address, status=status)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_page_says_the_same_without_a_script(browser, page):
    """What stands on it is there, and every link leads somewhere of its own."""
    address, status = page
    with watched(browser, java_script_enabled=False) as seen:
        seen.visit(address, status=status)
        assert seen.page.locator("h1").count() == 1
        for link in seen.page.locator("a[href]").all():
            assert not link.get_attribute("href").startswith(("javascript:", "http:", "//"))
        assert seen.page.locator("button.copy:visible").count() == 0
