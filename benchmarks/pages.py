"""Measure the console's lists on a full shop: every page made whole, through WSGI, in this process.

python benchmarks/pages.py [--quick] [--json] [--rows N] [--database URL]

Without a URL it fills a SQLite file and, where psycopg is installed, a database of a PostgreSQL
server; both are removed at the end. One that is named is filled where it is empty, and stays.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from typing import Any, NamedTuple

from lists import FULL, NOW, QUICK, databases, fill

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.capabilities import journal_of
from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, Operator
from orderflow_bridge.domain.connection import Connection, Issue
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.ports import CartQuery, OrderQuery
from orderflow_bridge.storage.peewee import PeeweeStorage
from orderflow_bridge.testing.clock import SetClock

RING = "k1:7Jq0vXoB2mYd5w9LkTz3RsCfUeHgNiPa1bVxDtQyMuE"
ROUNDS = 40
FAR = 1_000  # pages
ROWS = 50  # on a page
AIM = 100  # ms, at the 95th percentile; printed beside the figures and never asserted
MAIL = "buyer7%40example.com"
DAYS = "from=2026-11-01&to=2026-11-30&tz=UTC"
REQUESTS = 2_000  # of each connection, as many as are kept


class Times(NamedTuple):
    """How long one page takes, in milliseconds."""

    p50: float
    p95: float


class Browser:
    """What asks for pages, without a server between."""

    def __init__(self, bridge: Bridge) -> None:
        operator = Operator(name="bench", role="admin")
        self._app = ConsoleWSGI(console=BridgeConsole(bridge, identify=lambda _request: operator))

    def get(self, path: str) -> Iterator[bytes]:
        """Ask for a page; gives its pieces as they are made."""
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/bridge-console/{path}",
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": BytesIO(),
            "wsgi.url_scheme": "http",
        }
        told: list[str] = []
        yield from self._app(environ, lambda status, _headers: told.append(status))
        if not told[0].startswith("200"):
            sys.exit(f"{path}?{query}: {told[0]}")

    def time(self, path: str) -> Times:
        """Ask for it again and again."""
        times = []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            for _piece in self.get(path):
                pass
            times.append((time.perf_counter() - start) * 1000)
        return Times(statistics.median(times[1:]), statistics.quantiles(times[1:], n=20)[-1])


def paths(bridge: Bridge) -> dict[str, str]:
    """Name each list with each filter, its first page and its thousandth."""
    found = {"overview": "", "connections": "connections", "requests": "requests"}
    found |= {
        "requests refused": "requests?verdict=refused",
        "requests of ofc_web": "requests?connection=ofc_web",
        "requests of ofc_web refused": "requests?connection=ofc_web&verdict=refused",
    }
    far_order = bridge.orders.search(OrderQuery(limit=ROWS * FAR))[-1]
    far_cart = bridge.carts.search(CartQuery(now=NOW, limit=ROWS * FAR))[-1]
    orders = f"after={far_order.placed_at}.{far_order.order_id}"
    carts = f"after={far_cart.expires_at}.{far_cart.cart_id}"
    for kind, place, states in (
        ("orders", orders, ("paid", "pending_payment", "cancelled")),
        ("carts", carts, ("open", "converted", "expired")),
    ):
        for status in ("", *states):
            for connection in ("", "ofc_web", "ofc_never"):
                chosen = [f"status={status}"] * bool(status)
                chosen += [f"connection={connection}"] * bool(connection)
                name = " ".join(filter(None, (kind, status, connection)))
                found[name] = f"{kind}?" + "&".join(chosen)
                found[f"{name}, page {FAR:,}"] = f"{kind}?" + "&".join([*chosen, place])
    for status in ("", "paid", "pending_payment", "cancelled"):
        for connection in ("", "ofc_web", "ofc_never"):
            name = " ".join(filter(None, ("orders of a month", status, connection)))
            found[name] = f"orders?{DAYS}&status={status}&connection={connection}"
    found["orders of an e-mail"] = f"orders?q={MAIL}&status=paid"
    found["carts of an e-mail"] = f"carts?email={MAIL}"
    return found


def prepare(storage: PeeweeStorage, rows: int) -> None:
    """Fill a database where it is empty, and name its connections."""
    with storage.reading() as unit:
        empty = not unit.orders.search(OrderQuery(limit=1))
        named = bool(unit.connections.all())
    if empty:
        fill(storage, rows)
    if not named:
        with storage.writing() as unit:
            for client_id in ("ofc_web", "ofc_never"):
                unit.connections.add(
                    Connection(
                        client_id=client_id,
                        name=client_id,
                        channel="shop",
                        scopes=frozenset({"orders:read"}),
                        current=Issue("k1", bytes(16)),
                        created_at=0,
                        updated_at=0,
                    )
                )
            for client_id in ("ofc_web", "ofc_never"):
                journal_of(unit).append(list(requests_of(client_id)))


def requests_of(client_id: str) -> Iterator[JournalEntry]:
    """Make the recent requests of a connection; every tenth was refused."""
    for number in range(REQUESTS):
        refused = number % 10 == 0
        yield JournalEntry(
            request_id=f"req_{client_id}_{number:06}",
            at=NOW - number * 1_000,
            connection=client_id,
            action="cart.get",
            verdict="refused" if refused else "allowed",
            code="authentication_failed" if refused else None,
            status=401 if refused else 200,
            replayed=False,
            address="198.51.100.7",
            milliseconds=3,
            verified=not refused,
            headers={"Content-Type": "application/json", "X-Client-Id": client_id},
            string_to_sign=f"ofb1\n{number}\n{client_id}\nPOST\ncart.get\n",
            body_bytes=40,
            detail="The signature is wrong." if refused else "",
            order_id=None,
            cart_id=None,
        )


def measure(url: str, rows: int) -> dict[str, Any]:
    """Measure every page of one database, and the memory of an export."""
    storage = PeeweeStorage(url)
    prepare(storage, rows)
    with Bridge(storage=storage, master_keys=RING, clock=SetClock(NOW)) as bridge:
        browser = Browser(bridge)
        found: dict[str, Any] = {name: browser.time(path) for name, path in paths(bridge).items()}
        before, start = _memory(), time.perf_counter()
        lines = size = 0
        for piece in browser.get("orders.csv"):
            lines += piece.count(b"\n")
            size += len(piece)
        found["export"] = {
            "lines": lines,
            "bytes": size,
            "seconds": time.perf_counter() - start,
            "more_memory": _memory() - before,
        }
        return found


def _memory() -> int:
    """Tell the most memory that this process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def show(database: str, found: dict[str, Any]) -> None:
    """Print one table, ready for the documentation."""
    export = found.pop("export")
    print(f"\n| {database} | median | 95th percentile |\n|---|---|---|")
    for name, one in found.items():
        print(f"| {name} | {one.p50:.1f} ms | {one.p95:.1f} ms |")
    worst, name = max((one.p95, name) for name, one in found.items())
    print(f"\nThe slowest: {name}, {worst:.1f} ms (aimed at: {AIM} ms).")
    print(
        f"Export: {export['lines']:,} lines, {export['bytes'] / 1e6:,.0f} MB in"
        f" {export['seconds']:,.0f} s, {export['more_memory'] / 1e6:,.1f} MB more at most."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="does it still run?")
    parser.add_argument("--json", action="store_true", help="print a document")
    parser.add_argument("--rows", type=int, help=f"orders and carts each, by default {FULL:,}")
    parser.add_argument("--database", help="URL of a database that is filled already, or empty")
    options = parser.parse_args(arguments)
    global ROUNDS, FAR
    if options.quick:
        ROUNDS, FAR = 3, 20
    rows = options.rows or (QUICK if options.quick else FULL)
    with ExitStack() as stack:
        for database, url in databases(stack, options.database):
            found = measure(url, rows)
            if options.json:
                print(json.dumps({"database": database, "pages": found}))
            else:
                show(database, found)


if __name__ == "__main__":
    main()
