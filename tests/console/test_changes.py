"""What an admin changes of a connection: each form changes one thing, and the audit has who."""

import pytest

from tests.console.inbound import operating, told
from tests.console.stage import form_of
from tests.hosts.hosts import optional
from tests.rig import Storefront

optional("jinja2")

SCOPES = ["carts:read", "carts:write"]
ACTS = ("enable", "disable", "rotate", "revoke", "allow", "scopes", "window")


@pytest.fixture
def ada():
    sat = operating()
    sat.bridge.connections.create("Shop A", scopes=SCOPES, allow=["10.0.0.0/8"])
    return sat


@pytest.fixture
def page(ada):
    return f"/connections/{ada.connection().client_id}"


def storefront(ada, secret):
    return Storefront(
        ada.bridge, ada.connection().client_id, secret, ada.bridge.clock, peer="10.0.0.1"
    )


def secret_of(ada):
    return ada.bridge.connections.reveal(ada.connection().client_id).secret


def form(ada, page, act):
    """Give the form of the inspector that does `act`."""
    return form_of(ada.get(page), act)


def test_disabling_and_enabling(ada, page):
    """Each is a button, works on the next request, and is the admin's in the audit."""
    front = storefront(ada, secret_of(ada))
    answer = form(ada, page, "disable").submit(status=303)
    assert ada.connection().status == "disabled"
    assert ("ada", "connection.disabled") in ada.acts()
    assert "It is disabled" in answer.follow()
    assert front.call("cart.create", currency="GBP").code == "connection_disabled"
    form(ada, page, "enable").submit(status=303)
    assert ada.connection().status == "enabled"
    assert ("ada", "connection.enabled") in ada.acts()
    assert front.ok("cart.create", currency="GBP")


class TestRotation:
    def test_both_secrets_verify_for_the_time_chosen(self, ada, page):
        """A day unless another time is chosen; the page says until when."""
        old = secret_of(ada)
        shown = form(ada, page, "rotate").submit(status=303).follow()
        assert "still works until" in shown
        assert ("ada", "connection.rotated") in ada.acts()
        assert ada.connection().previous_until == ada.bridge.clock.now() + 86_400_000
        for secret in (old, secret_of(ada)):
            assert storefront(ada, secret).call("cart.create", currency="GBP").status == 200
        ada.bridge.clock.forward(86_401)
        assert storefront(ada, old).call("cart.create", currency="GBP").status == 401
        assert "still works until" not in ada.get(page)

    @pytest.mark.parametrize(("overlap", "seconds"), [("3600", 3_600), ("604800", 604_800)])
    def test_an_hour_and_a_week(self, ada, page, overlap, seconds):
        """The other times there are."""
        ada.post(f"{page}/rotate", overlap=overlap)
        assert ada.connection().previous_until == ada.bridge.clock.now() + seconds * 1000

    def test_without_an_overlap_the_old_secret_is_over(self, ada, page):
        """At once: for a secret that leaked."""
        old = secret_of(ada)
        ada.post(f"{page}/rotate", overlap="0")
        assert ada.connection().previous is None
        assert storefront(ada, old).call("cart.create", currency="GBP").status == 401

    @pytest.mark.parametrize("overlap", ["", "-1", "60", "1e9", "forever"])
    def test_another_time_is_refused(self, ada, page, overlap):
        """Nothing is rotated."""
        before = ada.connection()
        assert told(ada.post(f"{page}/rotate", 422, overlap=overlap), "overlap")
        assert ada.connection() == before

    def test_an_open_overlap_is_not_ended_by_accident(self, ada, page):
        """The page tells until when, and asks whether to replace it now."""
        ada.post(f"{page}/rotate", overlap="604800")
        before = ada.connection()
        sent = form(ada, page, "rotate")
        sent["overlap"] = "3600"
        shown = sent.submit(status=409)
        assert "in its grace period until" in told(shown, "replace")[0]
        assert ada.connection() == before
        again = next(one for one in shown.forms.values() if one.action.endswith("/rotate"))
        assert again["overlap"].value == "3600"
        again["replace"] = True
        again.submit(status=303)
        assert ada.connection().previous == before.current

    def test_somebody_else_who_rotated_meanwhile_is_not_overrun(self, ada, page):
        """The form was loaded before, without a question to answer; now there is one."""
        sent = form(ada, page, "rotate")
        assert "replace" not in sent.fields
        ada.bridge.connections.rotate(ada.connection().client_id, grace=600, actor="bob")
        assert told(sent.submit(status=409), "replace")
        assert ("bob", "connection.rotated") in ada.acts()
        assert ("ada", "connection.rotated") not in ada.acts()

    def test_the_old_secret_is_ended_now(self, ada, page):
        """With a button that is there only while it works."""
        old = secret_of(ada)
        ada.post(f"{page}/rotate", overlap="3600")
        form(ada, page, "revoke").submit(status=303)
        assert ada.connection().previous is None
        assert ("ada", "connection.previous_secret_revoked") in ada.acts()
        assert storefront(ada, old).call("cart.create", currency="GBP").status == 401
        assert "revoke" not in [
            one.action.rpartition("/")[2] for one in ada.get(page).forms.values()
        ]


class TestAllowList:
    def test_the_list_is_replaced_by_what_the_field_says(self, ada, page):
        """It begins with the list there is."""
        sent = form(ada, page, "allow")
        assert sent["allow"].value.strip() == "10.0.0.0/8"
        sent["allow"] = "192.0.2.0/24\r\nunix"
        assert "The allowed addresses are saved" in sent.submit(status=303).follow()
        assert ada.connection().allow_list == ("192.0.2.0/24", "unix")
        assert ("ada", "connection.allow_list_changed") in ada.acts()

    @pytest.mark.parametrize("line", ["10.0.0.1/8", "10.0.0.0/0.255.255.255", "shop.example"])
    def test_a_line_that_is_no_address_is_told_at_the_field(self, ada, page, line):
        """The list stays, and what was typed is given back."""
        sent = form(ada, page, "allow")
        sent["allow"] = f"192.0.2.1\n{line}"
        shown = sent.submit(status=422)
        assert told(shown, "allow")[0].startswith(f"Line 2: '{line}'")
        assert line in shown.html.find(id="allow").get_text()
        assert ada.connection().allow_list == ("10.0.0.0/8",)

    def test_every_address_is_let_in_only_if_it_is_meant(self, ada, page):
        """A field that was emptied by accident opens nothing."""
        sent = form(ada, page, "allow")
        sent["allow"] = ""
        shown = sent.submit(status=422)
        assert told(shown, "everyone")
        assert ada.connection().allow_list == ("10.0.0.0/8",)
        again = next(one for one in shown.forms.values() if one.action.endswith("/allow"))
        again["everyone"] = True
        assert "The allow-list is empty" in again.submit(status=303).follow()
        assert ada.connection().allow_list == ()
        form(ada, page, "allow").submit(status=303)

    def test_my_address_is_added_to_what_was_typed(self, ada, page):
        """Nothing changes before the list is sent."""
        shown = form(ada, page, "allow").submit("add_address", status=200)
        assert shown.html.find(id="allow").get_text().split() == ["10.0.0.0/8", "203.0.113.9"]
        assert ada.connection().allow_list == ("10.0.0.0/8",)

    def test_a_warning_follows_a_range_of_everybody(self, ada, page):
        """`0.0.0.0/0` is taken, and the page says what it is."""
        shown = ada.post(f"{page}/allow", allow="0.0.0.0/0").follow()
        assert "allows every IPv4 address" in shown


class TestScopes:
    def test_the_grid_begins_with_what_it_may_do(self, ada, page):
        """And replaces that."""
        sent = form(ada, page, "scopes")
        assert sent["scope-carts"].value == "write"
        sent["scope-carts"], sent["scope-orders"] = "read", "read"
        sent.submit(status=303)
        assert ada.connection().scopes == {"carts:read", "orders:read"}
        assert ("ada", "connection.scopes_changed") in ada.acts()

    def test_writing_without_reading_stays_as_it_is(self, ada, page):
        """Another tool may have made it so; the grid neither hides nor widens it."""
        ada.bridge.connections.set_scopes(ada.connection().client_id, ["orders:write"])
        sent = form(ada, page, "scopes")
        assert sent["scope-orders"].value == "write-only"
        sent["scope-prices"] = "write"
        sent.submit(status=303)
        assert ada.connection().scopes == {"orders:write", "prices:write"}

    def test_nothing_at_all_is_refused(self, ada, page):
        """To let nothing in, disable it."""
        assert told(ada.post(f"{page}/scopes", 422), "scopes")
        assert ada.connection().scopes == set(SCOPES)


class TestWindow:
    def test_the_window_is_replaced(self, ada, page):
        """The field begins with the one there is."""
        sent = form(ada, page, "window")
        assert sent["window"].value == "60"
        sent["window"] = "120"
        sent.submit(status=303)
        assert ada.connection().window == 120
        assert ("ada", "connection.window_changed") in ada.acts()

    @pytest.mark.parametrize("window", ["", "0", "-5", "301", "1.5", "4111111111111111", "٣٠"])
    def test_what_is_no_window_is_told_at_the_field(self, ada, page, window):
        """With the bounds that the settings have."""
        assert told(ada.post(f"{page}/window", 422, window=window), "window") == [
            "The replay window is 1 to 300 whole seconds."
        ]
        assert ada.connection().window == 60


@pytest.mark.parametrize("who", ["vera viewer", "otto operator"])
@pytest.mark.parametrize("act", ACTS)
def test_nobody_but_an_admin_changes_anything(ada, page, who, act):
    """They are refused by name in the audit, and the connection is what it was."""
    before = ada.connection()
    other = operating(who, ada.bridge)
    other.post(f"{page}/{act}", 403, overlap="0", allow="", everyone="1", window="9")
    assert other.connection() == before
    assert (who.split()[0], "console.refused") in other.acts()


@pytest.mark.parametrize("act", ACTS)
def test_a_page_of_another_site_changes_nothing(ada, page, act):
    """Nor does a form without the token of this session."""
    before = ada.connection()
    ada.get(page)
    for headers, csrf in (({"Sec-Fetch-Site": "cross-site"}, ""), ({}, "0" * 64)):
        fields = {"csrf": csrf, "overlap": "0", "allow": "", "everyone": "1", "window": "9"}
        ada.app.post(f"/bridge-console{page}/{act}", fields, headers=headers, status=403)
    assert ada.connection() == before


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("allow", {"allow": "192.0.2.1"}),
        ("window", {"window": "90"}),
        ("scopes", {"scope-carts": "read"}),
        ("rotate", {"overlap": "3600"}),
    ],
)
def test_what_somebody_else_changed_meanwhile_stays(ada, page, act, fields):
    """A form changes one thing: who disables a connection is not undone by a page loaded before."""
    sent = form(ada, page, act)
    for name, value in fields.items():
        sent[name] = value
    ada.bridge.connections.disable(ada.connection().client_id, actor="bob")
    sent.submit(status=303)
    assert ada.connection().status == "disabled"


def test_a_name_that_the_audit_cannot_hold_changes_nothing(page, ada):
    """An operator of 201 letters is told so; the connection stays, and none is made."""
    before = ada.bridge.connections.all()
    endless = operating(f"{'a' * 201} admin", ada.bridge)
    fields = {"name": "Shop B", "status": "enabled", "window": "60", "scope-carts": "read"}
    for path in (f"{page}/disable", f"{page}/rotate", "/connections/new"):
        shown = endless.post(path, 422, overlap="0", **fields)
        assert "actor is 1 to 200 printable characters" in shown
    assert ada.bridge.connections.all() == before
