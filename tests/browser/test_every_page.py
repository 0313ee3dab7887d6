"""Every page, in a real browser: for everyone, on every screen, with and without a script."""

import pytest

from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, Operator, StandaloneAuth
from orderflow_bridge.ports import OrderQuery
from tests.browser.axe import violations
from tests.browser.browsing import served, watched
from tests.browser.shop import OPERATOR

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

WRONG_ROWS = b"sku,name,price,currency\nmug,Mug,3.39,GBP\npot,,12,GBP\njug,Jug,1.2345,GBP\n"


def reveal(page, at, place):
    """Show a secret."""
    page.goto(f"{at}confirm?next=/connections/{place['client_id']}")
    page.get_by_label("Type confirm").fill("confirm")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Reveal the secret").click()
    page.get_by_text("That it was shown is in the audit").wait_for()


def leave_out(page, at, place):
    """Send forms in which something is missing."""
    page.goto(f"{at}connections/new")
    page.get_by_label("Name", exact=True).fill("x" * 100)
    page.get_by_label("Allowed addresses").fill("nowhere\n10.0.0.0/33")
    page.get_by_role("button", name="Create connection").click()
    page.get_by_role("alert").first.wait_for()


def choose_nothing(page, at, place):
    """Let a connection do nothing at all."""
    page.goto(f"{at}connections/{place['client_id']}")
    page.get_by_role("heading", name="What it may do").click()
    for choice in page.get_by_role("radio", name="none").all():
        choice.check()
    page.get_by_role("button", name="Save what it may do").click()
    page.get_by_role("alert").first.wait_for()


def see_result(page, at, place):
    """See what was wrong with a request."""
    page.goto(f"{at}signature?request={place['refused_id']}")
    page.get_by_role("button", name="Test the signature").click()
    page.get_by_role("heading", name="Result").wait_for()


def try_file(page, at, place):
    """See which rows of a file are wrong."""
    page.goto(f"{at}catalogue/import")
    file = {"name": "wares.csv", "mimeType": "text/csv", "buffer": WRONG_ROWS}
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="Tried, and nothing written").wait_for()


def ask(page, at, place):
    """Be asked whether it is meant."""
    page.goto(f"{at}connections/{place['client_id']}")
    page.get_by_role("button", name="Disable", exact=True).click()
    page.get_by_role("dialog").wait_for()


def mistake_days(page, at, place):
    """Search for an order with a day that is none."""
    page.goto(f"{at}orders?from=2026-03-02&to=2026-03-01&q=x")
    page.get_by_role("alert").first.wait_for()


STATES = {
    "revealed-secret": (reveal, 200),
    "refused-form": (leave_out, 422),
    "refused-change": (choose_nothing, 422),
    "result": (see_result, 200),
    "import-trial": (try_file, 200),
    "question": (ask, 200),
    "refused-filter": (mistake_days, 422),
}
"""What pages look like behind a form, and the status that they have then."""


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


@pytest.fixture(params=STATES)
def state(request, console, place):
    """Give what leads to each state, and the status that the page has then."""
    act, status = STATES[request.param]

    def lead(seen):
        act(seen.page, console, place)
        if status != 200:
            seen.forgive(status)

    return lead


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


def test_a_state_of_a_page_is_for_everyone(seen, state):
    """So is what stands behind a form: a result, a refusal, a secret, a question."""
    state(seen)
    for theme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=theme)
        assert violations(seen.page) == []


def test_a_state_of_a_page_fits_a_narrow_screen(browser, state):
    """And on 320 pixels, too."""
    with watched(browser, viewport={"width": 320, "height": 640}) as seen:
        state(seen)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_site_with_a_strict_policy_of_its_own_has_the_console_too(seen, shop):
    """Its stylesheet and its script come with the nonce that the site's policy asks for."""
    policy = "script-src 'nonce-n1' 'strict-dynamic'; style-src 'nonce-n1'; object-src 'none'"
    operator = Operator(name=OPERATOR, role="admin")
    console = BridgeConsole(
        shop.bridge,
        identify=lambda _request: operator,
        csp_nonce=lambda request: request.native["csp.nonce"],
    )
    pages = ConsoleWSGI(console=console)

    def site(environ, start_response):
        def start(status, headers):
            return start_response(status, [*headers, ("Content-Security-Policy", policy)])

        return pages(environ | {"csp.nonce": "n1"}, start)

    with served(site) as url:
        seen.visit(f"{url}/bridge-console/requests")
        seen.page.get_by_role("button", name="Theme").wait_for()
        assert seen.page.evaluate("getComputedStyle(document.body).display") == "grid"


def test_letters_of_a_chart_are_read_on_a_narrow_screen(browser, console):
    """They are not made smaller with the picture."""
    with watched(browser, viewport={"width": 320, "height": 640}) as seen:
        seen.visit(console)
        shown = seen.page.locator(".chart:visible text")
        heights = [one.bounding_box()["height"] for one in shown.all()]
        assert heights
        assert min(heights) >= 11


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
