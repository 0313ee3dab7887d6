"""nginx in front of live servers: the address that it tells counts, and a forged one does not."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.settings import Settings
from orderflow_bridge.system import SystemClock
from tests.canary.session import canary_of
from tests.hosts.behind_proxy import MOUNTS
from tests.hosts.hosts import optional
from tests.rig import RING, Storefront

PATIENCE = 30
ROOT = Path(__file__).parents[2]
# The whole of 127.0.0.0/8 is this machine: a client may come from any of it.
OFFICE, ELSEWHERE = "127.0.0.2", "127.0.0.3"
READING = ("gunicorn", "waitress", "uvicorn")
REWRITING = ("waitress-rewriting", "werkzeug-rewriting", "uvicorn-rewriting")
ON_A_SOCKET = ("gunicorn", "uvicorn")
HEADERS = [header for header in MOUNTS.values() if header]

CONFIG = """\
daemon off;
{user}
worker_processes 1;
pid {home}/pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    scgi_temp_path {home}/scgi;
    uwsgi_temp_path {home}/uwsgi;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header Forwarded "for=$remote_addr";
    server {{
        listen 127.0.0.1:{port};
{places}
    }}
}}
"""


def nginx() -> str:
    """Find nginx, where Debian has it too; a missing one skips, and fails in CI."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which("nginx", path=path)
    if found is None:
        tell = pytest.fail if os.environ.get("CI") else pytest.skip
        tell("nginx is not installed: nothing stands in front of the servers")
    try:
        socket.create_server((OFFICE, 0)).close()
    except OSError:
        pytest.skip(f"{OFFICE} is no address of this machine: every client would be the same")
    return found


@contextmanager
def running(*command: str, sockets: tuple[socket.socket, ...] = (), **environ: str):
    """Run a process that inherits open sockets; it is ended in any case."""
    numbers = [one.fileno() for one in sockets]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environ,
            pass_fds=numbers,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            # The group: workers of a server would go on.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
            log.seek(0)
            sys.stdout.write(log.read().decode(errors="replace"))


class Front:
    """The port of nginx, those of the servers behind it, and a storefront of the office."""

    def __init__(self, port: int, ports: dict[str, int], storefront: Storefront) -> None:
        self.port = port
        self.ports = ports
        self._storefront = storefront

    def present(self, server: str) -> str:
        """Give the name of a server, and skip where it is not installed."""
        optional(server.partition("-")[0])
        return server

    def ask(self, place: str, *headers: tuple[str, str], port: int = 0, source: str = OFFICE):
        """Send a signed request from an address; give the status, and the address refused."""
        signed = self._storefront.headers("orders.list", b"{}")
        connection = HTTPConnection(
            "127.0.0.1", port or self.port, timeout=PATIENCE, source_address=(source, 0)
        )
        with closing(connection):
            path = f"{place}/{self._storefront.client_id}/orders.list"
            connection.putrequest("POST", path)
            for name, value in [*signed.items(), *headers, ("Content-Length", "2")]:
                connection.putheader(name, value)
            connection.endheaders(b"{}")
            answer = connection.getresponse()
            body = json.loads(answer.read())
        return answer.status, body.get("address")


def listening(place: str | None = None) -> socket.socket:
    """Listen on a port of the kernel's choice, or at a path; who connects waits in a queue."""
    if place is None:
        return socket.create_server(("127.0.0.1", 0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen()
    return listener


@pytest.fixture(scope="module")
def front(request) -> Iterator[Front]:
    """Run every server that is installed, and nginx in front of them."""
    program = nginx()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ofb-")))
        stack.callback(canary_of(request.config).look_at_files, home)
        database = f"sqlite:///{home / 'shop.db'}"
        settings = Settings(database=database, master_keys=RING)
        with Bridge.open(settings=settings) as bridge:
            made = bridge.connections.create("Office", scopes=["orders:read"], allow=[OFFICE])
            storefront = Storefront(bridge, made.connection.client_id, made.secret, SystemClock())
        ports, places = {}, []
        for kind in READING + REWRITING:
            try:
                optional(kind.partition("-")[0])
            except pytest.skip.Exception:
                continue
            tcp = stack.enter_context(listening())
            sockets = [tcp]
            ports[kind] = tcp.getsockname()[1]
            places.append(f"location /{kind}/ {{ proxy_pass http://127.0.0.1:{ports[kind]}/; }}")
            if kind in ON_A_SOCKET:
                sockets.append(stack.enter_context(listening(f"{home}/{kind}")))
                upstream = f"http://unix:{home}/{kind}:/"
                places.append(f"location /{kind}-socket/ {{ proxy_pass {upstream}; }}")
            stack.enter_context(
                running(
                    *(sys.executable, "-m", "tests.hosts.behind_proxy", kind, database),
                    *(str(one.fileno()) for one in sockets),
                    sockets=tuple(sockets),
                    # gunicorn keeps a socket of its own there.
                    HOME=str(home),
                )
            )
            # A server that ends refuses its clients at once.
            for one in sockets:
                one.close()
        public = stack.enter_context(listening())
        port = public.getsockname()[1]
        config = home / "nginx.conf"
        config.write_text(
            CONFIG.format(
                home=home,
                port=port,
                # Else its worker would be somebody who may not enter the folder.
                user="user root;" if os.geteuid() == 0 else "",
                places="\n".join(f"        {one}" for one in places),
            )
        )
        stack.enter_context(
            running(
                *(program, "-p", str(home), "-c", str(config), "-e", "stderr"),
                sockets=(public,),
                # As in an upgrade of nginx: the socket that is open already is its own.
                NGINX=f"{public.fileno()};",
            )
        )
        public.close()
        yield Front(port, ports, storefront)


@pytest.mark.parametrize("server", [*READING, *(f"{one}-socket" for one in ON_A_SOCKET)])
@pytest.mark.parametrize("mount", [mount for mount, header in MOUNTS.items() if header])
def test_the_real_address_counts_and_a_spoofed_one_does_not(front, server, mount):
    """In each header that nginx sets, over TCP and over a unix socket."""
    place = f"/{front.present(server)}{mount}"
    assert front.ask(place) == (200, None)
    assert front.ask(place, source=ELSEWHERE) == (403, ELSEWHERE)
    for name in HEADERS:
        value = f"for={OFFICE}" if name == "Forwarded" else OFFICE
        alias = name.replace("-", "_")
        for spoofed in (name, alias):
            assert front.ask(place, (spoofed, value), source=ELSEWHERE) == (403, ELSEWHERE)
        assert front.ask(place, (alias, "nobody")) == (200, None)


@pytest.mark.parametrize("server", READING)
@pytest.mark.parametrize("mount", [mount for mount, header in MOUNTS.items() if header])
def test_past_the_proxy_the_header_is_not_read(front, server, mount):
    """Whoever reaches the server itself is the client; a proxy that tells nothing is nobody."""
    port = front.ports[front.present(server)]
    headers = [(name, f"for={OFFICE}" if name == "Forwarded" else OFFICE) for name in HEADERS]
    assert front.ask(mount, *headers, port=port, source=ELSEWHERE) == (403, ELSEWHERE)
    assert front.ask(mount, port=port) == (200, None)
    assert front.ask(mount, port=port, source="127.0.0.1") == (403, "unknown")


@pytest.mark.parametrize("server", REWRITING)
def test_a_host_that_rewrites_the_address_itself_needs_no_header_here(front, server):
    """What ProxyFix, waitress and uvicorn make of the header is the peer that the bridge sees."""
    place = f"/{front.present(server)}/none"
    assert front.ask(place) == (200, None)
    assert front.ask(place, source=ELSEWHERE) == (403, ELSEWHERE)
    assert front.ask(place, ("X-Forwarded-For", OFFICE), source=ELSEWHERE) == (403, ELSEWHERE)


@pytest.mark.parametrize("server", READING)
def test_the_doctor_sees_that_nginx_drops_aliases(front, server):
    """So that a site under WSGI may declare it."""
    optional("click")
    from orderflow_bridge.cli.probing import probe  # noqa: PLC0415 -- needs Click

    place = f"/{front.present(server)}/list"
    found = {one.check: one for one in probe(f"http://127.0.0.1:{front.port}", mount=place)}
    assert found["mount"].state == "ok"
    assert found["aliases"].state == "ok"
