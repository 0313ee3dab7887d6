"""A form is sent once, however often its button is pressed."""

import pytest

from tests.browser.browsing import watched

TWICE = "(button) => { button.click(); button.click(); }"


@pytest.fixture
def page(browser, own_console):
    """Open New inbound, with a name in it."""
    with watched(browser) as seen:
        seen.visit(f"{own_console}connections/new")
        seen.page.get_by_label("Name", exact=True).fill("Tea blog")
        yield seen.page


def sent(page):
    """Note every form that goes out from now on."""
    found = []
    page.on("request", lambda request: found.append(request.method))
    return lambda: found.count("POST")


def test_a_double_click_sends_one_form(page, own):
    """The second click on the button finds it pressed."""
    posts = sent(page)
    page.get_by_role("button", name="Create connection").evaluate(TWICE)
    page.get_by_text("The connection is made.").wait_for()
    assert posts() == 1
    assert [one.name for one in own.bridge.connections.all()].count("Tea blog") == 1


def test_a_form_that_comes_back_is_there_to_be_sent(page, own):
    """Whoever goes back, and whoever is shown the form again, presses its button again."""
    page.get_by_role("button", name="Add my current address").click()
    page.get_by_label("Allowed addresses").filter(has_text="127.0.0.1").wait_for()
    page.get_by_role("button", name="Create connection").click()
    page.get_by_text("The connection is made.").wait_for()
    page.get_by_role("link", name="Connections", exact=True).click()
    page.get_by_role("link", name="New inbound").click()
    page.get_by_label("Name", exact=True).fill("Coffee blog")
    page.get_by_role("button", name="Create connection").click()
    page.get_by_text("The connection is made.").wait_for()
    page.go_back()
    page.get_by_label("Name", exact=True).fill("Cocoa blog")
    page.get_by_role("button", name="Create connection").click()
    page.get_by_text("The connection is made.").wait_for()
    names = {one.name for one in own.bridge.connections.all()}
    assert {"Tea blog", "Coffee blog", "Cocoa blog"} <= names


def test_a_question_that_was_answered_sends_one_form(page, own_console):
    """It is asked with what was chosen, sends once after the answer, and is asked again later."""
    page.goto(f"{own_console}connections")
    page.get_by_role("link", name="Bookkeeping").click()
    posts = sent(page)
    for number in (1, 2):
        page.get_by_role("heading", name="Rotate the secret").click()
        page.get_by_label("How long the old secret still works").select_option("0")
        page.get_by_role("button", name="Rotate the secret").click()
        question = page.get_by_role("dialog")
        question.get_by_text("None: the old secret is over at once").wait_for()
        question.get_by_role("button", name="Rotate the secret").evaluate(TWICE)
        page.get_by_text("There is a new secret.").wait_for()
        assert posts() == number
