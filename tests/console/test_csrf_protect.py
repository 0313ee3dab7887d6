"""A Flask site that checks its own forms with Flask-WTF, and what it has of ours."""

import json
from importlib import import_module

import pytest

from orderflow_bridge.console import BridgeConsole, ConsoleWSGI
from orderflow_bridge.wsgi import BridgeWSGI
from tests.console.stage import AT, by_header, form_of, form_token_of, open_bridge
from tests.hosts.hosts import optional
from tests.rig import ALL_SCOPES, CATALOGUE, Storefront, item

optional("jinja2")

ANNA = {"HTTP_X_TEST_OPERATOR": "anna admin"}


@pytest.fixture
def site():
    """Make a site that answers a form at /buy, and gives the token for it at /token."""
    flask, _ = optional("flask"), optional("flask_login")
    protection = optional("flask_wtf.csrf")
    app = flask.Flask("shop")
    app.secret_key = "a key of the test's own"
    app.csrf = protection.CSRFProtect(app)
    app.add_url_rule("/buy", "buy", lambda: "bought", methods=["POST"])
    app.add_url_rule("/token", "token", protection.generate_csrf)
    return app


@pytest.fixture
def bridge():
    opened = open_bridge()
    opened.catalogue.put(CATALOGUE)
    return opened


def flask_browser(site):
    return optional("webtest").TestApp(site, extra_environ=ANNA)


def holds(app):
    """Hold the site to its own check."""
    app.post("/buy", {}, status=400)
    token = app.get("/token").text
    app.post("/buy", {"csrf_token": token}, status=200)


def mounted(site, bridge):
    """Put a console into the site; give the view."""
    ours = import_module("orderflow_bridge.console.flask")
    return ours.mount_console(site, BridgeConsole(bridge, identify=by_header), AT)


def test_the_console_inside_the_site_is_exempt(site, bridge):
    """With the one line of the manual its forms act, and every other form is checked as before."""
    site.csrf.exempt(mounted(site, bridge))
    app = flask_browser(site)
    page = app.get(f"{AT}/connections/new")
    page.form["name"] = "Shop A"
    page.form.submit(status=303)
    [made] = bridge.connections.all()
    page = app.get(f"{AT}/connections/{made.client_id}")
    asked = form_of(page, "reveal").submit(status=200)
    asked.form["word"] = "confirm"
    assert bridge.connections.reveal(made.client_id).secret in asked.form.submit(status=200)
    holds(app)


def test_an_exempt_console_has_its_own_guards(site, bridge):
    """A form without the console's own token, and another site's, change nothing."""
    site.csrf.exempt(mounted(site, bridge))
    app = flask_browser(site)
    fields = {"name": "Shop A", "status": "enabled", "window": "60", "scope-carts": "read"}
    new = f"{AT}/connections/new"
    app.post(new, fields, status=403)
    app.post(new, fields | {"csrf_token": app.get("/token").text}, status=403)
    fields["csrf"] = form_token_of(app.get(new))
    app.post(new, fields, headers={"Sec-Fetch-Site": "cross-site"}, status=403)
    assert not bridge.connections.all()
    app.post(new, fields, status=303)


def test_a_console_that_is_not_exempt_says_so(site, bridge):
    """Flask-WTF refuses its forms with a message of its own, and nothing happens."""
    mounted(site, bridge)
    app = flask_browser(site)
    page = app.get(f"{AT}/connections/new")
    page.form["name"] = "Shop A"
    assert "CSRF" in page.form.submit(status=400)
    assert not bridge.connections.all()


def test_a_console_around_the_site_is_not_the_sites_business(site, bridge):
    """Its forms never reach the site, so that nothing is exempt."""
    console = BridgeConsole(bridge, identify=by_header)
    app = optional("webtest").TestApp(ConsoleWSGI(site, console=console), extra_environ=ANNA)
    page = app.get(f"{AT}/connections/new")
    page.form["name"] = "Shop A"
    page.form.submit(status=303)
    assert len(bridge.connections.all()) == 1
    holds(app)


def test_a_signed_request_is_not_the_sites_business(site, bridge):
    """The bridge around the site answers it, and the site's own forms are checked as before."""
    made = bridge.connections.create("A storefront", scopes=ALL_SCOPES, currency="GBP")
    front = Storefront(bridge, made.connection.client_id, made.secret, bridge.clock)
    site.wsgi_app = BridgeWSGI(site.wsgi_app, bridge=bridge)
    app = flask_browser(site)
    body = json.dumps({"items": [item("mug")]}).encode()
    headers = front.headers("cart.create", body, key="key-1")
    path = f"/bridge/{front.client_id}/cart.create"
    answer = app.post(path, body, headers, content_type="application/json", status=200)
    assert answer.json["totals"]["item_count"] == 1
    holds(app)
