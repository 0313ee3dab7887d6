"""The site that `serve` and `demo` put up, and a server for it that needs nothing but Python."""

import signal
import socket
import socketserver
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from importlib.util import find_spec
from types import FrameType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.wsgi import BridgeWSGI

__all__ = [
    "CONSOLE",
    "MOUNT",
    "DevelopmentServer",
    "app",
    "app_without_console",
    "console_of",
    "has_console",
    "page_at",
    "site",
    "until_told_to_stop",
]

MOUNT = "/bridge"
CONSOLE = "/bridge-console"

_PATIENCE = 10.0
_POLL = 0.1


def app() -> WSGIApplication:
    """Make the site of the configuration in the environment; a server calls it in each process."""
    bridge = Bridge.open()
    return site(bridge, with_console=has_console(bridge))


def app_without_console() -> WSGIApplication:
    """Make the same site for storefronts alone."""
    return site(Bridge.open(), with_console=False)


def has_console(bridge: Bridge) -> bool:
    """Tell whether there can be a console: its package is there, and sign-ins are kept."""
    return find_spec("jinja2") is not None and "sessions" in bridge.capabilities


def site(bridge: Bridge, *, with_console: bool) -> WSGIApplication:
    """Put a bridge into a site of one page, and its console beside it."""
    pages = _page_of(CONSOLE if with_console else None)
    if with_console:
        from orderflow_bridge.console import ConsoleWSGI  # noqa: PLC0415 -- an optional package

        pages = ConsoleWSGI(pages, console=console_of(bridge), mount=CONSOLE)
    return BridgeWSGI(pages, bridge=bridge, mount=MOUNT)


def console_of(bridge: Bridge) -> Any:
    """Make the console of such a site, with its own sign-in."""
    from orderflow_bridge.console import BridgeConsole  # noqa: PLC0415 -- an optional package
    from orderflow_bridge.console.standalone import (  # noqa: PLC0415 -- an optional package
        StandaloneAuth,
    )

    return BridgeConsole(bridge, identify=StandaloneAuth(bridge), mount_of_bridge=MOUNT)


def page_at(path: str, *, console: str | None) -> tuple[HTTPStatus, bytes]:
    """Give the site's one page, or say that there is nothing at the path."""
    if path not in ("", "/"):
        return HTTPStatus.NOT_FOUND, b"There is nothing here.\n"
    operators = f"Operators find the console at {console}/.\n" if console else ""
    text = (
        f"orderflow-bridge is mounted at {MOUNT}.\n"
        f"Storefronts send POST {MOUNT}/{{clientId}}/{{action}}, signed.\n{operators}"
    )
    return HTTPStatus.OK, text.encode("utf-8")


def _page_of(console: str | None) -> WSGIApplication:
    def page(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, body = page_at(environ.get("PATH_INFO", ""), console=console)
        start_response(
            f"{status.value} {status.phrase}",
            [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return page


class _Handler(WSGIRequestHandler):
    """One request, with an end to waiting for it."""

    timeout = _PATIENCE
    server: "DevelopmentServer"

    def parse_request(self) -> bool:
        """Read the head; a header with an underscore is dropped, or it could pose as another."""
        parsed = super().parse_request()
        if parsed:
            for name in [name for name in self.headers if "_" in name]:
                del self.headers[name]
        return parsed

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the parent's name
        """Write one line on standard error, unless the server is quiet."""
        if not self.server.quiet:
            super().log_message(format, *args)


class DevelopmentServer(WSGIServer):
    """A threaded WSGI server on the standard library: for a demo and for development.

    Listens when it is made, on any free port where `port` is 0; `url` tells the address. Raises
    `OSError` where it cannot listen.
    """

    request_queue_size = 128

    def __init__(
        self, application: WSGIApplication, *, host: str, port: int, threads: int, quiet: bool
    ) -> None:
        self.quiet = quiet
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        # Who comes when as many wait already stays in the system's own queue, which is bounded.
        self._room = threading.BoundedSemaphore(threads + self.request_queue_size)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError:
            self._pool.shutdown()
            raise
        self.set_app(application)

    @property
    def url(self) -> str:
        """Tell the address of the site."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}"

    def server_bind(self) -> None:
        """Listen, without asking a name server who we are."""
        socketserver.TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of the pool."""
        self._room.acquire()
        self._pool.submit(self._process, request, client_address)

    def _process(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 -- one request's end is not the server's
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- inherited
        """Say that a connection broke; nothing of what it carried."""
        kind, _, _ = sys.exc_info()
        if not self.quiet and kind is not None:
            sys.stderr.write(f"{client_address[0]}: {kind.__name__}\n")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve in the background; leaving answers what was begun, and stops."""
        thread = threading.Thread(target=self.serve_forever, args=(_POLL,), name="server")
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self._pool.shutdown()
            self.server_close()


@contextmanager
def until_told_to_stop() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set, instead of breaking what is under way."""
    stop = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
