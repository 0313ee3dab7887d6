"""From nothing to a paid order, in a browser: on the demo, and on each example site."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from orderflow_bridge.client.signing import sign
from tests.browser.browsing import watched
from tests.examples.hosting import (
    COMMAND,
    DJANGO,
    FLASK,
    SERVERS,
    TOKEN,
    Host,
    environ_of,
    prepare,
    run,
    running,
)
from tests.live import need

PYTHON = Path(sys.executable)
OPERATOR, PASSWORD = "grace", "a long enough password"
ADDRESS = {"name": "Zoë", "line1": "1 High Street", "city": "Leeds", "country": "GB"}


class Site(NamedTuple):
    """A running site: where it is, what it sells, and how an operator gets in.

    `word` is what its console asks for before it shows a secret; `callback` is where its payment
    provider calls, None where the operator sees the money arrive.
    """

    url: str
    sku: str
    sign_in: Callable[[Any], None]
    word: tuple[str, str]
    callback: str | None = None


@contextmanager
def demo(tmp_path: Path) -> Iterator[Site]:
    """Run `orderflow-bridge demo`, and read what it prints."""
    words = ("-c", COMMAND, "demo", "--json", "--folder", str(tmp_path / "shop"))
    with subprocess.Popen(
        [PYTHON, *words], cwd=tmp_path, env=environ_of(tmp_path), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            told = _document(process)
            url = told["bridge"].removesuffix("/bridge")
            yield Site(url, "MUG-BLUE", _by_link(told["console"]), ("Type confirm", "confirm"))
        finally:
            process.terminate()


def _document(process: "subprocess.Popen[str]") -> Any:
    """Read one JSON document from a process that goes on."""
    text = ""
    for line in process.stdout:
        text += line
        try:
            return json.loads(text)
        except ValueError:
            continue
    pytest.fail(f"the demo ended, and printed {text!r}")


@contextmanager
def flask(tmp_path: Path) -> Iterator[Site]:
    """Run the Flask shop as its README says, and make a link."""
    environ = environ_of(tmp_path)
    with _example("flask", FLASK, tmp_path, environ) as url:
        words = (*FLASK.command, "console", "link", "--json", "--url", f"{url}/bridge-console")
        link = json.loads(run(PYTHON, *words, cwd=FLASK.folder, environ=environ))["url"]
        yield Site(url, FLASK.sku, _by_link(link), ("Type confirm", "confirm"), FLASK.callback)


@contextmanager
def django(tmp_path: Path) -> Iterator[Site]:
    """Run the bookshop as its README says, with somebody for its admin."""
    environ = environ_of(tmp_path) | {
        "DJANGO_DEBUG": "1",
        "DJANGO_SUPERUSER_USERNAME": OPERATOR,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "DJANGO_SUPERUSER_EMAIL": "grace@shop.example",
    }
    with _example("django-wsgi", DJANGO, tmp_path, environ) as url:
        words = ("manage.py", "createsuperuser", "--noinput")
        run(PYTHON, *words, cwd=DJANGO.folder, environ=environ)

        def sign_in(page: Any) -> None:
            # The admin has no icon, and the browser asks for one all the same.
            page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
            page.goto(f"{url}/admin/")
            page.get_by_label("Username").fill(OPERATOR)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.goto(f"{url}/bridge-console/")

        yield Site(url, DJANGO.sku, sign_in, (f"Password of {OPERATOR}", PASSWORD))


@contextmanager
def _example(server: str, host: Host, tmp_path: Path, environ: dict[str, str]) -> Iterator[str]:
    for module in (host.framework, *host.needs):
        need(module)
    prepare(PYTHON, host, environ)
    _, _, words = SERVERS[server]
    log = tmp_path / "server.log"
    with running(PYTHON, *words, cwd=host.folder, environ=environ, log=log) as port:
        yield f"http://127.0.0.1:{port}"


def _by_link(link: str) -> Callable[[Any], None]:
    def sign_in(page: Any) -> None:
        page.goto(link)
        page.get_by_role("button", name="Sign in").click()

    return sign_in


class Storefront(NamedTuple):
    """Somebody else's server, which knows an address, a key and a secret."""

    url: str
    client_id: str
    secret: str

    def call(self, action: str, /, **fields: Any) -> tuple[int, Any]:
        """Sign and send; give status and answer."""
        body = json.dumps(fields).encode()
        headers = sign(
            client_id=self.client_id,
            secret=self.secret,
            action=action,
            body=body,
            timestamp=int(time.time()),
            idempotency_key=str(uuid4()),
        )
        return _post(f"{self.url}/bridge/{self.client_id}/{action}", body, headers)


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    request = Request(url, body, {"Content-Type": "application/json", **headers})
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


@pytest.mark.parametrize("host", [demo, flask, django], ids=lambda host: host.__name__)
def test_an_operator_comes_from_nothing_to_a_paid_order(browser, host, tmp_path):
    """Connect a storefront, see why it is refused, see its order come, and see it paid."""
    with host(tmp_path) as site, watched(browser) as seen:
        page = seen.page
        site.sign_in(page)
        client_id, secret = connect(page, site)
        first_call(page, site, client_id, secret)
        cart_id = fail_then_call(page, site, client_id, secret)
        status, order = Storefront(site.url, client_id, secret).call(
            "convertToOrder",
            cart_id=cart_id,
            customer={"email": "zoe@shop.example"},
            shipping_address=ADDRESS,
            payment_intent="pi_first_order",
        )
        assert status == 200, order
        page.get_by_role("link", name="Orders", exact=True).click()
        row = page.get_by_role("row", name=order["number"])
        row.get_by_text("Pending payment").wait_for()
        pay(page, site, order)
        page.get_by_role("link", name="Orders", exact=True).first.click()
        row.get_by_text("Paid").wait_for()


def connect(page: Any, site: Site) -> tuple[str, str]:
    """Make a connection that lets this address in; give its key and its secret."""
    page.get_by_role("link", name="Connections", exact=True).click()
    page.get_by_role("link", name="New inbound").click()
    page.get_by_label("Name", exact=True).fill("Tea blog")
    page.get_by_label("Default currency").select_option("GBP")
    page.get_by_role("button", name="Add my current address").click()
    assert page.get_by_label("Allowed addresses").input_value() == "127.0.0.1"
    assert page.get_by_label("Name", exact=True).input_value() == "Tea blog"
    page.get_by_role("button", name="Create connection").click()
    page.get_by_text("The connection is made.").wait_for()
    page.get_by_role("button", name="Reveal the secret").click()
    label, word = site.word
    page.get_by_label(label).fill(word)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("That it was shown is in the audit").wait_for()
    key, secret = page.locator("dd.secret code").all_text_contents()
    assert secret.startswith("ofs_")
    return key, secret


def first_call(page: Any, site: Site, client_id: str, secret: str) -> None:
    """Call for the first time, while the operator looks at the secret and waits for it."""
    recent = page.locator("#recent")
    recent.get_by_text("None yet.").wait_for()
    status, _ = Storefront(site.url, client_id, secret).call(
        "cart.create", items=[{"sku": site.sku, "quantity": 1}]
    )
    assert status == 200
    recent.get_by_text("cart.create").wait_for()
    recent.get_by_text("allowed", exact=True).wait_for()
    assert page.locator("dd.secret code").all_text_contents() == [client_id, secret]


def fail_then_call(page: Any, site: Site, client_id: str, secret: str) -> str:
    """Call with a wrong secret and then with the right one, while the operator watches."""
    items = [{"sku": site.sku, "quantity": 1}]
    page.get_by_role("link", name="Requests", exact=True).first.click()
    page.evaluate("window.stays = true")
    wrong = Storefront(site.url, client_id, f"ofs_{'A' * 43}")
    status, refusal = wrong.call("cart.create", items=items)
    assert (status, refusal["code"]) == (401, "authentication_failed")
    table = page.get_by_role("table", name="Requests, newest first")
    table.get_by_text("authentication_failed").wait_for()
    status, cart = Storefront(site.url, client_id, secret).call("cart.create", items=items)
    assert status == 200, cart
    table.get_by_text("allowed", exact=True).first.wait_for()
    assert page.evaluate("window.stays"), "the page was loaded anew"
    row = table.get_by_role("row").filter(has_text="authentication_failed").first
    row.get_by_role("link").click()
    page.get_by_role("heading", name="Why it was refused, and what to do").wait_for()
    page.get_by_text("Refused at signature").first.wait_for()
    page.get_by_text("The signature is wrong").first.wait_for()
    assert secret not in page.content()
    return cart["cart_id"]


def pay(page: Any, site: Site, order: Any) -> None:
    """Let the money arrive: at the site's callback, or before the operator's eyes."""
    page.get_by_role("link", name=order["number"]).click()
    if site.callback is not None:
        total = {"amount": order["totals"]["total"], "currency": order["currency"]}
        body = json.dumps({"intent": "pi_first_order"} | total).encode()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert _post(f"{site.url}{site.callback}", body, headers)[0] == 200
        page.reload()
    else:
        page.get_by_text("Mark as paid").first.click()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Mark as paid").click()
        page.get_by_text("The payment is recorded, and the order is paid.").wait_for()
    page.get_by_text("Payment arrived").wait_for()
