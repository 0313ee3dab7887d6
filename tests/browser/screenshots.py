"""Pictures of the console's pages for its manual: `python -m tests.browser.screenshots`.

The shop is the same each time, so the pictures change where the pages do.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, Operator, StandaloneAuth
from orderflow_bridge.ports import OrderQuery
from tests.browser.browsing import chromium, served, watched
from tests.browser.shop import OPERATOR, Shop, open_shop

__all__ = ["take"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
_WIDE = {"width": 1280, "height": 800}
_NARROW = {"width": 390, "height": 844}


def _as_it_opens(page: Any) -> None:
    """Do nothing more."""


def _form_filled(page: Any) -> None:
    """Fill in New inbound."""
    page.get_by_label("Name", exact=True).fill("Garden centre, Harrogate")
    page.get_by_label("Default currency").select_option("GBP")


def _revealed(page: Any) -> None:
    """Reveal the secret of a shop that nobody can call."""
    page.get_by_role("button", name="Reveal the secret").click()
    page.get_by_label("Type confirm").fill("confirm")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("That it was shown is in the audit").wait_for()


def _asked_for_a_word(page: Any) -> None:
    """Ask for the secret of a shop that nobody can call."""
    page.get_by_role("button", name="Reveal the secret").click()
    page.get_by_label("Type confirm").wait_for()


class Picture(NamedTuple):
    """One picture: of which page, how, and after what."""

    path: str
    before: Callable[[Any], None] = _as_it_opens
    theme: str = "light"
    screen: Mapping[str, int] = _WIDE


PICTURES = {
    "overview": Picture(""),
    "connections": Picture("connections"),
    "new-inbound": Picture("connections/new", _form_filled),
    "confirm": Picture("connections/{client_id}", _asked_for_a_word),
    "connection": Picture("connections/{client_id}", _revealed),
    "audit": Picture("connections/{client_id}/audit"),
    "requests": Picture("requests"),
    "request": Picture("requests/{refused_id}"),
    "signature": Picture("signature?request={refused_id}"),
    "orders": Picture("orders"),
    "order": Picture("orders/{order_id}"),
    "carts": Picture("carts"),
    "cart": Picture("carts/{cart_id}"),
    "catalogue": Picture("catalogue"),
    "import": Picture("catalogue/import"),
    "health": Picture("health"),
    "orders-dark": Picture("orders?status=pending_payment", theme="dark"),
    "request-dark": Picture("requests/{refused_id}", theme="dark"),
    "orders-narrow": Picture("orders", screen=_NARROW),
}


def take(folder: Path) -> None:
    """Take every picture; raises AssertionError where a page is not as it should be."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home:
        shop = open_shop(f"sqlite:///{home}/shop.db")
        try:
            _take_all(shop, folder)
        finally:
            shop.bridge.close()


def _take_all(shop: Shop, folder: Path) -> None:
    place = _place(shop)
    operator = Operator(name=OPERATOR, role="admin")
    console = BridgeConsole(shop.bridge, identify=lambda _request: operator)
    site = _as_in_public(ConsoleWSGI(console=console))
    with served(site) as url, chromium() as browser:
        for name, picture in PICTURES.items():
            home = f"{url}/bridge-console/"
            _take(browser, picture, home, place, folder / f"{name}.png")
    own = ConsoleWSGI(console=BridgeConsole(shop.bridge, identify=StandaloneAuth(shop.bridge)))
    with served(_as_in_public(own)) as url, chromium() as browser:
        _take(browser, Picture("sign-in"), f"{url}/bridge-console/", {}, folder / "sign-in.png")


def _as_in_public(site: WSGIApplication) -> WSGIApplication:
    """Give a site that finds itself at a public name: the port, another each time, is on a page."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_HOST"] = "shop.example"
        return site(environ, start_response)

    return answer


def _take(browser: Any, picture: Picture, home: str, place: Mapping[str, str], file: Path) -> None:
    options = {"color_scheme": picture.theme, "viewport": picture.screen}
    with watched(browser, reduced_motion="reduce", **options) as seen:
        seen.visit(home + picture.path.format(**place))
        picture.before(seen.page)
        seen.page.screenshot(path=file, animations="disabled")


def _place(shop: Shop) -> Mapping[str, str]:
    """Name one of each thing that has a page of its own."""
    orders = shop.bridge.orders.search(OrderQuery(status="paid", limit=1))
    return {
        "client_id": shop.client_id("web"),
        "order_id": orders[0].order_id,
        "cart_id": orders[0].cart_id,
        "refused_id": shop.bridge.journal.page(refused=True, limit=1)[0].request_id,
    }


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
