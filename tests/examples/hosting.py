"""How the example sites are set up and run, for whoever comes to them."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live import free_port

__all__ = [
    "COMMAND",
    "DJANGO",
    "FLASK",
    "ROOT",
    "SERVERS",
    "TOKEN",
    "Host",
    "Send",
    "environ_of",
    "prepare",
    "run",
    "running",
    "sender",
    "serving",
    "set_up",
]

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-that-only-the-provider-knows"
COMMAND = "from orderflow_bridge.cli import main; main()"
_EXAMPLES = ROOT / "examples"


class Host(NamedTuple):
    """An example, and what it sells for how many pence."""

    folder: Path
    framework: str
    sku: str
    name: str
    price: str
    pence: int
    orders: str
    callback: str
    needs: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    command: tuple[str, ...] = ("-c", COMMAND)


FLASK = Host(
    _EXAMPLES / "flask_host",
    "flask",
    "mug-ash",
    "Ash-glazed mug",
    "£22.00",
    2200,
    "/orders",
    "/payments/callback",
    ("flask", "orderflow_bridge_sqlalchemy"),
    command=("-m", "flask", "bridge"),
)
DJANGO = Host(
    _EXAMPLES / "django_host",
    "django",
    "9780141441146",
    "Jane Eyre",
    "£8.99",
    899,
    "/orders/",
    "/payments/callback/",
    ("django", "orderflow_bridge_django"),
    ("manage.py", "migrate", "--verbosity", "0"),
    ("manage.py", "bridge"),
)

SERVERS: Mapping[str, tuple[Host, str, tuple[str, ...]]] = {
    "flask": (FLASK, "flask", ("-m", "flask", "run", "--port")),
    "django-wsgi": (DJANGO, "django", ("manage.py", "runserver", "--noreload")),
    "django-asgi": (
        DJANGO,
        "uvicorn",
        ("-m", "uvicorn", "bookshop.asgi:application", "--lifespan", "off", "--port"),
    ),
}

Send = Callable[[str, str, Mapping[str, str], bytes], tuple[int, str]]
"""Send (method, path, headers, body) to a site; give status and text."""


def environ_of(tmp_path: Path) -> dict[str, str]:
    """Give an environment in which a host keeps everything in `tmp_path`."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ORDERFLOW_BRIDGE_", "SHOP_", "DJANGO_", "FLASK_", "PYTHON"))
    }
    return clean | {
        "ORDERFLOW_BRIDGE_HOME": str(tmp_path / "home"),
        "SHOP_DATABASE": str(tmp_path / "shop.db"),
        "SHOP_PAYMENT_TOKEN": TOKEN,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(python: Path, *arguments: str, cwd: Path, environ: Mapping[str, str]) -> str:
    """Run Python to its end, and give what it printed."""
    done = subprocess.run(
        [python, *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepare(python: Path, host: Host, environ: Mapping[str, str]) -> None:
    """Do what the host's README says before it is run."""
    run(python, "-c", COMMAND, "init", "--keys-only", cwd=host.folder, environ=environ)
    if host.prepare:
        run(python, *host.prepare, cwd=host.folder, environ=environ)


def set_up(python: Path, host: Host, environ: Mapping[str, str]) -> tuple[str, str]:
    """Prepare a host, and make a connection; give client id and secret."""
    prepare(python, host, environ)
    scopes = "carts:read,carts:write,orders:read,orders:write,prices:write"
    words = ("connections", "create", "Tea blog", "--scopes", scopes, "--json")
    made = json.loads(run(python, *host.command, *words, cwd=host.folder, environ=environ))
    return made["client_id"], made["secret"]


@contextmanager
def running(
    python: Path, *arguments: str, cwd: Path, environ: Mapping[str, str], log: Path
) -> Iterator[int]:
    """Run a server on the loopback, wait until it listens, and end it afterwards; give its port."""
    port = free_port()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [python, *arguments, str(port)],
            cwd=cwd,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            _wait_for(port, server, log)
            yield port
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


@contextmanager
def serving(
    python: Path, *arguments: str, cwd: Path, environ: Mapping[str, str], log: Path
) -> Iterator[Send]:
    """Run a server as above, and give what sends to it."""
    with running(python, *arguments, cwd=cwd, environ=environ, log=log) as port:
        yield sender(port)


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until `port` answers; fail with the server's output where it does not."""
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    pytest.fail(f"the server does not listen:\n{log.read_text(errors='replace')}")


def sender(port: int) -> Send:
    """Make a `Send` over HTTP."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    return send
