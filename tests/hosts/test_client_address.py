"""The client's address in every kind of site: behind a trusted proxy, and past one."""

import pytest

from orderflow_bridge.domain.errors import ConfigurationError
from tests.hosts.hosts import HOSTS, ASGIHost, RecordingCore, WSGIHost, build
from tests.rig import open_shop

OFFICE, ELSEWHERE, PROXY = "198.51.100.7", "192.0.2.1", "10.0.0.5"
WSGI_HOSTS = [name for name in HOSTS if "wsgi" in name or "flask" in name]
ASGI_HOSTS = [name for name in HOSTS if name not in WSGI_HOSTS]
BEHIND = {"trusted_proxies": (PROXY,), "client_address_header": "X-Forwarded-For"}
DECLARED = BEHIND | {"header_aliases_dropped": True}


def asker(name, **settings):
    """Build a site with one storefront of the office; give a function that asks it."""
    front = open_shop(**settings).storefront(allow=[OFFICE])
    host = build(name, front.bridge)

    def ask(*headers, peer=PROXY):
        signed = [*front.headers("orders.list", b"{}").items(), *headers]
        answer = host.send(
            "POST", f"/bridge/{front.client_id}/orders.list", signed, b"{}", peer=peer
        )
        return answer.status, b'"unknown"' in answer.body, ELSEWHERE.encode() in answer.body

    return ask


ALLOWED, REFUSED, UNKNOWN = (200, False, False), (403, False, True), (403, True, False)


@pytest.mark.parametrize("name", HOSTS)
def test_every_host_hands_over_the_address_that_the_proxy_tells(name):
    """From the proxy it counts, from anyone else it does not, and a forged one never."""
    ask = asker(name, **DECLARED)
    assert ask(("X-Forwarded-For", OFFICE)) == ALLOWED
    assert ask(("X-Forwarded-For", f"{ELSEWHERE}, {OFFICE}")) == ALLOWED
    assert ask(("X-Forwarded-For", f"{OFFICE}, {ELSEWHERE}")) == REFUSED
    assert ask(("X-Forwarded-For", OFFICE), ("X-Forwarded-For", ELSEWHERE)) == REFUSED
    assert ask(("X-Forwarded-For", OFFICE), peer=ELSEWHERE) == REFUSED
    assert ask() == UNKNOWN
    assert ask(peer=OFFICE) == ALLOWED


@pytest.mark.parametrize("name", HOSTS)
def test_every_host_hands_over_that_a_socket_has_no_address(name):
    """A proxy on a unix socket is believed where `unix` is among the proxies."""
    ask = asker(name, **DECLARED | {"trusted_proxies": ("unix",)})
    assert ask(("X-Forwarded-For", OFFICE), peer=None) == ALLOWED
    assert ask(("X-Forwarded-For", ELSEWHERE), peer=None) == REFUSED
    assert ask(peer=None) == UNKNOWN


@pytest.mark.parametrize("name", ASGI_HOSTS)
def test_an_alias_is_another_header_under_asgi(name):
    """So nothing has to be declared there."""
    ask = asker(name, **BEHIND)
    assert ask(("X_Forwarded_For", OFFICE), ("X-Forwarded-For", ELSEWHERE)) == REFUSED
    assert ask(("X_Forwarded_For", ELSEWHERE), ("X-Forwarded-For", OFFICE)) == ALLOWED
    assert ask(("X_Forwarded_For", OFFICE)) == UNKNOWN


@pytest.mark.parametrize("name", WSGI_HOSTS)
def test_a_wsgi_site_does_not_start_before_aliases_are_said_to_be_dropped(name):
    """Its server may have merged them; the message says what to do."""
    with pytest.raises(ConfigurationError, match=r"X_Forwarded_For may arrive.*nginx does"):
        asker(name, **BEHIND)


@pytest.mark.parametrize("name", HOSTS)
def test_the_head_says_whether_a_header_may_be_an_alias(name):
    """The shells tell what their interface cannot tell apart, and the core decides."""
    core = RecordingCore()
    host = build(name, core)
    host.send("POST", "/bridge/x/y", [], b"{}")
    assert core.heads[0].aliased is isinstance(host, WSGIHost)
    assert core.heads[0].aliased is not isinstance(host, ASGIHost)
