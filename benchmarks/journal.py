"""Measure what keeping recent requests costs, on SQLite.

python benchmarks/journal.py [--quick] [--json] [--folder /dev/shm] [--no-server]

The same requests, signed alike, on equal files: one bridge keeps requests and one does not.

- until the answer: what a storefront waits, request by request in turns, so that whatever else the
  machine does meets both alike. The thread that writes the journal meets both too. In process and
  from a server; from the server while each request is kept, and in process mostly after that.
- saturated: one thread's requests back to back, and what was kept is written before the clock
  stops; the thread that writes it takes its share. The best of some rounds.
- served: a server of one process and one thread, as busy as it can be; processor time is its own.

Of a connection that sends more than 500 at once and 20 a second the journal keeps a part: that is
what saturated and served are about.

On a disk a write waits for `fsync`, which differs more than what is looked for: `--folder` names a
place in memory.
"""

import argparse
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from load import Figures, Server, load, server_name, serving
from shop import RING, Call, Storefront, set_up

from orderflow_bridge import Bridge
from orderflow_bridge.http import Request
from orderflow_bridge.settings import Settings

ROWS = 2_000
AIM = 5
ACTIONS = ("cart.get", "cart.create")
ENVIRONMENT = "ORDERFLOW_BRIDGE_JOURNAL_ROWS"


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rounds: int
    pairs: int
    reads: int
    writes: int
    loads: int
    seconds: float
    kept: int


QUICK = Scale(rounds=2, pairs=100, reads=1_000, writes=100, loads=1, seconds=0.5, kept=20)
FULL = Scale(rounds=9, pairs=1_000, reads=8_000, writes=1_000, loads=5, seconds=3.0, kept=240)


@dataclass
class Side:
    """A bridge with a file of its own."""

    bridge: Bridge
    storefront: Storefront
    cart: str

    def call(self, action: str) -> Call:
        return (
            self.storefront.create(1) if action == "cart.create" else self.storefront.get(self.cart)
        )

    def requests(self, action: str, count: int) -> list[Request]:
        return [self.call(action).in_process() for _ in range(count)]

    def write_out(self) -> None:
        """Write what waits for the journal."""
        recorder = self.bridge._recorder  # noqa: SLF001 -- a host only closes
        if recorder is not None:
            recorder.flush()


def opened(folder: Path, name: str, rows: int) -> Side:
    place = folder / name
    place.mkdir()
    file = place / "shop.db"
    storefront = set_up(file)
    settings = Settings(
        database=f"sqlite:///{file}",
        home=str(place),
        master_keys=RING,
        journal_rows=rows,
        max_spent_signatures=0,
        max_stored_answers=0,
    )
    bridge = Bridge.open(settings=settings, master_keys=RING)
    cart = json.loads(bridge.handle(storefront.create(1).in_process()).body)["cart_id"]
    return Side(bridge, storefront, cart)


def answered(bridge: Bridge, request: Request) -> float:
    """Handle a request; give the seconds until its answer."""
    asked = time.perf_counter()
    response = bridge.handle(request)
    waited = time.perf_counter() - asked
    assert response.status == 200, response.body
    return waited


def waits(off: Side, on: Side, action: str, pairs: int) -> tuple[float, float]:
    """Give the median until the answer, off and on, of requests in turns."""
    both = list(zip(off.requests(action, pairs), on.requests(action, pairs), strict=True))
    without, with_ = [], []
    for number, (plain, kept) in enumerate(both):
        # Each is first as often as the other.
        if number % 2:
            with_.append(answered(on.bridge, kept))
            without.append(answered(off.bridge, plain))
        else:
            without.append(answered(off.bridge, plain))
            with_.append(answered(on.bridge, kept))
    on.write_out()
    return statistics.median(without), statistics.median(with_)


def saturated(side: Side, action: str, count: int) -> tuple[float, float]:
    """Give the seconds, on the clock and of processor time, of a request among many."""
    requests = side.requests(action, count)
    handle = side.bridge.handle
    cpu, began = time.process_time(), time.perf_counter()
    for request in requests:
        assert handle(request).status == 200
    side.write_out()
    return (time.perf_counter() - began) / count, (time.process_time() - cpu) / count


def in_process(folder: Path, scale: Scale) -> dict[str, dict[str, list[float]]]:
    """Measure each action; microseconds, off and on."""
    off, on = opened(folder, "off", 0), opened(folder, "on", ROWS)
    found: dict[str, dict[str, list[float]]] = {}
    for action in ACTIONS:
        count = scale.writes if action == "cart.create" else scale.reads
        # What is kept at once is used up: from now on a part is kept.
        saturated(on, "cart.get", 600)
        waited = [waits(off, on, action, scale.pairs) for _ in range(scale.rounds)]
        spent = [
            (saturated(off, action, count), saturated(on, action, count))
            for _ in range(scale.rounds)
        ]
        found[action] = {
            "until the answer": [statistics.median(one[side] for one in waited) for side in (0, 1)],
            "saturated": [min(one[side][0] for one in spent) for side in (0, 1)],
            "saturated, processor": [min(one[side][1] for one in spent) for side in (0, 1)],
        }
    for side in (off, on):
        side.bridge.close()
    return {
        action: {what: [1e6 * value for value in values] for what, values in figures.items()}
        for action, figures in found.items()
    }


def served(folder: Path, scale: Scale, server: str) -> dict[str, dict[str, list[float]]]:
    """Ask a server without and one with a journal in turns; microseconds, off and on."""
    with ExitStack() as stack:
        both = []
        for name, rows in (("served-off", 0), ("served-on", ROWS)):
            side = opened(folder, name, 0)
            stack.callback(side.bridge.close)
            file, rows_kept = folder / name / "shop.db", {ENVIRONMENT: str(rows)}
            running = stack.enter_context(serving("served", file, server, threads=1, **rows_kept))
            both.append((running, side))
        # At first, while each is kept.
        waited = {action: waits_for_server(both, action, scale.kept) for action in ACTIONS}
        return {action: waited[action] | loads(both, action, scale) for action in ACTIONS}


def waits_for_server(
    both: list[tuple[Server, Side]], action: str, pairs: int
) -> dict[str, list[float]]:
    """Give the median until the answer over HTTP, of one request after the other."""
    waited: list[list[float]] = [[], []]
    for number in range(pairs):
        for place in (0, 1) if number % 2 else (1, 0):
            running, side = both[place]
            [latency] = load(running, [side.call(action).over_http()], seconds=1).latencies
            waited[place].append(latency)
    return {"until a server's answer": [1e6 * statistics.median(one) for one in waited]}


def loads(both: list[tuple[Server, Side]], action: str, scale: Scale) -> dict[str, list[float]]:
    """Load each as much as it can take; the best of some rounds."""
    runs: list[list[Figures]] = [[], []]
    # The first load warms up.
    for _ in range(scale.loads + 1):
        for place, (running, side) in enumerate(both):
            requests = [side.call(action).over_http() for _ in range(int(4_000 * scale.seconds))]
            runs[place].append(load(running, requests, seconds=scale.seconds))
    return {
        "served": [1e6 * min(1 / one.rate for one in each[1:]) for each in runs],
        "served, processor": [1e6 * min(one.cpu_each for one in each[1:]) for each in runs],
    }


def show(found: dict) -> None:
    print(f"{found['folder']}, server: {found['server'] or 'none'}; microseconds a request\n")
    print(f"{'':12} {'':21} {'off':>7} {'on':>7}")
    for action, figures in found["actions"].items():
        for what, (off, on) in figures.items():
            more = (on / off - 1) * 100
            verdict = "ok" if more < AIM else "MISSED"
            print(
                f"{action:12} {what:21} {off:7.1f} {on:7.1f}  {more:+.1f} % ({verdict}, < {AIM} %)"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="does it still run?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--folder", type=Path, help="where the databases are, such as /dev/shm")
    parser.add_argument("--no-server", action="store_true", help="only in process")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    server = "" if options.no_server else server_name()
    with tempfile.TemporaryDirectory(prefix="orderflow-benchmark-", dir=options.folder) as name:
        actions = in_process(Path(name), scale)
        if server:
            for action, figures in served(Path(name), scale, server).items():
                actions[action] |= figures
        found = {"folder": str(Path(name).parent), "server": server, "actions": actions}
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
