"""Requests as Django has them, answered by the bridge's own two shells: nothing is decided here."""

import logging
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections, connections
from django.http import HttpRequest, HttpResponse
from orderflow_bridge import Bridge, BridgeASGI, BridgeWSGI, ConfigurationError, Response
from orderflow_bridge.http import Head
from orderflow_bridge.mounting import Mount
from orderflow_bridge.protocol import Admitted

__all__ = ["Shells", "is_under"]

_CHUNK = 65_536
_log = logging.getLogger("orderflow_bridge.faults")


def is_under(mount: Mount, request: HttpRequest) -> bool:
    """Tell whether a request is the bridge's, by the path as the server gave it."""
    if isinstance(request, ASGIRequest):
        scope = _scope(request)
        return mount.under(scope["path"], scope["root_path"]) is not None
    return mount.under(request.META.get("PATH_INFO", "")) is not None


class Shells:
    """The shells of one bridge, one of each kind for every path that it is mounted at.

    `alias` tells which of the site's databases the bridge is in, None where it is in none.
    """

    def __init__(self, bridge: Bridge, *, alias: Callable[[], str | None]) -> None:
        self._bridge = _Connected(bridge, alias)
        self._lent = _GivingBack(bridge, alias)
        self._wsgi: dict[str, BridgeWSGI] = {}
        self._asgi: dict[str, BridgeASGI] = {}

    def answer(self, request: HttpRequest, mount: str) -> HttpResponse:
        """Answer in this thread, where nothing awaits the answer.

        Under an ASGI server that is a site with a middleware that is not capable of async: the
        action still runs in a thread of the bridge's own.
        """
        if isinstance(request, ASGIRequest):
            return async_to_sync(self.answer_async)(request, mount)
        shell = self._wsgi.get(mount)
        if shell is None:
            shell = self._wsgi[mount] = BridgeWSGI(bridge=self._bridge, mount=mount)
        environ = cast("WSGIRequest", request).environ
        if environ.get("CONTENT_LENGTH"):
            # Whatever came before may have read the body: the request then has it still.
            environ = {**environ, "wsgi.input": request}
        told: list[tuple[int, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
            told.append((int(status.partition(" ")[0]), headers))

        body = b"".join(shell(environ, cast("Any", start_response)))
        return _response(*told[0], body)

    async def answer_async(self, request: ASGIRequest, mount: str) -> HttpResponse:
        """Answer a request of an ASGI server; the action runs in a thread of the bridge's own."""
        shell = self._asgi.get(mount)
        if shell is None:
            shell = self._asgi[mount] = BridgeASGI(bridge=self._lent, mount=mount)
        told: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            # Django has taken the body off the connection already.
            piece = request.read(_CHUNK)
            return {"type": "http.request", "body": piece, "more_body": len(piece) == _CHUNK}

        async def send(message: MutableMapping[str, Any]) -> None:
            told.append(message)

        await shell(_scope(request), receive, send)
        start, *parts = told
        headers = [
            (name.decode("ascii"), value.decode("ascii")) for name, value in start["headers"]
        ]
        return _response(start["status"], headers, b"".join(part["body"] for part in parts))


class _Connected:
    """The bridge as a shell calls it, with one connection for all the units of a request.

    Each unit leaves the thread's connection as it found it: found open, it stays open.
    """

    def __init__(self, bridge: Bridge, alias: Callable[[], str | None]) -> None:
        self._bridge = bridge
        self._alias = alias
        self.workers = bridge.workers
        self.read_headers = bridge.read_headers

    def refuse_aliases(self) -> None:
        # Which server it has, a site learns with its first request, and it has started by then.
        # The core reads no header that could be an alias, and what that costs is told.
        try:
            self._bridge.refuse_aliases()
        except ConfigurationError as error:
            _log.error("%s", error)

    def admit(self, head: Head) -> Admitted | Response:
        return self._bridge.admit(head)

    def execute(self, admitted: Admitted, body: bytes) -> Response:
        alias = self._alias()
        if alias is not None:
            # Where it cannot be opened, the first unit says so as the protocol has it.
            with suppress(Exception):
                connections[alias].ensure_connection()
        return self._bridge.execute(admitted, body)

    def refuse(self, code: str, admitted: Admitted) -> Response:
        return self._bridge.refuse(code, admitted)


class _GivingBack(_Connected):
    """The same in threads that Django does not know: what was used there is given back."""

    def execute(self, admitted: Admitted, body: bytes) -> Response:
        try:
            return super().execute(admitted, body)
        finally:
            close_old_connections()


def _scope(request: ASGIRequest) -> dict[str, Any]:
    """Give the scope with the prefix that Django believes in, FORCE_SCRIPT_NAME included."""
    scope: Mapping[str, Any] = request.scope
    return {**scope, "root_path": request.META.get("SCRIPT_NAME", "")}


def _response(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> HttpResponse:
    response = HttpResponse(body, status=status)
    del response.headers["Content-Type"]
    for name, value in headers:
        response.headers[name] = value
    return response
