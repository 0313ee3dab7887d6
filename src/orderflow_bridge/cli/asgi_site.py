"""The site of `serve` as ASGI, where each header has the name that it was sent under."""

import asyncio

from orderflow_bridge.asgi import ASGIApp, BridgeASGI, Receive, Scope, Send
from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.serving import CONSOLE, MOUNT, console_of, has_console, page_at

__all__ = ["app", "app_without_console", "site"]


def app() -> ASGIApp:
    """Make the site of the configuration in the environment; a server calls it in each process."""
    bridge = Bridge.open()
    return site(bridge, with_console=has_console(bridge))


def app_without_console() -> ASGIApp:
    """Make the same site for storefronts alone."""
    return site(Bridge.open(), with_console=False)


def site(bridge: Bridge, *, with_console: bool) -> ASGIApp:
    """Put a bridge into a site of one page, and its console beside it.

    The bridge is closed at the end of the site's life.
    """
    pages = _page_of(CONSOLE if with_console else None)
    if with_console:
        from orderflow_bridge.console import ConsoleASGI  # noqa: PLC0415 -- an optional package

        pages = ConsoleASGI(pages, console=console_of(bridge), mount=CONSOLE)
    shell = BridgeASGI(pages, bridge=bridge, mount=MOUNT)

    def close() -> None:
        shell.close()
        bridge.close()

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await shell(scope, receive, send)
            return
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await asyncio.to_thread(close)
        await send({"type": "lifespan.shutdown.complete"})

    return whole


def _page_of(console: str | None) -> ASGIApp:
    async def page(scope: Scope, _receive: Receive, send: Send) -> None:
        status, body = page_at(scope["path"], console=console)
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown})

    return page
