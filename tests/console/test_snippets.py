"""The snippets of the inspector: each is run as a storefront's developer runs it."""

import hmac
import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256

import pytest

from orderflow_bridge.cli.serving import DevelopmentServer, site
from orderflow_bridge.console.snippets import env_block, snippets
from orderflow_bridge.domain.connection import PRESETS
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.system import SystemClock
from tests.console.inbound import operating
from tests.hosts.hosts import optional
from tests.rig import open_shop

optional("jinja2")

URL = "https://shop.example/o'bridge"
CLIENT = "ofc_7fk2mq9xt4b8c3d5e6g7"
RUN = {
    "shell": ("s.sh", "sh"),
    "python": ("s.py", sys.executable),
    "node": ("s.mjs", "node"),
    "php": ("s.php", "php"),
}
NEEDED = {"shell": ("curl", "openssl"), "python": (), "node": (), "php": ()}
PHP_ALONE = ("php",)
"""What is not everywhere: its text is compared, too."""


def written(
    name, *, url=URL, scopes=PRESETS["storefront"], client_id=CLIENT, currency=None, sku=None
):
    every = snippets(url=url, client_id=client_id, scopes=scopes, currency=currency, sku=sku)
    return next(one for one in every if one.name == name).code


def need(*programs):
    """Skip where a program is missing; in CI that is a failure, but for PHP."""
    for program in programs:
        if shutil.which(program) is None:
            fails = os.environ.get("CI") and program not in PHP_ALONE
            (pytest.fail if fails else pytest.skip)(f"{program} is not installed")


def run(folder, name, code, secret):
    file, program = RUN[name]
    need(program, *NEEDED[name])
    (folder / file).write_text(code)
    environ = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    if secret is not None:
        environ["ORDERFLOW_BRIDGE_SECRET"] = secret
    return subprocess.run(
        [program, file],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def served():
    """Serve a bridge whose clock is right, on the loopback."""
    bridge = open_shop(clock=SystemClock()).bridge
    server = DevelopmentServer(
        site(bridge, with_console=False), host="127.0.0.1", port=0, threads=2, quiet=True
    )
    with server.running():
        yield bridge, f"{server.url}/bridge"


@pytest.mark.parametrize("name", RUN)
class TestEach:
    def test_it_makes_a_cart_as_it_is_pasted(self, served, tmp_path, name):
        """With nothing but the secret in the environment; it prints the cart."""
        bridge, url = served
        made = bridge.connections.create("Shop", scopes=PRESETS["storefront"], currency="GBP")
        code = written(name, url=url, client_id=made.connection.client_id, currency="GBP")
        ended = run(tmp_path, name, code, made.secret)
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)["currency"] == "GBP"

    @pytest.mark.parametrize("sku", ["mug", """o'"$(x)`\\é <ACTION>"""])
    def test_it_puts_a_product_into_the_cart(self, served, tmp_path, name, sku):
        """Whatever the sku is: it is text in every language."""
        bridge, url = served
        bridge.catalogue.put([CatalogueEntry(sku=sku, name="Mug", prices={"GBP": 339})])
        made = bridge.connections.create("Shop", scopes=PRESETS["storefront"])
        client_id = made.connection.client_id
        code = written(name, url=url, client_id=client_id, currency="GBP", sku=sku)
        ended = run(tmp_path, name, code, made.secret)
        [line] = json.loads(ended.stdout)["lines"]
        assert (line["sku"], line["quantity"]) == (sku, 1)

    def test_it_lists_orders_where_it_may_only_read(self, served, tmp_path, name):
        """A connection for reports is not shown what it may not do."""
        bridge, url = served
        made = bridge.connections.create("Reports", scopes=PRESETS["reporting"])
        code = written(
            name, url=url, client_id=made.connection.client_id, scopes=PRESETS["reporting"]
        )
        ended = run(tmp_path, name, code, made.secret)
        assert json.loads(ended.stdout)["orders"] == []

    def test_it_prints_why_it_was_refused(self, served, tmp_path, name):
        """A wrong secret is a signature that does not fit, and the answer says that."""
        bridge, url = served
        made = bridge.connections.create("Shop", scopes=PRESETS["storefront"])
        code = written(name, url=url, client_id=made.connection.client_id)
        ended = run(tmp_path, name, code, "ofs_" + "A" * 43)
        assert json.loads(ended.stdout)["code"] == "authentication_failed"

    def test_it_stops_without_the_secret(self, tmp_path, name):
        """And names the variable."""
        ended = run(tmp_path, name, written(name), None)
        assert "ORDERFLOW_BRIDGE_SECRET" in ended.stdout + ended.stderr

    def test_its_secret_is_in_the_environment_alone(self, name):
        """Nothing to take out before it is committed."""
        assert "ofs_" not in written(name)
        assert CLIENT in written(name)

    def test_a_quote_in_a_mount_breaks_nothing(self, name):
        """The address is text, in whatever language."""
        code = written(name)
        shown = {
            "shell": """'https://shop.example/o'"'"'bridge'""",
            "php": r"'https://shop.example/o\'bridge'",
        }
        assert shown.get(name, f'"{URL}"') in code


def test_php_signs_as_the_protocol_says():
    """Its text to sign and its key, joined by this test as PHP joins them."""
    code = written("php")
    [pieces] = re.findall(r'implode\("\\n", \[(.*)\]\);', code)
    values = {
        "'OFB1-HMAC-SHA256'": "OFB1-HMAC-SHA256",
        "$now": "1767225600",
        "$client": CLIENT,
        '"POST $action"': "POST cart.create",
        "$key": "",
        "$digest": sha256(b"{}").hexdigest(),
    }
    text = "\n".join(values[piece] for piece in pieces.split(", "))
    secret = b"ofs_RVhBTVBMRS1PTkxZLU5FVkVSLUlOLVBST0RVQ1RJT04"
    mac = hmac.new(secret, text.encode(), "sha256").hexdigest()
    assert mac == "49feeaba0d346c420a18c43066ecc12244d25a06924f7488828841830121fc89"
    assert "hash_hmac('sha256', $text, $secret)" in code
    assert "hash('sha256', $body)" in code


def test_the_env_block_has_both_variables():
    """As the package's own commands read them."""
    assert env_block(CLIENT, "ofs_x") == (
        f"ORDERFLOW_BRIDGE_CLIENT_ID={CLIENT}\nORDERFLOW_BRIDGE_SECRET=ofs_x\n"
    )


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("shop.example", "http://shop.example/bridge"),
        ("shop.example:8080", "http://shop.example:8080/bridge"),
        ("[::1]:8000", "http://[::1]:8000/bridge"),
        ("a'b", "http://shop.example/bridge"),
        ("$(reboot)", "http://shop.example/bridge"),
    ],
)
def test_the_address_is_the_one_that_the_browser_uses(host, url):
    """What is no host is not written into a program."""
    ada = operating()
    made = ada.bridge.connections.create("Shop A", scopes=["carts:read"])
    path = f"/connections/{made.connection.client_id}"
    page = ada.get(path, extra_environ={"HTTP_HOST": host})
    for name in RUN:
        assert url in page.html.find(id=f"snippet-{name}").get_text()
    assert "the public address counts" in page


@pytest.mark.parametrize(
    ("default", "sold", "body"),
    [
        (None, True, {"currency": "GBP", "items": [{"sku": "b", "quantity": 1}]}),
        ("EUR", True, {"currency": "EUR", "items": [{"sku": "c", "quantity": 1}]}),
        ("USD", True, {"currency": "USD"}),
        (None, False, {"currency": "EUR"}),
    ],
)
def test_the_first_cart_holds_what_is_for_sale(default, sold, body):
    """In the connection's currency, or else in one that there is a price in."""
    ada = operating()
    if sold:
        ada.bridge.catalogue.put(
            [
                CatalogueEntry(sku="a", name="A", prices={"GBP": 1}, active=False),
                CatalogueEntry(sku="a2", name="A", prices={"GBP": 1}, stock=0),
                CatalogueEntry(sku="b", name="B", prices={"GBP": 1}),
                CatalogueEntry(sku="c", name="C", prices={"EUR": 1, "GBP": 1}),
            ]
        )
    made = ada.bridge.connections.create("Shop", scopes=PRESETS["storefront"], currency=default)
    page = ada.get(f"/connections/{made.connection.client_id}")
    assert json.dumps(body) in page.html.find(id="snippet-shell").get_text()
    assert "convertToOrder" in page
    # An empty cart becomes no order, so the page says how it is filled.
    assert ("items.add" in page) == ("items" not in body)


def test_who_may_not_order_is_not_told_how():
    """A connection that only reads makes no order."""
    ada = operating()
    made = ada.bridge.connections.create("Reports", scopes=PRESETS["reporting"])
    assert "convertToOrder" not in ada.get(f"/connections/{made.connection.client_id}")


@pytest.mark.parametrize(
    ("prices", "chosen"),
    [([{"GBP": 1}, {"GBP": 2}], "GBP"), ([{"GBP": 1}, {"EUR": 2}], ""), ([], "")],
)
def test_the_only_currency_is_chosen_already(prices, chosen):
    """In the form of a new connection; where there are several, nobody chooses for the operator."""
    ada = operating()
    ada.bridge.catalogue.put(
        [CatalogueEntry(sku=f"s{n}", name="S", prices=one) for n, one in enumerate(prices)]
    )
    assert ada.get("/connections/new").forms[0]["currency"].value == chosen


def test_a_browser_that_came_by_tls_is_shown_tls():
    """Also where a proxy in front hides that from the bridge."""
    ada = operating()
    made = ada.bridge.connections.create("Shop A", scopes=["carts:read"])
    page = ada.get(
        f"/connections/{made.connection.client_id}",
        headers={"Sec-Fetch-Site": "none"},
        extra_environ={"HTTP_HOST": "shop.example"},
    )
    assert "https://shop.example/bridge" in page
