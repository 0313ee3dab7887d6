"""The example sites: their own pages, a storefront that buys from them, and money that arrives."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from orderflow_bridge.client.signing import sign
from tests.databases import (
    SHARED,
    databases,  # noqa: F401 -- a fixture
)
from tests.examples.hosting import (
    COMMAND,
    DJANGO,
    FLASK,
    ROOT,
    SERVERS,
    TOKEN,
    Host,
    Send,
    environ_of,
    run,
    serving,
    set_up,
)
from tests.live import need

ENVIRONMENTS = pytest.mark.skipif(
    os.environ.get("OFB_TEST_EXAMPLE_ENVS") != "1",
    reason="installs each example anew: set OFB_TEST_EXAMPLE_ENVS=1",
)
ADDRESS = {"name": "Zoë", "line1": "1 High Street", "city": "Leeds", "country": "GB"}


ADAPTERS = {"django": ("django",), "flask": ("sqlalchemy",)}
"""What an example needs that stands beside it, by its framework."""


class Visitor:
    """Whoever comes to a site: a person, a storefront, the payment provider."""

    def __init__(self, host: Host, send: Send, client_id: str, secret: str) -> None:
        self.host = host
        self.send = send
        self.client_id = client_id
        self.secret = secret

    def page(self, path: str) -> str:
        """Read a page as a person does: without its tags."""
        status, text = self.send("GET", path, {}, b"")
        assert status == 200, text
        assert text.startswith("<!doctype html>")
        bare = re.sub(r"(?s)<style>.*?</style>|<[^>]*>", " ", text)
        return " ".join(unescape(bare).split())

    def call(self, action: str, /, **fields: Any) -> tuple[int, Any]:
        """Call an action of the bridge as a storefront does."""
        body = json.dumps(fields).encode()
        headers = sign(
            client_id=self.client_id,
            secret=self.secret,
            action=action,
            body=body,
            timestamp=int(time.time()),
            idempotency_key=str(uuid4()),
        )
        status, text = self.send("POST", f"/bridge/{self.client_id}/{action}", headers, body)
        return status, json.loads(text)

    def order(self, intent: str, **item: Any) -> Any:
        """Buy two of what the host sells."""
        items = [{"sku": self.host.sku, "quantity": 2} | item]
        status, cart = self.call("cart.create", currency="GBP", items=items)
        assert status == 200, cart
        status, order = self.call(
            "convertToOrder",
            cart_id=cart["cart_id"],
            customer={"email": "zoe@example.com"},
            shipping_address=ADDRESS,
            payment_intent=intent,
            expected_total=cart["totals"]["total"],
        )
        assert status == 200, order
        return order

    def pay(
        self, body: object, *, authorization: str | None = f"Bearer {TOKEN}", method: str = "POST"
    ) -> tuple[int, str]:
        """Call the payment callback as the provider does."""
        headers = {"Content-Type": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        return self.send(method, self.host.callback, headers, json.dumps(body).encode())


def journey(visitor: Visitor) -> None:
    """Look, buy, and pay; see every page say so."""
    host = visitor.host
    shelf = visitor.page("/")
    assert host.name in shelf
    assert host.price in shelf
    assert "No order has been placed yet." in visitor.page(host.orders)

    status, refusal = visitor.call(
        "cart.create", currency="GBP", items=[{"sku": "not-here", "quantity": 1}]
    )
    assert (status, refusal["code"]) == (422, "unknown_sku")
    status, refusal = visitor.call(
        "cart.create", currency="EUR", items=[{"sku": host.sku, "quantity": 1}]
    )
    assert (status, refusal["code"]) == (422, "currency_not_supported")

    order = visitor.order("pi_first")
    assert order["status"] == "pending_payment"
    assert order["lines"][0]["name"].startswith(host.name)
    assert order["totals"]["total"] == 2 * host.pence
    page = visitor.page(host.orders)
    assert f"{order['number']} Pending payment" in page
    assert host.name in page
    assert "zoe@example.com" not in page

    settle_with_care(visitor, order)
    assert f"{order['number']} Paid" in visitor.page(host.orders)

    early = {"intent": "pi_early", "amount": 2 * host.pence, "currency": "GBP"}
    assert visitor.pay(early)[0] == 202
    assert visitor.order("pi_early")["status"] == "paid"

    marked = visitor.order("pi_marked", sku="x", unit_price=1, name="<script>alert(1)</script>")
    status, text = visitor.send("GET", host.orders, {}, b"")
    assert status == 200
    assert marked["number"] in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def settle_with_care(visitor: Visitor, order: Any) -> None:
    """Try the callback in every wrong way, and then in the right one, twice."""
    right = {"intent": "pi_first", "amount": order["totals"]["total"], "currency": "GBP"}
    for authorization in (None, "", "Bearer ", f"Bearer {TOKEN}x", "Bearer \xfc", TOKEN):
        assert visitor.pay(right, authorization=authorization)[0] == 401
    for wrong in (None, [], {}, right | {"amount": "1"}, right | {"amount": True}):
        assert visitor.pay(wrong)[0] == 400
    assert visitor.pay(right | {"intent": "x y z ?"})[0] == 400
    assert visitor.pay(right, method="GET")[0] == 405
    status, text = visitor.pay(right | {"amount": right["amount"] - 1})
    assert (status, json.loads(text)["error"]) == (422, "payment_mismatch")
    assert visitor.pay(right | {"currency": "EUR"})[0] == 422
    assert f"{order['number']} Pending payment" in visitor.page(visitor.host.orders)
    for _ in range(2):
        status, text = visitor.pay(right)
        assert status == 200, text
        assert json.loads(text) == {"order": order["number"], "status": "paid"}


def visit(server: str, python: Path, tmp_path: Path) -> None:
    """Set a host up, run it, and take the journey."""
    host, _, arguments = SERVERS[server]
    environ = environ_of(tmp_path)
    client_id, secret = set_up(python, host, environ)
    log = tmp_path / "server.log"
    with serving(python, *arguments, cwd=host.folder, environ=environ, log=log) as send:
        journey(Visitor(host, send, client_id, secret))
    assert secret not in log.read_text(errors="replace")


# The journeys.


@pytest.fixture
def make_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Give a function that makes the Flask example in this process, where the keys are made."""
    for module in FLASK.needs:
        need(module)
    environ = environ_of(tmp_path)
    run(
        Path(sys.executable),
        "-c",
        COMMAND,
        "init",
        "--keys-only",
        cwd=FLASK.folder,
        environ=environ,
    )
    for name in ("ORDERFLOW_BRIDGE_HOME", "SHOP_DATABASE", "SHOP_PAYMENT_TOKEN"):
        monkeypatch.setenv(name, environ[name])
    monkeypatch.syspath_prepend(str(FLASK.folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("app", "catalogue"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    made: list[Any] = []

    def make() -> Any:
        made.append(import_module("app").create_app())
        return made[-1]

    yield make
    for app in made:
        app.extensions["orderflow_bridge"].close()
        app.extensions["engine"].dispose()
    for name in ("app", "catalogue"):
        sys.modules.pop(name, None)


def storefront(app: Any) -> Visitor:
    """Make a storefront of the Flask example in this process."""
    scopes = ["carts:read", "carts:write", "orders:read", "orders:write", "prices:write"]
    made = app.extensions["orderflow_bridge"].connections.create("Tea blog", scopes=scopes)
    return Visitor(FLASK, in_process(app), made.connection.client_id, made.secret)


def in_process(app: Any) -> Send:
    """Make a `Send` through WebTest, with its lint on."""
    webtest = pytest.importorskip("webtest")
    client = webtest.TestApp(app)

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        request = webtest.TestRequest.blank(path, method=method, headers=dict(headers))
        request.body = body
        answer = client.do_request(request, status="*")
        return answer.status_int, answer.body.decode()

    return send


@pytest.mark.parametrize("kind", SHARED)
def test_the_flask_shop_sells_through_its_bridge(kind, databases, make_app, monkeypatch):  # noqa: F811 -- a fixture
    if kind != "sqlite":
        url = databases.fresh(f"sqlalchemy-{kind}").removeprefix("sqlalchemy+")
        monkeypatch.setenv("SHOP_DATABASE", url)
    journey(storefront(make_app()))


def test_the_flask_shops_storage_is_swapped_by_one_line(make_app, monkeypatch, tmp_path):
    """The README's line keeps carts and orders where the settings say, and the shop sells on."""
    line = "storage = SQLAlchemyStorage(engine, metadata=Base.metadata)"
    [other] = re.findall(r"`(storage = .+?)`", (FLASK.folder / "README.md").read_text())
    source = (FLASK.folder / "app.py").read_text()
    assert source.count(line) == 1
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    changed = source.replace(line, other)
    (swapped / "app.py").write_text(
        changed.replace("Path(__file__)", f"Path({str(FLASK.folder / 'app.py')!r})")
    )
    monkeypatch.syspath_prepend(str(swapped))
    app = make_app()
    app.root_path = str(FLASK.folder)
    assert app.extensions["orderflow_bridge"].storage_name.startswith("PeeweeStorage")
    journey(storefront(app))


def test_the_django_shops_storage_is_swapped_by_one_line(tmp_path):
    """The README's line keeps carts and orders in a file beside the shop's, and it sells on."""
    for module in DJANGO.needs:
        need(module)
    folder = tmp_path / "django_host"
    shutil.copytree(DJANGO.folder, folder, ignore=shutil.ignore_patterns("*.db*", "*.keys"))
    [line] = re.findall(r'`("STORAGE": .+?)`', (folder / "README.md").read_text())
    settings = folder / "bookshop" / "settings.py"
    before = "ORDERFLOW_BRIDGE = {\n"
    assert settings.read_text().count(before) == 1
    settings.write_text(settings.read_text().replace(before, f"{before}    {line},\n"))
    host = DJANGO._replace(folder=folder)
    environ = environ_of(tmp_path)
    client_id, secret = set_up(Path(sys.executable), host, environ)
    _, _, arguments = SERVERS["django-wsgi"]
    log = tmp_path / "server.log"
    with serving(Path(sys.executable), *arguments, cwd=folder, environ=environ, log=log) as send:
        journey(Visitor(host, send, client_id, secret))
    assert (folder / "bridge.db").exists()


def test_without_a_token_no_payment_is_believed(make_app, monkeypatch):
    monkeypatch.delenv("SHOP_PAYMENT_TOKEN")
    visitor = storefront(make_app())
    order = visitor.order("pi_first")
    body = {"intent": "pi_first", "amount": order["totals"]["total"], "currency": "GBP"}
    for authorization in (None, "Bearer ", f"Bearer {TOKEN}"):
        assert visitor.pay(body, authorization=authorization)[0] == 503


@pytest.mark.parametrize("server", SERVERS)
def test_a_host_sells_under_its_server(server, tmp_path):
    host, needed, _ = SERVERS[server]
    for module in (host.framework, *host.needs, needed):
        need(module)
    visit(server, Path(sys.executable), tmp_path)


@pytest.mark.parametrize("host", [FLASK, DJANGO], ids=["flask", "django"])
def test_a_host_that_is_not_set_up_says_what_to_run(host, tmp_path):
    for module in (host.framework, *host.needs):
        need(module)
    words = {"flask": ("-c", "import app; app.create_app()"), "django": ("manage.py", "check")}
    done = subprocess.run(
        [sys.executable, *words[host.framework]],
        cwd=host.folder,
        env=environ_of(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "run `orderflow-bridge init`" in done.stderr


def test_the_django_shops_migrations_are_complete(tmp_path):
    need("django")
    need("orderflow_bridge_django")
    environ = environ_of(tmp_path)
    run(
        Path(sys.executable),
        "-c",
        COMMAND,
        "init",
        "--keys-only",
        cwd=DJANGO.folder,
        environ=environ,
    )
    words = ("manage.py", "makemigrations", "--check", "--dry-run")
    run(Path(sys.executable), *words, cwd=DJANGO.folder, environ=environ)


@ENVIRONMENTS
@pytest.mark.parametrize("server", SERVERS)
def test_a_host_sells_in_an_environment_of_its_own(server, tmp_path):
    host, needed, _ = SERVERS[server]
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    requirements = ("-r", str(host.folder / "requirements.txt"))
    adapters = [str(ROOT / "adapters" / name) for name in ADAPTERS.get(host.framework, ())]
    extra = () if needed == host.framework else (needed,)
    words = ("-m", "pip", "install", "--quiet", str(ROOT), *adapters, *requirements, *extra)
    run(python, *words, cwd=tmp_path, environ=environ_of(tmp_path))
    visit(server, python, tmp_path)
