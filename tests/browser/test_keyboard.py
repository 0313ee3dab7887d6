"""The console without a mouse: what the keys do, and where the focus is."""

import re

import pytest

HELP = "Shortcuts"


def focused(page):
    """Name what has the focus."""
    return page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


@pytest.fixture
def page(seen, console):
    """Open the list of orders."""
    seen.visit(f"{console}orders")
    return seen.page


def test_a_slash_goes_to_the_search(page):
    """What is typed next is searched for, and the slash is not part of it."""
    press(page, "/")
    page.keyboard.type("ada@thornton.example")
    press(page, "Enter")
    page.wait_for_url(re.compile("q=ada"))
    assert page.get_by_label("Search").input_value() == "ada@thornton.example"


def test_two_keys_go_to_another_page(page):
    """`g c` is connections, `g o` is orders; neither does anything in a field."""
    press(page, "g", "c")
    page.wait_for_url("**/connections")
    press(page, "g", "o")
    page.wait_for_url("**/orders")
    page.get_by_label("Search").focus()
    press(page, "g", "c", "?")
    assert page.get_by_label("Search").input_value() == "gc?"
    assert page.locator("dialog").count() == 0


def test_j_and_k_go_from_row_to_row(page):
    """The focus is on the link of a row, and Enter opens it."""
    press(page, "j", "j", "j", "k")
    number = page.locator("tbody tr").nth(1).get_by_role("link").first.inner_text()
    assert focused(page) == number
    press(page, "Enter")
    page.get_by_role("heading", name=number).wait_for()


def test_the_first_stop_skips_the_menu(page):
    """One Tab and Enter lead past the menu, and the next Tab is in the page."""
    press(page, "Tab")
    assert focused(page) == "Skip to the page"
    press(page, "Enter")
    assert focused(page).startswith("Orders")
    press(page, "Tab")
    assert focused(page) == "Export CSV"


def test_every_stop_is_seen(page):
    """Whatever Tab reaches has an outline, and the whole page can be walked through."""
    stops = []
    for _ in range(30):
        press(page, "Tab")
        style = page.evaluate(
            "(({outlineStyle, outlineWidth}) => outlineStyle + ' ' + outlineWidth)"
            "(getComputedStyle(document.activeElement))"
        )
        stops.append(focused(page))
        assert style == "solid 3px" or page.evaluate(
            "document.activeElement.matches('input, select')"
        ), (stops[-1], style)
    assert "Filter" in stops


def test_the_main_action_is_reached_before_the_list(seen, console):
    """From the top of Connections, New inbound comes before the first connection."""
    seen.visit(f"{console}connections")
    press(seen.page, "Tab", "Enter", "Tab")
    assert focused(seen.page) == "New inbound"
    press(seen.page, "Enter")
    seen.page.wait_for_url("**/connections/new")


def test_a_choice_is_only_a_choice(seen, console):
    """Walking through the connections with the arrow keys leads nowhere; Filter does."""
    seen.visit(f"{console}requests")
    page = seen.page
    page.get_by_label("Connection").focus()
    press(page, "ArrowDown", "ArrowDown")
    chosen = page.get_by_label("Connection").input_value()
    assert chosen
    assert page.url.endswith("/requests")
    press(page, "Tab", "Tab")
    assert focused(page) == "Filter"
    press(page, "Enter")
    page.wait_for_url(re.compile(f"connection={chosen}"))


def test_the_help_holds_the_focus_and_gives_it_back(page):
    """`?` opens the list of keys; Tab stays in it, Escape leaves it where one was."""
    press(page, "j")
    before = focused(page)
    press(page, "?")
    dialog = page.get_by_role("dialog", name=HELP)
    dialog.wait_for()
    for _ in range(4):
        press(page, "Tab")
        assert page.evaluate(
            "document.activeElement === document.body"
            " || document.querySelector('dialog').contains(document.activeElement)"
        )
    press(page, "Escape")
    dialog.wait_for(state="detached")
    assert focused(page) == before


def test_the_keys_can_be_turned_off(page):
    """Off, no letter does anything, also after a reload; the button turns them on again."""
    press(page, "?")
    page.get_by_role("button", name="Turn keys off").click()
    page.reload()
    press(page, "g", "c", "/", "?")
    assert page.url.endswith("/orders")
    assert page.locator("dialog").count() == 0
    page.get_by_role("button", name=HELP).click()
    page.get_by_role("button", name="Turn keys on").click()
    press(page, "g", "c")
    page.wait_for_url("**/connections")


def test_a_browser_that_keeps_nothing_has_the_keys_too(seen, console):
    """Where storage is blocked, keys and theme work, and are chosen for the page."""
    seen.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked'); }})"
    )
    seen.visit(f"{console}orders")
    page = seen.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Theme").click()
    assert page.evaluate(ground) != light
    press(page, "?")
    page.get_by_role("button", name="Turn keys off").click()
    press(page, "g", "c")
    assert page.url.endswith("/orders")
    page.get_by_role("button", name=HELP).click()
    page.get_by_role("button", name="Turn keys on").click()
    press(page, "g", "c")
    page.wait_for_url("**/connections")


def test_an_act_asks_first(seen, own, own_console):
    """The question begins at No; Escape gives the focus back, and Yes does it."""
    client_id = own.client_id("web")
    seen.visit(f"{own_console}connections/{client_id}")
    page = seen.page
    button = page.get_by_role("button", name="Disable", exact=True)
    button.focus()
    press(page, "Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Disable Web shop?").wait_for()
    assert focused(page) == "No"
    press(page, "Escape")
    dialog.wait_for(state="detached")
    assert focused(page) == "Disable"
    assert own.bridge.connections.find(client_id).status == "enabled"
    press(page, "Enter", "Tab", "Enter")
    page.get_by_text("It is disabled").wait_for()
    assert own.bridge.connections.find(client_id).status == "disabled"


def test_the_theme_is_chosen_and_kept(page):
    """The button changes it, and the next page has it too."""
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Theme").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
