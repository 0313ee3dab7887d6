"""A form that is larger than its page takes, before every shell: refused whole, like a page."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection

import pytest

from orderflow_bridge.cli.serving import DevelopmentServer
from orderflow_bridge.console import BridgeConsole, ConsoleASGI, ConsoleWSGI
from orderflow_bridge.console.routes import MOST_BODY
from tests.console.stage import AT, GUARDS, by_header, open_bridge
from tests.hosts.hosts import exchange, optional

optional("jinja2")

Sent = tuple[int, Mapping[str, str], bytes]


def by_socket(path: str, body: bytes) -> Sent:
    """Send it to the server that `serve` and `demo` have without any other package."""
    console = BridgeConsole(open_bridge(), identify=by_header)
    application = ConsoleWSGI(console=console)
    server = DevelopmentServer(application, host="127.0.0.1", port=0, threads=1, quiet=True)
    with (
        server.running(),
        closing(HTTPConnection("127.0.0.1", server.server_port, timeout=30)) as connection,
    ):
        connection.request("POST", path, headers={"Content-Length": str(len(body))})
        # The head alone decides; the sender of the rest would only race with the answer.
        answer = connection.getresponse()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read()


def by_asgi(path: str, body: bytes) -> Sent:
    application = ConsoleASGI(console=BridgeConsole(open_bridge(), identify=by_header))
    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    answer = asyncio.run(exchange(application, scope, [body]))
    return answer.status, answer.headers, answer.body


@pytest.mark.parametrize("send", [by_socket, by_asgi])
@pytest.mark.parametrize(
    ("path", "status", "said"),
    [(f"{AT}/confirm", 413, b"nothing happened"), ("/elsewhere", 404, b"nothing here")],
)
def test_what_a_shell_answers_by_itself_is_shut_too(
    send: Callable[[str, bytes], Sent], path: str, status: int, said: bytes
) -> None:
    """With every header that a page has, and none that belongs to the connection (PEP 3333)."""
    answered, headers, body = send(path, b"x" * (MOST_BODY + 1))
    assert answered == status
    assert said in body
    for name, value in GUARDS.items():
        assert headers[name.lower()] == value
    assert "connection" not in headers


def test_a_form_up_to_the_bound_is_read() -> None:
    """One byte less is the page's to judge."""
    status, _, _ = by_asgi(f"{AT}/confirm", b"x" * MOST_BODY)
    assert status == 401
