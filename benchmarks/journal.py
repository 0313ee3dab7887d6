"""Measure what keeping recent requests costs a write and a read, on SQLite.

python benchmarks/journal.py [--quick] [--json]

The same requests, signed alike, on equal files: one bridge keeps requests and one does not, in
turns. Processor time is that of the whole process, the writing thread included; the time until the
answer is what a storefront waits.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from shop import RING, Storefront, set_up

from orderflow_bridge import Bridge
from orderflow_bridge.settings import Settings

QUICK, FULL = 3, 15
CALLS = 200
ROWS = 1_000


def bridge_on(file: Path, rows: int) -> Bridge:
    settings = Settings(
        database=f"sqlite:///{file}", home=str(file.parent), master_keys=RING, journal_rows=rows
    )
    return Bridge.open(settings=settings, master_keys=RING)


def round_of(bridge: Bridge, storefront: Storefront, cart: str, action: str) -> tuple[float, float]:
    """Give the processor time and the median time until the answer, in microseconds a request."""
    calls = [
        storefront.create(1) if action == "cart.create" else storefront.get(cart)
        for _ in range(CALLS)
    ]
    requests = [call.in_process() for call in calls]
    waits = []
    began = time.process_time()
    for request in requests:
        asked = time.perf_counter()
        response = bridge.handle(request)
        waits.append(time.perf_counter() - asked)
        assert response.status == 200, response.body
    bridge.close()
    cpu = (time.process_time() - began) / CALLS
    return cpu * 1e6, statistics.median(waits) * 1e6


def measure(rounds: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="orderflow-benchmark-") as folder:
        sides = {}
        for name, rows in (("off", 0), ("on", ROWS)):
            place = Path(folder) / name
            place.mkdir()
            storefront = set_up(place / "shop.db")
            bridge = bridge_on(place / "shop.db", rows)
            cart = json.loads(bridge.handle(storefront.create(10).in_process()).body)["cart_id"]
            sides[name] = (bridge, storefront, cart)
        for action in ("cart.create", "cart.get"):
            figures: dict[str, list[tuple[float, float]]] = {"off": [], "on": []}
            for number in range(rounds + 1):
                for name, (bridge, storefront, cart) in sides.items():
                    figure = round_of(bridge, storefront, cart, action)
                    if number:
                        figures[name].append(figure)
            found[action] = {
                f"{name}_{what}": statistics.median(one[place] for one in figures[name])
                for name in figures
                for place, what in enumerate(("cpu_us", "answer_us"))
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it still run?")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(QUICK if options.quick else FULL)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for action, figures in found.items():
        for what, says in (("cpu_us", "processor"), ("answer_us", "until the answer")):
            off, on = figures[f"off_{what}"], figures[f"on_{what}"]
            print(
                f"{action:12} {says:17} {off:7.0f} -> {on:7.0f} µs ({(on / off - 1) * 100:+.0f} %)"
            )


if __name__ == "__main__":
    main()
