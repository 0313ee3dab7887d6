"""`kill -9` of one of several workers under load, over HTTP: nobody else notices."""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from orderflow_bridge.system import SystemClock, SystemEntropy
from tests.databases import SHARED
from tests.faults.seeds import rounds
from tests.faults.traffic import Market, Sent, Transport, over_http, prove, run
from tests.live import bridge_environ, free_port, listening, need, started, wait_until
from tests.rig import open_shop

WORKERS = 3
SERVE = ["-m", "orderflow_bridge", "serve", "--workers", str(WORKERS), "--port"]
COMMANDS = {
    "granian": SERVE,
    "granian-asgi": SERVE,
    "gunicorn": [
        "-m",
        "gunicorn",
        *("--workers", str(WORKERS), "--threads", "4"),
        "orderflow_bridge.cli.serving:app()",
        "--bind",
    ],
}
# Where a header tells the client's address `serve` speaks ASGI.
SETTINGS = {
    "granian-asgi": {
        "ORDERFLOW_BRIDGE_TRUSTED_PROXIES": "127.0.0.1",
        "ORDERFLOW_BRIDGE_CLIENT_ADDRESS_HEADER": "X-Forwarded-For",
    }
}
# Each server and each database by default, every pair of them where time is no matter.
BY_DEFAULT = {("granian", "sqlite"), ("granian-asgi", "mariadb"), ("gunicorn", "postgres")}
PAIRS = [
    pytest.param(
        server,
        kind,
        id=f"{server}-{kind}",
        marks=() if (server, kind) in BY_DEFAULT else pytest.mark.long,
    )
    for server in COMMANDS
    for kind in SHARED
]


@contextmanager
def serving(server: str, url: str, home: Path) -> Iterator[tuple[int, int]]:
    """Run a server of several processes; give its port and its process id."""
    need(server.partition("-")[0])
    pytest.importorskip("click")
    port = free_port()
    where = f"127.0.0.1:{port}" if server == "gunicorn" else str(port)
    log = home / "server.log"
    environ = bridge_environ(home, url) | SETTINGS.get(server, {})
    with started([*COMMANDS[server], where], home=home, environ=environ, log=log) as process:
        wait_until(lambda: listening(port) and len(children(process.pid)) == WORKERS, log)
        yield port, process.pid
        assert process.poll() is None, log.read_text()


def children(pid: int) -> list[int]:
    """Name the processes that a process started, the oldest first."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name may hold spaces and brackets; what comes after it does not.
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(path.parent.name))
    return sorted(found)


def killing(transport: Transport, main: int, *, every: int, kills: int) -> Transport:
    """Kill the oldest worker while every n-th request is under way."""
    lock = threading.Lock()
    sent = 0
    killed: set[int] = set()

    def send(client_id: str, action: str, headers: Mapping[str, str], body: bytes) -> Sent:
        nonlocal sent
        with lock:
            sent += 1
            if sent % every == 0 and len(killed) < kills:
                victim = next(pid for pid in children(main) if pid not in killed)
                killed.add(victim)
                os.kill(victim, signal.SIGKILL)
        return transport(client_id, action, headers, body)

    return send


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are found in /proc")
@pytest.mark.parametrize(("server", "kind"), PAIRS)
@rounds(1, 6)
def test_killed_workers_break_no_promise_and_are_replaced(
    fresh_url, tmp_path: Path, server: str, kind: str, seeds
) -> None:
    """Who lost an answer asks again and finds one effect; the server goes on, whole."""
    for seed in seeds:
        shop = open_shop(fresh_url(kind), clock=SystemClock(), entropy=SystemEntropy())
        with closing(shop.bridge):
            market = Market.of(shop)
            with serving(server, shop.bridge.settings.database, tmp_path) as (port, main):
                first = set(children(main))
                transport = over_http(port)
                run(
                    market,
                    killing(transport, main, every=40, kills=WORKERS),
                    seed=seed,
                    clients=6,
                    steps=25,
                    threads=True,
                    operator=shop.bridge,
                    patience=40,
                    pause=0.1,
                )
                wait_until(
                    lambda main=main: len(children(main)) == WORKERS, tmp_path / "server.log"
                )
                assert not first & set(children(main))
            attempts = prove(market, shop, seed=seed)
            assert sum(one.outcome == "known" for one in attempts) > 50
