"""Requests as operators find them: the list, why one was refused, and a signature to test."""

import hashlib
import json
import re
from typing import Any

import pytest

from orderflow_bridge.client.signing import sign
from orderflow_bridge.console.views import ticks
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from orderflow_bridge.storage.memory import MemoryStorage
from tests.canary.marks import CARDS
from tests.console.inbound import operating
from tests.console.stage import form_token_of, open_bridge
from tests.hosts.hosts import optional
from tests.rig import ALL_SCOPES, CATALOGUE, Storefront, item

optional("jinja2")

BODY = b'{"currency":"GBP"}'
OTHER_SECRET = "ofs_" + "x" * 43


@pytest.fixture
def vera():
    """Give a viewer at a bridge with something for sale."""
    bridge = open_bridge()
    bridge.catalogue.put(CATALOGUE)
    return operating("vera viewer", bridge)


@pytest.fixture
def filed(tmp_path):
    """Give a viewer at a bridge whose requests are kept in a file."""
    bridge = open_bridge(open_storage(Settings(database=f"sqlite:///{tmp_path}/shop.db")))
    yield operating("vera viewer", bridge)
    bridge.close()


@pytest.fixture
def front(vera):
    """Give a storefront that signs."""
    return storefront(vera.bridge)


def storefront(bridge, name="Shop A", **options):
    made = bridge.connections.create(
        name, **{"scopes": ALL_SCOPES, "currency": "GBP", "window": 60} | options
    )
    return Storefront(bridge, made.connection.client_id, made.secret, bridge.clock)


def written(sat):
    """Wait for nothing: write now what waits for the journal."""
    sat.bridge._recorder.flush()
    return sat


def newest(sat):
    return written(sat).bridge.journal.page(limit=1)[0]


def rows(page):
    """Give the request ids of the rows, as they stand."""
    return [link["href"].rpartition("/")[2] for link in page.html.select("main tbody th a")]


def words(element):
    return re.sub(r"\s+", " ", element.get_text(" ", strip=True))


# The list.


def test_the_first_signed_request_shows_up(vera, front):
    """On the page of all requests and on the connection's own, both of which renew themselves."""
    pages = ("/requests", f"/requests?connection={front.client_id}")
    for path in pages:
        assert "The first request shows up here" in vera.get(path)
    assert f"connections/{front.client_id}#paste" in vera.get(pages[1])
    assert "None yet" in vera.get(f"/connections/{front.client_id}").html.select_one("#recent").text
    reply = front.call("cart.create", currency="GBP")
    written(vera)
    for path in (*pages, f"/connections/{front.client_id}"):
        page = vera.get(path)
        assert rows(page) == [reply.headers["X-Request-Id"]]
        [live] = page.html.select("[data-live]")
        assert live["data-live"] == "2"
        # Nothing renews itself where no script runs.
        assert "enew" not in page.html.main.get_text()
        assert page.goto(live["data-live-from"]).html.find(id=live["id"])
        assert live["id"]
        assert live.select("tbody tr")
        assert live.select_one("time[data-seconds]").get_text() == "2026-01-01 00:00:00 UTC"


def test_a_row_says_how_it_went(vera, front):
    """Connection, action, verdict, reason in words, status, milliseconds, address."""
    front.call("orders.get", key=None, order_id="order_none")
    [row] = written(vera).get("/requests").html.select("main tbody tr")
    for said in (
        "Shop A",
        "orders.get",
        "refused",
        "No such order order_not_found",
        "404",
        "203.0.113.9",
    ):
        assert said in words(row)


def test_a_request_that_nobody_has_proven_to_have_signed_is_marked(vera, front):
    """Anyone can name a client id; words say it, not only a colour."""
    front.call("cart.create", currency="GBP")
    assert "unproven" not in written(vera).get("/requests").html.select_one("tbody").text
    front.secret = OTHER_SECRET
    front.call("cart.create", currency="GBP")
    assert "unproven" in written(vera).get("/requests").html.select_one("tbody").text


def test_a_stored_answer_is_marked(vera, front):
    """A retry with its key made nothing anew."""
    for _ in range(2):
        reply = front.call("cart.create", key="k1", currency="GBP")
        vera.bridge.clock.forward(1)
    entry = written(vera).bridge.journal.find(reply.headers["X-Request-Id"])
    assert entry.replayed
    assert "stored answer" in vera.get("/requests").html.select_one("tbody tr").text
    assert "the stored answer" in vera.get(f"/requests/{entry.request_id}")


def test_tabs_and_connections_choose(vera, front):
    """Each keeps what the other chose, and says where nothing is like that."""
    other = storefront(vera.bridge, "Shop B")
    front.call("cart.create", currency="GBP")
    front.call("orders.get", key=None, order_id="order_none")
    other.call("cart.create", currency="GBP")
    written(vera)
    chosen = {
        "": 3,
        "?verdict=refused": 1,
        "?verdict=allowed": 2,
        f"?connection={front.client_id}": 2,
        f"?connection={front.client_id}&verdict=refused": 1,
    }
    for query, count in chosen.items():
        assert len(rows(vera.get(f"/requests{query}"))) == count
    nothing = vera.get(f"/requests?connection={other.client_id}&verdict=refused")
    assert "No request is like that" in nothing
    links = [one["href"] for one in nothing.html.select("[aria-label=Verdict] a")]
    assert len(links) == 3
    assert all(f"connection={other.client_id}" in link for link in links)
    assert nothing.form["verdict"].value == "refused"


@pytest.mark.parametrize("path", ["requests", "signature"])
def test_the_tabs_of_a_connection_stay(vera, front, path):
    """Its name and its tabs are on the pages that they lead to, and not where it is not named."""
    page = vera.get(f"/{path}?connection={front.client_id}")
    chosen = page.html.select_one("nav[aria-label=Connection] [aria-current]")
    assert chosen["href"] == f"./{path}?connection={front.client_id}"
    assert page.html.h1.text == "Shop A"
    assert page.html.select_one("nav[aria-label=Console] [aria-current]").text == "Requests"
    for query in ("", "?connection=ofc_none"):
        assert not vera.get(f"/{path}{query}").html.select("nav[aria-label=Connection]")


def test_every_request_is_on_one_page_only(vera, front):
    """Fifty a page, newest first; those that come meanwhile move none of the older ones."""
    for _ in range(120):
        front.call("orders.list", key=None)
        vera.bridge.clock.forward(1)
    page = written(vera).get("/requests")
    seen = [rows(page)]
    front.call("orders.list", key=None)
    written(vera)
    while older := page.html.select_one(".pages a[rel=next]"):
        page = page.click(linkid=None, href=re.escape(older["href"]))
        assert not page.html.select("[data-live]")
        seen.append(rows(page))
    assert [len(one) for one in seen] == [50, 50, 20]
    found = [name for one in seen for name in one]
    assert found == [entry.request_id for entry in vera.bridge.journal.page(limit=200)][1:]


def test_behind_the_oldest_there_is_nothing(vera, front):
    """And a way back to the newest."""
    front.call("cart.create", currency="GBP")
    page = written(vera).get("/requests?before=1.a")
    assert "Nothing is older" in page
    assert rows(page.click("Newest requests"))


def test_pages_of_a_file_are_those_of_memory(filed):
    """Each request once, for each choice of connection and verdict."""
    fronts = [storefront(filed.bridge, name) for name in ("Shop A", "Shop B")]
    for turn in range(60):
        fronts[turn % 2].call("orders.list", key=None)
        fronts[turn % 2].call("orders.get", key=None, order_id="order_none")
        filed.bridge.clock.forward(turn % 3)
    written(filed)
    for query, count in (("", 120), ("?verdict=refused", 60), ("?verdict=allowed", 60)):
        page = filed.get(f"/requests{query}")
        seen = rows(page)
        while older := page.html.select_one(".pages a[rel=next]"):
            page = page.click(href=re.escape(older["href"]))
            seen += rows(page)
        assert len(seen) == len(set(seen)) == count
    assert len(rows(filed.get(f"/requests?connection={fronts[0].client_id}&verdict=refused"))) == 30


@pytest.mark.parametrize("name", ["connection", "verdict", "before", "live", "request"])
@pytest.mark.parametrize(
    "value",
    [
        "x",
        "%00",
        "%ff",
        "%ed%a0%80",
        "9" * 400 + ".a",
        "1.%F0%9F%92%A9",
        "'; --",
        "a" * 5000,
        "-1.a",
    ],
)
def test_a_bad_value_is_no_fault(vera, front, name, value):
    """Whatever somebody writes into the address."""
    front.call("cart.create", currency="GBP")
    written(vera)
    for path in ("/requests", "/signature"):
        vera.get(f"{path}?{name}={value}", status=200)


@pytest.mark.parametrize("name", ["req_none", "x", "%00", "a%0d%0ab", "%f0%9f%92%a9", "a" * 2000])
def test_an_unknown_request_is_a_page_that_is_not_there(vera, name):
    """It says that nothing of it is kept."""
    assert "no such request here" in vera.get(f"/requests/{name}", status=404)


def test_a_request_is_found_by_its_id(vera, front):
    """Which a storefront's developer has from the answer; blanks around it do not matter."""
    reply = front.call("cart.create", currency="GBP")
    form = written(vera).get("/requests").form
    form["request"] = f" {reply.headers['X-Request-Id']} "
    page = form.submit(status=303).follow()
    assert reply.headers["X-Request-Id"] in page.html.select_one("dl.facts").text
    form["request"] = "req_of_long_ago"
    assert "No request with that id is kept" in form.submit(status=200)


def test_what_strangers_sent_is_counted(vera, front):
    """By code, for this process; nothing of it is kept."""
    front.call("cart.create", currency="GBP")
    stranger = Storefront(vera.bridge, "ofc_nobody00nobody00nobo", OTHER_SECRET, vera.bridge.clock)
    for _ in range(3):
        stranger.call("cart.create", currency="GBP")
    page = written(vera).get("/requests")
    assert len(rows(page)) == 1
    assert "authentication_failed 3" in words(page.html.select_one("#counts"))
    assert page.html.select_one("#counts a")["href"].endswith("health")


def test_what_others_chose_stays_text(vera):
    """A name with markup in it, in the list and on the page of a request."""
    front = storefront(vera.bridge, "<script>alert(1)</script>")
    reply = front.call("cart.create", currency="GBP")
    written(vera)
    request = f"/requests/{reply.headers['X-Request-Id']}"
    for path in ("/requests", request, f"/signature?connection={front.client_id}"):
        assert "<script>alert" not in vera.get(path)
        assert "&lt;script&gt;alert(1)" in vera.get(path)


# One request.


def call(bridge, front):
    front.call("cart.create", currency="GBP")


def with_another_secret(bridge, front):
    front.secret = OTHER_SECRET
    call(bridge, front)


def with_another_body(bridge, front):
    front.send("cart.create", BODY + b"\n", front.headers("cart.create", BODY, key="k1"))


def in_milliseconds(bridge, front):
    headers = front.headers("cart.create", BODY, key="k1")
    front.send("cart.create", BODY, headers | {"X-Timestamp": headers["X-Timestamp"] + "000"})


def without_a_header(bridge, front):
    headers = front.headers("cart.create", BODY, key="k1")
    del headers["X-Signature"]
    front.send("cart.create", BODY, headers)


def with_another_client_id(bridge, front):
    headers = front.headers("cart.create", BODY, key="k1")
    front.send("cart.create", BODY, headers | {"X-Client-Id": "ofc_another0another0abc"})


def an_hour_late(bridge, front):
    late = bridge.clock.now() // 1000 - 3600
    front.send("cart.create", BODY, front.headers("cart.create", BODY, timestamp=late))


def outside_its_own_window(bridge, front):
    late = bridge.clock.now() // 1000 - 20
    bridge.connections.set_window(front.client_id, 10)
    front.send("cart.create", BODY, front.headers("cart.create", BODY, key="k1", timestamp=late))


def disabled(bridge, front):
    bridge.connections.disable(front.client_id)
    call(bridge, front)


def from_elsewhere(bridge, front):
    bridge.connections.allow(front.client_id, ["10.0.0.0/8"])
    call(bridge, front)


def unknown_action(bridge, front):
    front.send("cart.burn", BODY, front.headers("cart.burn", BODY, key="k1"))


def without_the_scope(bridge, front):
    bridge.connections.set_scopes(front.client_id, ["carts:read"])
    call(bridge, front)


def no_json(bridge, front):
    front.send("cart.create", b"{", front.headers("cart.create", b"{", key="k1"))


def with_a_card(bridge, front):
    front.call("cart.create", currency="GBP", note=CARDS[0])


def of_another_shape(bridge, front):
    front.call("cart.create", currency="GBP", colour="red")


def sent_again(bridge, front):
    headers = front.headers("cart.create", BODY, key=None)
    for _ in range(2):
        front.send("cart.create", BODY, headers)


def a_key_for_two_bodies(bridge, front):
    front.call("cart.create", key="k1", currency="GBP")
    front.call("cart.create", key="k1", currency="EUR")


def of_no_cart(bridge, front):
    front.call("items.add", cart_id="cart_none", items=[item("mug")])


REFUSED = [
    (with_another_secret, "authentication_failed", "signature", "most likely the secret"),
    (with_another_body, "authentication_failed", "signature", "The body is not kept"),
    (in_milliseconds, "malformed_auth_header", "headers well-formed", "it is in milliseconds"),
    (without_a_header, "missing_auth_header", "headers present", "X-Signature is missing"),
    (with_another_client_id, "client_id_mismatch", "client id", "one client id in both places"),
    (an_hour_late, "timestamp_out_of_window", "server window", "3600 seconds behind the server"),
    (outside_its_own_window, "timestamp_out_of_window", "connection window", "Set the storefront"),
    (disabled, "connection_disabled", "enabled", "Enable the connection"),
    (from_elsewhere, "ip_not_allowed", "address", "Add the address to the allow-list"),
    (unknown_action, "unknown_action", "action", "Correct the action"),
    (without_the_scope, "insufficient_scope", "scopes", "Grant the scopes"),
    (no_json, "invalid_json", "JSON", "Send one JSON object"),
    (with_a_card, "pan_detected", "card data", "Take card data out"),
    (of_another_shape, "invalid_request", "schema", "Correct the fields"),
    (sent_again, "replayed_request", "replay", "Sign each attempt anew"),
    (a_key_for_two_bodies, "idempotency_key_reused", "idempotency", "Use a new key"),
    (of_no_cart, "cart_not_found", "outcome", "Nothing is wrong with the connection"),
]


@pytest.mark.parametrize(
    ("act", "code", "step", "advice"), REFUSED, ids=[row[0].__name__ for row in REFUSED]
)
def test_a_refusal_names_the_check_and_what_to_do(vera, front, act, code, step, advice):
    """The first check that failed is marked in words, and none behind it was reached."""
    act(vera.bridge, front)
    [entry] = written(vera).bridge.journal.page(refused=True)
    page = vera.get(f"/requests/{entry.request_id}")
    why = words(page.html.select_one(".notice.bad"))
    assert code in why
    assert advice in why
    assert page.html.select_one("h1 ~ .pill").text == "refused"
    checks = [(one["class"][0], words(one)) for one in page.html.select("ol.checks > li")]
    [failed] = [at for at, (state, _) in enumerate(checks) if state == "failed"]
    assert checks[failed][1].startswith(f"Failed: {step}: not met: ")
    assert all(state == "passed" and text.startswith("Passed:") for state, text in checks[:failed])
    assert all(
        state == "unreached" and text.startswith("Not reached:")
        for state, text in checks[failed + 1 :]
    )
    facts = words(page.html.select_one(".facts"))
    assert re.sub(r"[`\s]", "", entry.detail) in re.sub(r"\s", "", facts)
    assert "`" not in facts
    assert CARDS[0] not in page
    for mac in re.findall("v1=[0-9a-f]{9}", page.text):
        pytest.fail(f"more of a signature than is kept: {mac}")


@pytest.mark.parametrize("act", [an_hour_late, in_milliseconds, without_a_header])
def test_what_was_refused_before_its_body_is_not_said_to_be_compared(vera, front, act):
    """Nobody looked at the signature, and what to do is said once."""
    act(vera.bridge, front)
    page = vera.get(f"/requests/{newest(vera).request_id}")
    why = words(page.html.select_one(".notice.bad"))
    assert "nothing to compare" not in why
    assert "What to do" not in why


def test_the_window_that_refused_is_the_one_that_is_named(vera, front):
    """As the caller was told, and as the check is called."""
    an_hour_late(vera.bridge, front)
    entry = newest(vera)
    why = words(vera.get(f"/requests/{entry.request_id}").html.select_one(".notice.bad"))
    assert "Refused at server window . Rule: " in why
    assert "the server's largest window is 300 seconds" in why
    assert "300 seconds" in entry.detail
    assert why.count("NTP") == 1


@pytest.mark.parametrize(
    ("act", "links"),
    [
        (disabled, ["#status"]),
        (from_elsewhere, ["#change-allow", "health"]),
        (without_the_scope, ["#change-scopes"]),
        (with_another_secret, ["#what"]),
        (sent_again, []),
    ],
)
def test_what_to_do_is_a_link_and_no_command(vera, front, act, links):
    """To the section of the page where it is done, which is there."""
    act(vera.bridge, front)
    notice = vera.get(f"/requests/{newest(vera).request_id}").html.select_one(".notice.bad")
    found = [link["href"] for link in notice.select("a") if "signature?" not in link["href"]]
    assert [re.sub(r".*/connections/ofc_\w+|\.\./", "", href) for href in found] == links
    assert "connections enable" not in words(notice)
    assert "`" not in words(notice)
    ada = operating("ada admin", vera.bridge)
    for href in found:
        path, _, section = href.removeprefix("..").partition("#")
        page = ada.get(path)
        assert not section or page.html.find(id=section)


def test_what_is_between_backticks_is_code_and_stays_text():
    """Escaped as anything else; a tick that stands alone is kept."""
    assert ticks("`a<b>` and `c`") == "<code>a&lt;b&gt;</code> and <code>c</code>"
    assert ticks("<i>a ` b") == "&lt;i&gt;a ` b"


def test_a_sku_that_is_not_sold_leads_to_the_catalogue(vera, front):
    """There an operator sees what is."""
    front.call("cart.create", currency="GBP", items=[item("hat")])
    notice = vera.get(f"/requests/{newest(vera).request_id}").html.select_one(".notice.bad")
    assert notice.select_one("a")["href"] == "../catalogue"


@pytest.mark.parametrize(
    ("grace", "said"),
    [(0, "secret was changed at 2026-"), (3600, "old secret was ended at 2026-")],
)
def test_a_secret_that_changed_lately_may_not_have_arrived_yet(vera, front, grace, said):
    """Within a day of a rotation, and of the end of an old secret; not before, and not later."""
    connections, clock = vera.bridge.connections, vera.bridge.clock
    old = front.secret

    def why():
        call(vera.bridge, front)
        notice = vera.get(f"/requests/{newest(vera).request_id}").html.select_one(".notice.bad")
        return words(notice)

    with_another_secret(vera.bridge, front)
    before = newest(vera).request_id
    front.secret = old
    clock.forward(60)
    connections.rotate(front.client_id, grace=grace)
    if grace:
        clock.forward(60)
        connections.revoke_previous(front.client_id)
    clock.forward(60)
    assert said in why()
    assert "was changed at" not in vera.get(f"/requests/{before}")
    clock.forward(86_400)
    assert said not in why()


def test_an_allowed_request_says_all(vera, front):
    """Its checks, what was signed, its headers, and the cart that it made."""
    cart = front.cart(item("mug"))
    entry = newest(vera)
    page = vera.get("/requests").click(href=entry.request_id)
    assert not page.html.select(".notice.bad")
    assert {one["class"][0] for one in page.html.select("ol.checks > li")} == {"passed"}
    text = page.html.select_one("#string-to-sign").text
    assert text == entry.string_to_sign
    assert page.html.select_one("[data-copy-from=string-to-sign]")
    assert "v1=" in words(page.html.select("dl.facts")[1])
    facts = page.html.select_one("dl.facts")
    assert f"{entry.body_bytes} bytes" in words(facts)
    links = [link["href"] for link in facts.select("a")]
    assert links == [f"../connections/{front.client_id}", f"../carts/{cart['cart_id']}"]


def test_the_request_that_made_an_order_leads_to_it(vera, front):
    """As its answer named it."""
    order = front.order(front.cart(item("mug"))["cart_id"])
    links = vera.get(f"/requests/{newest_of(vera, 'convertToOrder')}").html.select(".facts a")
    assert f"../orders/{order['order_id']}" in [link["href"] for link in links]


def newest_of(sat, action):
    page = written(sat).bridge.journal.page()
    return next(entry.request_id for entry in page if entry.action == action)


# Who may look, and where there is nothing to see.


@pytest.mark.parametrize("path", ["/requests", "/requests/req_none", "/signature"])
def test_a_stranger_sees_nothing(vera, path):
    """Nobody who is not signed in."""
    operating("", vera.bridge).get(path, status=401)


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_sees_the_same_reason(vera, front, role):
    """The reason is no secret among operators."""
    from_elsewhere(vera.bridge, front)
    entry = newest(vera)
    sat = operating(f"somebody {role}", vera.bridge)
    assert "Add the address to the allow-list" in sat.get(f"/requests/{entry.request_id}")
    assert sat.get("/signature").html.select_one("form[method=post] button").text


def test_a_journal_that_is_off_says_how_to_turn_it_on():
    """The setting by its name; a request that is at hand can be tested all the same."""
    sat = operating("vera viewer", journal_rows=0)
    front = storefront(sat.bridge)
    page = sat.get("/requests")
    assert "ORDERFLOW_BRIDGE_JOURNAL_ROWS" in page
    assert not page.html.select("table, [data-live]")
    assert "journal_rows" in sat.get("/requests/req_none", status=503)
    assert not sat.get(f"/connections/{front.client_id}").html.select("#recent")
    assert "Last used" not in sat.get("/connections")
    assert result(paste(sat, front.headers("cart.create", BODY), BODY)) == "The signature is right."
    sat.get("/signature?request=req_none", status=200)


def test_what_one_worker_counts_does_not_live(vera, front):
    """Each renewal may come from another worker: counts of one stand outside of what is renewed."""
    page = vera.get("/requests")
    assert "has refused nothing since it started" in page.html.select_one("#counts").text
    front.send("cart.get", b"{}", {"Content-Type": "application/json"})
    page = vera.get("/requests")
    counts = page.html.select_one("#counts")
    assert "This worker process has refused, since it started: " in counts.text
    assert "missing_auth_header 1" in counts.text
    [live] = page.html.select("[data-live]")
    assert "missing_auth_header 1" not in live.text
    assert "worker" not in live.text


def test_the_list_of_connections_says_how_much_each_is_used(vera, front):
    """When it was last let in, and how often it was allowed and refused within a day."""
    quiet = storefront(vera.bridge, "Shop B")
    front.ok("cart.create", currency="GBP")
    vera.bridge.clock.forward(60)
    front.call("orders.get", key=None, order_id="order_none")
    page = written(vera).get("/connections")
    used, unused = page.html.select("main tbody tr")
    assert words(used).endswith("2026-01-01 00:00:00 UTC 1 allowed, 1 refused")
    assert used.select_one("td a")["href"].endswith(f"{front.client_id}&verdict=refused")
    assert words(unused).endswith("no request kept none")
    assert "Last 24 hours" in words(page.html.thead)
    vera.bridge.clock.forward(86_400)
    quiet.ok("cart.create", currency="GBP")
    used, unused = written(vera).get("/connections").html.select("main tbody tr")
    assert words(used).endswith("2026-01-01 00:00:00 UTC 0 allowed, 1 refused")
    vera.bridge.clock.forward(1)
    used, unused = vera.get("/connections").html.select("main tbody tr")
    assert words(used).endswith("2026-01-01 00:00:00 UTC none")
    assert "1 allowed, 0 refused" in words(unused)


class Forgetful(MemoryStorage):
    """A storage that keeps no requests."""

    capabilities = MemoryStorage.capabilities - {"journal"}


def test_a_storage_without_a_journal_is_named():
    """With the capability that it lacks."""
    sat = operating("vera viewer", open_bridge(Forgetful()))
    front = storefront(sat.bridge)
    front.call("cart.create", currency="GBP")
    page = sat.get("/requests")
    assert "Forgetful" in page.html.select_one(".notice.warn").text
    assert "capability journal" in words(page.html.select_one(".notice.warn"))
    assert not sat.get(f"/connections/{front.client_id}").html.select("#recent")


# A signature to test.


def paste(sat, headers, body=b"", expect=200, /, *, file=None, **fields):
    """Fill the form as a person does, and send it."""
    form = sat.get("/signature").form
    form["headers"] = "\r\n".join(f"{name}: {value}" for name, value in headers.items())
    form["body"] = body.decode().replace("\n", "\r\n")
    form["action"] = "cart.create"
    for name, value in fields.items():
        form[name] = value
    if file is not None:
        form["file"] = ("body.json", file)
    return form.submit(status=expect or "*")


def result(page):
    return words(page.html.select_one("[role=status] strong"))


def signed(front, body=BODY, **changed):
    values: dict[str, Any] = {
        "client_id": front.client_id,
        "secret": front.secret,
        "action": "cart.create",
        "body": body,
        "timestamp": front.clock.now() // 1000,
        "idempotency_key": "k1",
    }
    return sign(**values | changed)


def test_a_right_signature_is_right(vera, front):
    """With what the server builds, and no word of how to make one."""
    page = paste(vera, signed(front), BODY)
    assert result(page) == "The signature is right."
    lines = page.html.select_one("#string-to-sign").text.split("\n")
    assert lines[3:] == ["POST cart.create", "k1", hashlib.sha256(BODY).hexdigest()]


@pytest.mark.parametrize(
    ("changed", "fields", "said"),
    [
        ({"secret": OTHER_SECRET}, {}, "most likely the secret is another one"),
        ({"action": "cart.get"}, {}, "cart.get"),
        ({"body": b'{"currency": "GBP"}'}, {}, "with a space behind"),
        ({"body": b""}, {}, "empty body"),
        ({"body": BODY + b"\n"}, {}, "with a newline at its end, which was not sent"),
        ({"idempotency_key": None}, {}, "Idempotency-Key"),
        ({"timestamp": 1_767_220_000}, {}, "5600 seconds behind the server's clock"),
        ({}, {"method": "GET"}, "The method is not POST."),
    ],
)
def test_a_mistake_is_named(vera, front, changed, fields, said):
    """What was signed in place of what was sent, and what to do."""
    headers = signed(front, **changed)
    if "idempotency_key" in changed:
        headers["Idempotency-Key"] = "k1"
    page = paste(vera, headers, BODY, **fields)
    assert page.html.select_one(".notice.bad")
    assert said in words(page.html.select_one(".findings"))


def test_neither_secret_nor_signature_is_answered(vera, front):
    """Who may look may not sign: of a wrong signature the right one is not told."""
    right = signed(front)["X-Signature"]
    page = paste(vera, signed(front, secret=OTHER_SECRET), BODY)
    assert right[3:] not in page
    assert right[3:] not in vera.get("/signature")
    assert front.secret not in page


def test_a_quiet_header_is_missing(vera, front):
    """Before any signature is computed."""
    headers = signed(front)
    del headers["X-Timestamp"]
    assert "X-Timestamp is missing." in words(paste(vera, headers, BODY).html)


def test_the_connection_of_the_path_counts(vera, front):
    """Without a choice it is the one that X-Client-Id names."""
    other = storefront(vera.bridge, "Shop B")
    page = paste(vera, signed(front), BODY, connection=other.client_id)
    assert "is not the client id of the path" in words(page.html.select_one(".findings"))
    unknown = {**signed(front), "X-Client-Id": "ofc_nobody00nobody00nobo"}
    assert "There is no connection with this client id." in words(paste(vera, unknown, BODY).html)


def test_when_it_was_sent_is_read_in_the_operators_zone(vera, front):
    """An older request is judged as of then, and not as of now."""
    headers = signed(front)
    vera.bridge.clock.forward(7200)
    assert "7200 seconds behind" in words(paste(vera, headers, BODY).html)
    assert result(paste(vera, headers, BODY, at="2026-01-01T00:00:10")) == "The signature is right."
    assert result(paste(vera, headers, BODY, at="2026-01-01T00:00")) == "The signature is right."
    page = vera.get("/signature")
    cookies = [f"{name}={value}" for name, value in vera.app.cookies.items()]
    fields = {"csrf": form_token_of(page), "action": "cart.create", "method": "POST"}
    fields |= {"headers": "\n".join(f"{name}: {value}" for name, value in headers.items())}
    page = vera.app.post(
        "/bridge-console/signature",
        fields | {"body": BODY.decode(), "at": "2026-01-01T01:00:10"},
        headers={"Cookie": "; ".join([*cookies, "ofb-zone=Europe/Berlin"])},
    )
    assert result(page) == "The signature is right."
    assert "In Europe/Berlin." in page


def test_the_line_end_behind_the_body_is_a_choice(vera, front):
    """An editor adds one to what is pasted; a storefront may have sent one."""
    assert result(paste(vera, signed(front), BODY + b"\n")) == "The signature is right."
    ended = signed(front, BODY + b"\n")
    page = paste(vera, ended, BODY, ends=True)
    assert result(page) == "The signature is right."
    assert page.form["ends"].checked


@pytest.mark.parametrize(
    "body",
    [b"{\r\n}\r\n", b"\r", b"\n\n", b"\xff\x00\xfe", b" {} ", b"\xef\xbb\xbf{}", b"--x\r\n{}"],
)
def test_a_file_counts_byte_for_byte(vera, front, body):
    """In place of what is typed."""
    page = paste(vera, signed(front, body), b"something else", file=body)
    assert result(page) == "The signature is right."


def test_a_hash_stands_in_for_a_body(vera, front):
    """Where nobody has the body any more."""
    digest = hashlib.sha256(BODY).hexdigest()
    assert result(paste(vera, signed(front), digest=digest)) == "The signature is right."


def test_a_kept_request_fills_the_form(vera, front):
    """As far as it is kept: tested as it is, it is found right or wrong again."""
    front.call("cart.create", currency="GBP")
    entry = newest(vera)
    vera.bridge.clock.forward(86_400)
    page = vera.get(f"/requests/{entry.request_id}").click("Test this signature")
    assert page.form["action"].value == "cart.create"
    assert page.form["connection"].value == front.client_id
    assert page.form["at"].value == "2026-01-01T00:00:00"
    assert result(page.form.submit()) == "The signature is right."


def test_what_came_malformed_is_left_to_paste(vera, front):
    """It is not kept, and the page says so."""
    in_milliseconds(vera.bridge, front)
    page = vera.get(f"/signature?request={newest(vera).request_id}")
    assert "malformed is not kept" in page
    assert "X-Timestamp:" not in page.form["headers"].value
    assert "X-Client-Id:" in page.form["headers"].value


def test_everything_typed_is_kept(vera, front):
    """A field that is wrong costs nobody what stands in the others; markup stays text."""
    body = b'\n{"note":"</textarea><script>alert(1)</script>"}'
    for action, status in (("cart.create", 200), ("", 422)):
        page = paste(
            vera,
            signed(front) | {"X-Other": "<b>"},
            body,
            status,
            action=action,
            connection=front.client_id,
            method="PUT",
            at="2026-01-01T00:00:00",
            ends=True,
        )
        assert "<script>alert" not in page
        form = page.form
        assert "X-Other: <b>" in form["headers"].value
        assert form["body"].value.replace("\r\n", "\n").encode().strip() == body.strip()
        assert f">\n{body.decode()[:4]}" in page.text.replace("&#34;", '"')
        assert form["connection"].value == front.client_id
        assert form["method"].value == "PUT"
        assert form["at"].value == "2026-01-01T00:00:00"
        assert form["ends"].checked


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"headers": ""}, "headers", "Paste the headers"),
        ({"headers": "X-Timestamp 1"}, "headers", "Line 1 is no header"),
        (
            {"headers": "X-Timestamp: 1\nx-timestamp: 2"},
            "headers",
            "X-Timestamp stands there twice",
        ),
        ({"action": ""}, "action", "Choose the action"),
        ({"digest": "0"}, "digest", "64 lower-case hexadecimal digits"),
        ({"at": "yesterday"}, "at", "Write day and time"),
        ({"at": "0001-01-01T00:00"}, "at", "Write day and time"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field(vera, front, fields, field, said):
    """Nothing is tested then."""
    form = vera.get("/signature").form
    form["headers"] = "X-Client-Id: x"
    form["action"] = "cart.create"
    for name, value in fields.items():
        form[name] = value
    page = form.submit(status=422)
    assert said in page.html.select_one(f"#{field}-error").text
    assert page.html.select_one(f"#{field}")["aria-invalid"] == "true"
    assert not page.html.select("[role=status]")


@pytest.mark.parametrize("name", ["connection", "action", "method"])
def test_a_choice_that_is_none_is_refused(vera, front, name):
    """Whatever a program sends in place of a form."""
    fields = {"headers": "X-Client-Id: x", "action": "cart.create", "method": "POST"}
    page = vera.post("/signature", 422, **fields | {name: "<x>"})
    assert page.html.select_one(f"#{name}-error")


def test_a_request_line_above_the_headers_is_passed_over(vera, front):
    """As a log or a browser copies it."""
    headers = "\n".join(f"{name}: {value}" for name, value in signed(front).items())
    page = vera.post(
        "/signature",
        200,
        headers=f"POST /bridge/x/cart.create HTTP/1.1\nHost: shop.example\n\n{headers}",
        body=BODY.decode(),
        action="cart.create",
        method="POST",
    )
    assert result(page) == "The signature is right."


@pytest.mark.parametrize("name", ["headers", "body", "file", "digest", "at", "action"])
@pytest.mark.parametrize(
    ("secret", "said"), [(CARDS[0], "card data"), (OTHER_SECRET, "a connection's secret")]
)
def test_cards_and_secrets_are_refused_and_not_repeated(vera, front, name, secret, said):
    """Neither belongs here; the other fields keep what was typed."""
    token = form_token_of(vera.get("/signature"))
    fields = {"headers": "X-Client-Id: kept", "body": "kept", "action": "cart.create"}
    fields |= {"method": "POST", "csrf": token}
    files = [("file", "body.json", f"a {secret}".encode())] if name == "file" else []
    if not files:
        fields[name] = f"a {secret}"
    page = vera.app.post("/bridge-console/signature", fields, upload_files=files, status=422)
    assert secret not in page
    assert said in page.html.select_one(f"#{name}-error").text
    assert "kept" in page.html.select_one("#body" if name == "headers" else "#headers").text


@pytest.mark.parametrize(
    "body", [{"cvv": "123"}, {"n": int(CARDS[0])}, {"n": "\\u0034" + CARDS[0][1:]}]
)
def test_card_data_is_known_as_the_bridge_knows_it(vera, front, body):
    """By the names of its fields, as a number, and behind escapes."""
    text = json.dumps(body).replace("\\\\", "\\")
    page = paste(vera, signed(front), text.encode(), 422)
    assert "card data" in page.html.select_one("#body-error").text
    assert page.form["body"].value.strip() == ""


@pytest.mark.parametrize("depth", [300, 480, 600, 30_000])
def test_a_body_nested_without_end_is_no_fault(vera, front, depth):
    """It is tested, or refused; it never breaks the page."""
    body = b'{"a":' * depth + b'"\\u0034"' + b"}" * depth
    page = paste(vera, signed(front, body), body, None, file=body)
    assert page.status_int in {200, 422}


def test_a_test_needs_the_forms_token_and_changes_nothing(vera, front):
    """Another site's page tests nothing; the audit and the journal stay as they are."""
    before = vera.acts()
    vera.app.post("/bridge-console/signature", {"headers": "a: b"}, status=403)
    paste(vera, signed(front), BODY)
    assert vera.acts() == before
    assert written(vera).bridge.journal.page() == []
    assert front.call("cart.create", key="k1", currency="GBP").status == 200
