"""The servers that people run, each started by a test on a port of the loopback."""

import platform
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

from tests.live import bridge_environ, free_port, need, started, wait_until

__all__ = ["ALONE", "DEFAULT", "SERVERS", "Kind", "Live", "installed", "running"]

ROOT = Path(__file__).parents[2]
MOST_BYTES = 8192
"""The largest body of these sites."""

_STOPPING = 30


class Kind(NamedTuple):
    """How a server is started; `{port}` stands for its port.

    `packages` are those that read the bytes: the server, and the parser where that is another.
    """

    interface: Literal["WSGI", "ASGI"]
    packages: tuple[str, ...]
    arguments: tuple[str, ...]


def installed(package: str) -> str:
    """Tell the version of a package; `python` is the server that comes with it."""
    if package == "python":
        return ".".join(platform.python_version_tuple()[:2])
    return version(package)


def _development(name: str) -> tuple[str, ...]:
    return ("-m", "tests.servers.development", name, "{port}")


def _uvicorn(parser: str) -> tuple[str, ...]:
    return (
        *("-m", "uvicorn", "tests.servers.site:asgi", "--http", parser),
        *("--lifespan", "off", "--ws", "none", "--port", "{port}"),
    )


def _granian(interface: str, application: str) -> tuple[str, ...]:
    return (
        *("-m", "granian", "--interface", interface, "--no-ws", "--port", "{port}"),
        *(("--blocking-threads", "8") if interface == "wsgi" else ()),
        f"tests.servers.site:{application}",
    )


SERVERS: dict[str, Kind] = {
    "gunicorn": Kind(
        "WSGI",
        ("gunicorn",),
        (
            *(
                "-m",
                "gunicorn",
                "--workers",
                "2",
                "--threads",
                "4",
            ),
            *("--bind", "127.0.0.1:{port}", "tests.servers.site:wsgi"),
        ),
    ),
    "waitress": Kind(
        "WSGI",
        ("waitress",),
        ("-m", "waitress", "--listen=127.0.0.1:{port}", "--threads=8", "tests.servers.site:wsgi"),
    ),
    "granian wsgi": Kind("WSGI", ("granian",), _granian("wsgi", "wsgi")),
    "granian asgi": Kind("ASGI", ("granian",), _granian("asginl", "asgi")),
    "uvicorn h11": Kind("ASGI", ("uvicorn", "h11"), _uvicorn("h11")),
    "uvicorn httptools": Kind("ASGI", ("uvicorn", "httptools"), _uvicorn("httptools")),
    "hypercorn": Kind(
        "ASGI",
        ("hypercorn", "h11"),
        ("-m", "hypercorn", "--bind", "127.0.0.1:{port}", "tests.servers.site:asgi"),
    ),
    "serve --development": Kind("WSGI", ("python",), _development("own")),
    "flask run": Kind("WSGI", ("werkzeug", "python"), _development("werkzeug")),
    "runserver": Kind("WSGI", ("django", "python"), _development("django")),
}
"""Every server, by the name under which the documentation lists it."""

ALONE = {
    "serve": Kind("ASGI", ("granian",), ("-m", "orderflow_bridge", "serve", "--port", "{port}"))
}
"""What stands without a site, and speaks as it needs to: ASGI where a header tells an address."""

DEFAULT = ("gunicorn", "uvicorn h11")
"""Those that are tried with every change; the others under the marker `long`."""


class Live:
    """A server over one database; it may be stopped or killed, and started again."""

    def __init__(
        self, name: str, home: Path, url: str, settings: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.home = home
        self.log = home / "server.log"
        self.decisions = home / "decisions.jsonl"
        self.port = 0
        self._kind = (SERVERS | ALONE)[name]
        self._environ = {
            **bridge_environ(home, url),
            "PYTHONPATH": str(ROOT),
            "ORDERFLOW_BRIDGE_MAX_BODY": str(MOST_BYTES),
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._running = ExitStack()

    def start(self) -> None:
        """Start it on a free port, and wait until its site answers."""
        self.port = port = free_port()
        arguments = [one.format(port=port) for one in self._kind.arguments]
        self._process = process = self._running.enter_context(
            started(arguments, home=self.home, environ=self._environ, log=self.log)
        )
        wait_until(lambda: process.poll() is not None or _answers(port), self.log)
        assert process.poll() is None, self.told()

    def stop(self) -> None:
        """End it as an operator does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_STOPPING)
        self.kill()

    def told(self) -> str:
        """Give the end of what it wrote."""
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """End it and its workers at once, so that none can finish anything."""
        self._running.close()
        self._process = None


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in connection.recv(1000)
    except OSError:
        return False


@contextmanager
def running(
    name: str, home: Path, url: str, settings: Mapping[str, str] | None = None
) -> Iterator[Live]:
    """Run the server `name` over the database `url`; a missing one skips, and fails in CI.

    `settings` are variables of its environment.
    """
    for package in ("click", *(SERVERS | ALONE)[name].packages):
        if package != "python":
            need(package)
    live = Live(name, home, url, settings)
    live.start()
    try:
        yield live
    finally:
        live.kill()
