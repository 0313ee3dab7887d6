"""The parts of pages that renew themselves: what they say, and how they are stopped."""

import pytest

from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, Operator
from tests.browser.browsing import served
from tests.browser.shop import OPERATOR

ROUND = 2_000


class Door:
    """Know the operator, until the session is over."""

    open = True

    def __call__(self, _request):
        return Operator(name=OPERATOR, role="admin") if self.open else None


@pytest.fixture
def door():
    return Door()


@pytest.fixture
def address(own, door):
    """Serve a shop to whom the door lets in; gives the address."""
    own.keep()
    with served(ConsoleWSGI(console=BridgeConsole(own.bridge, identify=door))) as url:
        yield f"{url}/bridge-console/"


@pytest.fixture(params=["requests", "connections/{client_id}"])
def page(request, seen, own, address):
    """Open each page that has such a part, with a clock that the test moves."""
    stop_time(seen.page)
    seen.visit(address + request.param.format(client_id=own.client_id("web")))
    return seen.page


def stop_time(page):
    """Let time pass in the page only as the test says."""
    page.clock.install(time="2026-03-12T15:20:00Z")
    page.clock.pause_at("2026-03-12T15:20:01Z")


def call(shop, times=1):
    for _ in range(times):
        shop.fronts["web"].ok("cart.create", items=[{"sku": "mug-ash", "quantity": 1}])
    shop.keep()


def status(page):
    return page.locator(".live [role=status]")


def test_what_came_is_said(page, own):
    """How many rows are new is told to who does not look; the page stays as it was loaded."""
    page.evaluate("window.stays = true")
    assert status(page).inner_text() == ""
    for times, words in ((1, "1 new row at"), (2, "2 new rows at")):
        call(own, times)
        page.clock.run_for(ROUND)
        status(page).get_by_text(words).wait_for()
    assert page.evaluate("window.stays")


def test_it_is_paused_and_goes_on(page, own):
    """Who reads it need not have it move (WCAG 2.2.2)."""
    page.get_by_text("Renews itself every 2 seconds.").wait_for()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Pause", exact=True).click()
    call(own)
    page.clock.run_for(5 * ROUND)
    page.get_by_text("Paused.", exact=True).wait_for()
    assert asked == []
    page.get_by_role("button", name="Go on").click()
    page.clock.run_for(ROUND)
    status(page).get_by_text("1 new row").wait_for()


def test_it_says_that_the_session_is_over(page, seen, door):
    """It stops, and leads to where one signs in, rather than to stand there as if all were well."""
    door.open = False
    page.clock.run_for(ROUND)
    status(page).get_by_text("Stopped: sign in again.").wait_for()
    seen.forgive(401)
    page.clock.run_for(5 * ROUND)
    assert page.get_by_role("button", name="Pause", exact=True).count() == 0
    page.get_by_role("link", name="sign in again").click()
    page.get_by_role("heading", name="Sign in first").wait_for()
    seen.forgive(401)


def test_it_says_that_the_connection_failed(page, seen, own):
    """And goes on as soon as there is one again."""
    page.context.set_offline(True)
    page.clock.run_for(ROUND)
    status(page).get_by_text("Not renewed: no connection.").wait_for()
    page.context.set_offline(False)
    call(own)
    page.clock.run_for(ROUND)
    status(page).get_by_text("1 new row").wait_for()
    assert all("ERR_INTERNET_DISCONNECTED" in one for one in seen.wrong)
    seen.wrong.clear()


def test_it_waits_while_the_focus_is_in_it(page, own):
    """Nobody's place in a list is taken away, and the page says that it waits."""
    asked = []
    page.on("request", lambda request: asked.append(request.resource_type))
    page.locator("[data-live] tbody a").first.focus()
    call(own)
    page.clock.run_for(ROUND)
    page.get_by_text("Waits while the focus is in it.").wait_for()
    assert "fetch" not in asked
    assert page.locator("[data-live] tbody a").first.evaluate("one => one.matches(':focus')")


def test_a_secret_that_is_shown_stops_nothing(seen, own, address):
    """The page that a form answers with has no address of its own, and its requests come too."""
    page = seen.page
    stop_time(page)
    seen.visit(f"{address}confirm?next=/connections/{own.client_id('web')}")
    page.get_by_label("Type confirm").fill("confirm")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Reveal the secret").click()
    page.get_by_text("Renews itself every 2 seconds.").wait_for()
    call(own)
    page.clock.run_for(ROUND)
    status(page).get_by_text("1 new row").wait_for()
    page.get_by_text("That it was shown is in the audit").wait_for()
    page.locator("#recent tbody a").first.click()
    page.wait_for_url("**/bridge-console/requests/req_*")
