"""The ASGI shell: translates between ASGI 3 and the core, and decides nothing."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any, Protocol

from asgiref.sync import sync_to_async

from orderflow_bridge.http import Head, Response
from orderflow_bridge.mounting import Core, Mount, body_flaw, socket_peer, undecoded

__all__ = ["BridgeASGI", "Closing", "Lifespan", "lifespan"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]
"""What Starlette and FastAPI take as `lifespan`."""


class BridgeASGI:
    """Serve the bridge under one path of an ASGI site, and leave the rest of the site alone.

    Wrap a site with `BridgeASGI(site, bridge=bridge)` or `site.add_middleware(BridgeASGI,
    bridge=bridge)`: a request outside the mount, a websocket, a lifespan or an unknown scope
    reaches it untouched. Without a site, everything outside the mount is answered 404. `mount` is
    a path without a trailing slash, "/" for a whole site; a body that has not arrived after
    `body_timeout` seconds is refused, and so is a request that comes while `most_at_once` others
    are read or wait for a thread. Where more than half of that room is taken, a body that begins
    has less time, the less room there is. Raises ValueError where `mount` cannot be a path.
    """

    __slots__ = (
        "_app",
        "_at_once",
        "_core",
        "_most_at_once",
        "_mount",
        "_names",
        "_pool",
        "_prefix",
        "_seconds",
    )

    def __init__(
        self,
        app: ASGIApp | None = None,
        *,
        bridge: Core[Any],
        mount: str = "/bridge",
        body_timeout: float = 30.0,
        most_at_once: int = 1_000,
    ) -> None:
        self._core = bridge
        self._mount = Mount(mount)
        self._prefix = self._mount.prefix
        self._seconds = body_timeout
        self._most_at_once = most_at_once
        self._at_once = 0
        self._app: ASGIApp = self._outside if app is None else app
        self._names = frozenset(bridge.read_headers)
        self._pool: _Pool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under the mount; hand any other scope to the site."""
        # One search rules out nearly every foreign path before any arithmetic.
        if scope["type"] != "http" or self._prefix not in scope["path"]:
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        rest = self._mount.under(path, scope.get("root_path") or "")
        if rest is None:
            await self._app(scope, receive, send)
            return
        await self._respond(scope, receive, send, undecoded(rest, path, scope.get("raw_path")))

    async def _outside(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # The mount itself is no endpoint: the core makes the same 404 of it.
            await self._respond(scope, receive, send, b"")
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            # Closed before it is accepted: the server answers 403.
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await asyncio.get_running_loop().run_in_executor(None, self.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """Wait for the actions that are running and give their threads back.

        Happens by itself at the end of a lifespan where the bridge stands alone. A later request
        starts new threads.
        """
        pool, self._pool = self._pool, None
        if pool is not None and pool.process == os.getpid():
            pool.executor.shutdown()

    async def _respond(self, scope: Scope, receive: Receive, send: Send, path: bytes) -> None:
        response = await self._answer(scope, receive, path)
        headers = [
            (name.lower().encode("ascii"), value.encode("ascii"))
            for name, value in response.headers
        ]
        headers.append((b"content-length", b"%d" % len(response.body)))
        if response.status == HTTPStatus.BAD_REQUEST and _coded(scope):
            headers.append((b"connection", b"close"))
        body = b"" if scope["method"] == "HEAD" else response.body
        # A client that has gone is no fault of the site's.
        with suppress(OSError):
            await send(
                {"type": "http.response.start", "status": response.status, "headers": headers}
            )
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive, path: bytes) -> Response:
        core = self._core
        admitted = core.admit(self._head(scope, path))
        if isinstance(admitted, Response):
            return admitted
        # Each holds a body, and the servers' own bounds are off or far away.
        room = self._most_at_once - self._at_once
        if room <= 0:
            return core.refuse("storage_unavailable", admitted)
        # The slow must not be able to take all of it: nobody has proved who they are yet.
        patience = self._seconds * min(1.0, 2 * room / self._most_at_once)
        self._at_once += 1
        try:
            return await self._finish(receive, admitted, patience)
        finally:
            self._at_once -= 1

    async def _finish(self, receive: Receive, admitted: Any, patience: float) -> Response:
        """Read the body, for `patience` seconds at most, and run the action (steps 9–21)."""
        core = self._core
        try:
            # Something in front may have drained `receive`, which then never gives anything.
            async with asyncio.timeout(patience):
                body = await _read(receive, admitted.limit)
        except TimeoutError:
            return core.refuse("body_timeout", admitted)
        except Exception:  # noqa: BLE001 -- whatever stands in front has its own error for a broken body
            return core.refuse("incomplete_body", admitted)
        if body is None:
            # Answered all the same: some servers say so of a broken body while the client waits.
            return core.refuse("incomplete_body", admitted)
        flaw = body_flaw(admitted, body)
        return await self._execute(admitted, body) if flaw is None else core.refuse(flaw, admitted)

    def _head(self, scope: Scope, path: bytes) -> Head:
        headers: dict[bytes, list[bytes]] = {}
        for sent, value in scope["headers"]:
            name = sent.lower()
            if name in self._names:
                headers.setdefault(name, []).append(value)
        client = scope.get("client")
        return Head(
            method=scope["method"],
            path=path,
            query=scope.get("query_string") or b"",
            headers=headers,
            peer=socket_peer(client[0]) if client else None,
            framed=True,
        )

    async def _execute(self, admitted: Any, body: bytes) -> Response:
        """Run the action in a thread of our own.

        A request that is cancelled meanwhile leaves its action to finish there: it happens whole
        or, where it had not begun, not at all.
        """
        pool = self._pool
        # Threads do not survive a fork.
        if pool is None or pool.process != os.getpid():
            pool = self._pool = _Pool(self._core)
        return await pool.execute(admitted, body)


class Closing(Protocol):
    """What is closed at the end of a site's life: a bridge."""

    def close(self) -> None:
        """Give back everything; may block."""
        ...


def lifespan(bridge: Closing, *, around: Lifespan | None = None) -> Lifespan:
    """Make the lifespan of a Starlette or FastAPI site that closes the bridge at its end.

    `around` is the site's own lifespan, if it has one: it begins first and ends first, so that
    its end may still use the bridge, and its state is the site's. The bridge is closed in a
    thread, whatever ended the site.
    """

    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[Any]:
        try:
            if around is None:
                yield None
            else:
                async with around(app) as state:
                    yield state
        finally:
            await asyncio.to_thread(bridge.close)

    return life


class _Pool:
    """The threads of one process."""

    __slots__ = ("execute", "executor", "process")

    def __init__(self, core: Core[Any]) -> None:
        self.process = os.getpid()
        self.executor = ThreadPoolExecutor(core.workers, thread_name_prefix="orderflow-bridge")
        # Sensitive mode is one thread for the whole process in a site without Django.
        self.execute = sync_to_async(core.execute, thread_sensitive=False, executor=self.executor)


def _coded(scope: Scope) -> bool:
    """Tell whether a body came with a Transfer-Encoding.

    Where it was refused for how it is framed, what follows on the connection may be a part of it
    that somebody in front took for something else (RFC 9112, section 6.1).
    """
    return any(name.lower() == b"transfer-encoding" for name, _ in scope["headers"])


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Read a body to its end, or until it is longer than the limit; None if the client has gone.

    What arrives is counted, whatever was declared.
    """
    message = await receive()
    body = bytearray()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > limit or not message.get("more_body", False):
            return bytes(body)
        message = await receive()
    return None
