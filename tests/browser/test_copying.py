"""What the copy buttons put into the clipboard: what stands beside them, and nothing else."""

import pytest

CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def page(seen, own, own_console):
    """Open the page of a connection; the browser lets the console use the clipboard."""
    seen.page.context.grant_permissions(CLIPBOARD)
    client_id = own.bridge.connections.all()[0].client_id
    seen.visit(f"{own_console}connections/{client_id}")
    return seen.page


def copied(page, name):
    """Press a copy button, wait until it says so, and read the clipboard."""
    page.get_by_role("button", name=name).click()
    page.get_by_role("button", name=name).filter(has_text="Copied").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def test_the_key_is_copied(page, own):
    """The whole key, and no blank or line end around it."""
    assert copied(page, "Copy the key") == own.bridge.connections.all()[0].client_id


def test_code_is_copied_as_it_stands(page):
    """Line for line, with what belongs to this connection in it."""
    code = page.locator("details", has_text="curl").first
    code.locator("summary").click()
    text = copied(page, code.get_by_role("button").get_attribute("aria-label"))
    assert text == code.locator("pre").text_content()
    assert text.count("\n") > 3


def test_where_nothing_can_be_copied_no_button_offers_it(seen, own, own_console):
    """Without TLS a browser has no clipboard for a page, but on an own machine."""
    seen.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    seen.visit(f"{own_console}connections/{own.bridge.connections.all()[0].client_id}")
    buttons = seen.page.locator("button[data-copy]")
    assert buttons.count() > 1
    assert not any(button.is_visible() for button in buttons.all())
