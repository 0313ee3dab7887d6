"""Measure the bridge beside the floor and beside an endpoint written by hand.

python benchmarks/run.py [--quick] [--json] [--seconds S] [--threads N] [--profile ACTION]
"""

import argparse
import asyncio
import cProfile
import json
import os
import platform
import pstats
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from timeit import repeat

import handwritten
from floor import Replay, Tape, floor_of, papers_of, recording
from load import CONNECTIONS, Figures, Server, load, server_name, serving
from shop import Call, Storefront, open_bridge, set_up

from orderflow_bridge import Bridge, BridgeASGI, BridgeWSGI
from orderflow_bridge.http import Response

ACTIONS = ("cart.create", "items.add", "cart.get 1", "cart.get 10", "convertToOrder")
LINES = 10
CARTS = 16
FASTEST = 8_000
CHUNKS = 5
MEGABYTE = 1_000_000

# What is aimed at; printed beside each figure and never asserted.
FLOOR_TIMES, BY_HAND_TIMES, TAIL_TIMES = 2, 4, 10
PASS_THROUGH_US, IMPORT_MS, RESIDENT_MB = 1.0, 60, 60


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    seconds: float
    actions: int
    imports: int


QUICK = Scale(seconds=0.4, actions=50, imports=3)
FULL = Scale(seconds=4.0, actions=1_000, imports=15)


# In process


def answered(bridge: Bridge, call: Call) -> Response:
    """Handle a request; anything but 200 is the benchmark's own mistake."""
    response = bridge.handle(call.in_process())
    assert response.status == 200, response.body
    return response


def script_of(storefront: Storefront, bridge: Bridge, count: int) -> dict[str, list[Call]]:
    """Make the carts that the measured requests work on, and sign those requests."""

    def cart(lines: int) -> str:
        return json.loads(answered(bridge, storefront.create(lines)).body)["cart_id"]

    big, small = cart(LINES), cart(1)
    return {
        "cart.create": [storefront.create(1) for _ in range(count)],
        "items.add": [storefront.add(big) for _ in range(count)],
        "cart.get 1": [storefront.get(small) for _ in range(count)],
        "cart.get 10": [storefront.get(big) for _ in range(count)],
        "convertToOrder": [storefront.convert(cart(LINES)) for _ in range(count)],
    }


def chunks(things: Sequence) -> list[Sequence]:
    size = max(1, len(things) // CHUNKS)
    return [things[start : start + size] for start in range(0, len(things), size)]


def timed(bridge: Bridge, calls: Sequence[Call]) -> float:
    """Give the median over chunks of the seconds of processor time per action."""
    found = []
    for chunk in chunks(calls):
        requests = [call.in_process() for call in chunk]
        began = time.process_time()
        for request in requests:
            bridge.handle(request)
        found.append((time.process_time() - began) / len(chunk))
    return statistics.median(found)


def copied(file: Path, name: str) -> Path:
    """Copy a database as SQLite itself does."""
    copy = file.with_name(name)
    source, target = sqlite3.connect(file), sqlite3.connect(copy)
    with source, target:
        source.backup(target)
    source.close()
    target.close()
    return copy


def in_process(folder: Path, scale: Scale) -> dict[str, dict[str, float]]:
    """Measure each action in the bridge, and its floor, on equal copies of one database."""
    file = folder / "shop.db"
    storefront = set_up(file)
    with open_bridge(file) as bridge:
        script = script_of(storefront, bridge, scale.actions)
        warm_up = [storefront.create(1) for _ in range(2)]
    ours, recorded, bare = (copied(file, f"{name}.db") for name in ("ours", "recorded", "bare"))

    with open_bridge(ours) as bridge:
        for call in warm_up:
            answered(bridge, call)
        costs = {name: timed(bridge, calls) for name, calls in script.items()}

    tape = Tape()
    played: dict[str, list[tuple[Call, tuple[int, int], Response]]] = {}
    with recording(tape), open_bridge(recorded) as bridge:
        for call in warm_up:
            answered(bridge, call)
        opening = len(tape.steps)
        for name, calls in script.items():
            played[name] = []
            for call in calls:
                start = len(tape.steps)
                response = answered(bridge, call)
                played[name].append((call, (start, len(tape.steps)), response))
        ended = len(tape.steps)
        papers = {
            name: [paper_of(bridge, storefront, call, response) for call, _, response in rows]
            for name, rows in played.items()
        }
    del tape.steps[ended:]

    replay = Replay(bare, tape, opening)
    floors = {}
    for name, rows in played.items():
        found = [
            floor_of(
                replay,
                [call for (call, _, _), _ in part],
                [tape.steps[start:end] for (_, (start, end), _), _ in part],
                [paper for _, paper in part],
            )
            for part in chunks(list(zip(rows, papers[name], strict=True)))
        ]
        floors[name] = statistics.median(found)
    replay.close()
    statements = {
        name: sum(
            step[1].startswith("execute") for step in tape.steps[rows[-1][1][0] : rows[-1][1][1]]
        )
        for name, rows in played.items()
    }
    return {
        name: {
            "bridge_us": costs[name] * 1e6,
            "floor_us": floors[name] * 1e6,
            "ratio": costs[name] / floors[name],
            "statements": statements[name],
        }
        for name in script
    }


def paper_of(bridge: Bridge, storefront: Storefront, call: Call, response: Response):
    """Lay out what an action reads and writes, from what it left in the storage."""
    answer = json.loads(response.body)
    with bridge._storage.reading() as unit:  # noqa: SLF001 -- the host has no way to a cart
        cart = unit.carts.find(answer["cart_id"], connection=storefront.client_id)
        order = (
            unit.orders.find(answer["order_id"], connection=None) if "order_id" in answer else None
        )
    return papers_of(call, response.body, cart, order)


# Over HTTP


def over_http(server: Server, storefront: Storefront, scale: Scale) -> dict[str, Figures]:
    """Load a server with each action in turn."""
    cap = int(FASTEST * scale.seconds)

    def carts(count: int, lines: int) -> list[str]:
        made = load(
            server,
            [storefront.create(lines).over_http() for _ in range(count)],
            seconds=600,
            keep=True,
        )
        return [answer["cart_id"] for answer in made.answers]

    def measure(make: Callable[[int], Call], count: int) -> Figures:
        requests = [make(number).over_http() for number in range(count)]
        return load(server, requests, seconds=scale.seconds)

    big, small = carts(CARTS, LINES), carts(CARTS, 1)
    figures = {
        "cart.create": measure(lambda _: storefront.create(1), cap),
        "items.add": measure(lambda number: storefront.add(big[number % CARTS]), cap),
        "cart.get 1": measure(lambda number: storefront.get(small[number % CARTS]), cap),
        "cart.get 10": measure(lambda number: storefront.get(big[number % CARTS]), cap),
    }
    count = max(16, int(figures["cart.create"].rate * scale.seconds / 2))
    orders = carts(count, LINES)
    figures["convertToOrder"] = measure(lambda number: storefront.convert(orders[number]), count)
    return figures


def told(figures: Figures) -> dict[str, float]:
    return {
        "requests": figures.requests,
        "per_second": figures.rate,
        "p50_ms": figures.percentile(0.5) * 1e3,
        "p99_ms": figures.percentile(0.99) * 1e3,
        "cpu_us": figures.cpu_each * 1e6,
    }


def served(folder: Path, scale: Scale, server: str, threads: int) -> dict:
    """Measure the bridge and the endpoint by hand on the same server."""
    file = folder / "served.db"
    storefront = set_up(file)
    with serving("served", file, server, threads=threads) as running:
        bridge = over_http(running, storefront, scale)
        resident = running.resident()
    found = {
        "server": server,
        "threads": threads,
        "bridge": {name: told(figures) for name, figures in bridge.items()},
        "resident_mb": resident / MEGABYTE,
    }
    if find_spec("flask") is None:
        return found
    file = folder / "handwritten.db"
    handwritten.database.init(file, pragmas={"journal_mode": "wal"})
    handwritten.set_up()
    by_hand = Storefront(handwritten.CLIENT_ID, handwritten.SECRET)
    with serving("handwritten", file, server, threads=threads) as running:
        figures = over_http(running, by_hand, scale)
        found["by_hand_resident_mb"] = running.resident() / MEGABYTE
    found["by_hand"] = {name: told(one) for name, one in figures.items()}
    return found


# The rest


def pass_through(folder: Path) -> dict[str, float]:
    """Tell what a request that is not the bridge's pays for it, in microseconds."""
    rounds = 20_000
    environ = {"PATH_INFO": "/products/mug", "REQUEST_METHOD": "GET"}
    scope = {"type": "http", "path": "/products/mug", "root_path": "", "raw_path": b""}

    def wsgi(_environ, _start_response):
        return ()

    async def asgi(_scope, _receive, _send):
        pass

    async def many(app) -> float:
        began = time.perf_counter()
        for _ in range(rounds):
            await app(scope, None, None)
        return time.perf_counter() - began

    def best(app) -> float:
        return min(repeat(lambda: app(environ, None), number=rounds, repeat=7)) / rounds

    def best_async(app) -> float:
        return min(asyncio.run(many(app)) for _ in range(7)) / rounds

    with open_bridge(folder / "pass.db") as bridge:
        return {
            "wsgi_us": (best(BridgeWSGI(wsgi, bridge=bridge)) - best(wsgi)) * 1e6,
            "asgi_us": (best_async(BridgeASGI(asgi, bridge=bridge)) - best_async(asgi)) * 1e6,
        }


def imports(scale: Scale) -> dict[str, float]:
    """Tell the least milliseconds of some imports, each in a fresh interpreter."""
    codes = {
        "yardstick_ms": "import asyncio",
        "package_ms": "import orderflow_bridge",
        "bridge_ms": "from orderflow_bridge import Bridge, BridgeWSGI",
        "with_storage_ms": "from orderflow_bridge import Bridge, BridgeWSGI\n"
        "import orderflow_bridge.storage.peewee",
    }
    around = "import time\nbegan = time.perf_counter()\n{}\nprint(time.perf_counter() - began)"

    def once(code: str) -> float:
        done = subprocess.run(
            [sys.executable, "-c", around.format(code)], capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    return {
        name: min(once(code) for _ in range(scale.imports)) * 1e3 for name, code in codes.items()
    }


def profile(folder: Path, action: str, scale: Scale) -> None:
    """Print where the time of an action goes."""
    file = folder / "profile.db"
    storefront = set_up(file)
    with open_bridge(file) as bridge:
        requests = [
            call.in_process() for call in script_of(storefront, bridge, scale.actions)[action]
        ]
        bridge.handle(requests.pop())
        profiler = cProfile.Profile()
        profiler.enable()
        for request in requests:
            bridge.handle(request)
        profiler.disable()
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(30)


# What is printed


def mark(good: bool, target: str) -> str:
    return f"({'ok' if good else 'MISSED'}, {target})"


def show(found: dict) -> None:
    print(f"{found['machine']}\n")
    print("In process: processor time per action, and the same statements in bare sqlite3")
    print(f"{'':16}{'bridge':>10}{'floor':>10}{'ratio':>8}{'statements':>12}")
    for name, row in found["in_process"].items():
        print(
            f"{name:16}{row['bridge_us']:>7.0f} µs{row['floor_us']:>7.0f} µs{row['ratio']:>8.2f}"
            f"{row['statements']:>12}  {mark(row['ratio'] <= FLOOR_TIMES, f'≤ {FLOOR_TIMES}')}"
        )
    http = found["http"]
    print(
        f"\nOver HTTP: {http['server']}, one process, {http['threads']} threads,"
        f" {CONNECTIONS} keep-alive connections"
    )
    print(f"{'':16}{'':10}{'req/s':>8}{'p50':>10}{'p99':>10}{'server CPU':>12}")
    for name in ACTIONS:
        for who in ("bridge", "by_hand"):
            row = http.get(who, {}).get(name)
            if row is None:
                continue
            tail = row["p99_ms"] / row["p50_ms"]
            note = ""
            if who == "bridge":
                note = "p99/p50 " + mark(tail < TAIL_TIMES, f"{tail:.1f} < {TAIL_TIMES}")
                if "by_hand" in http:
                    times = row["per_second"] / http["by_hand"][name]["per_second"]
                    note += ", times by hand " + mark(
                        times >= BY_HAND_TIMES, f"{times:.1f} ≥ {BY_HAND_TIMES}"
                    )
            print(
                f"{name if who == 'bridge' else '':16}{who.replace('_', ' '):10}"
                f"{row['per_second']:>8.0f}{row['p50_ms']:>7.2f} ms{row['p99_ms']:>7.2f} ms"
                f"{row['cpu_us']:>9.0f} µs  {note}"
            )
    print()
    for name, value in found["pass_through"].items():
        shell = name.split("_")[0].upper()
        print(
            f"pass-through, {shell}: {value:.2f} µs"
            f" {mark(value < PASS_THROUGH_US, f'< {PASS_THROUGH_US:.0f} µs')}"
        )
    times = found["imports"]
    print(
        f"import orderflow_bridge: {times['package_ms']:.1f} ms; Bridge and BridgeWSGI:"
        f" {times['bridge_ms']:.0f} ms {mark(times['bridge_ms'] < IMPORT_MS, f'< {IMPORT_MS} ms')};"
        f" with the default storage: {times['with_storage_ms']:.0f} ms"
        f" (for comparison, asyncio: {times['yardstick_ms']:.0f} ms)"
    )
    resident = http["resident_mb"]
    print(
        f"resident after the load: {resident:.0f} MB"
        f" {mark(resident < RESIDENT_MB, f'< {RESIDENT_MB} MB')}"
        + (f"; by hand {http['by_hand_resident_mb']:.0f} MB" if "by_hand" in http else "")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds: does it still run?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=float, help="how long each load lasts")
    parser.add_argument("--threads", type=int, default=8, help="threads of the server")
    parser.add_argument("--profile", choices=ACTIONS, help="only profile an action in process")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    if options.seconds:
        scale = Scale(options.seconds, scale.actions, scale.imports)
    with tempfile.TemporaryDirectory(prefix="orderflow-benchmark-") as name:
        folder = Path(name)
        if options.profile:
            profile(folder, options.profile, scale)
            return
        found = {
            "machine": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
            f" {os.cpu_count()} processors",
            "in_process": in_process(folder, scale),
            "http": served(folder, scale, server_name(), options.threads),
            "pass_through": pass_through(folder),
            "imports": imports(scale),
        }
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
