"""Whose request it is where the site signs people in: Flask-Login, Starlette, a proxy."""

from importlib import import_module
from urllib.parse import quote

import pytest

from orderflow_bridge.console import (
    BridgeConsole,
    ConsoleASGI,
    ConsoleWSGI,
    Request,
    StandaloneAuth,
)
from orderflow_bridge.console.proxy import ProxyHeaderAuth
from orderflow_bridge.console.starlette import StarletteUserAuth
from orderflow_bridge.domain.errors import ConfigurationError
from tests.console.stage import AT, browser, form_of, form_token_of, open_bridge
from tests.hosts.hosts import optional

optional("jinja2")

ROLES = {"anna": "admin", "vera": "viewer"}


# Flask.


def flask_site(*, path=AT, **options):
    """Make a site with accounts of its own: a form at /login, customers among them."""
    flask, flask_login = optional("flask"), optional("flask_login")
    ours = import_module("orderflow_bridge.console.flask")

    site = flask.Flask("shop")
    site.secret_key = "a key of the test's own"
    manager = flask_login.LoginManager(site)
    manager.login_view = "login"

    class User(flask_login.UserMixin):
        def __init__(self, name):
            self.id = name

    manager.user_loader(User)

    @site.route("/login")
    def login():
        flask_login.login_user(User(flask.request.args["name"]))
        return "in"

    @site.route("/logout")
    def logout():
        flask_login.logout_user()
        return "out"

    auth = ours.FlaskLoginAuth(role=lambda user: ROLES.get(user.get_id()), **options)
    console = BridgeConsole(open_bridge(), identify=auth)
    ours.mount_console(site, console, path)
    return site, console


def flask_browser(site, **environ):
    return optional("webtest").TestApp(site, extra_environ=environ)


def test_a_flask_sites_staff_enter_with_the_sites_session():
    """Who is signed in to the Flask site is in its console, until they sign out of the site."""
    site, _ = flask_site()
    app = flask_browser(site)
    asked = app.get(f"{AT}/connections", status=303)
    assert asked.headers["Location"].startswith("/login?next=")
    app.get("/login?name=anna")
    page = app.get(f"{AT}/connections")
    assert "anna" in page
    assert "Sign out" not in page
    app.get("/logout")
    app.get(f"{AT}/connections", status=303)


def test_commands_are_named_as_they_are_typed_in_a_flask_site():
    """What Health says to type works on the site's own bridge."""
    site, _ = flask_site()
    app = flask_browser(site)
    app.get("/login?name=anna")
    assert "flask bridge connections create NAME" in app.get(f"{AT}/health")


@pytest.mark.parametrize(
    ("given", "typed"), [({}, "orderflow-bridge"), ({"program": "flask bridge"}, "flask bridge")]
)
def test_a_console_beside_a_site_is_told_how_commands_are_typed(given, typed):
    """Where no shell can know, the site says it; the page of the sign-in shows it."""
    bridge = open_bridge()
    app = browser(BridgeConsole(bridge, identify=StandaloneAuth(bridge), **given))
    assert f"<code>{typed} console link</code>" in app.get(f"{AT}/sign-in")
    spent = app.get(f"{AT}/sign-in/link?token=x").form.submit(status=422)
    assert f"<code>{typed} console link</code>" in spent


def test_a_flask_sites_customers_do_not_enter():
    """Whom the site gives no role is refused, and not sent to sign in again and again."""
    site, _ = flask_site()
    app = flask_browser(site)
    app.get("/login?name=customer")
    app.get(f"{AT}/connections", status=401)


def test_forms_act_inside_a_flask_site():
    """A form of the console arrives whole through Flask, and another site's does not act."""
    site, _ = flask_site()
    app = flask_browser(site)
    app.get("/login?name=anna")
    page = app.get(f"{AT}/confirm?next=/connections")
    token = form_token_of(page)
    page.form["word"] = "confirm"
    assert page.form.submit(status=303).headers["Location"] == "./connections"
    fields = {"csrf": token, "word": "confirm"}
    app.post(f"{AT}/confirm", fields, headers={"Sec-Fetch-Site": "cross-site"}, status=403)
    app.get("/logout")
    refused = app.post(f"{AT}/confirm?x=1", fields, status=401)
    assert (
        refused.html.find("a", string="Sign in")["href"] == f"/login?next={quote(AT, '')}%2Fconfirm"
    )


def test_a_flask_site_can_compare_passwords():
    """Where the site can, the console asks for the password before it shows a secret."""
    site, _ = flask_site(is_password=lambda user, given: given == f"password of {user.get_id()}")
    app = flask_browser(site)
    app.get("/login?name=anna")
    page = app.get(f"{AT}/confirm")
    page.form["password"] = "confirm"
    page.form.submit(status=422)
    page.form["password"] = "password of anna"
    page.form.submit(status=303)


def test_a_flask_site_shows_the_secret_after_its_password():
    """The site's own password is answered with the secret, under a prefix too."""
    site, console = flask_site(
        is_password=lambda user, given: given == f"password of {user.get_id()}"
    )
    made = console._desk.bridge.connections.create("Shop A", scopes=["carts:read"])
    app = flask_browser(site, SCRIPT_NAME="/shop")
    app.get("/login?name=anna")
    page = app.get(f"{AT}/connections/{made.connection.client_id}")
    asked = form_of(page, "reveal").submit(status=200)
    asked.form["password"] = "password of anna"
    assert made.secret in asked.form.submit(status=200)


@pytest.mark.parametrize("path", [AT, "/a/b", "/"])
def test_a_flask_site_has_the_console_at_any_path(path):
    """At the root and under prefixes the pages are found, and the site's own stay there."""
    site, _ = flask_site(path=path)
    app = flask_browser(site, SCRIPT_NAME="/shop")
    app.get("/login?name=anna")
    at = path.rstrip("/")
    app.get(f"{at}/connections", status=200)
    answer = flask_browser(site, SCRIPT_NAME="/shop").get(f"{at}/confirm", status=303)
    assert answer.headers.getall("Cache-Control") == ["no-store"]
    assert any(
        cookie.startswith("ofb-console=") and f"; Path=/shop{at}; " in cookie
        for cookie in answer.headers.getall("Set-Cookie")
    )
    head = app.head(f"{at}/connections")
    assert int(head.headers["Content-Length"]) > 0


def test_outside_of_the_flask_site_nobody_enters():
    """A console around the site, where Flask-Login cannot tell who it is, says what to do."""
    site, console = flask_site()
    app = optional("webtest").TestApp(ConsoleWSGI(site, console=console, mount="/outside"))
    app.get("/login?name=anna")
    answer = app.get("/outside/connections", status=503)
    assert "mount_console(app, console)" in answer


# Starlette.


def starlette_browser(auth, *, middleware=True):
    applications = optional("starlette.applications")
    authentication = optional("starlette.authentication")
    middlewares = optional("starlette.middleware.authentication")

    class Basic(authentication.AuthenticationBackend):
        async def authenticate(self, conn):
            name = conn.headers.get("x-user")
            if name is None:
                return None
            return authentication.AuthCredentials(), authentication.SimpleUser(name)

    site = applications.Starlette()
    site.add_middleware(ConsoleASGI, console=BridgeConsole(open_bridge(), identify=auth))
    if middleware:
        site.add_middleware(middlewares.AuthenticationMiddleware, backend=Basic())
    return optional("starlette.testclient").TestClient(
        site, base_url="http://localhost", follow_redirects=False
    )


def starlette_auth(**options):
    return StarletteUserAuth(role=lambda user: ROLES.get(user.display_name), **options)


def test_a_starlette_sites_users_enter():
    """Whom the site's AuthenticationMiddleware knows is in its console, with the role it gives."""
    client = starlette_browser(starlette_auth(sign_in="/login"))
    assert client.get(f"{AT}/connections").headers["Location"] == "/login"
    answer = client.get(f"{AT}/connections", headers={"x-user": "vera"})
    assert answer.status_code == 200
    assert ">viewer<" in answer.text
    refused = client.get(f"{AT}/connections", headers={"x-user": "customer"})
    assert refused.status_code == 401
    assert client.post(f"{AT}/confirm", headers={"x-user": "customer"}).status_code == 401


def test_a_starlette_form_acts():
    """A form of the console arrives whole through Starlette."""
    client = starlette_browser(starlette_auth())
    headers = {"x-user": "anna"}
    page = client.get(f"{AT}/confirm", headers=headers)
    fields = {"csrf": form_token_of(page), "word": "confirm"}
    assert client.post(f"{AT}/confirm", data=fields, headers=headers).status_code == 303
    assert client.post(f"{AT}/confirm", data=fields, headers={"x-user": "vera"}).status_code == 403


def test_without_the_middleware_nobody_enters():
    """Where nothing has looked who it is, the console says what is missing."""
    client = starlette_browser(starlette_auth(), middleware=False)
    answer = client.get(f"{AT}/connections", headers={"x-user": "anna"})
    assert answer.status_code == 503
    assert "AuthenticationMiddleware" in answer.text


def test_under_wsgi_there_is_no_user_of_starlettes():
    """A client's own variables are no scope: under WSGI the adapter refuses."""
    auth = starlette_auth()
    for native in (None, {"HTTP_USER": "anna"}, object()):
        with pytest.raises(ConfigurationError, match="AuthenticationMiddleware"):
            auth.identify(
                Request(method="GET", path="/", root="", headers={"user": "anna"}, native=native)
            )


# A proxy.


def proxied(**options):
    given = {"trusted_proxies": ["203.0.113.9"], "roles": ROLES, "header_aliases_dropped": True}
    return ProxyHeaderAuth(**(given | options))


def asgi_request(value, *, peer="203.0.113.9", header="x-forwarded-user"):
    return Request(
        method="GET",
        path="/",
        root="",
        headers={} if value is None else {header: value},
        peer=peer,
        native={"type": "http", "headers": []},
    )


def test_a_trusted_proxys_word_lets_in():
    """Whom the proxy names enters, with the role that the site gives that name."""
    app = browser(BridgeConsole(open_bridge(), identify=proxied()))
    page = app.get(f"{AT}/connections", headers={"X-Forwarded-User": "vera"})
    assert ">viewer<" in page
    app.get(f"{AT}/connections", headers={"X-Forwarded-User": "customer"}, status=401)
    app.get(f"{AT}/connections", status=401)


@pytest.mark.parametrize("peer", ["203.0.113.10", "198.51.100.1", "::1", "unknown", None])
def test_nobody_elses_word_lets_in(peer):
    """A header from anyone but the proxy is a stranger's, also past a server without addresses."""
    assert proxied().identify(asgi_request("anna", peer=peer)) is None
    on_unix = proxied(trusted_proxies=["unix"]).identify(asgi_request("anna", peer=peer))
    assert (on_unix is not None) == (peer is None)


@pytest.mark.parametrize(
    "value",
    ["", " ", "anna,vera", "anna, anna", "an\x00na", "anna\x7f", "\xff\xfe", "a" * 201, None],
)
def test_what_cannot_be_one_name_lets_nobody_in(value):
    """Two headers in one, control characters and broken letters are nobody's name."""
    assert proxied(role="viewer").identify(asgi_request(value)) is None


def test_a_name_may_have_any_letters():
    """A name in UTF-8, as proxies send it, is the name."""
    operator = proxied(role="viewer").identify(asgi_request("Zoë".encode().decode("latin-1")))
    assert (operator.name, operator.role) == ("Zoë", "viewer")


def test_a_role_for_all_is_for_those_without_their_own():
    """Names of the table have their role, everybody else that for all."""
    auth = proxied(role="operator")
    assert auth.identify(asgi_request("anna")).role == "admin"
    assert auth.identify(asgi_request("otto")).role == "operator"


def test_another_header_is_another_proxys():
    """The header is the one that the proxy writes, and no other is read."""
    auth = proxied(header="Remote-User")
    assert auth.identify(asgi_request("anna", header="remote-user")).name == "anna"
    assert auth.identify(asgi_request("anna")) is None


def test_under_wsgi_a_clients_alias_does_not_let_in():
    """`X_Forwarded_User` arrives as the proxy's header, so it counts only where it cannot come."""
    console = BridgeConsole(open_bridge(), identify=proxied(header_aliases_dropped=False))
    app = browser(console)
    answer = app.get(f"{AT}/connections", headers={"X-Forwarded-User": "anna"}, status=503)
    assert "header_aliases_dropped=True" in answer
    answer = app.post(f"{AT}/confirm", headers={"X-Forwarded-User": "anna"}, status=503)
    assert "anna" not in answer


def test_under_asgi_the_alias_is_another_header():
    """ASGI tells the two names apart, so that nothing needs to be dropped before."""
    client = optional("starlette.testclient").TestClient(
        ConsoleASGI(
            console=BridgeConsole(open_bridge(), identify=proxied(header_aliases_dropped=False))
        ),
        base_url="http://localhost",
        client=("203.0.113.9", 50000),
    )
    get = client.get
    assert get(f"{AT}/connections", headers={"X-Forwarded-User": "anna"}).status_code == 200
    assert get(f"{AT}/connections", headers={"X_Forwarded_User": "anna"}).status_code == 401
    two = [("X-Forwarded-User", "anna"), ("X-Forwarded-User", "anna")]
    assert get(f"{AT}/connections", headers=two).status_code == 401


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trusted_proxies": []}, "trusts nobody"),
        ({"trusted_proxies": ["0.0.0.0/0"]}, "everyone"),
        ({"trusted_proxies": ["proxy.example"]}, "host name"),
        ({"header": "X_Forwarded_User"}, "letters, digits and"),
        ({"header": ""}, "letters, digits and"),
        ({"roles": None}, "nobody in"),
        ({"roles": {}}, "nobody in"),
    ],
)
def test_what_could_not_hold_is_refused_at_the_start(options, message):
    """Nobody trusted, everybody trusted, no header and no roles are refused, with what to do."""
    with pytest.raises(ConfigurationError, match=message):
        proxied(**options)


def test_a_proxys_operator_confirms_by_a_word():
    """Neither a proxy's password nor Starlette's is known here."""
    for auth in (proxied(), starlette_auth()):
        assert auth.confirm(asgi_request("anna"), None, "anything") is None
    assert proxied().sign_in_url(asgi_request(None)) is None
