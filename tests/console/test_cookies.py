"""What the console keeps in a browser, over TLS and without it."""

import pytest

from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, Request, StandaloneAuth
from orderflow_bridge.console.http import redirect
from tests.console.stage import (
    AT,
    PASSWORD,
    browser,
    by_header,
    form_token_of,
    open_bridge,
    settled,
)
from tests.hosts.hosts import optional

optional("jinja2")

TLS = {"wsgi.url_scheme": "https"}


@pytest.fixture
def console():
    return BridgeConsole(open_bridge(), identify=by_header)


def cookie_of(answer):
    [cookie] = answer.headers.getall("Set-Cookie")
    name, *attributes = cookie.split("; ")
    return name.partition("=")[0], sorted(attributes)


MOUNT = "d94b0078"  # The beginning of SHA-256 of /bridge-console.
STRICT = (f"__Host-ofb-console-{MOUNT}", ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"])
PLAIN = ("ofb-console", ["HttpOnly", f"Path={AT}", "SameSite=Lax"])


def test_over_tls_the_cookie_is_bound_to_the_host(console):
    """Over TLS no neighbour can set or read the session: `__Host-`, Secure, HttpOnly."""
    app = browser(console, "anna admin", **TLS)
    assert cookie_of(app.get(f"{AT}/connections")) == STRICT


def test_without_tls_the_cookie_is_for_the_console_alone(console):
    """Without TLS, as on an own machine, the cookie goes to the console's paths alone."""
    app = browser(console, "anna admin")
    assert cookie_of(app.get(f"{AT}/connections")) == PLAIN


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Sec-Fetch-Site": "none", "Host": "shop.example"}, STRICT),
        ({"Sec-Fetch-Site": "same-origin", "Host": "shop.example:8443"}, STRICT),
        ({"Sec-Fetch-Site": "none", "Host": "localhost:8000"}, PLAIN),
        ({"Sec-Fetch-Site": "none", "Host": "shop.localhost"}, PLAIN),
        ({"Sec-Fetch-Site": "none", "Host": "127.0.0.1:8000"}, PLAIN),
        ({"Sec-Fetch-Site": "none", "Host": "[::1]:8000"}, PLAIN),
        ({"Sec-Fetch-Site": "none", "Host": "[::1]"}, PLAIN),
        ({"Host": "192.0.2.5"}, PLAIN),
        ({"X-Forwarded-Proto": "https", "Host": "shop.example"}, PLAIN),
    ],
    ids=str,
)
def test_behind_a_proxy_that_ends_tls_the_browser_tells(console, headers, expected):
    """A proxy that hides the TLS does not weaken the cookie, and nobody's word is taken for it."""
    request = Request(
        method="GET",
        path="/connections",
        root=AT,
        headers={name.lower(): value for name, value in headers.items()},
    )
    [cookie] = [value for name, value in console.handle(request).headers if name == "Set-Cookie"]
    name, *attributes = cookie.split("; ")
    assert (name.partition("=")[0], sorted(attributes)) == expected


def test_a_form_from_a_page_over_tls_makes_the_cookie_strict(console):
    """A browser that tells no more than its origin is believed about that."""
    app = browser(console, "anna admin")
    app.get(f"{AT}/connections")
    token = form_token_of(app.get(f"{AT}/confirm"))
    answer = app.post(
        f"{AT}/confirm",
        {"csrf": token, "word": "confirm"},
        headers={"Origin": "https://localhost:80"},
    )
    [cookie] = answer.headers.getall("Set-Cookie")
    assert cookie.startswith(f"__Host-ofb-confirmed-{MOUNT}=")
    assert "; Path=/; Secure; HttpOnly; SameSite=Lax" in cookie


@pytest.mark.parametrize(
    "hint", [TLS, {"HTTP_SEC_FETCH_SITE": "none", "HTTP_HOST": "shop.example"}], ids=str
)
def test_over_tls_a_neighbours_cookie_counts_for_nothing(console, hint):
    """A session that a neighbouring host, or a line without TLS, has set is not taken."""
    app = browser(console, "anna admin", **hint)
    answer = app.get(f"{AT}/connections", headers={"Cookie": "ofb-console=chosen"})
    assert cookie_of(answer)[0] == f"__Host-ofb-console-{MOUNT}"
    assert "chosen" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "others",
    [
        'cart={"a": [1]}',
        "a[b]=1",
        "=nameless",
        "alone",
        "x=é",
        'quoted="un"closed',
        "__Secure-x=1;;; ",
        "a=b=c",
        "ofb-consoles=1",
    ],
)
def test_the_sites_own_cookies_hide_none_of_the_consoles(console, others):
    """Whatever else the site keeps in the browser, and however it is written, the session holds."""
    for header in (
        f"{others}; ofb-console=mine",
        f"ofb-console=mine; {others}",
        f'{others}; ofb-console="mine"',
    ):
        request = Request(method="GET", path="/connections", root=AT, headers={"cookie": header})
        assert request.cookies["ofb-console"] == "mine"
        assert "Set-Cookie" not in dict(console.handle(request).headers)


def test_of_two_cookies_of_one_name_the_nearer_counts():
    """The cookie with the longer path, which comes first, is the console's own."""
    request = Request(
        method="GET", path="/", root=AT, headers={"cookie": "ofb-console=near; ofb-console=far"}
    )
    assert request.cookies["ofb-console"] == "near"


def test_two_consoles_of_one_host_keep_a_session_each():
    """One browser is signed in to both over TLS, and signing out of one leaves the other."""
    webtest = optional("webtest")
    app = None
    for mount in ("/two", "/one"):
        bridge = open_bridge(operators=(settled("anna", "admin"),))
        console = BridgeConsole(bridge, identify=StandaloneAuth(bridge))
        app = ConsoleWSGI(app, console=console, mount=mount)
    both = webtest.TestApp(app, extra_environ=TLS)
    for mount in ("/one", "/two"):
        form = both.get(f"{mount}/sign-in").form
        form["name"], form["password"] = "anna", PASSWORD
        form.submit(status=303)
    for mount in ("/one", "/two"):
        both.get(f"{mount}/connections", status=200)
    both.get("/one/connections").forms[0].submit(status=303)
    both.get("/one/connections", status=303)
    both.get("/two/connections", status=200)


# Confirmations.


def test_a_confirmation_is_for_one_session_and_operator_and_ends(console):
    """What one browser confirmed counts in no other, for no other, and no longer than promised."""
    bridge = console._desk.bridge
    clock = bridge.clock
    app = browser(console, "anna admin")
    page = app.get(f"{AT}/confirm")
    page.form["word"] = "confirm"
    page.form.submit(status=303)
    kept = app.cookies

    def confirmed(who="anna admin", **changed):
        header = "; ".join(f"{name}={value}" for name, value in (kept | changed).items())
        return visited(console, who, header).confirmed

    token = kept["ofb-confirmed"]
    assert confirmed()
    assert not confirmed("otto admin")
    assert not confirmed(**{"ofb-console": "another"})
    for broken in ("", "x", "1.2", token[:-1], "9" * 30 + ".x", "-1.x", token.replace(".", ".é")):
        assert not confirmed(**{"ofb-confirmed": broken})
    until, _, mac = token.partition(".")
    assert not confirmed(**{"ofb-confirmed": f"{int(until) + 1}.{mac}"})
    clock.forward(599)
    assert confirmed()
    clock.forward(1)
    assert not confirmed()


def visited(console, who, cookie):
    """Let the console make the visit of a request, and give it as a page gets it."""
    made = []
    original = console._entered
    console._entered = lambda route, visit: made.append(visit) or original(route, visit)
    try:
        console.handle(
            Request(
                method="GET",
                path="/connections",
                root=AT,
                headers={"cookie": cookie, "x-test-operator": who},
            )
        )
    finally:
        del console._entered
    return made[0]


# Where an answer leads.


@pytest.mark.parametrize(
    ("path", "to", "expected"),
    [
        ("/sign-in", "/orders?status=paid", "./orders?status=paid"),
        ("/connections/x/rotate", "/connections/x", "../../connections/x"),
        ("/confirm", "//evil.example", "./evil.example"),
        ("/confirm", "/a\r\nSet-Cookie: x=1", "./a%0D%0ASet-Cookie:%20x=1"),
        ("/confirm", "/é\\", "./%C3%A9%5C"),
        ("/confirm", "/a%2Fb", "./a%2Fb"),
    ],
)
def test_an_answer_leads_to_a_page_under_the_mount(path, to, expected):
    """A redirect is one relative reference on one line, whatever it is made of."""
    answer = redirect(Request(method="POST", path=path, root=AT, headers={}), to)
    assert answer.headers == (("Location", expected),)


@pytest.mark.parametrize(
    ("root", "expected"),
    [(AT, "./bridge-console/"), ("/a:b", "./a:b/"), ("/é", "./%C3%A9/"), ("", "/")],
)
def test_the_mount_without_its_slash_leads_into_it(console, root, expected):
    """The mount's own path leads to the overview, whatever its name is written with."""
    answer = console.handle(Request(method="GET", path="", root=root, headers={}))
    assert dict(answer.headers)["Location"].replace("%3A", ":") == expected
