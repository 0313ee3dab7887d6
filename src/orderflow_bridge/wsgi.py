"""The WSGI shell: translates between PEP 3333 and the core, and decides nothing."""

from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from wsgiref.types import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

from orderflow_bridge.http import Head, Response
from orderflow_bridge.mounting import Core, Mount, body_flaw, socket_peer

__all__ = ["BridgeWSGI"]

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

# As CGI has them, and empty where the request has none.
_BARE_KEYS = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}

_DRAIN_LIMIT = 65_536


class BridgeWSGI:
    """Serve the bridge under one path of a WSGI site, and leave the rest of the site alone.

    Wrap a site with `BridgeWSGI(site, bridge=bridge)`: a request outside the mount reaches it with
    environ, input and `start_response` untouched. Without a site, everything outside the mount is
    answered 404. `mount` is a path without a trailing slash, "/" for a whole site. Raises
    ValueError where it cannot be one, and `ConfigurationError` where the client's address is read
    from a header and nobody says that its aliases with underscores are dropped before.
    """

    __slots__ = ("_app", "_bare", "_core", "_mount", "_named", "_prefix")

    def __init__(
        self, app: WSGIApplication | None = None, *, bridge: Core[Any], mount: str = "/bridge"
    ) -> None:
        bridge.refuse_aliases()
        self._core = bridge
        self._mount = Mount(mount)
        self._prefix = self._mount.prefix
        self._app: WSGIApplication = self._outside if app is None else app
        names = dict.fromkeys(bridge.read_headers)
        self._bare = tuple((name, _BARE_KEYS[name]) for name in names if name in _BARE_KEYS)
        self._named = tuple(
            (name, "HTTP_" + name.decode("ascii").upper().replace("-", "_"))
            for name in names
            if name not in _BARE_KEYS
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request under the mount; hand any other to the site."""
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(self._prefix):
            return self._app(environ, start_response)
        rest = self._mount.under(path)
        if rest is None:
            return self._app(environ, start_response)
        return self._respond(environ, start_response, rest.encode("latin-1", "replace"))

    def _outside(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # The mount itself is no endpoint: the core makes the same 404 of it.
        return self._respond(environ, start_response, b"")

    def _respond(
        self, environ: WSGIEnvironment, start_response: StartResponse, path: bytes
    ) -> list[bytes]:
        response = self._answer(environ, path)
        start_response(
            _STATUS_LINES[response.status],
            [*response.headers, ("Content-Length", str(len(response.body)))],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _answer(self, environ: WSGIEnvironment, path: bytes) -> Response:
        core = self._core
        admitted = core.admit(self._head(environ, path))
        if isinstance(admitted, Response):
            _drain(environ, admitted)
            return admitted
        try:
            body = _read(environ, admitted.length, admitted.limit)
        except Exception:  # noqa: BLE001 -- every server has its own error for a broken body
            return core.refuse("incomplete_body", admitted)
        flaw = body_flaw(admitted, body)
        return core.execute(admitted, body) if flaw is None else core.refuse(flaw, admitted)

    def _head(self, environ: WSGIEnvironment, path: bytes) -> Head:
        headers: dict[bytes, tuple[bytes, ...]] = {}
        for name, key in self._named:
            value = environ.get(key)
            if value is not None:
                headers[name] = (value.encode("latin-1", "replace"),)
        for name, key in self._bare:
            value = environ.get(key)
            if value:
                headers[name] = (value.encode("latin-1", "replace"),)
        return Head(
            method=environ["REQUEST_METHOD"],
            path=path,
            query=environ.get("QUERY_STRING", "").encode("latin-1", "replace"),
            headers=headers,
            peer=socket_peer(environ.get("REMOTE_ADDR")),
            framed=bool(environ.get("wsgi.input_terminated")),
            aliased=True,
        )


def _read(environ: WSGIEnvironment, length: int | None, limit: int) -> bytes:
    """Read the declared bytes, or to an end that the server marks but never past limit + 1.

    Fewer bytes than declared are given back as they are. Nothing is read where no end is known.
    """
    if length is None:
        if not environ.get("wsgi.input_terminated"):
            return b""
        length = limit + 1
    return _take(environ["wsgi.input"], length)


def _take(stream: InputStream, length: int) -> bytes:
    """Read until so many bytes are there or no more come."""
    pieces: list[bytes] = []
    while length > 0 and (piece := stream.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _drain(environ: WSGIEnvironment, refusal: Response) -> None:
    """Take a small declared body off the connection, so that its sender reads the refusal.

    A server that closes on unread bytes resets the connection, and a sender may lose the answer.
    Nothing is read of a body that is too large, not plainly declared, or held back by its sender.
    """
    length: str = environ.get("CONTENT_LENGTH") or ""
    if (
        refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        or "HTTP_EXPECT" in environ
        or "HTTP_TRANSFER_ENCODING" in environ
        or len(length) > len(str(_DRAIN_LIMIT))
        or not (length.isascii() and length.isdigit())
        or int(length) > _DRAIN_LIMIT
    ):
        return
    with suppress(Exception):
        _take(environ["wsgi.input"], int(length))
