"""The list of connections, and New inbound."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from orderflow_bridge.console import BridgeConsole, ConsoleASGI, Operator
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from orderflow_bridge.storage.memory import MemoryStorage
from tests.console.inbound import AT, operating, told
from tests.console.stage import open_bridge
from tests.databases import ADAPTED, DATABASES
from tests.hosts.hosts import optional

optional("jinja2")

NEW = "/connections/new"


def typed(ada, **fields):
    """Fill in the form of New inbound, without sending it."""
    form = ada.get(NEW).form
    for name, value in {"name": "Shop A", **fields}.items():
        form[name] = value
    return form


def get_by_asgi(app, path, headers):
    """Get a page as an ASGI server does, from 203.0.113.9."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "client": ("203.0.113.9", 1234),
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return b"".join(message.get("body", b"") for message in sent).decode()


class TestList:
    def test_an_empty_list_says_what_a_connection_is(self):
        """Who has none is told the way to the first, and an admin gets the button."""
        page = operating().get("/connections")
        assert "No storefront can call yet" in page
        assert page.html.find("a", string="New inbound")["href"] == "./connections/new"
        assert (
            operating("vera viewer").get("/connections").html.find("a", string="New inbound")
            is None
        )

    def test_each_connection_has_what_tells_it_from_others(self):
        """Name, status, key, scopes, how many addresses, window, and the age of its secret."""
        ada = operating()
        one = ada.bridge.connections.create("Shop A", scopes=["carts:read"], allow=["10.0.0.0/8"])
        ada.bridge.connections.create("Shop B", scopes=["orders:read"], window=90)
        ada.bridge.connections.disable(one.connection.client_id)
        first, second = (
            row.get_text(" ", strip=True) for row in ada.get("/connections").html.select("tbody tr")
        )
        for words in (
            "Shop A",
            "disabled",
            one.connection.client_id,
            "carts read",
            "1 entry",
            "60 s",
        ):
            assert words in first
        for words in ("Shop B", "enabled", "any address", "90 s"):
            assert words in second

    def test_the_age_of_a_secret_counts_from_its_last_rotation(self):
        """Whatever else happened since; and it is not guessed where nobody wrote it down."""
        ada = operating()
        kept = ada.bridge.connections
        client_id = kept.create("Shop A", scopes=["carts:read"]).connection.client_id
        ada.bridge.clock.forward(3 * 86_400)
        assert "3 days" in ada.get("/connections")
        kept.rotate(client_id)
        ada.bridge.clock.forward(86_400)
        for _ in range(120):
            kept.reveal(client_id)
        kept.disable(client_id)
        assert "1 day" in ada.get("/connections")
        for _ in range(500):
            kept.reveal(client_id)
        assert "of unknown age" in ada.get("/connections")

    def test_what_an_operator_must_look_at_shows_in_the_list(self):
        """A range of every address is no better than an empty list."""
        ada = operating()
        ada.bridge.connections.create("Shop A", scopes=["carts:read"], allow=["0.0.0.0/0"])
        assert ada.get("/connections").html.select_one("tbody .warn").get_text() == "look"


class TestNewInbound:
    def test_a_connection_is_made_as_the_form_says(self):
        """Every field arrives, the audit names the operator, and its page comes next."""
        ada = operating()
        form = typed(
            ada,
            status="disabled",
            allow="10.0.0.0/8\r\n\r\n 203.0.113.9 ",
            window="90",
            currency="GBP",
            channel="web",
        )
        form["scope-carts"], form["scope-orders"], form["scope-prices"] = "read", "write", "write"
        answer = form.submit(status=303)
        made = ada.connection()
        assert (made.name, made.status, made.channel) == ("Shop A", "disabled", "web")
        assert made.scopes == {"carts:read", "orders:read", "orders:write", "prices:write"}
        assert made.allow_list == ("10.0.0.0/8", "203.0.113.9")
        assert (made.window, made.default_currency) == (90, "GBP")
        assert ("ada", "connection.created") in ada.acts()
        assert f"connections/{made.client_id}?done=created." in answer.location
        page = answer.follow()
        assert "The connection is made" in page
        assert "ofs_••••" in page

    def test_a_preset_fills_in_the_grid(self):
        """Storefront writes carts and orders, Reporting reads them; any other word is the first."""
        ada = operating()
        for preset, level in (("storefront", "write"), ("reporting", "read"), ("<x>", "write")):
            form = ada.get(f"{NEW}?preset={preset}").form
            assert (form["scope-carts"].value, form["scope-orders"].value) == (level, level)
            assert form["scope-prices"].value == "none"
        assert operating().get(NEW).form["status"].value == "enabled"

    def test_the_channel_is_made_from_the_name_where_it_is_empty(self):
        """As on the command line."""
        ada = operating()
        typed(ada, name="Shop A & B").submit(status=303)
        assert ada.connection().channel == "shop-a-b"

    @pytest.mark.parametrize(
        ("allow", "message"),
        [
            (
                "10.0.0.1/8",
                "Line 1: '10.0.0.1/8' has host bits set; did you mean 10.0.0.0/8 or 10.0.0.1?",
            ),
            ("10.0.0.0/0.255.255.255", "Line 1: '10.0.0.0/0.255.255.255' needs a prefix length"),
            ("10.0.0.1\nshop.example", "Line 2: 'shop.example' is a host name"),
            ("10.0.0.1\n\n# ours", "Line 3: '# ours' is neither an IP address"),
            ("4111111111111111", "Line 1 holds what looks like a card number."),
        ],
    )
    def test_a_line_that_is_no_address_is_told_at_the_list(self, allow, message):
        """Each with its number, and nothing is made; another line does not hide it."""
        ada = operating()
        page = typed(ada, allow=allow).submit(status=422)
        [told_] = told(page, "allow")
        assert told_.startswith(message)
        assert page.html.find(id="allow")["aria-invalid"] == "true"
        assert page.html.find(id="allow").has_attr("autofocus")
        assert "allow-error" in page.html.find(id="allow")["aria-describedby"].split()
        assert not ada.bridge.connections.all()

    def test_every_address_is_a_warning(self):
        """`0.0.0.0/0` may be meant; the connection's page says what it means."""
        ada = operating()
        page = typed(ada, allow="0.0.0.0/0").submit(status=303).follow()
        assert "0.0.0.0/0 allows every IPv4 address" in page.html.select_one(".notice.warn").text

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("name", "", "Give it a name."),
            ("name", "a\u202eb", "name is 1 to 100 printable characters."),
            ("window", "0", "The replay window is 1 to 300 whole seconds."),
            ("window", "301", "The replay window is 1 to 300 whole seconds."),
            ("window", "６０", "The replay window is 1 to 300 whole seconds."),
            ("window", "9" * 5000, "The replay window is 1 to 300 whole seconds."),
            ("channel", "Web shop", "channel is 1 to 40 of a-z, 0-9 and -, not beginning with -."),
        ],
    )
    def test_a_field_that_is_wrong_says_so_beside_it(self, field, value, message):
        """And nothing is made."""
        ada = operating()
        page = typed(ada, **{field: value}).submit(status=422)
        assert told(page, field) == [message]
        assert "Nothing was made" in page
        assert not ada.bridge.connections.all()

    @pytest.mark.parametrize(
        ("field", "value"),
        [("status", "asleep"), ("currency", "XXX"), ("scope-carts", "all"), ("window", "")],
    )
    def test_a_forged_form_makes_nothing(self, field, value):
        """What no page offers is refused like what was mistyped."""
        ada = operating()
        good = {
            "name": "Shop A",
            "status": "enabled",
            "window": "60",
            "scope-orders": "none",
            "scope-prices": "none",
            "scope-carts": "read",
        }
        page = ada.post(NEW, 422, **good | {field: value})
        assert told(page, "scopes" if field == "scope-carts" else field)
        assert not ada.bridge.connections.all()

    def test_a_form_that_is_sent_twice_makes_one_connection(self):
        """A double click, or the same form again later: it leads to what the first one made."""
        ada = operating()
        form = typed(ada, allow="10.0.0.0/8")
        first = form.submit(status=303)
        ada.bridge.connections.rotate(ada.connection().client_id)
        ada.bridge.clock.forward(86_400)
        again = form.submit(status=303)
        assert again.location.partition("?")[0] == first.location.partition("?")[0]
        assert ada.connection().name == "Shop A"
        assert ada.acts().count(("ada", "connection.created")) == 1

    def test_a_form_that_is_filled_in_anew_makes_another(self):
        """Whoever goes back, writes another name and sends it means another connection."""
        ada = operating()
        form = typed(ada)
        form.submit(status=303)
        ada.bridge.clock.forward(1)
        form["name"] = "Shop B"
        form.submit(status=303)
        assert [one.name for one in ada.bridge.connections.all()] == ["Shop A", "Shop B"]

    def test_two_forms_with_the_same_words_make_two(self):
        """What was asked for twice is made twice."""
        ada = operating()
        for _ in range(2):
            typed(ada).submit(status=303)
        assert len(ada.bridge.connections.all()) == 2

    def test_a_form_of_another_session_is_not_the_same(self):
        """Nobody is led to a connection by somebody else's form."""
        ada = operating()
        bob = operating("bob admin", ada.bridge)
        fields = dict(typed(ada).submit_fields())
        ada.post(NEW, 303, **fields)
        bob.post(NEW, 303, **fields)
        assert len(ada.bridge.connections.all()) == 2

    def test_a_connection_that_may_do_nothing_is_not_made(self):
        """The grid says so."""
        ada = operating()
        form = typed(ada)
        form["scope-carts"] = form["scope-orders"] = "none"
        assert told(form.submit(status=422), "scopes") == [
            "Choose at least one thing that it may do."
        ]
        assert not ada.bridge.connections.all()

    def test_what_was_typed_is_kept(self):
        """Whoever mistypes one thing does not type the others again."""
        form = typed(
            operating(),
            status="disabled",
            allow="10.0.0.1/8\r\n10.0.0.2",
            window="90",
            currency="GBP",
            channel="web",
        )
        form["scope-carts"] = "none"
        again = form.submit(status=422).form
        for name, value in form.submit_fields():
            if name not in ("csrf", "shown"):
                assert again[name].value.replace("\r\n", "\n").strip() == value.replace(
                    "\r\n", "\n"
                )

    @pytest.mark.parametrize("field", ["name", "channel", "allow", "window"])
    def test_a_card_number_is_not_given_back(self, field):
        """Nor kept, in whatever field it came."""
        ada = operating()
        page = typed(ada, **{field: "4111 1111 1111 1111"}).submit(status=422)
        assert told(page, field)
        assert "4111 1111" not in page
        assert not ada.bridge.connections.all()

    def test_a_name_is_text_and_nothing_else(self):
        """Markup in it is shown, in the list, in the form and on its own page."""
        ada = operating()
        name = "<script>alert(1)</script>"
        page = typed(ada, name=name, window="0").submit(status=422)
        assert "<script>alert" not in page
        page = typed(ada, name=name).submit(status=303).follow()
        assert ada.connection().name == name
        for shown in (page, ada.get("/connections")):
            assert "<script>alert" not in shown
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown

    def test_the_preset_stays_chosen_where_something_is_missing(self):
        """The tab says what the form began with; another word marks none."""
        ada = operating()
        form = ada.get(f"{NEW}?preset=reporting").form
        page = form.submit(status=422)
        assert page.html.select_one(".tabs [aria-current]").text == "Reporting: read only"
        page.form["preset"] = "other"
        assert not page.form.submit(status=422).html.select(".tabs [aria-current]")


class TestMyAddress:
    def test_a_button_adds_the_address_one_comes_from(self):
        """The form comes back with it, and with all that was typed; nothing is made yet."""
        ada = operating()
        form = typed(ada, allow="10.0.0.1/8", window="90")
        page = form.submit("add_address")
        assert page.form["allow"].value.split() == ["10.0.0.1/8", "203.0.113.9"]
        assert (page.form["name"].value, page.form["window"].value) == ("Shop A", "90")
        assert not ada.bridge.connections.all()
        assert page.form.submit("add_address").form["allow"].value.count("203.0.113.9") == 1

    def test_an_address_that_a_range_holds_is_not_added(self):
        """It is allowed already."""
        page = typed(operating(), allow="203.0.113.0/24").submit("add_address")
        assert page.form["allow"].value.split() == ["203.0.113.0/24"]

    def test_the_enter_key_makes_the_connection(self):
        """It presses the first button of a form."""
        form = operating().get(NEW).html.find("form")
        assert form.find("button").get_text() == "Create connection"

    def test_a_trusted_proxy_is_believed_as_by_the_bridge(self):
        """The address is the client's, not the proxy's, once aliases of its header are dropped."""
        proxied = {"trusted_proxies": ("203.0.113.9",), "client_address_header": "X-Forwarded-For"}
        told_ = {"X-Forwarded-For": "198.51.100.7"}
        page = operating(**proxied, header_aliases_dropped=True).get(NEW, headers=told_)
        assert "Your current address is <code>198.51.100.7</code>" in page
        page = operating(**proxied).get(NEW, headers=told_)
        assert "Add my current address" not in page
        assert "not read under WSGI" in page

    def test_who_is_not_trusted_chooses_no_address(self):
        """The header of anybody else counts for nothing."""
        page = operating().get(NEW, headers={"X-Forwarded-For": "198.51.100.7"})
        assert "Your current address is <code>203.0.113.9</code>" in page

    def test_under_asgi_every_hop_counts(self):
        """A header that came twice is the list of both, as the bridge reads it."""
        bridge = open_bridge(
            trusted_proxies=("203.0.113.9", "192.0.2.1"), client_address_header="X-Forwarded-For"
        )
        console = BridgeConsole(bridge, identify=lambda _: Operator(name="ada", role="admin"))
        sent = [(b"X-Forwarded-For", b"198.51.100.7"), (b"x-forwarded-for", b"192.0.2.1")]
        sent += [(b"cookie", b"a=1"), (b"cookie", b"ofb-zone=Europe/Berlin")]
        page = get_by_asgi(ConsoleASGI(console=console), f"{AT}{NEW}", sent)
        assert "Your current address is <code>198.51.100.7</code>" in page

    def test_without_an_address_nothing_is_added(self):
        """A unix socket has none, and allowing every unix socket is not what was asked."""
        ada = operating()
        page = ada.get(NEW, extra_environ={"REMOTE_ADDR": ""})
        assert "Your own address cannot be told" in page
        form = typed(ada, allow="10.0.0.0/8")
        again = form.submit("add_address", extra_environ={"REMOTE_ADDR": ""})
        assert again.form["allow"].value.split() == ["10.0.0.0/8"]


@pytest.mark.parametrize("kind", [*DATABASES, *ADAPTED])
def test_of_two_clicks_at_once_one_makes_the_connection(fresh_url, kind):
    """Also in two processes, which have nothing in common but the database."""
    racers, url = 4, None if kind == "memory" else fresh_url(kind)
    storages = [open_storage(Settings(database=url)) for _ in range(racers)] if url else []
    shared = storages or [MemoryStorage()] * racers
    bridges = [open_bridge(storage) for storage in shared]
    bridges[0].migrate()
    start = Barrier(racers)

    def click(bridge):
        start.wait(60)
        made = bridge.connections.create("Shop A", scopes=["carts:read"], actor="ada", once="1f")
        return made.connection.client_id, made.secret

    with ThreadPoolExecutor(racers) as pool:
        came = set(pool.map(click, bridges))
    [connection] = bridges[0].connections.all()
    assert came == {
        (connection.client_id, bridges[0].connections.reveal(connection.client_id).secret)
    }
    made = [entry for entry in bridges[0].audit.page() if entry.event == "connection.created"]
    assert len(made) == 1
    for bridge in bridges:
        bridge.close()


@pytest.mark.parametrize("who", ["vera viewer", "otto operator"])
def test_only_an_admin_makes_connections(who):
    """Anybody else is refused, and the audit has that they tried."""
    other = operating(who)
    assert other.get(NEW, status=403)
    other.post(NEW, 403, name="Shop A")
    assert not other.bridge.connections.all()
    assert (who.split()[0], "console.refused") in other.acts()


def test_a_new_connection_lets_in_as_its_status_says():
    """One that is made disabled lets nobody in until it is enabled."""
    ada = operating()
    typed(ada, status="disabled").submit(status=303)
    assert ada.connection().status == "disabled"
    assert ada.app.get(f"{AT}/connections").html.select_one("tbody .pill").get_text() == "disabled"
