"""The console under any prefix, behind WSGI and ASGI: every reference leads to where it should."""

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest

from orderflow_bridge.console import (
    BridgeConsole,
    ConsoleASGI,
    ConsoleWSGI,
    Operator,
    StandaloneAuth,
)
from tests.console.stage import PASSWORD, open_bridge, settled
from tests.hosts.hosts import optional

optional("jinja2")


def console():
    bridge = open_bridge(operators=(settled("anna", "admin"),))
    return BridgeConsole(bridge, identify=StandaloneAuth(bridge))


class ByWSGI:
    """A browser of a site that runs under SCRIPT_NAME."""

    def __init__(self, prefix, mount):
        webtest = optional("webtest")
        self.app = webtest.TestApp(
            ConsoleWSGI(console=console(), mount=mount), extra_environ={"SCRIPT_NAME": prefix}
        )
        self.prefix = prefix

    def get(self, path):
        answer = self.app.get(path.removeprefix(self.prefix), status="*")
        return answer.status_int, answer.headers, answer.text

    def post(self, path, fields):
        answer = self.app.post(path.removeprefix(self.prefix), fields, status="*")
        return answer.status_int, answer.headers, answer.text


class ByASGI:
    """A browser of a site that runs under root_path."""

    def __init__(self, prefix, mount):
        testclient = optional("starlette.testclient")
        self.client = testclient.TestClient(
            ConsoleASGI(console=console(), mount=mount),
            base_url="http://localhost",
            root_path=prefix,
            follow_redirects=False,
        )

    def get(self, path):
        answer = self.client.get(path)
        return answer.status_code, answer.headers, answer.text

    def post(self, path, fields):
        answer = self.client.post(path, data=fields)
        return answer.status_code, answer.headers, answer.text


class ByStarlette(ByASGI):
    """A browser of a Starlette site that mounts the console as an application."""

    def __init__(self, prefix, mount):
        testclient = optional("starlette.testclient")
        applications = optional("starlette.applications")
        site = applications.Starlette()
        site.mount(prefix + mount, ConsoleASGI(console=console(), mount="/"))
        self.client = testclient.TestClient(
            site, base_url="http://localhost", follow_redirects=False
        )


def resolved(page, reference):
    """Resolve a relative reference as a browser does (RFC 3986, section 5.2)."""
    whole = urlsplit(urljoin(f"http://localhost{page}", reference))
    assert whole.netloc == "localhost"
    return whole.path + (f"?{whole.query}" if whole.query else "")


@pytest.mark.parametrize("browser_of", [ByWSGI, ByASGI, ByStarlette])
@pytest.mark.parametrize(
    ("prefix", "mount"),
    [("", "/bridge-console"), ("/shop", "/bridge-console"), ("/a/b", "/c/d"), ("/shop", "/")],
)
def test_an_operator_gets_in_and_around_under_any_prefix(browser_of, prefix, mount):
    """From the mount's own path to a page, by references alone, and no step leaves the mount."""
    if browser_of is ByStarlette and mount == "/":
        pytest.skip("a mount of Starlette's has no slash behind")
    browser = browser_of(prefix, mount)
    at = prefix + mount.rstrip("/")
    page, seen = f"{at}/connections", []
    status, headers, text = browser.get(page)
    assert status == 303
    page = resolved(page, headers["Location"])
    assert page.startswith(f"{at}/sign-in?next=")
    status, headers, text = browser.get(page)
    assert status == 200
    for reference in re.findall(r'(?:href|src)="([^"#]+)"', text):
        target = resolved(page, reference)
        assert target.startswith(f"{at}/")
        if "/static/" in target:
            assert browser.get(target)[0] == 200
            seen.append(target)
    assert len(seen) >= 3
    action = resolved(page, re.search(r'action="([^"]+)"', text)[1])
    token = re.search(r'name="csrf" value="([^"]+)"', text)[1]
    status, headers, text = browser.post(
        action,
        {"csrf": token, "name": "anna", "password": PASSWORD, "next": "/connections"},
    )
    assert status == 303
    page = resolved(action, headers["Location"])
    assert page == f"{at}/connections"
    status, headers, text = browser.get(page)
    assert status == 200
    assert "anna" in text
    for reference in re.findall(r'(?:href|src|action)="([^"#]+)"', text):
        assert resolved(page, reference).startswith(f"{at}/")


@pytest.mark.parametrize("prefix", ["", "/shop", "/größe"])
@pytest.mark.parametrize("shell", ["wsgi", "asgi", "flask"])
def test_snippets_name_the_bridge_beside_the_console(shell, prefix):
    """Where the whole site runs under a prefix, the bridge is under it, too."""
    console, client_id = operated()
    page = f"/bridge-console/connections/{client_id}"
    environ = {"SCRIPT_NAME": prefix.encode().decode("latin-1")}
    webtest = optional("webtest")
    if shell == "wsgi":
        text = webtest.TestApp(ConsoleWSGI(console=console), environ).get(page).text
    elif shell == "flask":
        site = optional("flask").Flask("shop")
        optional("orderflow_bridge.console.flask").mount_console(site, console)
        text = webtest.TestApp(site, environ).get(page).text
    else:
        client = optional("starlette.testclient").TestClient(
            ConsoleASGI(console=console), base_url="http://localhost", root_path=prefix
        )
        text = client.get(prefix + page).text
    [url] = set(re.findall(r"http://localhost(?::80)?(/[^\s&<\"]*bridge)(?=&|<|\s)", text))
    assert url == f"{quote(prefix)}/bridge"


def test_a_console_that_the_site_mounted_names_no_prefix():
    """That is its own place, and the bridge has another."""
    console, client_id = operated()
    app = optional("webtest").TestApp(ConsoleWSGI(console=console, mount="/"))
    page = app.get(f"/connections/{client_id}", extra_environ={"SCRIPT_NAME": "/desk"})
    assert "http://localhost:80/bridge<" in page


def operated():
    """Give a console that lets an admin in, and the key of its one connection."""
    bridge = open_bridge()
    made = bridge.connections.create("Shop", scopes=["carts:read"])
    admin = Operator(name="ada", role="admin")
    console = BridgeConsole(bridge, identify=lambda _request: admin)
    return console, made.connection.client_id


@pytest.mark.parametrize("browser_of", [ByWSGI, ByASGI])
def test_the_cookie_is_for_the_mount_as_the_browser_sees_it(browser_of):
    """Without TLS the cookie's path is prefix and mount together."""
    _, headers, _ = browser_of("/shop", "/bridge-console").get("/shop/bridge-console/sign-in")
    assert "; Path=/shop/bridge-console; " in headers["Set-Cookie"]


def test_a_mount_without_a_slash_leads_into_it():
    """Whoever types the mount without its slash comes in."""
    for browser_of in (ByWSGI, ByASGI):
        status, headers, _ = browser_of("/shop", "/bridge-console").get("/shop/bridge-console")
        assert status == 303
        assert resolved("/shop/bridge-console", headers["Location"]) == "/shop/bridge-console/"
