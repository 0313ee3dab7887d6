"""The first page that a browser is ever shown has the operator's own days already."""

import re

import pytest

from tests.browser.browsing import watched

ZONE = "Pacific/Kiritimati"


@pytest.fixture
def far(browser):
    """Open a page where it is tomorrow already, and list what it asks for."""
    with watched(browser, is_new=True, timezone_id=ZONE) as seen:
        asked = []
        seen.page.on(
            "request",
            lambda request: (
                asked.append(request.method) if request.is_navigation_request() else None
            ),
        )
        yield seen, asked


def test_the_first_page_is_in_the_operators_zone(far, console):
    """It is asked for once more with the zone told, and no page after it is."""
    seen, asked = far
    seen.page.goto(console)
    seen.page.get_by_text(f"in {ZONE}.").wait_for()
    seen.visit(f"{console}orders?from=2026-01-01")
    seen.page.get_by_text(f"Days of {ZONE}").wait_for()
    assert asked == ["GET"] * 3
    assert seen.page.url.endswith("?from=2026-01-01")


def test_a_browser_that_keeps_no_cookie_is_not_led_round_in_a_circle(far, console):
    """The days are those of UTC there, and the page says so."""
    seen, asked = far
    seen.page.add_init_script(
        "Object.defineProperty(Document.prototype, 'cookie', {get: () => '', set: () => {}})"
    )
    seen.visit(console)
    seen.page.get_by_text("in UTC.").wait_for()
    assert seen.page.locator(".side button", has_text="Shortcuts").count() == 1
    assert asked == ["GET"]


def test_a_zone_that_the_server_does_not_know_is_told_once(far, console):
    """It goes on with UTC."""
    seen, asked = far
    seen.page.add_init_script(
        "Intl.DateTimeFormat.prototype.resolvedOptions = () => ({timeZone: 'Mars/Olympus'})"
    )
    seen.page.goto(console)
    seen.page.wait_for_function("document.cookie.includes('Mars/Olympus')")
    seen.visit(console)
    seen.page.get_by_text("in UTC.").wait_for()
    assert asked == ["GET"] * 3


def test_what_a_form_was_answered_with_stays(far, own_console):
    """Such a page is not asked for again, and loses nothing of what was typed."""
    seen, asked = far
    seen.page.goto(f"{own_console}connections/new")
    seen.page.locator(f"html[data-zone='{ZONE}']").wait_for()
    seen.page.context.clear_cookies(name="ofb-zone")
    del asked[:]
    seen.page.get_by_label("Name", exact=True).fill("Tea blog")
    seen.page.get_by_label("Allowed addresses").fill("nowhere")
    seen.page.get_by_role("button", name="Create connection").click()
    seen.page.get_by_text("Nothing was made.").wait_for()
    seen.forgive(422)
    seen.page.wait_for_function("document.cookie.includes('ofb-zone')")
    assert seen.page.get_by_label("Name", exact=True).input_value() == "Tea blog"
    assert asked == ["POST"]
    seen.page.get_by_role("link", name="Overview").click()
    seen.page.get_by_text(f"in {ZONE}.").wait_for()
    assert asked == ["POST", "GET"]


def test_without_a_script_every_time_says_that_it_is_utc(browser, console):
    """Days, and moments in tables."""
    with watched(browser, timezone_id=ZONE, java_script_enabled=False) as seen:
        seen.visit(f"{console}orders")
        seen.page.get_by_text("Days of UTC").wait_for()
        times = seen.page.locator("td time").all_inner_texts()
        assert times
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", one) for one in times)
