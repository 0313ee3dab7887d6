"""What holds for every page and every act of the console, those included that come later."""

import re

import pytest

from orderflow_bridge.console import BridgeConsole, Request, StandaloneAuth
from orderflow_bridge.console.operators import ROLES
from orderflow_bridge.console.pages import ROUTES
from orderflow_bridge.console.routes import Route
from orderflow_bridge.console.trespasses import Trespasses
from orderflow_bridge.domain.errors import StorageUnavailable
from tests.console.stage import (
    AT,
    GUARDS,
    PASSWORD,
    browser,
    by_header,
    form_token_of,
    open_bridge,
    settled,
)
from tests.hosts.hosts import optional

optional("jinja2")

ACTS = [route for route in ROUTES if route.writes]
PAGES = [route for route in ROUTES if not route.writes]


def url_of(route, value="ofc_7fk2mq9xt4b8c3d5e6g7"):
    return AT + re.sub(r"\{\w+\}", value, route.path)


def called(route):
    return f"{route.method} {route.path}"


def tables(bridge, *, without=()):
    published = vars(bridge._storage._published)
    return {
        name: dict(table.rows)
        for name, table in published.items()
        if hasattr(table, "rows") and name not in without
    }


each_act = pytest.mark.parametrize("route", ACTS, ids=called)
each_page = pytest.mark.parametrize("route", PAGES, ids=called)


@pytest.fixture
def bridge():
    return open_bridge(
        operators=(settled("anna", "admin"), settled("vera", "viewer"), settled("otto", "operator"))
    )


@pytest.fixture
def console(bridge):
    return BridgeConsole(bridge, identify=by_header, trusted_origins=["https://desk.example"])


@pytest.fixture
def standalone(bridge):
    return BridgeConsole(bridge, identify=StandaloneAuth(bridge))


def token_of(app):
    return form_token_of(app.get(f"{AT}/confirm"))


def enter(console, name="anna"):
    """Sign in with a password, and give the browser."""
    app = browser(console)
    page = app.get(f"{AT}/sign-in")
    page.form["name"], page.form["password"] = name, PASSWORD
    page.form.submit(status=303)
    return app


# What another site's page can send.


@each_act
@pytest.mark.parametrize("token", [None, "", "0" * 64, "ü", "x" * 5_000])
def test_an_act_without_the_right_token_changes_nothing(console, bridge, route, token):
    """A form that did not come from a page of this session is refused, and nothing happens."""
    app = browser(console, "anna admin")
    token_of(app)
    before = tables(bridge)
    answer = app.post(url_of(route), {} if token is None else {"csrf": token}, status=403)
    assert "nothing happened" in answer
    assert tables(bridge) == before


@each_act
def test_the_token_of_another_session_is_worth_nothing(console, bridge, route):
    """A token of the operator's other browser does not act in this one."""
    app, other = browser(console, "anna admin"), browser(console, "anna admin")
    token_of(app)
    before = tables(bridge)
    app.post(url_of(route), {"csrf": token_of(other)}, status=403)
    assert tables(bridge) == before


@each_act
def test_the_token_of_another_operator_is_worth_nothing(console, bridge, route):
    """Who takes a browser over does not act with the tokens of who had it before."""
    app = browser(console, "vera viewer")
    token = token_of(app)
    app.extra_environ["HTTP_X_TEST_OPERATOR"] = "anna admin"
    before = tables(bridge)
    app.post(url_of(route), {"csrf": token}, status=403)
    assert tables(bridge) == before


@each_act
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": ""},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:80"},
    ],
    ids=str,
)
def test_another_sites_page_acts_never(console, bridge, route, headers):
    """What another site's page sends is refused, even with a token that were right."""
    app = browser(console, "anna admin")
    token = token_of(app)
    before = tables(bridge)
    app.post(url_of(route), {"csrf": token}, headers=headers, status=403)
    assert tables(bridge) == before


def test_a_request_without_a_host_is_no_sandboxed_page(console):
    """A page without an origin is foreign also to a request that names no host."""
    asked = {"method": "POST", "path": "/confirm", "root": AT}
    named = {"x-test-operator": "anna admin", "origin": "null"}
    for host in ({}, {"host": ""}):
        answer = console.handle(Request(**asked, headers=named | host))
        assert answer.status == 403
        assert b"Another site" in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://desk.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:80"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
    ids=str,
)
def test_the_consoles_own_pages_act(console, headers):
    """The console's own pages, and those of an origin that the site trusts, may act."""
    app = browser(console, "anna admin")
    token = token_of(app)
    app.post(f"{AT}/confirm", {"csrf": token, "word": "confirm"}, headers=headers, status=303)


def test_the_token_is_not_made_of_the_cookie_alone(console):
    """A neighbour who gave the browser a session of his own choice cannot compute its token."""
    mine, theirs = browser(console, "mallory viewer"), browser(console, "anna admin")
    for app in (mine, theirs):
        app.set_cookie("ofb-console", "chosen")
    assert token_of(mine) != token_of(theirs)
    assert token_of(theirs) != token_of(browser(console, "anna admin"))


# Who may do what.


@pytest.mark.parametrize(
    ("route", "role"),
    [
        (route, role)
        for route in ACTS
        if route.role is not None
        for role in ROLES[: ROLES.index(route.role)]
    ],
    ids=lambda one: one if isinstance(one, str) else called(one),
)
def test_a_lower_role_acts_never_and_the_audit_tells(console, bridge, route, role):
    """What a role does not allow is refused with 403, changes nothing, and is in the audit."""
    app = browser(console, f"lou {role}")
    token = token_of(app)
    before = tables(bridge, without={"audit"})
    app.post(url_of(route), {"csrf": token}, status=403)
    assert tables(bridge, without={"audit"}) == before
    [entry] = bridge.audit.page()
    assert (entry.event, entry.actor) == ("console.refused", "lou")
    assert entry.details == {"act": called(route), "role": role}


@pytest.mark.parametrize("route", [r for r in PAGES if r.role not in (None, "viewer")], ids=called)
def test_a_lower_role_sees_nothing_of_it(console, route):
    """A page that a role does not allow is refused with 403."""
    browser(console, "vera viewer").get(url_of(route), status=403)


@each_act
def test_a_stranger_acts_never(console, bridge, route):
    """Who is not signed in changes nothing, with or without a token."""
    app = browser(console)
    before = tables(bridge)
    for token in ("", "0" * 64):
        answer = app.post(url_of(route), {"csrf": token}, status="*")
        assert answer.status_int == (403 if route.role is None else 401)
    assert tables(bridge) == before


def test_a_stranger_does_not_learn_which_pages_there_are(console):
    """What is there and what is not is all the same to who is not signed in."""
    app = browser(console)
    for path in ("/connections", "/no-such-page", "/connections/ofc_1/rotate"):
        app.get(AT + path, status=401)
        app.post(AT + path, status=401)


@pytest.mark.parametrize("route", [r for r in ACTS if r.role is not None], ids=called)
def test_who_signed_out_acts_no_more(standalone, bridge, route):
    """After signing out the old cookie and token are worth nothing: 401, or the way in."""
    app = enter(standalone)
    token = token_of(app)
    session = app.cookies["ofb-console"]
    app.post(f"{AT}/sign-out", {"csrf": token}, status=303)
    app.set_cookie("ofb-console", session)
    before = tables(bridge)
    app.post(url_of(route), {"csrf": token}, status=401)
    assert tables(bridge) == before
    assert "/sign-in" in app.get(f"{AT}/connections", status=303).headers["Location"]
    app.get(f"{AT}/connections", headers={"Sec-Fetch-Mode": "cors"}, status=401)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, 303),
        ({"Accept": "*/*"}, 303),
        ({"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}, 303),
        ({"Accept": "text/html", "Sec-Fetch-Mode": "same-origin"}, 401),
        ({"Accept": "*/*", "Sec-Fetch-Mode": "cors"}, 401),
        ({"Accept": "application/json"}, 401),
        ({"Accept": "text/csv"}, 401),
    ],
)
def test_a_person_is_led_to_the_way_in_and_a_program_is_refused(standalone, headers, status):
    """Neither is shown anything; a script would take the form of the sign-in for its data."""
    for path in ("/connections", "/orders.csv", "/no-such-page"):
        answer = browser(standalone).get(AT + path, headers=headers, status=status)
        assert ("Location" in answer.headers) == (status == 303)


@pytest.mark.parametrize("route", [r for r in ACTS if r.role is not None], ids=called)
def test_a_session_that_is_over_acts_no_more(standalone, bridge, route):
    """Eight hours after the sign-in the session is over, whatever happened in it."""
    app = enter(standalone)
    token = token_of(app)
    bridge.clock.forward(8 * 3600 - 1)
    app.get(f"{AT}/connections", status=200)
    bridge.clock.forward(1)
    before = tables(bridge)
    app.post(url_of(route), {"csrf": token}, status=401)
    assert tables(bridge) == before


# What every page has.


@each_page
@pytest.mark.parametrize("who", ["anna admin", "vera viewer", ""])
def test_looking_changes_nothing(console, bridge, route, who):
    """No page writes anything, whoever looks at it."""
    app = browser(console, who)
    before = tables(bridge)
    assert app.get(url_of(route), status="*").status_int < 500
    assert tables(bridge) == before


@each_page
@pytest.mark.parametrize("who", ["anna admin", ""])
def test_every_page_is_shut_to_other_sites_and_to_caches(console, route, who):
    """Every page runs only its own scripts, stands in no frame, and is kept nowhere."""
    held(browser(console, who).get(url_of(route), status="*"))


@pytest.mark.parametrize(
    ("method", "path", "who", "status"),
    [
        ("GET", "/no-such-page", "anna admin", 404),
        ("GET", "/no-such-page", "", 401),
        ("POST", "/connections", "anna admin", 405),
        ("DELETE", "/connections", "anna admin", 405),
        ("POST", "/confirm", "anna admin", 403),
        ("GET", "", "anna admin", 303),
    ],
)
def test_every_refusal_is_shut_too(console, method, path, who, status):
    """A refusal has the same headers as a page."""
    held(browser(console, who).request(AT + path, method=method, status=status))


def test_a_file_of_the_pages_is_shut_too_and_keeps(console):
    """Stylesheet and script keep in the browser; they are no secret, and nobody is asked for."""
    app = browser(console)
    page = app.get(f"{AT}/connections", status=401)
    file = re.search(r'href="\./(static/console\.[0-9a-f]+\.css)"', page.text)[1]
    answer = app.get(f"{AT}/{file}")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == GUARDS["Content-Security-Policy"]


def held(answer):
    """Hold an answer to what every page has, each once."""
    assert {name: answer.headers.getall(name) for name in GUARDS} == {
        name: [value] for name, value in GUARDS.items()
    }
    if "text/html" in answer.headers.get("Content-Type", ""):
        assert not re.search(
            r"<(?:script|style)(?![^>]*\bsrc=)[^>]*>|\son\w+=|\sstyle=", answer.text
        )


def test_a_sites_own_nonce_is_on_stylesheet_and_script(bridge):
    """A policy that asks for one lets both in; whatever it is, it stays an attribute."""
    nonces = iter(['a"><script>', "n2"])
    console = BridgeConsole(bridge, identify=by_header, csp_nonce=lambda request: next(nonces))
    app = browser(console, "anna admin")
    for nonce in ('a"><script>', "n2"):
        page = app.get(f"{AT}/connections")
        held(page)
        stamped = page.html.find_all(attrs={"nonce": nonce})
        assert [tag.get("rel", tag.name) for tag in stamped] == [["stylesheet"], "script"]
    plain = browser(BridgeConsole(bridge, identify=by_header), "anna admin")
    assert "nonce" not in plain.get(f"{AT}/connections")


# What the audit keeps of a path.


@pytest.fixture
def breaking(bridge, monkeypatch):
    """Give a console that has one act more, which only an admin may do."""
    act = Route(
        method="POST",
        path="/things/{thing}/break",
        page=lambda desk, visit: desk.bridge.connections.create(
            visit.place["thing"], scopes=["orders:read"], actor=visit.actor
        ),
        role="admin",
    )
    monkeypatch.setattr("orderflow_bridge.console.console.ROUTES", (*ROUTES, act))
    return BridgeConsole(bridge, identify=by_header)


def test_the_audit_tells_who_tried_what(breaking, bridge):
    """An act that a role does not allow is kept with its name, its act and what it was about."""
    app = browser(breaking, "vera viewer")
    token = token_of(app)
    app.post(f"{AT}/things/ofc_1/break", {"csrf": token}, status=403)
    assert not bridge.connections.all()
    [entry] = bridge.audit.page()
    assert (entry.event, entry.actor, entry.subject) == ("console.refused", "vera", "ofc_1")
    assert entry.details == {"act": "POST /things/{thing}/break", "role": "viewer"}


def test_nobody_fills_the_audit_by_trying(breaking, bridge):
    """One a minute of each person and act, whatever the act is about."""
    apps = [browser(breaking, who) for who in ("vera viewer", "otto operator")]

    def tried():
        for app in apps:
            token = token_of(app)
            for number in range(20):
                app.post(f"{AT}/things/ofc_{number}/break", {"csrf": token}, status=403)
        return [(entry.actor, entry.subject) for entry in bridge.audit.page()]

    assert sorted(tried()) == [("otto", "ofc_0"), ("vera", "ofc_0")]
    bridge.clock.forward(59)
    assert len(tried()) == 2
    bridge.clock.forward(1)
    assert len(tried()) == 4


def test_what_the_audit_could_not_keep_is_told_the_next_time(breaking, bridge, monkeypatch):
    """Where the storage fails the act is refused all the same, and is news still."""
    app = browser(breaking, "vera viewer")
    token = token_of(app)
    with monkeypatch.context() as down:
        down.setattr(bridge._storage, "writing", fail_to_write)
        app.post(f"{AT}/things/ofc_1/break", {"csrf": token}, status=503)
    app.post(f"{AT}/things/ofc_1/break", {"csrf": token}, status=403)
    assert [entry.event for entry in bridge.audit.page()] == ["console.refused"]


def fail_to_write():
    raise StorageUnavailable


def test_what_is_remembered_of_trying_is_bounded():
    """Beyond a thousand people and acts the one told longest ago is told once more."""
    trespasses = Trespasses()
    assert all(trespasses.is_news(f"n{number}", "POST /x", 0) for number in range(1_025))
    assert not trespasses.is_news("n1024", "POST /x", 59_999)
    assert trespasses.is_news("n0", "POST /x", 1)
    assert trespasses.is_news("n1024", "POST /x", -1)
    assert len(trespasses._told) == 1_024


@pytest.mark.parametrize(
    "value", ["4111111111111111", "x" * 65, "a%0Ab", "%C3%BC", "4111-1111-1111-1111"]
)
def test_a_path_brings_nothing_strange_into_the_audit(breaking, bridge, value):
    """Neither a card number nor what no id can be is kept, though the attempt is."""
    app = browser(breaking, "vera viewer")
    token = token_of(app)
    app.post(f"{AT}/things/{value}/break", {"csrf": token}, status=403)
    [entry] = bridge.audit.page()
    assert entry.subject == ""


@pytest.mark.parametrize("name", ["4111111111111111", "n" * 201])
def test_a_name_that_the_audit_cannot_keep_acts_never(breaking, bridge, name):
    """Whose name is a card number is told so, and it is kept nowhere."""
    app = browser(breaking, f"{name} viewer")
    token = token_of(app)
    app.post(f"{AT}/things/ofc_1/break", {"csrf": token}, status=422)
    assert not bridge.audit.page()
    assert not bridge.connections.all()
