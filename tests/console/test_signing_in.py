"""Signing in to a console with operators of its own, and out of it."""

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import BridgeConsole, Operator, StandaloneAuth
from orderflow_bridge.console.attempts import Attempts
from orderflow_bridge.console.closed_doors import Closed, told
from orderflow_bridge.console.trespasses import Trespasses
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError, StorageUnavailable
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from orderflow_bridge.storage.memory import MemoryStorage
from tests.console.stage import (
    AT,
    PASSWORD,
    browser,
    by_header,
    form_of,
    form_token_of,
    open_bridge,
    settled,
)
from tests.databases import DATABASES
from tests.forking import FORKS, in_child
from tests.hosts.hosts import optional
from tests.rig import RING

optional("jinja2")

OPERATORS = (settled("anna", "admin"), settled("vera", "viewer"))


each_storage = pytest.mark.parametrize("bridge", DATABASES, indirect=True)


@pytest.fixture
def bridge(request):
    storage, kind = None, getattr(request, "param", "memory")
    if kind != "memory":
        url = request.getfixturevalue("fresh_url")(kind)
        storage = open_storage(Settings(database=url))
    with open_bridge(storage, operators=OPERATORS) as bridge:
        bridge.migrate()
        yield bridge


@pytest.fixture
def console(bridge):
    return BridgeConsole(bridge, identify=StandaloneAuth(bridge))


def sign_in(app, name="anna", password=PASSWORD, *, to="", status=303):
    page = app.get(f"{AT}/sign-in?next={to}")
    form = page.forms[0] if len(page.forms) == 1 else page.forms[1]
    form["name"], form["password"] = name, password
    return form.submit(status=status)


def link_of(bridge, operator="lena", role="operator", **options):
    token = bridge.sign_ins.offer_link(operator, role, **options)
    return f"{AT}/sign-in/link?token={token}"


# Passwords.


@pytest.mark.parametrize(
    ("name", "kept"),
    [("anna", "anna"), ('"><b>', '"><b>'), ("4111111111111111", ""), ("n" * 100, "n" * 64)],
)
def test_the_name_is_still_there_after_a_wrong_password(console, name, kept):
    """It is typed once, and the password is where one goes on; a card number is not repeated."""
    page = sign_in(browser(console), name, "wrong", status=422)
    assert page.form["name"].value == kept
    assert page.form["password"].value == ""
    assert page.html.select_one("[autofocus]")["name"] == ("password" if kept else "name")


def test_a_stranger_signs_in_and_comes_where_he_wanted_to(console):
    """The page that was asked for comes after the sign-in, with its query."""
    app = browser(console)
    asked = app.get(f"{AT}/connections?status=enabled&q=a%26b", status=303)
    assert asked.headers["Location"].startswith("./sign-in?next=")
    page = asked.follow()
    page.form["name"], page.form["password"] = "anna", PASSWORD
    answer = page.form.submit(status=303)
    assert answer.headers["Location"] == "./connections?status=enabled&q=a%26b"
    shown = answer.follow()
    assert "anna" in shown
    assert "Sign out" in shown


@pytest.mark.parametrize(
    ("act", "page"),
    [
        ("/orders/order_1/settle", "/orders/order_1"),
        (
            "/connections/ofc_7fk2mq9xt4b8c3d5e6g7/reveal?x=1",
            "/connections/ofc_7fk2mq9xt4b8c3d5e6g7",
        ),
        ("/connections/new", "/connections/new"),
        ("/catalogue/import", "/catalogue/import"),
        ("/sign-out", "/"),
        ("/no/such/act", "/"),
    ],
)
def test_an_act_of_a_stranger_leads_back_to_the_page_that_has_its_form(console, act, page):
    """Whose session ended meanwhile signs in, and finds the page, not what no link can do."""
    app = browser(console)
    refused = app.post(AT + act, status=401)
    form = refused.click("Sign in").form
    form["name"], form["password"] = "anna", PASSWORD
    back = form.submit(status=303)
    assert back.location == f".{page}"
    assert back.follow(status="*").status_int in (200, 404)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("Anna", PASSWORD),
        ("anna", PASSWORD + " "),
        ("anna", PASSWORD.upper()),
        ("anna", "x" * 10_000),
        ("", PASSWORD),
        ("anna", ""),
        ("é" * 500, "\x00"),
    ],
)
def test_what_does_not_belong_together_signs_nobody_in(console, name, password):
    """A wrong name and a wrong password are refused in the same words, and not shown again."""
    app = browser(console)
    answer = sign_in(app, name, password, status=422)
    if name and password:
        assert "Name and password do not belong together." in answer
    assert password.strip() == "" or password not in answer
    app.get(f"{AT}/connections", status=303)


def test_the_role_is_that_of_the_settings(console):
    """A viewer of the settings is a viewer."""
    app = browser(console)
    sign_in(app, "vera")
    assert re.search(r'class="pill">viewer<', app.get(f"{AT}/connections").text)


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "/%5c..", "/../../x"]
)
def test_signing_in_leads_to_no_other_site(console, to):
    """A link to the sign-in that names another site leads to the overview."""
    app = browser(console)
    location = sign_in(app, to=to).headers["Location"]
    assert location in ("./", "./%5c..")
    assert "evil" not in location


def test_the_session_before_the_sign_in_is_worth_nothing_after_it(console):
    """Who gave a browser a session is not signed in by what its owner does: it gets a new one."""
    app, thief = browser(console), browser(console)
    app.set_cookie("ofb-console", "chosen-by-somebody-else")
    thief.set_cookie("ofb-console", "chosen-by-somebody-else")
    sign_in(app)
    assert app.cookies["ofb-console"] != "chosen-by-somebody-else"
    thief.get(f"{AT}/connections", status=303)
    app.get(f"{AT}/connections", status=200)


@each_storage
def test_signing_in_again_ends_the_session_before(console):
    """A second sign-in of one browser leaves one session, and the first token is worth nothing."""
    app, other = browser(console), browser(console)
    sign_in(app)
    first = app.cookies["ofb-console"]
    sign_in(app, "vera")
    assert app.cookies["ofb-console"] != first
    other.set_cookie("ofb-console", first)
    other.get(f"{AT}/connections", status=303)


@each_storage
def test_signing_out_ends_the_session_in_the_storage(console, bridge):
    """After signing out the token is worth nothing, in whatever browser or process."""
    app = browser(console)
    sign_in(app)
    token = app.cookies["ofb-console"]
    page = app.get(f"{AT}/connections")
    answer = page.forms[0].submit(status=303)
    assert answer.headers["Location"] == "./sign-in"
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert bridge.sign_ins.find(token) is None
    again = browser(BridgeConsole(bridge, identify=StandaloneAuth(bridge)))
    again.set_cookie("ofb-console", token)
    again.get(f"{AT}/connections", status=303)
    again.post(f"{AT}/sign-out", status=401)


@each_storage
def test_only_a_digest_of_the_token_is_kept(console, bridge):
    """Who reads the storage finds no token."""
    app = browser(console)
    sign_in(app)
    with bridge._storage.reading() as unit:
        session = bridge.sign_ins.find(app.cookies["ofb-console"])
        assert unit.sessions.find(session.digest) == session
    assert len(session.digest) == 32
    assert app.cookies["ofb-console"].encode() not in session.digest
    assert not bridge.sign_ins.find(session.digest.hex())


@each_storage
def test_a_sign_in_is_in_the_audit(console, bridge):
    """Who came and went, by what, and when, is kept."""
    app = browser(console)
    sign_in(app)
    bridge.clock.forward(1)
    app.get(f"{AT}/connections").forms[0].submit()
    out, came = bridge.audit.page()
    assert (came.event, came.actor) == ("operator.signed_in", "anna")
    assert came.details == {"role": "admin", "by": "password"}
    assert (out.event, out.actor) == ("operator.signed_out", "anna")


@each_storage
def test_who_is_taken_out_of_the_settings_is_a_stranger(console, bridge):
    """A session by a password needs its row, with the role that stands there now."""
    app, link = browser(console), browser(console)
    sign_in(app)
    link.get(link_of(bridge)).form.submit()

    def reopened(*operators):
        settings = replace(bridge.settings, operators=operators)
        changed = Bridge(
            storage=bridge._storage, master_keys=RING, settings=settings, clock=bridge.clock
        )
        again = BridgeConsole(changed, identify=StandaloneAuth(changed))
        found = []
        for token in (app.cookies["ofb-console"], link.cookies["ofb-console"]):
            one = browser(again)
            one.set_cookie("ofb-console", token)
            page = one.get(f"{AT}/connections", status="*").text
            role = re.search(r'class="pill">(\w+)<', page)
            found.append(role and role[1])
        return found

    assert reopened(*OPERATORS) == ["admin", "operator"]
    assert reopened(settled("anna", "viewer")) == ["viewer", "operator"]
    assert reopened(settled("vera", "viewer")) == [None, "operator"]
    assert reopened() == [None, "operator"]


def test_how_a_session_began_cannot_be_changed_in_its_token(bridge):
    """Without the mark of the password the token is another one, and so is a link's with it."""
    by_password = bridge.sign_ins.begin("anna", "admin")
    by_link = bridge.sign_ins.redeem(bridge.sign_ins.offer_link("lena", "admin"))
    assert bridge.sign_ins.is_by_password(by_password)
    assert not bridge.sign_ins.is_by_password(by_link)
    mark = by_password[: len(by_password) - len(by_link)]
    assert bridge.sign_ins.find(by_password.removeprefix(mark)) is None
    assert bridge.sign_ins.find(mark + by_link) is None


@each_storage
def test_everyone_of_a_name_can_be_signed_out_at_once(console, bridge):
    """An operator who leaves is signed out wherever they are, and their links are taken away."""
    one, two, other = browser(console), browser(console), browser(console)
    sign_in(one)
    sign_in(two)
    sign_in(other, "vera")
    link = link_of(bridge, "anna", "admin")
    assert bridge.sign_ins.end_all("anna", actor="root") == 3
    one.get(f"{AT}/connections", status=303)
    two.get(f"{AT}/connections", status=303)
    other.get(f"{AT}/connections", status=200)
    browser(console).get(link).form.submit(status=422)


# Guessing.


def test_guessing_a_name_is_slowed_down(console, bridge):
    """Five wrong passwords, and the name waits: half a minute, then twice as long each time."""
    app = browser(console)
    for _ in range(5):
        sign_in(app, password="wrong horse battery", status=422)
    for seconds in (30, 60, 120, 240, 300, 300):
        refused = sign_in(app, status=429)
        assert refused.headers["Retry-After"] == str(seconds)
        assert PASSWORD not in refused
        bridge.clock.forward(seconds - 1)
        sign_in(browser(console, REMOTE_ADDR="198.51.100.1"), status=429)
        bridge.clock.forward(1)
        sign_in(app, password="wrong horse battery", status=422)
    bridge.clock.forward(300)
    sign_in(app)
    sign_in(app)


def test_guessing_from_an_address_is_slowed_down(console):
    """Twenty wrong attempts at any names, and the address waits; other addresses do not."""
    app = browser(console)
    for number in range(20):
        sign_in(app, f"name {number}", status=422)
    sign_in(app, status=429)
    sign_in(browser(console, REMOTE_ADDR="198.51.100.1"))


def test_a_link_signs_in_while_passwords_wait(console, bridge):
    """Who is kept out by somebody's guessing comes in by a link."""
    app = browser(console)
    for _ in range(5):
        sign_in(app, password="wrong horse battery", status=422)
    sign_in(app, status=429)
    app.get(link_of(bridge, "anna", "admin")).form.submit(status=303)
    app.get(f"{AT}/connections", status=200)


def test_confirming_counts_with_signing_in(console):
    """Guessing at the confirmation of a stolen session is slowed down just so."""
    app = browser(console)
    sign_in(app)
    page = app.get(f"{AT}/confirm")
    form = page.forms[1]
    for _ in range(5):
        form["password"] = "wrong horse battery"
        form.submit(status=422)
    form["password"] = PASSWORD
    form.submit(status=429)
    sign_in(browser(console), status=429)


def test_of_many_guesses_at_once_only_the_allowed_are_made():
    """Guesses that arrive together are counted before they are known to be wrong."""
    attempts, together = Attempts(), Barrier(8)

    def guess(number):
        together.wait()
        return attempts.begin("anna", f"192.0.2.{number}", 1_000)

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(guess, range(8)))
    assert sorted(waits) == [0, 0, 0, 0, 0, 30, 30, 30]


def test_an_own_name_buys_no_guesses_at_others():
    """Signing in between two guesses does not forget those that the address made."""
    attempts = Attempts()
    for number in range(20):
        assert attempts.begin(f"name {number}", "192.0.2.1", 0) == 0
        if number < 19:
            assert attempts.begin("mallory", "192.0.2.1", 0) == 0
            attempts.succeeded("mallory", "192.0.2.1")
    assert attempts.begin("mallory", "192.0.2.1", 0) == 30


def test_when_too_many_try_at_once_nobody_is_blamed(console):
    """Who has no turn within a second is told to try again, and it is no failure of theirs."""
    app = browser(console)
    auth = console._desk.authentication
    taken = [auth._hashing.acquire() for _ in range(2)]
    page = app.get(f"{AT}/sign-in")
    page.form["name"], page.form["password"] = "anna", PASSWORD
    page.form.submit(status=429)
    assert taken == [True, True]
    assert all(count.failed == 0 for count in console._desk.attempts._counts.values())
    auth._hashing.release()
    page.form.submit(status=303)


def test_a_quiet_hour_forgets_failures():
    """Who mistyped yesterday has five attempts today."""
    attempts = Attempts()
    for _ in range(4):
        assert attempts.begin("anna", "192.0.2.1", 0) == 0
    later = 3_600_001
    for _ in range(5):
        assert attempts.begin("anna", "192.0.2.1", later) == 0
    assert attempts.begin("anna", "192.0.2.1", later) == 30


def test_strangers_do_not_fill_the_memory():
    """However many names are tried from however many addresses, a bounded number is kept."""
    attempts = Attempts()
    for number in range(12_000):
        attempts.begin("x" * 10_000 + str(number), f"address {number}", 0)
        attempts.begin(f"name {number}", f"address {number}", 0)
    assert len(attempts._counts) <= 10_000
    assert all(len(name) <= 64 for kind, name in attempts._counts if kind == "name")


def test_behind_a_proxy_it_is_the_client_that_waits():
    """Where the bridge is told of its proxy, one guesser does not keep the others out."""
    bridge = open_bridge(
        operators=OPERATORS,
        trusted_proxies=("203.0.113.9",),
        client_address_header="X-Forwarded-For",
        header_aliases_dropped=True,
    )
    console = BridgeConsole(bridge, identify=StandaloneAuth(bridge))
    guesser = browser(console, HTTP_X_FORWARDED_FOR="198.51.100.1")
    for number in range(20):
        sign_in(guesser, f"name {number}", status=422)
    sign_in(guesser, status=429)
    sign_in(browser(console, HTTP_X_FORWARDED_FOR="198.51.100.2"))


# Links.


@each_storage
def test_a_link_signs_in_once(console, bridge):
    """A link shows a button, and its first use signs in; every later one is told so."""
    link = link_of(bridge)
    app, other = browser(console), browser(console)
    shown, late = app.get(link), other.get(link)
    answer = shown.form.submit(status=303)
    assert answer.headers["Location"] == "../"
    page = app.get(f"{AT}/connections")
    assert "lena" in page
    assert "This link was used already" in late.form.submit(status=422)
    other.get(f"{AT}/connections", status=303)


def test_looking_at_a_link_uses_nothing_up(console, bridge):
    """A mail filter that opens the link leaves it as good as it was."""
    link = link_of(bridge)
    for _ in range(3):
        browser(console).get(link)
    browser(console).get(link).form.submit(status=303)


@each_storage
def test_a_link_is_too_old_after_ten_minutes(console, bridge):
    """A link that lay about is worth nothing."""
    good, late = link_of(bridge), link_of(bridge)
    bridge.clock.forward(599)
    browser(console).get(good).form.submit(status=303)
    bridge.clock.forward(1)
    browser(console).get(late).form.submit(status=422)


@each_storage
def test_of_two_at_once_one_is_signed_in(console, bridge):
    """Of eight who use a link at the same moment exactly one is signed in."""
    token = parse_qs(urlsplit(link_of(bridge)).query)["token"][0]
    browsers = [browser(console) for _ in range(8)]
    forms = [app.get(f"{AT}/sign-in/link?token={token}").form for app in browsers]
    together = Barrier(8)

    def use(form):
        together.wait()
        return form.submit(status="*").status_int

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(use, forms))
    assert statuses == [303] + [422] * 7
    inside = [app for app in browsers if app.get(f"{AT}/connections", status="*").status_int == 200]
    assert len(inside) == 1


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 43, "x" * 5_000])
def test_what_is_no_link_signs_nobody_in(console, token):
    """A made-up link is told like one that is too old."""
    app = browser(console)
    page = app.get(f"{AT}/sign-in/link")
    page.form["token"].force_value(token)
    page.form.submit(status=422)


@each_storage
def test_a_link_and_a_session_are_not_the_same(console, bridge):
    """The token of a link is no session, and that of a session no link."""
    token = bridge.sign_ins.offer_link("lena", "admin")
    assert bridge.sign_ins.find(token) is None
    assert not bridge.sign_ins.end(token)
    session = bridge.sign_ins.redeem(token)
    assert bridge.sign_ins.redeem(session) is None
    assert bridge.sign_ins.find(session).operator == "lena"


def test_a_link_takes_a_new_session_too(console, bridge):
    """Signing in by a link leaves the session of before behind, too."""
    app, thief = browser(console), browser(console)
    for one in (app, thief):
        one.set_cookie("ofb-console", "chosen")
    app.get(link_of(bridge)).form.submit(status=303)
    thief.get(f"{AT}/connections", status=303)


def test_who_came_by_a_link_confirms_by_a_word(console, bridge):
    """Who has no password in the settings is asked for the word, and told what it shows."""
    app = browser(console)
    app.get(link_of(bridge)).form.submit()
    page = app.get(f"{AT}/confirm")
    assert "does not show who you are" in page
    by_password = browser(console)
    by_password.get(link_of(bridge, "anna", "viewer")).form.submit()
    assert "Password of anna" in by_password.get(f"{AT}/confirm")
    assert ">admin<" in by_password.get(f"{AT}/connections")


def test_an_operators_password_shows_the_secret_that_was_asked_for(console, bridge):
    """Who signed in and wants a secret types the password once more, and sees it at once."""
    made = bridge.connections.create("Shop A", scopes=["carts:read"])
    app = browser(console)
    sign_in(app)
    page = app.get(f"{AT}/connections/{made.connection.client_id}")
    form = form_of(page, "reveal").submit(status=200).forms[1]
    form["password"] = "wrong horse battery"
    assert made.secret not in form.submit(status=422)
    form["password"] = PASSWORD
    assert made.secret in form.submit(status=200)


@pytest.mark.parametrize("name", ["", " ", "n" * 65, "a\nb", "4111111111111111"])
def test_a_link_is_for_a_name_that_the_audit_can_keep(bridge, name):
    """What is no name is refused before a link is made."""
    with pytest.raises(BridgeError, match="operator"):
        bridge.sign_ins.offer_link(name, "admin")
    assert not bridge.audit.page()


@each_storage
def test_what_is_over_is_cleared_away(bridge):
    """A sign-in clears away those that are over, so that they do not pile up."""
    link = bridge.sign_ins.offer_link("lena", "admin")
    old = bridge.sign_ins.begin("anna", "admin")
    digest = bridge.sign_ins.find(old).digest
    bridge.clock.forward(8 * 3600 + 1)
    bridge.sign_ins.begin("anna", "admin")
    with bridge._storage.reading() as unit:
        assert unit.sessions.find(digest) is None
    assert bridge.sign_ins.redeem(link) is None


def test_a_strangers_guess_at_a_link_waits_for_no_writer(console, bridge):
    """A made-up link is refused while somebody else writes, without a turn of its own."""
    app = browser(console)
    page = app.get(f"{AT}/sign-in/link?token=guess")
    with bridge._storage.writing():
        page.form.submit(status=422)


# What the log has of who did not get in.


@pytest.fixture
def lines(caplog):
    """Give the lines so far, with their levels, and begin anew."""
    logger = "orderflow_bridge.sign_ins"
    caplog.set_level(logging.INFO, logger)

    def read():
        found = [record for record in caplog.records if record.name == logger]
        caplog.clear()
        texts = [record.getMessage() for record in found]
        assert all(text.isascii() and text.isprintable() for text in texts)
        return [
            (record.levelname, json.loads(text)) for record, text in zip(found, texts, strict=True)
        ]

    return read


def closed(act, reason, operator, wait=0):
    line = {"act": act, "reason": reason, "operator": operator, "address": "203.0.113.9"}
    return ("WARNING" if reason == "wrong" else "INFO", line | {"wait": wait})


def test_a_wrong_password_is_a_line_and_one_that_waits_is_too(console, bridge, lines):
    """With the operator and the address; the right password is none."""
    app = browser(console)
    sign_in(app)
    assert lines() == []
    for _ in range(5):
        sign_in(app, password="wrong horse battery", status=422)
    assert lines() == [closed("sign_in", "wrong", "anna")] * 5
    bridge.clock.forward(10)
    sign_in(app, status=429)
    assert lines() == [closed("sign_in", "waits", "anna", 20)]


@pytest.mark.parametrize(
    "name", ["ann", PASSWORD, "4111111111111111", 'x"}\r\n{"act":"', "a\u202eb", "n" * 10_000]
)
def test_a_name_that_nobody_has_is_in_no_line(console, lines, caplog, name):
    """It may be a password in the wrong field, or a line of a stranger's own."""
    sign_in(browser(console), name, "wrong horse battery", status=422)
    assert name not in caplog.text
    assert lines() == [closed("sign_in", "wrong", None)]


def test_no_line_has_the_password(console, lines, caplog):
    """Whether it is wrong, or comes too soon."""
    app = browser(console)
    for _ in range(5):
        sign_in(app, password="wrong horse battery", status=422)
    sign_in(app, status=429)
    assert "horse" not in caplog.text
    assert len(lines()) == 6


def test_the_line_has_the_clients_address_behind_a_proxy(lines):
    """As the bridge tells that of a storefront."""
    with open_bridge(
        operators=OPERATORS,
        trusted_proxies=("203.0.113.9",),
        client_address_header="X-Forwarded-For",
        header_aliases_dropped=True,
    ) as bridge:
        console = BridgeConsole(bridge, identify=StandaloneAuth(bridge))
        app = browser(console, HTTP_X_FORWARDED_FOR="198.51.100.7")
        sign_in(app, password="wrong horse battery", status=422)
    [(_, line)] = lines()
    assert line["address"] == "198.51.100.7"


def test_a_spent_link_is_a_line(console, bridge, lines):
    """Without the link."""
    link = link_of(bridge)
    first, second = (browser(console).get(link) for _ in range(2))
    first.form.submit(status=303)
    assert lines() == []
    second.form.submit(status=422)
    assert lines() == [closed("link", "spent", None)]


def test_too_many_at_once_are_a_line(console, lines):
    """It blames nobody, as the page does not; the confirmation says so, too."""
    app = browser(console)
    sign_in(app)
    form = app.get(f"{AT}/confirm").forms[1]
    hashing = console._desk.authentication._hashing
    assert [hashing.acquire() for _ in range(2)] == [True, True]
    sign_in(app, status=429)
    form["password"] = PASSWORD
    form.submit(status=429)
    assert lines() == [closed("sign_in", "busy", "anna"), closed("confirm", "busy", "anna")]


def test_a_confirmation_that_fails_is_a_line(console, lines):
    """It counts with signing in, and is told like it."""
    app = browser(console)
    sign_in(app)
    form = app.get(f"{AT}/confirm").forms[1]
    for _ in range(5):
        form["password"] = "wrong horse battery"
        form.submit(status=422)
    form["password"] = PASSWORD
    form.submit(status=429)
    assert lines() == [
        *[closed("confirm", "wrong", "anna")] * 5,
        closed("confirm", "waits", "anna", 30),
    ]


@pytest.mark.parametrize("name", ["4111111111111111", "a\x7fb", "a\nb"])
def test_a_hosts_own_name_writes_nothing_strange(lines, name):
    """What a site calls its users is shown where the audit could keep it."""
    for one in (name, "Zoë"):
        told(Closed(act="confirm", reason="wrong", operator=one, address="203.0.113.9"))
    assert lines() == [closed("confirm", "wrong", None), closed("confirm", "wrong", "Zoë")]


# Where there are no operators of its own.


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sign-in"),
        ("POST", "/sign-in"),
        ("GET", "/sign-in/link"),
        ("POST", "/sign-in/link"),
        ("POST", "/sign-out"),
    ],
)
def test_there_is_no_signing_in_where_the_site_does_it(bridge, method, path):
    """A console whose site signs people in has no such pages, and shows no way out."""
    app = browser(BridgeConsole(bridge, identify=by_header), "anna admin")
    page = app.get(f"{AT}/confirm")
    assert "Sign out" not in page
    if method == "POST":
        app.post(f"{AT}{path}", {"csrf": form_token_of(page)}, status=404)
    else:
        app.get(f"{AT}{path}", status=404)


class NoSignIns(MemoryStorage):
    capabilities = MemoryStorage.capabilities - {"sessions"}


def test_a_storage_without_sign_ins_is_refused():
    """A storage that keeps no sign-ins is refused at the start, with what to do instead."""
    bridge = open_bridge(NoSignIns(), operators=OPERATORS)
    with pytest.raises(ConfigurationError, match="capability `sessions`"):
        StandaloneAuth(bridge)
    with pytest.raises(ConfigurationError, match="capability `sessions`"):
        bridge.sign_ins.offer_link("anna", "admin")


def test_two_operators_of_one_name_are_refused():
    """The audit could not tell two of one name apart."""
    bridge = open_bridge(operators=(settled("anna", "admin"), settled("anna ", "viewer")))
    with pytest.raises(ConfigurationError, match="one name"):
        StandaloneAuth(bridge)


def test_an_unreachable_storage_lets_nobody_in(monkeypatch):
    """Where the storage cannot tell who it is, the page says so with 503, and nobody enters."""
    storage = MemoryStorage(timeout=0.01)
    bridge = open_bridge(storage, operators=OPERATORS)
    app = browser(BridgeConsole(bridge, identify=StandaloneAuth(bridge)))
    sign_in(app)

    def down():
        raise StorageUnavailable

    monkeypatch.setattr(storage, "reading", down)
    answer = app.get(f"{AT}/connections", status=503)
    assert "anna" not in answer
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_way_in_there_is_no_console(bridge):
    """A console that is not told whose a request is does not start, and says what to choose."""
    with pytest.raises(ConfigurationError, match="StandaloneAuth"):
        BridgeConsole(bridge)
    BridgeConsole(bridge, identify=lambda request: Operator(name="me", role="admin"))


@FORKS
def test_a_guess_that_is_under_way_as_a_process_forks_does_not_stop_the_child(bridge):
    """Its threads are not there to give anything back."""
    auth, attempts, trespasses = StandaloneAuth(bridge), Attempts(), Trespasses()

    def child():
        assert attempts.begin("anna", "203.0.113.9", 0) == 0
        assert trespasses.is_news("anna", "connections", 0)
        assert auth._hashing.acquire(timeout=5)

    with attempts._lock, trespasses._lock, auth._hashing, auth._hashing:
        assert in_child(child) == 0
