"""Measure what keeping recent requests costs, on SQLite.

python benchmarks/journal.py [--quick] [--json] [--folder /dev/shm] [--no-server]

The same requests, signed alike, on equal files: one bridge keeps requests and one does not.

- until the answer: what a storefront waits, request by request in turns, so that whatever else the
  machine does meets both alike. The thread that writes the journal meets both too.
- saturated: one thread's requests back to back, and what was kept is written before the clock
  stops; the thread that writes it takes its share. The best of some rounds.
- served: a server of one process and one thread, as busy as it can be; processor time is its own.

On a disk a write waits for `fsync`, which differs more than what is looked for: `--folder` names a
place in memory.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
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


QUICK = Scale(rounds=2, pairs=100, reads=1_000, writes=100, loads=1, seconds=0.5)
FULL = Scale(rounds=9, pairs=1_000, reads=8_000, writes=1_000, loads=5, seconds=3.0)


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
        # What is kept from the first request on is trimmed from now on.
        saturated(on, "cart.get", ROWS)
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
    """Load a server of each kind in turns; microseconds, off and on."""
    sides: dict[int, Callable[[str], Figures]] = {}
    figures: dict[str, dict[int, list[Figures]]] = {name: {0: [], ROWS: []} for name in ACTIONS}
    count = int(4_000 * scale.seconds)

    def loading(running: Server, side: Side) -> Callable[[str], Figures]:
        return lambda action: load(
            running,
            [side.call(action).over_http() for _ in range(count)],
            seconds=scale.seconds,
        )

    def measure() -> None:
        for action in ACTIONS:
            for _ in range(scale.loads + 1):
                for rows, run in sides.items():
                    figures[action][rows].append(run(action))

    off, on = opened(folder, "served-off", 0), opened(folder, "served-on", 0)
    with (
        serving(
            "served", folder / "served-off/shop.db", server, threads=1, **{ENVIRONMENT: "0"}
        ) as one,
        serving(
            "served", folder / "served-on/shop.db", server, threads=1, **{ENVIRONMENT: str(ROWS)}
        ) as two,
    ):
        sides[0], sides[ROWS] = loading(one, off), loading(two, on)
        measure()
    for side in (off, on):
        side.bridge.close()
    # The first load warms up.
    return {
        action: {
            "served": [1e6 * min(1 / one.rate for one in runs[1:]) for runs in both.values()],
            "served, processor": [
                1e6 * min(one.cpu_each for one in runs[1:]) for runs in both.values()
            ],
        }
        for action, both in figures.items()
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
