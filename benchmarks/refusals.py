"""Measure what refusals cost: beside an empty app, beside valid writes, and in memory.

python benchmarks/refusals.py [--quick] [--json] [--seconds S] [--threads N] [--refusals N]
                              [--server granian|gunicorn|sync|uvicorn]
"""

import argparse
import gc
import json
import os
import platform
import secrets
import selectors
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from load import CONNECTIONS, SERVERS, STALLED, Server, closes, connect, load, server_name, serving
from shop import SCOPES, WINDOW, Call, Storefront, open_bridge, set_up

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.client.signing import sign
from orderflow_bridge.http import Head, Request

# What is aimed at; printed beside each figure and never asserted.
OF_EMPTY, OF_ALONE, STREAMED_MB, FLAT_MB = 0.70, 0.50, 20, 5

MEGABYTE = 1_000_000
STALE = 1_700_000_000
ELSEWHERE = "192.0.2.1"  # an address of documentation: nobody comes from there
SAMPLES = 10
PIECE = bytes(65_536)
WRITES = 4_000  # a second, more than a server answers


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    seconds: float
    rounds: int
    refusals: int
    streamed: int


QUICK = Scale(seconds=0.3, rounds=1, refusals=20_000, streamed=20 * MEGABYTE)
FULL = Scale(seconds=3.0, rounds=5, refusals=1_000_000, streamed=1_000 * MEGABYTE)

KINDS = {"bad path": 404, "stale": 401, "bad MAC": 401, "blocked address": 403}


@dataclass(frozen=True)
class Shop:
    """A shop's file, a storefront, one whose address is not allowed, and who writes meanwhile.

    Each kind has a writer of its own: together they would spend more than one may.
    """

    file: Path
    storefront: Storefront
    blocked: Storefront
    writers: Mapping[str, Storefront]


def shop_in(file: Path) -> Shop:
    storefront = set_up(file)
    with open_bridge(file) as bridge:
        blocked = _connect(bridge, "Blocked", allow=[ELSEWHERE])
        writers = {kind: _connect(bridge, f"Beside {kind}") for kind in KINDS}
    return Shop(file, storefront, blocked, writers)


def _connect(bridge: Bridge, name: str, **more: list[str]) -> Storefront:
    made = bridge.connections.create(name, scopes=SCOPES, window=WINDOW, **more)
    return Storefront(made.connection.client_id, made.secret)


def calls_of(shop: Shop) -> dict[str, Call]:
    """Sign one request of each kind that must be refused, now."""
    storefront = shop.storefront
    good = storefront.create(1)
    old = sign(
        client_id=good.client_id,
        secret=storefront.secret,
        action=good.action,
        body=good.body,
        timestamp=STALE,
        idempotency_key="stale",
    )
    wrong = {**good.headers, "X-Signature": "v1=" + secrets.token_hex(32)}
    return {
        "bad path": Call(good.client_id, "cart.create/", good.body, good.headers),
        "stale": Call(good.client_id, good.action, good.body, old),
        "bad MAC": Call(good.client_id, good.action, good.body, wrong),
        "blocked address": shop.blocked.create(1),
    }


# Over HTTP


@dataclass
class Flooded:
    """What a flood came to."""

    requests: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def flood(server: Server, request: bytes, *, status: int, seconds: float, end: bytes) -> Flooded:
    """Send one request again and again, some at once; each answer must have `status`.

    An answer is whole when it ends with `end`: looking no closer keeps this side cheap.
    """
    begins = b"HTTP/1.1 %d" % status
    chooser = selectors.DefaultSelector()

    def begin() -> None:
        wire = connect(server.port)
        chooser.register(wire, selectors.EVENT_READ, [b""])
        wire.sendall(request)

    cpu, began = server.cpu(), time.perf_counter()
    deadline, done = began + seconds, 0
    for _ in range(CONNECTIONS):
        begin()
    now = began
    while now < deadline:
        ready = chooser.select(timeout=STALLED)
        if not ready:
            raise TimeoutError("the server stalled")
        for key, _ in ready:
            got = more_of(key, end)
            if got is None:
                continue
            if not got.startswith(begins):
                raise ValueError(got[:300])
            done += 1
            if closes(got):
                chooser.unregister(key.fileobj)
                key.fileobj.close()
                begin()
            else:
                key.fileobj.sendall(request)
        now = time.perf_counter()
    found = Flooded(done, now - began, server.cpu() - cpu)
    for key in list(chooser.get_map().values()):
        key.fileobj.close()
    chooser.close()
    return found


def more_of(key: selectors.SelectorKey, end: bytes) -> bytes | None:
    """Read more of an answer; give it once it is whole."""
    got = key.data[0] + key.fileobj.recv(65_536)
    if not got:
        raise ConnectionError("the server closed the connection")
    is_whole = got.endswith(end)
    key.data[0] = b"" if is_whole else got
    return got if is_whole else None


def beside_an_empty_app(
    bridge: Server, empty: Server, shop: Shop, scale: Scale
) -> dict[str, dict[str, float]]:
    """Send the same bytes to both, turn by turn; give the medians."""
    found = {}
    for kind, status in KINDS.items():
        request = calls_of(shop)[kind].over_http()
        pairs = []
        for _ in range(scale.rounds):
            theirs = flood(empty, request, status=404, seconds=scale.seconds, end=b"\r\n\r\n")
            ours = flood(bridge, request, status=status, seconds=scale.seconds, end=b"}")
            pairs.append((ours, theirs))
        found[kind] = {
            "per_second": statistics.median(ours.rate for ours, _ in pairs),
            "empty_per_second": statistics.median(theirs.rate for _, theirs in pairs),
            "part": statistics.median(ours.rate / theirs.rate for ours, theirs in pairs),
            "cpu_us": statistics.median(ours.cpu / ours.requests for ours, _ in pairs) * 1e6,
            "empty_cpu_us": statistics.median(one.cpu / one.requests for _, one in pairs) * 1e6,
        }
    return found


def writes(server: Server, storefront: Storefront, seconds: float) -> float:
    """Tell how many valid writes a second there are."""
    requests = [storefront.create(1).over_http() for _ in range(int(WRITES * seconds))]
    return load(server, requests, seconds=seconds).rate


def beside_a_flood(server: Server, shop: Shop, kind: str, scale: Scale) -> dict[str, float]:
    """Write alone, and while another process sends what is refused."""
    storefront, call = shop.writers[kind], calls_of(shop)[kind]
    alone, flooded = [], []
    for _ in range(scale.rounds):
        alone.append(writes(server, storefront, scale.seconds))
        other = subprocess.Popen(
            [sys.executable, __file__, "--flood", str(server.port), str(KINDS[kind])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        other.stdin.write(call.over_http())
        other.stdin.close()
        other.stdout.readline()  # it floods from now on
        try:
            flooded.append(writes(server, storefront, scale.seconds))
        finally:
            other.terminate()
            other.wait(timeout=10)
            other.stdout.close()
    return {
        "alone_per_second": statistics.median(alone),
        "flooded_per_second": statistics.median(flooded),
        "part": statistics.median(b / a for a, b in zip(alone, flooded, strict=True)),
    }


def keep_flooding(port: int, status: int) -> None:
    """Flood until this process is ended."""
    request = sys.stdin.buffer.read()
    print("flooding", flush=True)
    flood(Server(0, port), request, status=status, seconds=3_600, end=b"}")


def streamed(server: Server, call: Call, whole: int) -> dict[str, float]:
    """Stream bytes at the endpoint, declared and in chunks, and watch the server's memory."""
    lines = [
        f"POST /bridge{call.path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in call.headers.items()),
    ]
    shapes = {
        "declared": ("\r\n".join([*lines, f"Content-Length: {whole}", "", ""]).encode(), PIECE),
        "chunked": (
            "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode(),
            b"%x\r\n%s\r\n" % (len(PIECE), PIECE),
        ),
    }
    idle = server.resident()
    found = {"idle_mb": idle / MEGABYTE, "sent_mb": 0.0}
    for shape, (head, piece) in shapes.items():
        sent, most = 0, idle
        while sent < whole:
            sent += pour(server, head, piece, whole - sent, watch := [])
            most = max(most, *watch)
        found["sent_mb"] += sent / MEGABYTE
        found[f"{shape}_mb"] = most / MEGABYTE
    found["after_mb"] = server.resident() / MEGABYTE
    return found


def pour(server: Server, head: bytes, piece: bytes, most: int, watch: list[int]) -> int:
    """Send a head and then bytes until the server closes; give how many, and its sizes."""
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=STALLED) as wire:
        # A server that neither reads nor closes would keep us here.
        wire.settimeout(1)
        with suppress(OSError):
            wire.sendall(head)
            while sent < most:
                wire.sendall(piece)
                sent += len(piece)
                if sent % (16 * len(piece)) < len(piece):
                    watch.append(server.resident())
        watch.append(server.resident())
    return max(sent, len(piece))


# In process


def resident() -> int:
    """Tell the resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def in_memory(shop: Shop, scale: Scale) -> dict[str, object]:
    """Refuse again and again, each time from another address, and watch the memory."""
    sizes = []
    with open_bridge(shop.file) as bridge:
        numbers = iter(range(scale.refusals + SAMPLES * 1_000))

        def some(count: int) -> None:
            # Signed anew, or they would all be stale in the end.
            requests = [call.in_process() for call in calls_of(shop).values()]
            for number, request in islice(zip(numbers, cycle(requests), strict=False), count):
                head = request.head
                peer = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
                moved = Head(method=head.method, path=head.path, headers=head.headers, peer=peer)
                answer = bridge.handle(Request(head=moved, body=request.body))
                assert answer.status >= 400, answer

        some(SAMPLES * 1_000)
        gc.collect()
        sizes.append(resident())
        began = time.process_time()
        for _ in range(SAMPLES):
            some(scale.refusals // SAMPLES)
            sizes.append(resident())
        took = time.process_time() - began
        counted = len(bridge.refusals())
    return {
        "refusals": scale.refusals,
        "each_us": took / scale.refusals * 1e6,
        "counters": counted,
        "resident_mb": [size / MEGABYTE for size in sizes],
        "grown_mb": (sizes[-1] - sizes[0]) / MEGABYTE,
    }


# What is printed


def mark(good: bool, target: str) -> str:
    return f"({'ok' if good else 'MISSED'}, {target})"


def show(found: dict) -> None:
    print(found["machine"])
    print(
        f"\n{found['server']}, one process, {found['threads']} threads,"
        f" {CONNECTIONS} connections at once"
    )
    print(f"{'':18}{'bridge':>12}{'empty app':>12}{'part':>7}{'CPU':>9}{'empty':>9}")
    for kind, row in found["kinds"].items():
        print(
            f"{kind:18}{row['per_second']:>10.0f}/s{row['empty_per_second']:>10.0f}/s"
            f"{row['part']:>7.0%}{row['cpu_us']:>6.0f} µs{row['empty_cpu_us']:>6.0f} µs"
            f"  {mark(row['part'] >= OF_EMPTY, f'≥ {OF_EMPTY:.0%}')}"
        )
    print("\nValid writes beside a flood")
    for kind, row in found["flooded"].items():
        print(
            f"{kind:18}{row['alone_per_second']:>10.0f}/s alone"
            f"{row['flooded_per_second']:>10.0f}/s flooded{row['part']:>7.0%}"
            f"  {mark(row['part'] >= OF_ALONE, f'≥ {OF_ALONE:.0%}')}"
        )
    row = found["streamed"]
    grown = max(row["declared_mb"], row["chunked_mb"]) - row["idle_mb"]
    print(
        f"\n{row['sent_mb']:,.0f} MB streamed: {row['idle_mb']:.1f} MB resident before,"
        f" at most {row['declared_mb']:.1f} (declared) and {row['chunked_mb']:.1f} (chunked),"
        f" {row['after_mb']:.1f} after  {mark(grown <= STREAMED_MB, f'+ {STREAMED_MB} MB')}"
    )
    row = found["memory"]
    print(
        f"{row['refusals']:,} refusals in process, {row['each_us']:.1f} µs each,"
        f" {row['counters']:,} counters: {row['resident_mb'][0]:.1f} MB resident before,"
        f" {row['resident_mb'][-1]:.1f} after  {mark(row['grown_mb'] <= FLAT_MB, 'flat')}"
    )


def measured(folder: Path, scale: Scale, server: str, threads: int) -> dict[str, object]:
    shop = shop_in(folder / "shop.db")
    with serving("served", shop.file, server, threads=threads) as bridge:
        with serving("empty", shop.file, server, threads=threads) as empty:
            kinds = beside_an_empty_app(bridge, empty, shop, scale)
        flooded = {kind: beside_a_flood(bridge, shop, kind, scale) for kind in KINDS}
        poured = streamed(bridge, shop.storefront.create(1), scale.streamed)
    return {
        "machine": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" {os.cpu_count()} processors",
        "server": server,
        "threads": threads,
        "kinds": kinds,
        "flooded": flooded,
        "streamed": poured,
        "memory": in_memory(shop, scale),
    }


def main(words: Sequence[str]) -> None:
    if words[:1] == ["--flood"]:
        keep_flooding(int(words[1]), int(words[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds: does it still run?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=float, help="how long each load lasts")
    parser.add_argument("--server", choices=SERVERS, help="the first that is installed")
    parser.add_argument("--threads", type=int, default=8, help="of the server; sync has one")
    parser.add_argument("--refusals", type=int, help="how many are refused in process")
    options = parser.parse_args(words)
    scale = QUICK if options.quick else FULL
    scale = Scale(
        options.seconds or scale.seconds,
        scale.rounds,
        options.refusals or scale.refusals,
        scale.streamed,
    )
    with tempfile.TemporaryDirectory(prefix="orderflow-refusals-") as name:
        found = measured(Path(name), scale, options.server or server_name(), options.threads)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main(sys.argv[1:])
