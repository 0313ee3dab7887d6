"""The bridge in a Django site answers with its own bytes, whatever else the site has."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import override_settings
from orderflow_bridge import Bridge
from orderflow_bridge.client.signing import sign
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing import CountedEntropy, HostContract, SetClock
from tests.hosts.hosts import ASGIHost, WSGIHost

from orderflow_bridge_django.bridge import get_app
from orderflow_bridge_django.shells import Shells

MIDDLEWARE = "orderflow_bridge_django.middleware.BridgeMiddleware"
RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"


@pytest.fixture
def in_site() -> Iterator[Any]:
    """Make a bridge the site's own for one test."""
    app = get_app()

    def make(bridge: Bridge) -> None:
        app.__dict__["bridge"] = bridge
        # Its storage is none of Django's: no thread opens a database for it.
        app.__dict__["shells"] = Shells(bridge, alias=lambda: None)

    yield make
    for name in ("bridge", "shells"):
        app.__dict__.pop(name, None)


class Mounted(HostContract):
    """A mount by `kind` of server, under `prefix`, with every middleware that could harm."""

    page = ("/hello", b"hello")
    kind: type[WSGIHost] | type[ASGIHost] = WSGIHost
    prefix = ""
    by_middleware = True

    @pytest.fixture
    def send(self, bridge: Bridge, in_site):
        """Send to the site."""
        first = [MIDDLEWARE] if self.by_middleware else []
        with override_settings(
            MIDDLEWARE=[*first, *settings.MIDDLEWARE], ORDERFLOW_BRIDGE={"MOUNT": self.mount}
        ):
            in_site(bridge)
            is_wsgi = self.kind is WSGIHost
            site = get_wsgi_application() if is_wsgi else get_asgi_application()
            host = self.kind(site, self.prefix)

            def send(method, path, headers, body):
                answer = host.send(method, path, headers, body)
                return answer.status, answer.headers.items(), answer.body

            yield send


class TestMiddlewareOnWSGI(Mounted):
    pass


class TestMiddlewareOnWSGIUnderAPrefix(Mounted):
    prefix = "/shop"


class TestMiddlewareOnASGI(Mounted):
    kind = ASGIHost


class TestMiddlewareOnASGIUnderAPrefix(Mounted):
    kind = ASGIHost
    prefix = "/shop"


class TestMiddlewareElsewhere(Mounted):
    mount = "/over/there"


class Included(Mounted):
    by_middleware = False

    def test_a_refused_path_has_the_same_bytes(self, journey: Any) -> None:
        """As the contract says, but for the mount without its slash, where no URL ends."""
        front = journey.client_id
        for path in ("/", "/x", f"/{front}/cart.get/", f"//{front}/cart.get", f"/{front}/no.such"):
            assert journey.call("cart.get", {}, path=path).status in {401, 404}
        assert journey.call("cart.get", {}, path=f"/{front}/cart.get?x=1").status == 400


class TestIncludeOnWSGI(Included):
    pass


class TestIncludeOnWSGIUnderAPrefix(Included):
    prefix = "/shop"


class TestIncludeOnASGI(Included):
    kind = ASGIHost


class TestIncludeOnASGIUnderAPrefix(Included):
    kind = ASGIHost
    prefix = "/shop"


class TestIncludeElsewhere(Included):
    mount = "/api/v1/bridge"


@pytest.mark.parametrize("by_middleware", [True, False], ids=["middleware", "include"])
@pytest.mark.parametrize("kind", [WSGIHost, ASGIHost])
def test_a_body_that_was_read_before_is_still_the_signed_one(in_site, kind, by_middleware):
    """Something in front may have looked at the body: the request has it still."""
    clock = SetClock()
    bridge = Bridge(
        storage=MemoryStorage(), master_keys=RING, clock=clock, entropy=CountedEntropy()
    )
    made = bridge.connections.create("Storefront", scopes=["carts:write"])
    in_site(bridge)
    last = [MIDDLEWARE] if by_middleware else []
    with override_settings(MIDDLEWARE=[f"{__name__}.Nosy", *last]):
        site = get_wsgi_application() if kind is WSGIHost else get_asgi_application()
        client_id = made.connection.client_id
        body = b'{"currency": "GBP"}'
        headers = sign(
            client_id=client_id,
            secret=made.secret,
            action="cart.create",
            body=body,
            timestamp=clock.now() // 1000,
            idempotency_key=None,
        )
        path = f"/bridge/{client_id}/cart.create"
        answer = kind(site).send("POST", path, headers.items(), body)
    assert answer.status == 200, answer.body


UNSIGNED = ("/bridge/ofc_00000000000000000000/cart.get", {"content-type": "application/json"})


def ask(kind, path: str = UNSIGNED[0]):
    """Send an unsigned request to the site, on the bridge that is in it."""
    site = get_wsgi_application() if kind is WSGIHost else get_asgi_application()
    return kind(site).send("POST", path, UNSIGNED[1].items(), b"{}")


def memory_bridge() -> Bridge:
    return Bridge(storage=MemoryStorage(), master_keys=RING)


@pytest.mark.parametrize("first", [MIDDLEWARE, f"{__name__}.Slow"], ids=["middleware", "include"])
@pytest.mark.parametrize("kind", [WSGIHost, ASGIHost])
def test_a_middleware_that_cannot_async_stands_behind(in_site, kind, first):
    """Under an ASGI server Django then calls the whole chain without async, the bridge's too."""
    in_site(memory_bridge())
    with override_settings(MIDDLEWARE=[first, f"{__name__}.Slow"]):
        assert b"missing_auth_header" in ask(kind).body


@pytest.mark.parametrize("kind", [WSGIHost, ASGIHost])
@pytest.mark.parametrize("rest", ["a%0Ab", "%0A", "a%0A"])
def test_a_line_feed_in_a_path_is_the_bridge_s_404(in_site, kind, rest):
    """Whatever is below the include is answered by the bridge."""
    in_site(memory_bridge())
    answer = ask(kind, f"/bridge/{rest}")
    assert answer.status == 404
    assert b"urn:orderflow-bridge:problem" in answer.body


@pytest.mark.parametrize("kind", [WSGIHost, ASGIHost])
def test_no_alias_of_atomic_requests_is_around_it(in_site, kind, monkeypatch):
    """The endpoint is exempt for each database of the site, not for the default one alone."""
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)
    in_site(memory_bridge())
    assert b"missing_auth_header" in ask(kind).body


class Slow:
    """A middleware of the old kind."""

    async_capable = False

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class Nosy:
    """A middleware that reads every body."""

    async_capable = False

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        assert request.body is not None
        return self.get_response(request)
