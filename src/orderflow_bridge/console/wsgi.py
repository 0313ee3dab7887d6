"""The console under one path of a WSGI site."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from orderflow_bridge.console.guard import NOTHING, TOO_LARGE
from orderflow_bridge.console.http import Answer, Request
from orderflow_bridge.mounting import Mount, socket_peer

__all__ = ["ConsoleWSGI", "Handling", "answer_environ"]

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_BARE = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


class Handling(Protocol):
    """What answers: a `BridgeConsole`."""

    def most_body(self, method: str, path: str) -> int:
        """Tell how many bytes the body of a request may have."""
        ...

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        ...


class ConsoleWSGI:
    """Serve a console under one path of a WSGI site, and leave the rest of the site alone.

    Wrap a site with `ConsoleWSGI(site, console=console)`; without a site, everything outside the
    mount is answered 404. Raises ValueError where `mount` cannot be a path.
    """

    def __init__(
        self,
        app: WSGIApplication | None = None,
        *,
        console: Handling,
        mount: str = "/bridge-console",
    ) -> None:
        self._app = app
        self._console = console
        self._mount = Mount(mount)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request under the mount; hand any other to the site."""
        rest = self._mount.under(environ.get("PATH_INFO", ""))
        if rest is not None:
            script = environ.get("SCRIPT_NAME", "")
            return answer_environ(
                self._console,
                environ,
                start_response,
                root=script + self._mount.prefix,
                path=rest,
                # At "/" it may be what the site mounted, and the prefix the console's own place.
                site=script if self._mount.prefix else "",
            )
        if self._app is not None:
            return self._app(environ, start_response)
        return _send(NOTHING, environ, start_response)


def answer_environ(
    console: Handling,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    *,
    root: str,
    path: str,
    site: str,
    program: str = "",
) -> Iterable[bytes]:
    """Answer what is in an environ; `root`, `path` and `site` are bytes in Latin-1 (PEP 3333)."""
    method = environ["REQUEST_METHOD"]
    path = _text(path)
    body = _body(environ, console.most_body(method, path))
    if body is None:
        answer = TOO_LARGE
    else:
        answer = console.handle(
            Request(
                method=method,
                path=path,
                root=_text(root),
                query_string=environ.get("QUERY_STRING", ""),
                headers=_headers(environ),
                body=body,
                scheme=environ.get("wsgi.url_scheme", "http"),
                peer=socket_peer(environ.get("REMOTE_ADDR")),
                aliased=True,
                native=environ,
                site=_text(site),
                program=program,
            )
        )
    return _send(answer, environ, start_response)


def _send(
    answer: Answer, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    headers = [*answer.headers]
    if isinstance(answer.body, bytes):
        headers.append(("Content-Length", str(len(answer.body))))
    start_response(_STATUS_LINES[answer.status], headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return [answer.body] if isinstance(answer.body, bytes) else answer.body


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    found = {
        key[5:].replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_") and isinstance(value, str)
    }
    return found | {name: environ[key] for key, name in _BARE.items() if environ.get(key)}


def _body(environ: WSGIEnvironment, limit: int) -> bytes | None:
    """Read the declared body; None where it is larger than `limit`, or no length was declared."""
    declared: str = environ.get("CONTENT_LENGTH") or "0"
    if not (declared.isascii() and declared.isdigit()) or int(declared[:18]) > limit:
        return None
    wanted = int(declared[:18])
    pieces = []
    while wanted > 0 and (piece := environ["wsgi.input"].read(wanted)):
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def _text(path: str) -> str:
    return path.encode("latin-1", "replace").decode("utf-8", "replace")
