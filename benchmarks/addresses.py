"""Measure what an allow-list costs a request: one range beside a thousand, and the look-up alone.

python benchmarks/addresses.py [--quick] [--json] [--database URL]
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from shop import RING, SCOPES, WINDOW, Storefront

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.security.network import parse_allow_list
from orderflow_bridge.settings import Settings

RANGES = (1, 1_000)
HERE, ELSEWHERE = "127.0.0.1/32", "192.0.2.1/32"
ADDRESS = "10.1.77.3"
QUICK, FULL = 50, 2_000
ROUNDS = 25


def ranges(number: int) -> list[str]:
    """Make so many that touch nowhere, so that none of them merge; the last is where we are."""
    return [*(f"10.{n // 256}.{n % 256}.0/25" for n in range(number - 1)), HERE]


def look_ups(count: int) -> dict[str, float]:
    """Give the microseconds of one look-up, by the number of ranges."""
    listed = {number: parse_allow_list(ranges(number)) for number in RANGES}
    return timed(
        {number: lambda one=one: one.allows(ADDRESS) for number, one in listed.items()}, 10 * count
    )


def requests(bridge: Bridge, count: int, *, last: str, status: int) -> dict[str, float]:
    """Give the microseconds of one request, by the number of ranges, `last` the last of them."""
    acts = {}
    for number in RANGES:
        made = bridge.connections.create(
            f"Shop {number}", scopes=SCOPES, window=WINDOW, allow=[*ranges(number)[:-1], last]
        )
        front = Storefront(made.connection.client_id, made.secret)
        request = front.call("orders.list").in_process()
        assert bridge.handle(request).status == status
        acts[number] = lambda one=request: bridge.handle(one)
    return timed(acts, count)


def timed(acts: dict[int, Callable[[], object]], times: int) -> dict[str, float]:
    """Give the median of some rounds, turn by turn, in microseconds of this process."""
    rounds: dict[int, list[float]] = {number: [] for number in acts}
    for _ in range(ROUNDS):
        for number, act in acts.items():
            began = time.process_time()
            for _ in range(times):
                act()
            rounds[number].append((time.process_time() - began) / times * 1e6)
    return {str(number): statistics.median(found) for number, found in rounds.items()}


def show(found: dict) -> None:
    """Print it for people."""
    print(f"Python {found['python']}, {found['database']}; µs with {RANGES[0]} and {RANGES[1]:,}")
    for kind, by_number in found["microseconds"].items():
        few, many = (by_number[str(number)] for number in RANGES)
        print(f"{kind:20} {few:8.2f} {many:8.2f}   {many - few:+.2f}")


def main(words: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a moment: does it still run?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--database", help="an empty one; else a new SQLite file")
    options = parser.parse_args(words)
    count = QUICK if options.quick else FULL
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = options.database or f"sqlite:///{folder / 'shop.db'}"
        # A journal would keep each copy of the one request that is sent.
        settings = Settings(database=url, master_keys=RING, journal_rows=0)
        with Bridge.open(settings=settings) as bridge:
            bridge.migrate()
            measured = {
                "the look-up alone": look_ups(count),
                "a read": requests(bridge, count, last=HERE, status=200),
                "a blocked address": requests(bridge, count, last=ELSEWHERE, status=403),
            }
    found = {
        "python": platform.python_version(),
        "database": url.partition(":")[0],
        "microseconds": measured,
    }
    print(json.dumps(found)) if options.json else show(found)


if __name__ == "__main__":
    main(sys.argv[1:])
