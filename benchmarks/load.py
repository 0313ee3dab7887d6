"""A server as a subprocess, and the load on it: some connections at once in one selector loop.

They are kept alive, but for `sync`: gunicorn as it comes, with one thread that closes each
connection behind its answer, and has others accepted by the kernel meanwhile.
"""

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
CONNECTIONS = 8
START_TIMEOUT = 30
STALLED = 30
SERVERS = ("granian", "gunicorn", "sync", "uvicorn")


def server_name() -> str:
    """Choose the server: granian, else gunicorn with threads."""
    for name in SERVERS[:2]:
        if find_spec(name) is not None:
            return name
    sys.exit("Install granian or gunicorn first: pip install 'orderflow-bridge[server]'")


def _command(server: str, port: int, module: str, threads: int) -> list[str]:
    application = f"{module}:application"
    if server == "granian":
        options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
        options += ["--workers", "1", "--blocking-threads", str(threads), "--no-ws"]
        options += ["--log-level", "warning"]
    elif server == "gunicorn":
        options = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
        options += ["--threads", str(threads), "--keep-alive", "60", "--log-level", "warning"]
    elif server == "sync":
        server = "gunicorn"
        options = ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    else:  # its one thread reads and answers; the bridge has threads of its own behind it
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
        options += ["--log-level", "warning"]
        application = f"{module}:asgi_application"
    return [sys.executable, "-m", server, *options, application]


@dataclass
class Server:
    """A running server."""

    pid: int
    port: int

    def processes(self) -> list[int]:
        """Name its processes, the first one and those it started."""
        found = [self.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            if children.exists():
                found += [int(child) for child in children.read_text().split()]
        return found

    def cpu(self) -> float:
        """Tell the seconds of processor time that it used so far; 0 where nobody tells."""
        ticks = 0
        for pid in self.processes():
            stat = Path(f"/proc/{pid}/stat")
            if stat.exists():
                fields = stat.read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """Tell the resident bytes of its largest process, the one that answers."""
        sizes = [0]
        for pid in self.processes():
            statm = Path(f"/proc/{pid}/statm")
            if statm.exists():
                sizes.append(int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        return max(sizes)


@contextmanager
def serving(
    module: str, file: Path, server: str, *, threads: int, **environment: str
) -> Iterator[Server]:
    """Run a server with an application on a database file, and stop it by its id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        _command(server, port, module, threads),
        cwd=HERE,
        env={**os.environ, **environment, "BENCHMARK_FILE": str(file), "PYTHONPATH": str(HERE)},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(process, port)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"The server ended with {process.returncode}.")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("The server did not start.")


@dataclass
class Figures:
    """What a load came to; times in seconds."""

    requests: int
    seconds: float
    latencies: list[float]
    cpu: float
    answers: list[dict]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, part: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(part * len(self.latencies)))]

    @property
    def cpu_each(self) -> float:
        return self.cpu / self.requests


def closes(answer: bytes) -> bool:
    """Tell whether the server closes the connection behind this answer."""
    return b"connection: close" in answer.partition(b"\r\n\r\n")[0].lower()


def connect(port: int) -> socket.socket:
    """Open a connection to a server here."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=STALLED)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


class _Wire:
    """One connection with at most one request under way, opened anew where it was closed."""

    def __init__(self, port: int, chooser: selectors.BaseSelector) -> None:
        self._port = port
        self._chooser = chooser
        self._open()
        self.sent = 0.0

    def _open(self) -> None:
        self.socket = connect(self._port)
        self._chooser.register(self.socket, selectors.EVENT_READ, self)
        self._got = b""

    def close(self) -> None:
        self._chooser.unregister(self.socket)
        self.socket.close()

    def send(self, request: bytes) -> None:
        self.sent = time.perf_counter()
        if closes(self._got):
            self.close()
            self._open()
        self._got = b""
        self.socket.sendall(request)

    def answer(self) -> bytes | None:
        """Read what there is; give the body once it is whole."""
        piece = self.socket.recv(262_144)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._got += piece
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return None
        lower = head.lower()
        place = lower.index(b"content-length:") + 15
        length = int(lower[place : (lower + b"\r\n").index(b"\r\n", place)])
        if len(body) < length:
            return None
        if b" 200 " not in head[:13]:
            raise ValueError(f"{head[:40]!r}: {body[:300]!r}")
        return body


def load(
    server: Server, requests: Sequence[bytes], *, seconds: float, keep: bool = False
) -> Figures:
    """Send requests until they or the seconds run out; every answer must be a 200.

    `keep` keeps the decoded answers.
    """
    chooser = selectors.DefaultSelector()
    wires = [_Wire(server.port, chooser) for _ in range(min(CONNECTIONS, len(requests)))]
    queue = iter(requests)
    latencies: list[float] = []
    bodies: list[bytes] = []
    cpu = server.cpu()
    began = time.perf_counter()
    deadline = began + seconds
    under_way = 0
    for wire in wires:
        wire.send(next(queue))
        under_way += 1
    while under_way:
        ready = chooser.select(timeout=STALLED)
        if not ready:
            raise TimeoutError("the server stalled")
        for key, _ in ready:
            wire = key.data
            body = wire.answer()
            if body is None:
                continue
            now = time.perf_counter()
            latencies.append(now - wire.sent)
            if keep:
                bodies.append(body)
            request = next(queue, None) if now < deadline else None
            if request is None:
                under_way -= 1
                wire.close()
            else:
                wire.send(request)
    took = time.perf_counter() - began
    used = server.cpu() - cpu
    chooser.close()
    return Figures(
        requests=len(latencies),
        seconds=took,
        latencies=sorted(latencies),
        cpu=used,
        answers=[json.loads(body) for body in bodies],
    )
