"""The console under one path of an ASGI site."""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any

from orderflow_bridge.asgi import ASGIApp, Receive, Scope, Send
from orderflow_bridge.console.guard import NOTHING, TOO_LARGE
from orderflow_bridge.console.http import Answer, Request
from orderflow_bridge.console.wsgi import Handling
from orderflow_bridge.mounting import Mount, socket_peer

__all__ = ["ConsoleASGI"]

_SECONDS = 30.0
_THREADS = 8


class ConsoleASGI:
    """Serve a console under one path of an ASGI site, and leave the rest of the site alone.

    Wrap a site with `ConsoleASGI(site, console=console)` or `site.add_middleware(ConsoleASGI,
    console=console)`, or mount `ConsoleASGI(console=console, mount="/")` as an application of its
    own. Pages are made in threads, so the loop never waits for a database. Raises ValueError where
    `mount` cannot be a path.
    """

    def __init__(
        self, app: ASGIApp | None = None, *, console: Handling, mount: str = "/bridge-console"
    ) -> None:
        self._app = app
        self._console = console
        self._mount = Mount(mount)
        self._threads: ThreadPoolExecutor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under the mount; hand any other scope to the site."""
        rest = None
        if scope["type"] == "http":
            rest = self._mount.under(scope["path"], scope.get("root_path") or "")
        if rest is not None:
            await self._respond(scope, receive, send, rest)
        elif self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._send(scope, send, NOTHING)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                body = await _read(receive, self._console.most_body(scope["method"], path))
        except TimeoutError:
            return
        if body is None:
            await self._send(scope, send, TOO_LARGE)
            return
        client = scope.get("client")
        request = Request(
            method=scope["method"],
            path=path,
            root=(scope.get("root_path") or "") + self._mount.prefix,
            query_string=(scope.get("query_string") or b"").decode("latin-1"),
            headers=_headers(scope["headers"]),
            body=body,
            scheme=scope.get("scheme", "http"),
            peer=socket_peer(client[0]) if client else None,
            native=scope,
            # At "/" it may be what the site mounted, and the prefix the console's own place.
            site=(scope.get("root_path") or "") if self._mount.prefix else "",
        )
        answer = await self._in_thread(self._console.handle, request)
        await self._send(scope, send, answer, receive)

    async def _send(
        self, scope: Scope, send: Send, answer: Answer, receive: Receive | None = None
    ) -> None:
        headers = [
            (name.lower().encode("ascii"), value.encode("latin-1"))
            for name, value in answer.headers
        ]
        body = answer.body
        if isinstance(body, bytes):
            headers.append((b"content-length", b"%d" % len(body)))
        # An operator who has gone is no fault of the site's.
        with suppress(OSError):
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
            elif isinstance(body, bytes):
                await send({"type": "http.response.body", "body": body})
            else:
                await self._stream(send, _Pieces(body), receive)

    async def _stream(self, send: Send, pieces: "_Pieces", receive: Receive | None) -> None:
        """Send piece by piece, until the operator has gone; what makes them is closed then."""
        leaving = asyncio.ensure_future(_has_left(receive))
        try:
            while (piece := await self._in_thread(pieces.make)) is not None:
                if leaving.done() and leaving.result():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()
            # It may wait for what it began, as an import does, which ends whole.
            await self._in_thread(pieces.close)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bridge-console")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)


class _Pieces:
    """Make pieces in threads, one at a time; closing waits for the one that is being made."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._iterator: Iterator[bytes] = iter(pieces)
        self._making = Lock()

    def make(self) -> bytes | None:
        """Make the next piece; None where there is none."""
        with self._making:
            return next(self._iterator, None)

    def close(self) -> None:
        """Make no more."""
        close = getattr(self._iterator, "close", None)
        if close is not None:
            with self._making:
                close()


def _headers(sent: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Name each header once; one that came several times is joined as WSGI's servers join it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in sent:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers:
            value = headers[name] + ("; " if name == "cookie" else ",") + value
        headers[name] = value
    return headers


async def _has_left(receive: Receive | None) -> bool:
    """Wait until the client leaves; False where the server cannot tell."""
    if receive is None:
        return False
    try:
        # Behind the body there is nothing else to come (ASGI, `http.disconnect`).
        return bool((await receive())["type"] == "http.disconnect")
    except Exception:  # noqa: BLE001 -- what is in between may know no message behind the body
        return False


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Read a body; None where it is larger than the limit, or its sender has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)
