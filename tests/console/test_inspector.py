"""The inspector of one connection: what it shows, the secret, and the audit."""

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.clock import SetClock
from tests.canary.marks import MASTER_KEY, SECRET
from tests.console.inbound import operating
from tests.hosts.hosts import optional
from tests.rig import RING

optional("jinja2")

SCOPES = ["carts:read", "carts:write"]


@pytest.fixture
def ada():
    """An admin at a bridge with one connection, which has the secret that everybody searches."""
    sat = operating()
    made = sat.bridge.connections.create("Shop A", scopes=SCOPES, allow=["10.0.0.0/8"])
    assert made.secret == SECRET
    return sat


@pytest.fixture
def page(ada):
    return f"/connections/{ada.connection().client_id}"


def seated(ada, who):
    return operating(who, ada.bridge)


class TestDetails:
    def test_the_page_says_what_the_connection_is(self, ada, page):
        """Key, scopes, addresses, window, currency, channel."""
        facts = " ".join(one.get_text(" ") for one in ada.get(page).html.select(".facts"))
        for words in (
            ada.connection().client_id,
            "carts:read, carts:write",
            "10.0.0.0/8",
            "60 s",
            "shop-a",
        ):
            assert words in facts

    def test_warnings_stand_on_top(self, ada, page):
        """An empty list lets everybody in."""
        assert not ada.get(page).html.select(".notice")
        ada.bridge.connections.allow(ada.connection().client_id, [])
        assert "The allow-list is empty" in ada.get(page).html.select_one(".notice.warn").text

    @pytest.mark.parametrize(
        "name", ["ofc_00000000000000000000", "x", "a%00b", "%0d%0aSet-Cookie:x", "a?b"]
    )
    def test_an_unknown_key_is_a_page_that_is_not_there(self, ada, name):
        """For every act, too."""
        for path in ("", "/audit"):
            assert ada.get(f"/connections/{name}{path}", status=404)
        if "?" in name:
            return
        for act in ("reveal", "enable", "disable", "rotate", "revoke", "allow", "scopes", "window"):
            ada.post(f"/connections/{name}/{act}", 404)

    def test_tabs_lead_to_its_requests_and_its_audit(self, ada, page):
        """As links that hold under any mount."""
        client_id = ada.connection().client_id
        tabs = {one.get_text(): one["href"] for one in ada.get(page).html.select(".tabs a")}
        assert tabs == {
            "Details": f"../connections/{client_id}",
            "Requests": f"../requests?connection={client_id}",
            "Test a signature": f"../signature?connection={client_id}",
            "Audit": f"../connections/{client_id}/audit",
        }

    def test_what_was_done_is_said_in_words_of_the_page(self, ada, page):
        """And nothing that an address invents, in this session or in another's."""
        rotated = ada.post(f"{page}/rotate", overlap="3600")
        assert "There is a new secret" in rotated.follow()
        query = rotated.location.partition("?")[2]
        for other in ("done=rotated", "done=rotated.", query + "0", query.replace("rot", "rev")):
            assert not ada.get(f"{page}?{other}").html.select(".notice.good")
        assert not ada.get(f"{page}?done=<b>gone</b>").html.select(".notice")
        assert "There is a new secret" not in seated(ada, "ada admin").get(f"{page}?{query}")

    def test_what_was_done_is_said_no_more_once_it_is_undone(self, ada, page):
        """A page that is loaded again says only what still holds."""
        disabled = ada.post(f"{page}/disable")
        assert "It is disabled" in disabled.follow()
        assert "It is disabled" in disabled.follow()
        ada.bridge.connections.enable(ada.connection().client_id)
        assert not disabled.follow().html.select(".notice.good")

    def test_a_connection_whose_master_key_is_gone_still_has_its_page(self, ada, page):
        """It says so, instead of failing; the secret cannot be shown, and nobody saw it."""
        storage = ada.bridge._storage
        bridge = Bridge(storage=storage, master_keys=f"k2:{MASTER_KEY}")
        later = operating(bridge=bridge)
        assert "not in the ring" in later.get(page).html.select_one(".notice.warn").text
        assert pill(later.get("/connections")) == "enabled"
        later.confirm()
        assert "not in the ring" in later.post(f"{page}/reveal", 503)
        assert "secret.revealed" not in [one.event for one in bridge.audit.page()]


def pill(listed):
    return listed.html.select_one("tbody .pill").get_text()


class TestSecret:
    def test_whoever_looks_shows_who_they_are_first(self, ada, page):
        """Until then nothing is shown and nothing written; the way back is there, too."""
        before = ada.acts()
        asked = ada.post(f"{page}/reveal", 200)
        assert "The secret of Shop A is about to be shown." in asked
        assert asked.html.find("a", string="Cancel")["href"] == f"../..{page}"
        form = asked.form
        form["word"] = "yes"
        again = form.submit(status=422)
        assert again.form.action == form.action
        for one in (asked, again):
            assert SECRET not in one
        assert ada.acts() == before

    def test_the_secret_is_the_answer_to_the_confirmation(self, ada, page):
        """Nothing is pressed twice, the audit has it once, and for ten minutes nothing is asked."""
        form = ada.post(f"{page}/reveal", 200).form
        form["word"] = "confirm"
        assert SECRET in form.submit(status=200)
        assert ada.acts().count(("ada", "secret.revealed")) == 1
        ada.bridge.clock.forward(599)
        assert SECRET in ada.post(f"{page}/reveal", 200)
        ada.bridge.clock.forward(1)
        assert SECRET not in ada.post(f"{page}/reveal", 200)

    def test_a_confirmation_does_what_its_form_was_for_and_nothing_else(self, ada, page):
        """The page for confirming goes on to a page, whatever act somebody writes into its form."""
        before = ada.acts()
        for to in (f"{page}/reveal", f"..{page}/reveal"):
            fields = {"confirming": "1", "word": "confirm", "next": to, "act": "reveal"}
            answer = ada.post("/confirm", 303, **fields)
            assert SECRET not in answer
        assert ada.get(f"{page}/reveal", status=405)
        assert ada.acts() == before

    def test_a_confirmed_admin_sees_it_once(self, ada, page):
        """On the answer of that button alone, which no cache keeps; the audit has who it was."""
        ada.confirm()
        answer = ada.post(f"{page}/reveal", 200)
        assert SECRET in answer
        assert f"ORDERFLOW_BRIDGE_SECRET={SECRET}" in answer
        assert answer.headers["Cache-Control"] == "no-store"
        assert ("ada", "secret.revealed") in ada.acts()
        assert SECRET not in ada.get(page)

    def test_no_other_page_has_it(self, ada, page):
        """Whatever is done to the connection, before and after somebody looked."""
        ada.confirm()
        ada.post(f"{page}/reveal", 200)
        pages = [
            *(
                ada.get(path)
                for path in ("/connections", "/connections/new", page, f"{page}/audit")
            ),
            ada.post(f"{page}/rotate", overlap="3600").follow(),
            ada.post(f"{page}/rotate", 409, overlap="3600"),
            ada.post(f"{page}/allow", 422, allow="?"),
            ada.post(f"{page}/disable").follow(),
        ]
        current = ada.bridge.connections.reveal(ada.connection().client_id).secret
        for one in pages:
            assert SECRET not in one
            assert current not in one
            assert one.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("who", ["vera viewer", "otto operator"])
    def test_nobody_but_an_admin_sees_it(self, ada, page, who):
        """Even one who has shown who they are; there is no button, and the audit has the try."""
        other = seated(ada, who)
        other.confirm()
        assert other.get(page).html.find("button", string="Reveal the secret") is None
        assert SECRET not in other.post(f"{page}/reveal", 403)
        assert (who.split()[0], "console.refused") in other.acts()

    def test_a_link_shows_nothing(self, ada, page):
        """Only the button of a form does: a GET writes nothing."""
        ada.confirm()
        assert ada.get(f"{page}/reveal", status=405)

    def test_a_confirmation_of_ten_minutes_ago_is_over(self, ada, page):
        """Who left the desk is asked again."""
        ada.confirm()
        ada.bridge.clock.forward(601)
        assert SECRET not in ada.post(f"{page}/reveal", 200)


class TestAudit:
    def test_it_tells_who_when_and_from_what_to_what(self, ada, page):
        """In words, the newest first."""
        ada.post(f"{page}/allow", allow="10.0.0.0/8\n192.0.2.1")
        ada.post(f"{page}/rotate", overlap="3600")
        rows = [
            row.get_text(" ", strip=True)
            for row in ada.get(f"{page}/audit").html.select("tbody tr")
        ]
        assert len(rows) == 3
        assert "ada Rotated the secret" in rows[0]
        assert "previous secret until: none → 20" in rows[0]
        assert "allow list: 10.0.0.0/8 → 10.0.0.0/8, 192.0.2.1" in rows[1]
        assert "unknown Made it" in rows[2]
        assert "→" not in rows[2]

    def test_what_was_refused_is_there_too(self, ada, page):
        """With the role that was not enough."""
        seated(ada, "otto operator").post(f"{page}/disable", 403)
        assert "Was refused in the console" in ada.get(f"{page}/audit")

    def test_a_long_audit_is_turned_over_page_by_page(self, ada, page):
        """Each entry once; what is appended meanwhile shifts nothing."""
        client_id = ada.connection().client_id
        for number in range(119):
            ada.bridge.connections.set_window(client_id, 61 + number % 2)
        seen, path = [], f"{page}/audit"
        while path:
            shown = ada.get(path)
            seen += [
                row.select("td")[3].get_text(strip=True) for row in shown.html.select("tbody tr")
            ]
            ada.bridge.clock.forward(1)
            ada.bridge.connections.reveal(client_id)
            older = shown.html.find("a", rel="next")
            path = older["href"].removeprefix("../../") if older else ""
            path = "/" + path if path else ""
        assert len(seen) == 120

    @pytest.mark.parametrize("before", ["x", "1", "1.", f"{10**30}.aud_1", "1.aud'--"])
    def test_a_place_that_is_none_is_the_first_page(self, ada, page, before):
        """An address that somebody made up breaks nothing."""
        assert "Made it" in ada.get(f"{page}/audit?before={before}")
        assert "There is nothing older" in ada.get(f"{page}/audit?before=1.aud_1")

    def test_markup_in_a_name_stays_text(self, ada):
        """Wherever the audit shows it."""
        made = ada.bridge.connections.create(
            "<script>x</script>", scopes=SCOPES, actor="<i>eve</i>"
        )
        shown = ada.get(f"/connections/{made.connection.client_id}/audit")
        assert "<script>x" not in shown
        assert "<i>eve" not in shown

    def test_a_storage_without_an_audit_says_so(self):
        """Rather than showing an empty one."""

        class Forgetful(MemoryStorage):
            capabilities = MemoryStorage().capabilities - {"audit"}

        ada = operating(bridge=Bridge(storage=Forgetful(), master_keys=RING, clock=SetClock()))
        made = ada.bridge.connections.create("Shop A", scopes=SCOPES)
        assert "keeps no audit" in ada.get(f"/connections/{made.connection.client_id}/audit")
        assert "less than a day old" in ada.get("/connections")
        ada.bridge.clock.forward(1)
        ada.bridge.connections.set_window(made.connection.client_id, 90)
        assert "of unknown age" in ada.get("/connections")


def test_a_viewer_sees_all_but_secrets(ada, page):
    """Without a single form."""
    vera = seated(ada, "vera viewer")
    assert "10.0.0.0/8" in vera.get(page)
    assert not vera.get(page).html.find_all("form")
    assert "Made it" in vera.get(f"{page}/audit")
