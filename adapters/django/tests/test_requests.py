"""A signed request in a Django site: its transactions, its connection, and the site's around it."""

import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.db.backends.signals import connection_created
from django.test import override_settings
from orderflow_bridge.testing import SigningApp
from tests.hosts.hosts import ASGIHost

import site_databases
from orderflow_bridge_django.bridge import get_bridge
from test_connections_given_back import wait_for

RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"


@pytest.fixture
def client_id(tmp_path):
    """Give a storefront of a site whose bridge is in PostgreSQL, under ATOMIC_REQUESTS."""
    site_databases.open_postgres(tmp_path).close()
    atomic = {alias: one | {"ATOMIC_REQUESTS": True} for alias, one in settings.DATABASES.items()}
    before = {alias: connections.settings[alias]["ATOMIC_REQUESTS"] for alias in atomic}
    for alias in atomic:
        connections.settings[alias]["ATOMIC_REQUESTS"] = True
    setting = {"MASTER_KEYS": RING, "HOME": str(tmp_path), "USING": "postgres"}
    with override_settings(ORDERFLOW_BRIDGE=setting):
        made = get_bridge().connections.create("Storefront", scopes=["carts:write"])
        yield made.connection.client_id, made.secret
    for alias, value in before.items():
        connections.settings[alias]["ATOMIC_REQUESTS"] = value


@pytest.fixture
def opened():
    """List the connections to PostgreSQL that are opened meanwhile."""
    found = []

    def count(connection, **_others):
        if connection.alias == "postgres":
            found.append(connection)

    connection_created.connect(count)
    yield found
    connection_created.disconnect(count)


def test_a_view_under_atomic_requests_commits_by_itself(client_id, opened):
    """The bridge's units are outside the view's transaction, and share one connection."""
    front = SigningApp(get_wsgi_application(), client_id=client_id[0], secret=client_id[1])
    opened.clear()
    answer = front.call("cart.create", currency="GBP")
    assert answer.status_int == 200, answer.json
    assert len(opened) == 1
    connections["postgres"].close()
    wait_for(0)
    assert front.call("cart.create", currency="GBP").json["cart_id"] != answer.json["cart_id"]


def test_the_bridge_s_own_threads_hold_no_connection(client_id, opened):
    """Under an ASGI server each request opens one and gives it back."""
    host = ASGIHost(get_asgi_application())

    def through_asgi(environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        sent = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in environ.items()
            if name == "CONTENT_TYPE" or (name.startswith("HTTP_") and name != "HTTP_HOST")
        }
        headers = [(name.replace("CONTENT-TYPE", "Content-Type"), sent[name]) for name in sent]
        answer = host.send("POST", environ["PATH_INFO"], headers, body)
        start_response(f"{answer.status} Answered", list(answer.headers.items()))
        return [answer.body]

    front = SigningApp(through_asgi, client_id=client_id[0], secret=client_id[1])
    opened.clear()
    connections["postgres"].close()
    for _ in range(3):
        answer = front.call("cart.create", currency="GBP")
        assert answer.status_int == 200, answer.json
    assert len(opened) == 3
    wait_for(0)
