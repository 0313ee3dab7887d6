"""`doctor --peer`: which client's address a request would have, and why; and aliases by `--url`."""

import signal
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

pytest.importorskip("click")

from orderflow_bridge import Bridge, BridgeWSGI
from orderflow_bridge.settings import Settings
from tests.cli.test_cli_doctor import examined, problem, settings

BEHIND = """\
trusted_proxies = ["10.0.0.5", "unix"]
client_address_header = "X-Forwarded-For"
"""
DECLARED = BEHIND + "header_aliases_dropped = true\n"


def got(url: str, path: str, *, method: str = "GET", status: int = 200) -> str:
    """Ask a site for a page; give its text."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        assert response.status == status
        return response.read().decode()
    finally:
        connection.close()


def test_without_a_proxy_the_peer_is_the_client(ready):
    """And what it sends along is named as not read."""
    found = examined(ready, "--peer", "203.0.113.9", "--header", "X-Real-IP: 198.51.100.7")
    [(state, told, _)] = found["address"]
    assert state == "ok"
    assert told == (
        "203.0.113.9. The peer 203.0.113.9 is not a trusted proxy, so it is the client itself."
        " Not configured, and not read: x-real-ip."
    )
    assert "address under WSGI" not in found


def test_each_hop_is_told_from_the_right(ready):
    """The header may be given more than once, as it may be sent."""
    settings(DECLARED)
    headers = ("--header", "X-Forwarded-For: 1.2.3.4", "--header", "x-forwarded-for:203.0.113.9")
    found = examined(ready, "--peer", "10.0.0.5", *headers)
    [(state, told, _)] = found["address"]
    assert state == "ok"
    assert told == (
        "203.0.113.9. The peer 10.0.0.5 is a trusted proxy. It names 203.0.113.9, which is not a"
        " trusted proxy: the client. What is left of that, anyone may write: 1.2.3.4."
    )
    assert "address under WSGI" not in found


def test_what_cannot_be_read_is_a_problem(ready):
    """With the part that is odd, escaped."""
    settings(DECLARED)
    said = problem(
        ready, "address", "--peer", "unix", "--header", "X-Forwarded-For: 1.2.3.4, \x1b[31m"
    )
    assert said.startswith("unknown. The peer, a unix socket, is a trusted proxy.")
    assert r"has '\x1b[31m', which is no address." in said
    assert "X-Forwarded-For is missing" in problem(ready, "address", "--peer", "10.0.0.5")


def test_a_site_under_wsgi_is_told_what_it_has_to_declare(ready):
    """Before that its address is unknown, whatever the proxy says."""
    settings(BEHIND)
    found = examined(ready, "--peer", "10.0.0.5", "--header", "X-Forwarded-For: 203.0.113.9")
    assert found["address"][0][1].startswith("203.0.113.9.")
    [(state, told, fix)] = found["address under WSGI"]
    assert (state, told[:8]) == ("warning", "unknown.")
    assert "header_aliases_dropped" in fix
    assert "header_aliases_dropped" in found["proxies"][0][1]


def test_a_connection_says_whether_it_allows_the_address(ready):
    """The same address that was told, or none of a unix socket."""
    settings(DECLARED)
    client_id = ready.connect("--allow", "203.0.113.0/24", "--currency", "GBP")["client_id"]
    asked = ("--peer", "10.0.0.5", "--connection", client_id, "--header")
    check = f"allow-list {client_id}"
    [(state, told, _)] = examined(ready, *asked, "X-Forwarded-For: 203.0.113.9")[check]
    assert (state, told) == ("ok", "It allows 203.0.113.9: 203.0.113.0/24.")
    said = problem(ready, check, *asked, "X-Forwarded-For: 198.51.100.7")
    assert f"connections allow {client_id}" in said
    assert "198.51.100.7" in said
    ready("connections", "allow", client_id, "unix")
    Path("orderflow-bridge.toml").write_text(
        Path("orderflow-bridge.toml").read_text().replace(DECLARED, "")
    )
    found = examined(ready, "--peer", "unix", "--connection", client_id)
    assert found[check][0][:2] == ("ok", "It allows none (a unix socket): unix.")
    assert "no connection" in problem(
        ready, "allow-list ofc_gone", "--peer", "unix", "--connection", "ofc_gone"
    )


def test_half_a_configuration_is_told_once(ready):
    """The finding on proxies says it, and there is no address to tell."""
    settings('client_address_header = "X-Real-IP"')
    assert "address" not in examined(ready, "--peer", "10.0.0.5", code=1)
    assert "trusted_proxies" in problem(ready, "proxies", "--peer", "10.0.0.5")
    settings('trusted_proxies = ["10.0.0.5"]')
    text = Path("orderflow-bridge.toml").read_text().replace('"X-Real-IP"', '"X_Real_IP"')
    Path("orderflow-bridge.toml").write_text(text)
    assert "no name of a header" in problem(ready, "proxies")


@pytest.mark.parametrize(
    "words",
    [
        ("--header", "X-Real-IP: 1.2.3.4"),
        ("--connection", "ofc_x"),
        ("--peer", "10.0.0.5", "--header", "X-Real-IP"),
        ("--peer", "10.0.0.5", "--header", ": 1.2.3.4"),
    ],
)
def test_a_header_needs_a_peer_and_a_colon(ready, words):
    """The line says how it is written."""
    assert "--header" in ready("doctor", *words, code=2).err


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
@pytest.mark.parametrize("address", ["127.0.0.1", "2001:db8::1"])
def test_requests_of_the_command_line_seem_to_come_from_where_they_say(ready, name, address):
    """Also where that is a trusted proxy, in the grammar of the header."""
    settings(f'trusted_proxies = ["{address}"]\nclient_address_header = "{name}"')
    ready.connect("--allow", address, "--currency", "GBP")
    ready("request", "cart.create", "--from", address)
    ready("request", "cart.create", "--from", "198.51.100.7", code=1)


def test_the_development_server_does_not_start_before_aliases_are_said_to_be_dropped(ready):
    """It speaks WSGI, as any site's own server may."""
    settings(BEHIND)
    assert "header_aliases_dropped" in ready("serve", "--port", "0", "--development", code=2).err


@pytest.mark.skipif(find_spec("granian") is None, reason="granian is not installed")
@pytest.mark.parametrize("options", [(), ("--workers", "2"), ("--no-console",)])
def test_serve_behind_a_proxy_serves_all_that_it_serves_else(ready, options):
    """Page, bridge and console, until it is told; what it did is in the journal then."""
    settings(BEHIND)
    ready.connect("--currency", "GBP")
    with ready.start("serve", "--port", "0", "--log-requests", *options) as server:
        url = server.until(r"Serving (http://\S+)/bridge")[1]
        assert "mounted at /bridge" in got(url, "/")
        assert got(url, "/", method="HEAD") == ""
        assert "nothing here" in got(url, "/favicon.ico", status=404)
        ready("request", "cart.create", "--url", url)
        assert ready("doctor", "--url", url, "--json").document["problems"] == 0
        if options != ("--no-console",):
            assert "<form" in got(url, "/bridge-console/sign-in")
        else:
            got(url, "/bridge-console/", status=404)
        assert server.end(signal.SIGTERM) == 0
    with Bridge.open(settings=Settings.load(home=".")) as bridge:
        assert "cart.create" in {one.action for one in bridge.journal.page()}


class Quiet(WSGIRequestHandler):
    """A server of the standard library, which takes an alias for the header."""

    def log_message(self, *arguments):
        """Say nothing."""


@contextmanager
def merging_site():
    """Run a site on a server that cannot tell headers apart; give its address."""
    shop = Settings.load(home=".")
    with Bridge.open(settings=shop) as bridge:
        server = make_server("127.0.0.1", 0, BridgeWSGI(bridge=bridge), handler_class=Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_aliases_that_arrive_contradict_the_setting(ready):
    """A warning where nothing depends on it, and a problem where the settings deny it."""
    with merging_site() as url:
        [(state, found, fix)] = examined(ready, "--url", url)["aliases"]
        assert state == "warning"
        assert "X_Client_Id arrives" in found
        assert "nginx does" in fix
        settings(DECLARED)
        assert "header_aliases_dropped = false" in problem(ready, "aliases", "--url", url)


def test_aliases_that_do_not_arrive_may_be_declared(ready):
    """The probe is what the setting asks for."""
    with ready.start("serve", "--development", "--port", "0") as server:
        url = server.until(r"Serving (http://\S+)/bridge")[1]
        settings(BEHIND)
        [(state, found, _)] = examined(ready, "--url", url)["aliases"]
        assert state == "ok"
        assert "header_aliases_dropped = true" in found
