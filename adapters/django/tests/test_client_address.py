"""The client's address in a Django site behind a proxy."""

import logging

import pytest
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from orderflow_bridge.client.signing import sign
from orderflow_bridge.system import SystemClock
from tests.hosts.hosts import ASGIHost, WSGIHost

from orderflow_bridge_django.bridge import get_bridge

MIDDLEWARE = "orderflow_bridge_django.middleware.BridgeMiddleware"
RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
OFFICE, ELSEWHERE, PROXY = "198.51.100.7", "192.0.2.1", "10.0.0.5"


@pytest.fixture
def ask(tmp_path, request):
    """Give a function that sends a signed request of the office's storefront to the site."""
    kind, declared = request.param
    setting = {
        "MASTER_KEYS": RING,
        "HOME": str(tmp_path),
        "STORAGE": "memory://",
        "TRUSTED_PROXIES": [PROXY],
        "CLIENT_ADDRESS_HEADER": "X-Forwarded-For",
        "HEADER_ALIASES_DROPPED": declared,
    }
    with override_settings(ORDERFLOW_BRIDGE=setting, MIDDLEWARE=[MIDDLEWARE]):
        made = get_bridge().connections.create("Office", scopes=["orders:read"], allow=[OFFICE])
        client_id = made.connection.client_id
        host = kind(get_wsgi_application() if kind is WSGIHost else get_asgi_application())

        def ask(*headers, peer=PROXY):
            signed = sign(
                client_id=client_id, secret=made.secret, action="orders.list", body=b"{}",
                timestamp=SystemClock().now() // 1000,
            )  # fmt: skip
            path = f"/bridge/{client_id}/orders.list"
            return host.send("POST", path, [*signed.items(), *headers], b"{}", peer=peer)

        yield ask


@pytest.mark.parametrize("ask", [(WSGIHost, True), (ASGIHost, False)], indirect=True)
def test_the_address_that_the_proxy_tells_counts(ask):
    """From the right, and of the proxy only."""
    assert ask(("X-Forwarded-For", f"{ELSEWHERE}, {OFFICE}")).status == 200
    refused = ask(("X-Forwarded-For", f"{OFFICE}, {ELSEWHERE}"))
    assert (refused.status, ELSEWHERE.encode() in refused.body) == (403, True)
    assert ask(("X-Forwarded-For", OFFICE), peer=ELSEWHERE).status == 403


@pytest.mark.parametrize("ask", [(WSGIHost, False)], indirect=True)
def test_under_wsgi_it_is_unknown_before_the_site_declares_it(ask, caplog):
    """The site serves on, refuses whoever has an allow-list, and the log says what to do, once."""
    caplog.set_level(logging.ERROR, "orderflow_bridge.faults")
    for _ in "ab":
        refused = ask(("X-Forwarded-For", OFFICE))
        assert (refused.status, b'"unknown"' in refused.body) == (403, True)
    assert ask(peer=OFFICE).status == 200
    [line] = [one.getMessage() for one in caplog.records if one.name == "orderflow_bridge.faults"]
    assert "header_aliases_dropped" in line
