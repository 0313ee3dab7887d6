"""The places where a row is played: the core on two storages, and seven kinds of site on one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.http import Head, Request
from tests.hosts.hosts import Answer, build
from tests.security.attacks import Sent

__all__ = ["BARE", "CORE", "LEVELS", "Level"]

MOUNT = "/bridge"


@dataclass(frozen=True)
class Level:
    """A place, its family (`core`, `wsgi` or `asgi`) and how it is reached."""

    name: str
    family: str
    storage: str
    send: Callable[[Bridge, Sent], Answer]


def _to_the_core(bridge: Bridge, sent: Sent) -> Answer:
    headers: dict[bytes, list[bytes]] = {}
    for name, value in sent.headers:
        headers.setdefault(name.lower(), []).append(value)
    if not {b"content-length", b"transfer-encoding"} & set(headers):
        headers[b"content-length"] = [str(len(sent.body)).encode()]
    path, _, query = sent.path.partition("?")
    head = Head(
        method=sent.method,
        path=path.encode(),
        query=query.encode(),
        headers=headers,
        peer=sent.peer,
        framed=True,
    )
    response = bridge.handle(Request(head=head, body=sent.body))
    answered = {name.lower(): value for name, value in response.headers}
    return Answer(response.status, answered, response.body)


def _to_a_site(name: str) -> Callable[[Bridge, Sent], Answer]:
    def send(bridge: Bridge, sent: Sent) -> Answer:
        host = build(name, bridge, mount=MOUNT)
        url = MOUNT + sent.path if sent.url is None else sent.url
        return host.send(sent.method, url, sent.headers, sent.body, peer=sent.peer)

    return send


CORE = Level("core on memory", "core", "memory", _to_the_core)

_SITES: Mapping[str, str] = {
    "wsgi": "wsgi",
    "flask": "wsgi",
    "django-wsgi": "wsgi",
    "asgi": "asgi",
    "django-asgi": "asgi",
    "starlette": "asgi",
    "fastapi": "asgi",
}

LEVELS = (
    CORE,
    Level("core on sqlite", "core", "sqlite", _to_the_core),
    *(Level(name, family, "sqlite", _to_a_site(name)) for name, family in _SITES.items()),
)

BARE = tuple(level for level in LEVELS if level.family in {"core", level.name})
"""The core and the two shells without a framework, for what takes a thousand requests."""
