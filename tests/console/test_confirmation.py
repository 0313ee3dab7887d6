"""Before a secret is shown, the operator shows again who they are."""

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import BridgeConsole, Operator, Request
from orderflow_bridge.console.onward import onward
from tests.canary.marks import MASTER_KEY
from tests.console.stage import browser, by_header, form_of, form_token_of, open_bridge
from tests.hosts.hosts import optional

optional("jinja2")

AT = "/bridge-console"


class WithPassword:
    """A host that knows passwords."""

    def identify(self, request: Request) -> Operator | None:
        return by_header(request)

    def sign_in_url(self, request: Request) -> str | None:
        return None

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:
        return password == f"password of {operator.name}"


@pytest.fixture
def bridge():
    return open_bridge()


def test_the_right_password_leads_on_and_holds_for_ten_minutes(bridge):
    """After the right password the page that was wanted comes, and for ten minutes no question."""
    app = browser(BridgeConsole(bridge, identify=WithPassword()), "anna admin")
    page = app.get(f"{AT}/confirm?next=/connections")
    page.form["password"] = "password of anna"
    answer = page.form.submit(status=303)
    assert answer.headers["Location"] == "./connections"
    assert "Max-Age=600" in answer.headers["Set-Cookie"]
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "ofb-confirmed" in app.cookies


def test_a_wrong_password_shows_the_form_again(bridge):
    """A wrong password leads nowhere: the form comes again with 422 and where it was going."""
    app = browser(BridgeConsole(bridge, identify=WithPassword()), "anna admin")
    page = app.get(f"{AT}/confirm?next=/connections")
    page.form["password"] = "something else"
    again = page.form.submit(status=422)
    assert "That is not your password." in again
    assert again.form["next"].value == "/connections"
    assert "ofb-confirmed" not in app.cookies
    assert "something else" not in again


def test_guessing_is_slowed_down(bridge):
    """After five wrong passwords even the right one has to wait half a minute."""
    app = browser(BridgeConsole(bridge, identify=WithPassword()), "anna admin")
    page = app.get(f"{AT}/confirm")
    for _ in range(5):
        page.form["password"] = "something else"
        page.form.submit(status=422)
    page.form["password"] = "password of anna"
    refused = page.form.submit(status=429)
    assert refused.headers["Retry-After"] == "30"
    bridge.clock.forward(30)
    page.form.submit(status=303)


def test_the_form_without_a_password_is_no_attempt(bridge):
    """Whoever sends the form empty is asked again, and not slowed down."""
    app = browser(BridgeConsole(bridge, identify=WithPassword()), "anna admin")
    page = app.get(f"{AT}/confirm")
    for _ in range(7):
        page.form["password"] = ""
        page.form.submit(status=422)
    page.form["password"] = "password of anna"
    page.form.submit(status=303)


def test_where_nobody_knows_a_password_a_word_is_asked_for(bridge):
    """A console that cannot check a password says so, and takes the word `confirm`."""
    app = browser(BridgeConsole(bridge, identify=by_header), "anna admin")
    page = app.get(f"{AT}/confirm?next=/connections")
    assert "does not show who you are" in page
    page.form["word"] = "yes"
    page.form.submit(status=422)
    page.form["word"] = "Confirm"
    assert page.form.submit(status=303).headers["Location"] == "./connections"


def revealing(bridge):
    """Press the button for the secret of a new connection; give browser, secret and what asks."""
    made = bridge.connections.create("Shop A", scopes=["carts:read"])
    app = browser(BridgeConsole(bridge, identify=WithPassword()), "anna admin")
    page = app.get(f"{AT}/connections/{made.connection.client_id}")
    return app, made.secret, form_of(page, "reveal").submit(status=200)


def test_the_password_shows_the_secret_that_was_asked_for(bridge):
    """The right password is answered with the secret itself, and holds for ten minutes."""
    app, secret, page = revealing(bridge)
    assert "The secret of Shop A is about to be shown." in page
    page.form["password"] = "password of anna"
    answer = page.form.submit(status=200)
    assert secret in answer
    assert "Max-Age=600" in answer.headers["Set-Cookie"]
    assert "ofb-confirmed" in app.cookies
    [newest, *_] = bridge.audit.page()
    assert (newest.event, newest.actor) == ("secret.revealed", "anna")


def test_guessing_before_a_secret_is_slowed_down(bridge):
    """There a wrong password counts as anywhere, and shows and writes nothing."""
    _, secret, page = revealing(bridge)
    before = bridge.audit.page()
    for _ in range(5):
        page.form["password"] = "something else"
        again = page.form.submit(status=422)
        assert secret not in again
        assert "something else" not in again
    page.form["password"] = "password of anna"
    refused = page.form.submit(status=429)
    assert refused.headers["Retry-After"] == "30"
    assert secret not in refused
    assert bridge.audit.page() == before
    bridge.clock.forward(30)
    assert secret in page.form.submit(status=200)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"HTTP_X_TEST_OPERATOR": "anna operator"}, 403),
        ({"HTTP_X_TEST_OPERATOR": "olga admin"}, 403),
        ({"HTTP_X_TEST_OPERATOR": ""}, 401),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        ({"HTTP_COOKIE": "ofb-console=another"}, 403),
    ],
    ids=["role", "operator", "stranger", "site", "session"],
)
def test_what_guards_the_secret_guards_its_confirmation(bridge, change, status):
    """The right password shows nothing to another role, operator, session or site."""
    app, secret, page = revealing(bridge)
    app.extra_environ |= change
    page.form["password"] = "password of anna"
    refused = page.form.submit(status=status)
    assert secret not in refused
    assert "ofb-confirmed" not in refused.headers.get("Set-Cookie", "")
    assert "secret.revealed" not in [entry.event for entry in bridge.audit.page()]


def test_a_secret_that_cannot_be_shown_confirms_nothing(bridge):
    """Where the act fails after the right password, the password is asked for again."""
    connection = bridge.connections.create("Shop A", scopes=["carts:read"]).connection
    broken = Bridge(storage=bridge._storage, master_keys=f"k2:{MASTER_KEY}", clock=bridge.clock)
    app = browser(BridgeConsole(broken, identify=WithPassword()), "anna admin")
    path = f"{AT}/connections/{connection.client_id}/reveal"
    token = form_token_of(app.get(f"{AT}/confirm"))
    fields = {"csrf": token, "confirming": "1", "password": "password of anna"}
    assert "not in the ring" in app.post(path, fields, status=503)
    assert "ofb-confirmed" not in app.cookies


def test_a_stranger_confirms_nothing(bridge):
    """Who is not signed in is not asked for a password here."""
    app = browser(BridgeConsole(bridge, identify=by_header))
    app.get(f"{AT}/confirm", status=401)


@pytest.mark.parametrize(
    "somewhere",
    [
        *("https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example"),
        *("/a\r\nSet-Cookie: x=1", "/\t/evil.example", "javascript:alert(1)", "evil.example"),
        *("/../admin", "/a/..", "/%2e%2E/admin", "/..?x", "/..#x", "/./", "", "/ü", "/ //evil"),
        *("/" + "a" * 2_001, "///evil.example", "http:/x", "/a b", "\x00/x", "?next=/"),
    ],
)
def test_a_link_leads_nowhere_but_to_the_console(somewhere):
    """Where to go on is a page of the console; whatever else a link says is the overview."""
    assert onward(somewhere) == "/"


@pytest.mark.parametrize(
    "page",
    ["/", "/connections/ofc_1", "/orders?status=paid&q=a%2F%2Fb", "/requests?at=..%2F&x=a:b#last"],
)
def test_a_page_of_the_console_is_where_it_goes_on(page):
    """The page that was wanted comes with its query."""
    assert onward(page) == page


def test_no_link_leads_out_of_the_console(bridge):
    """A link to the form that names another site ends on the overview."""
    app = browser(BridgeConsole(bridge, identify=by_header), "anna admin")
    page = app.get(f"{AT}/confirm?next=//evil.example/")
    assert "evil" not in page
    page.form["word"] = "confirm"
    page.form["next"].force_value("https://evil.example/")
    assert page.form.submit(status=303).headers["Location"] == "./"
