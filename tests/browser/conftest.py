"""One browser and one shop for all the tests of pages."""

import pytest

from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, Operator
from tests.browser.browsing import chromium, served, watched
from tests.browser.shop import OPERATOR, open_shop


@pytest.fixture(scope="session")
def browser():
    """Start the browser once."""
    with chromium() as started:
        yield started


@pytest.fixture
def seen(browser):
    """Open a page that is watched, and on which nothing moves."""
    with watched(browser, reduced_motion="reduce") as page:
        yield page


@pytest.fixture(scope="session")
def shop(browser):
    """Open a shop with a month behind it."""
    return open_shop()


@pytest.fixture(scope="session")
def console(shop):
    """Serve its console to an admin; gives the address."""
    with served(_console_of(shop)) as url:
        yield f"{url}/bridge-console/"


@pytest.fixture
def own(browser):
    """Open a shop for one test, which changes it."""
    return open_shop()


@pytest.fixture
def own_console(own):
    """Serve its console to an admin; gives the address."""
    with served(_console_of(own)) as url:
        yield f"{url}/bridge-console/"


def _console_of(shop):
    operator = Operator(name=OPERATOR, role="admin")
    return ConsoleWSGI(console=BridgeConsole(shop.bridge, identify=lambda _request: operator))
