"""The host matrix: one bridge behind every kind of site, with one way to send to it.

In process only. `build("flask", bridge)` gives a `Host` whose `send` takes the path as on the wire
and relative to the site; a name with a `+` is the same site under the prefix `/shop`. Every site
has a page `/hello` of its own, which answers `hello ` and the body it was sent.
"""

import asyncio
import io
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes
from warnings import catch_warnings, simplefilter

import pytest

from orderflow_bridge.asgi import BridgeASGI
from orderflow_bridge.http import CODES, READ_HEADERS, Head, Response
from orderflow_bridge.wsgi import BridgeWSGI

PREFIX = "/shop"
LINTED_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH"})
MOST_DIGITS = 4_000  # int() reads no more

Header = tuple[bytes | str, bytes | str]


class Answer(NamedTuple):
    """What came back; `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def optional(module: str) -> ModuleType:
    """Import a framework, or skip the test where it is missing; on CI its absence is a failure."""
    if os.environ.get("CI"):
        with catch_warnings():
            # WebOb imports `cgi`, which is deprecated in Python 3.11 and 3.12.
            simplefilter("ignore", DeprecationWarning)
            return import_module(module)
    return pytest.importorskip(module)


def _latin(text: bytes | str) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


def _declared(headers: Iterable[Header], body: bytes, method: str) -> list[tuple[str, str]]:
    """Add the Content-Length that every client adds, unless the test says how the body ends."""
    given = [(_latin(name), _latin(value)) for name, value in headers]
    ends = {"content-length", "transfer-encoding"}
    if not ends & {name.lower() for name, _ in given} and (body or method == "POST"):
        given.append(("Content-Length", str(len(body))))
    return given


class WSGIHost:
    """A WSGI site, driven through WebTest with its lint on."""

    def __init__(self, app: Callable[..., Any], prefix: str = "") -> None:
        self.app = app
        self.prefix = prefix

    def send(
        self,
        method: str,
        path: str,
        headers: Iterable[Header] = (),
        body: bytes = b"",
        *,
        peer: str | None = "127.0.0.1",
    ) -> Answer:
        """Send one request as a WSGI server would show it: headers of one name are joined."""
        webtest = optional("webtest")
        before, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": self.prefix,
            "PATH_INFO": unquote_to_bytes(before).decode("latin-1"),
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(body),
        }
        if peer is not None:
            environ["REMOTE_ADDR"] = peer
        for name, value in _declared(headers, body, method):
            key = name.upper().replace("-", "_")
            if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
                key = "HTTP_" + key
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        if "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input_terminated"] = True
        length = environ.get("CONTENT_LENGTH", "0")
        # The lint judges the request too, and these only a careless server would pass on.
        number = length.isascii() and length.isdigit() and len(length) <= MOST_DIGITS
        lint = method in LINTED_METHODS and number
        request = webtest.TestRequest.blank("/", environ=environ)
        answer = webtest.TestApp(self.app, lint=lint).do_request(request, status="*")
        sent = {name.lower(): value for name, value in answer.headerlist}
        return Answer(answer.status_int, sent, answer.body)


class ASGIHost:
    """An ASGI site, driven by hand: one event loop and one request at a time."""

    def __init__(self, app: Callable[..., Any], prefix: str = "", *, mounted: bool = False) -> None:
        self.app = app
        self.prefix = prefix
        self.root_path = "" if mounted else prefix

    def send(
        self,
        method: str,
        path: str,
        headers: Iterable[Header] = (),
        body: bytes = b"",
        *,
        peer: str | None = "127.0.0.1",
    ) -> Answer:
        """Send one request as an ASGI server would show it: every header by itself."""
        before, _, query = (self.prefix + path).partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(before),
            "raw_path": before.encode("ascii"),
            "root_path": self.root_path,
            "query_string": query.encode("ascii"),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in [("Host", "localhost"), *_declared(headers, body, method)]
            ],
            "client": None if peer is None else (peer, 50_000),
            "server": ("localhost", 80),
        }
        return asyncio.run(exchange(self.app, scope, [body]))


async def exchange(
    app: Callable[..., Any], scope: Mapping[str, Any], pieces: Iterable[bytes]
) -> Answer:
    """Take one request through an ASGI application and hold it to the protocol."""
    waiting = list(pieces)
    done = asyncio.Event()
    start: list[Mapping[str, Any]] = []
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}
        # A client waits for its answer before it goes.
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        assert not done.is_set(), "nothing may follow the end of the body"
        if message["type"] == "http.response.start":
            assert not start, "the answer starts once"
            start.append(message)
            return
        assert message["type"] == "http.response.body"
        assert start, "the answer starts before its body"
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            done.set()

    async with asyncio.timeout(30):
        await app(dict(scope), receive, send)
    assert done.is_set(), "the answer ends"
    sent = {}
    for name, value in start[0].get("headers", ()):
        assert isinstance(name, bytes)
        sent[name.decode("latin-1").lower()] = value.decode("latin-1")
    body = b"".join(parts)
    if scope["method"] != "HEAD" and "content-length" in sent:
        assert int(sent["content-length"]) == len(body)
    return Answer(start[0]["status"], sent, body)


Host = WSGIHost | ASGIHost


# A site each. All of them answer /hello and know nothing of the bridge.


def wsgi_site() -> Callable[..., Any]:
    """Give a site written by hand."""

    def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/hello":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no such page"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello " + body]

    return site


def asgi_site() -> Callable[..., Any]:
    """Give a site written by hand."""

    async def site(scope: dict[str, Any], receive: Callable[..., Any], send: Any) -> None:
        status, body = 404, b"no such page"
        if scope["path"].removeprefix(scope["root_path"]) == "/hello":
            status, body = 200, b"hello " + (await receive()).get("body", b"")
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return site


def flask_site() -> Any:
    """Give a Flask site."""
    flask = optional("flask")
    site = flask.Flask("hello_site")

    @site.route("/hello", methods=["GET", "POST"])
    def hello() -> bytes:
        return b"hello " + flask.request.get_data()

    return site


def configure_django() -> None:
    """Configure Django once per process; a configuration that is there already stays."""
    django = optional("django")
    settings = import_module("django.conf").settings
    if settings.configured:
        return
    settings.configure(
        SECRET_KEY="only for these tests",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=_django_urls(),
        USE_TZ=True,
        MIDDLEWARE=[
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ],
    )
    django.setup()


def _django_urls() -> ModuleType:
    http = import_module("django.http")
    exempt = import_module("django.views.decorators.csrf").csrf_exempt

    def hello(request: Any) -> Any:
        return http.HttpResponse(b"hello " + request.body, content_type="text/plain")

    urls = ModuleType("hello_site_urls")
    urls.urlpatterns = [import_module("django.urls").path("hello", exempt(hello))]
    return urls


def starlette_site() -> Any:
    """Give a Starlette site."""
    applications = optional("starlette.applications")
    routing = import_module("starlette.routing")
    responses = import_module("starlette.responses")

    async def hello(request: Any) -> Any:
        return responses.Response(b"hello " + await request.body())

    return applications.Starlette(
        routes=[routing.Route("/hello", hello, methods=["GET", "POST"])],
    )


def fastapi_site() -> Any:
    """Give a FastAPI site."""
    fastapi = optional("fastapi")
    site = fastapi.FastAPI(openapi_url=None)

    async def hello(request: Any) -> Any:
        return fastapi.Response(b"hello " + await request.body())

    hello.__annotations__["request"] = fastapi.Request
    hello.__annotations__.pop("return")
    site.api_route("/hello", methods=["GET", "POST"])(hello)
    return site


# The same sites with the bridge mounted as its documentation says.


def _wsgi(bridge: Any, mount: str, prefix: str) -> Host:
    return WSGIHost(BridgeWSGI(wsgi_site(), bridge=bridge, mount=mount), prefix)


def _asgi(bridge: Any, mount: str, prefix: str) -> Host:
    return ASGIHost(BridgeASGI(asgi_site(), bridge=bridge, mount=mount), prefix)


def _flask(bridge: Any, mount: str, prefix: str) -> Host:
    site = flask_site()
    site.wsgi_app = BridgeWSGI(site.wsgi_app, bridge=bridge, mount=mount)
    return WSGIHost(site, prefix)


def _django_wsgi(bridge: Any, mount: str, prefix: str) -> Host:
    configure_django()
    site = import_module("django.core.wsgi").get_wsgi_application()
    return WSGIHost(BridgeWSGI(site, bridge=bridge, mount=mount), prefix)


def _django_asgi(bridge: Any, mount: str, prefix: str) -> Host:
    configure_django()
    site = import_module("django.core.asgi").get_asgi_application()
    return ASGIHost(BridgeASGI(site, bridge=bridge, mount=mount), prefix)


def _mounted(site: Any, bridge: Any, mount: str, prefix: str) -> Host:
    site.add_middleware(BridgeASGI, bridge=bridge, mount=mount)
    if not prefix:
        return ASGIHost(site)
    routing = import_module("starlette.routing")
    outer = import_module("starlette.applications").Starlette(
        routes=[routing.Mount(prefix, app=site)]
    )
    return ASGIHost(outer, prefix, mounted=True)


def _starlette(bridge: Any, mount: str, prefix: str) -> Host:
    return _mounted(starlette_site(), bridge, mount, prefix)


def _fastapi(bridge: Any, mount: str, prefix: str) -> Host:
    return _mounted(fastapi_site(), bridge, mount, prefix)


_BUILDERS: Mapping[str, tuple[Callable[[Any, str, str], Host], str]] = {
    "wsgi": (_wsgi, ""),
    "wsgi+script_name": (_wsgi, PREFIX),
    "flask": (_flask, ""),
    "flask+script_name": (_flask, PREFIX),
    "django-wsgi": (_django_wsgi, ""),
    "django-wsgi+script_name": (_django_wsgi, PREFIX),
    "asgi": (_asgi, ""),
    "asgi+root_path": (_asgi, PREFIX),
    "django-asgi": (_django_asgi, ""),
    "django-asgi+root_path": (_django_asgi, PREFIX),
    "starlette": (_starlette, ""),
    "starlette+mount": (_starlette, PREFIX),
    "fastapi": (_fastapi, ""),
    "fastapi+mount": (_fastapi, PREFIX),
}

HOSTS = tuple(_BUILDERS)


def build(name: str, bridge: Any, *, mount: str = "/bridge") -> Host:
    """Build a host by its name in `HOSTS`; skips where its framework is not installed."""
    builder, prefix = _BUILDERS[name]
    return builder(bridge, mount, prefix)


# A core for tests of the shells themselves.


@dataclass(frozen=True)
class Pass:
    """An admitted head."""

    head: Head
    limit: int
    length: int | None


@dataclass
class RecordingCore:
    """Admit a POST of `/x/y`, refuse any other path 404 and method 405; echo the body.

    `slow` is for how many seconds `execute` blocks.
    """

    limit: int = 10
    workers: int = 2
    slow: float = 0.0
    read_headers: tuple[bytes, ...] = (*READ_HEADERS, b"x-forwarded-for")
    heads: list[Head] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def refuse_aliases(self):
        """Read no header for the client's address."""

    def admit(self, head):
        """Judge like the real one, and shorter."""
        self.heads.append(head)
        if head.path != b"/x/y":
            return self._problem("not_found")
        if head.method != "POST":
            return self._problem("method_not_allowed", ("Allow", "POST"))
        lengths = head.headers.get(b"content-length", ())
        if head.headers.get(b"transfer-encoding") and not head.framed:
            return self._problem("length_required")
        if lengths and not lengths[0].isdigit():
            return self._problem("invalid_content_length")
        length = int(lengths[0]) if lengths else None
        if length is not None and length > self.limit:
            return self._problem("body_too_large")
        return Pass(head, self.limit, length)

    def execute(self, admitted, body):
        """Echo."""
        self.begun.set()
        time.sleep(self.slow)
        self.bodies.append(body)
        self.threads.append(threading.current_thread().name)
        self.ended.set()
        return Response(status=200, headers=(("Content-Type", "text/plain"),), body=b"got " + body)

    def refuse(self, code, admitted):
        """Refuse with the code as the body."""
        self.refused.append(code)
        return self._problem(code)

    def _problem(self, code, *more):
        headers = (("Content-Type", "text/plain"), *more)
        return Response(status=CODES[code][0], headers=headers, body=code.encode())
