"""Measure an operator's lists on a full shop: every filter, the first page and one far away.

python benchmarks/lists.py [--quick] [--json] [--rows N] [--page N] [--database URL]

Without a URL it fills a SQLite file and, where psycopg is installed, a database of a PostgreSQL
server; both are removed at the end. One that is named is filled where it is empty, and stays.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from importlib.util import find_spec
from itertools import islice, product
from random import Random
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from storages import postgres, sqlite

from orderflow_bridge.capabilities import listed_carts, searchable_orders
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.numbers import as_number
from orderflow_bridge.domain.order import Line, Order, Payment, Totals
from orderflow_bridge.ports import CartQuery, OrderQuery, Unit
from orderflow_bridge.storage.peewee import PeeweeStorage

QUICK, FULL = 20_000, 1_000_000
ROUNDS = 40
FAR = 1_000  # pages
BATCH = 5_000
SEED = 2026
AIM = 50  # ms, at the 95th percentile; printed beside the figures and never asserted

DAY = 86_400_000
NOW = 1_800_000_000_000
SPAN = 730 * DAY
LIFETIME = 30 * DAY

SHARES = {
    "ofc_web": 0.60,
    "ofc_app": 0.25,
    "ofc_market": 0.10,
    "ofc_kiosk": 0.04,
    "ofc_sells": 0.009,  # every cart of it becomes an order
    "ofc_never": 0.001,  # and none of this one
}
BUYERS = 5  # rows for each address
CONNECTIONS = ("ofc_web", "ofc_kiosk", "ofc_sells", "ofc_never")


class Times(NamedTuple):
    """How long one page takes, in milliseconds."""

    p50: float
    p95: float


# The rows


ADDRESS = Address(
    name="Zoe", line1="1 High Street", city="Leeds", postal_code="LS1 1AA", country="GB"
)
TOTALS = Totals(item_count=2, subtotal=4_242, total=4_242)
LINES = tuple(
    Line(
        line_id=f"line_{n}",
        sku=f"sku-{n}",
        name="A fine product",
        quantity=1,
        unit_price=2_121,
        subtotal=2_121,
        discount=0,
        tax=0,
        total=2_121,
    )
    for n in range(2)
)
CART = Cart(
    cart_id="@cart",
    connection="@connection",
    currency="@currency",
    lines=LINES,
    totals=TOTALS,
    customer=Customer(email="@email"),
    shipping_address=ADDRESS,
    created_at=-1,
    updated_at=-1,
    expires_at=-2,
    order_id="@order",
)
ORDER = Order(
    order_id="@order",
    connection="@connection",
    channel="shop",
    status="paid",
    cart_id="@cart",
    currency="@currency",
    lines=LINES,
    totals=TOTALS,
    customer=Customer(email="@email"),
    shipping_address=ADDRESS,
    billing_address=ADDRESS,
    payment=Payment(intent="@intent"),
    placed_at=-1,
    updated_at=-1,
)


def template(row: Cart | Order) -> str:
    """Give a document whose values are filled in as text: a million are not encoded one by one."""
    text = msgspec.json.encode(row).decode().replace("{", "{{").replace("}", "}}")
    for word in ("cart", "connection", "currency", "email", "intent"):
        text = text.replace(f"@{word}", f"{{{word}}}")
    text = text.replace('"@order"', "{order}").replace('"paid"', "{status}", 1)
    return text.replace(":-1", ":{made}").replace(":-2", ":{expires}")


CART_TEXT, ORDER_TEXT = template(CART), template(ORDER)


class Made(NamedTuple):
    """What a cart and the order of the same position share."""

    number: int
    at: int
    connection: str
    currency: str
    email: str
    converted: bool


def shopping(rows: int) -> Iterator[Made]:
    """Make up who shopped when; a few at the same moment."""
    random = Random(SEED)
    names, weights = list(SHARES), list(SHARES.values())
    for number in range(rows):
        [connection] = random.choices(names, weights)
        [currency] = random.choices(("GBP", "EUR", "USD", "JPY"), (70, 20, 9.9, 0.1))
        # Some buyers come often, most of them seldom.
        buyer = int(rows / BUYERS * random.random() ** 2)
        at = NOW - SPAN + SPAN * number // rows
        at -= at % 1000 if random.random() < 0.2 else 0
        converted = random.random() < 0.5
        if connection in ("ofc_sells", "ofc_never"):
            converted = connection == "ofc_sells"
        yield Made(number, at, connection, currency, f"buyer{buyer}@example.com", converted)


def carts(rows: int) -> Iterator[tuple[object, ...]]:
    random = Random(SEED + 1)
    for one in shopping(rows):
        touched = one.at + int(DAY * 3 * random.random() ** 4)
        expires = touched + LIFETIME
        email = one.email if one.converted or random.random() < 0.4 else None
        cart_id, order_id = f"cart_{one.number:026d}", f"order_{one.number:026d}"
        document = CART_TEXT.format(
            cart=cart_id,
            connection=one.connection,
            currency=one.currency,
            email=one.email,
            order=f'"{order_id}"' if one.converted else "null",
            made=touched,
            expires=expires,
        )
        yield (
            cart_id, one.connection, 3, touched, expires, order_id if one.converted else None,
            None, one.currency, 4_242, email, 2, document,
        )  # fmt: skip


def orders(rows: int) -> Iterator[tuple[object, ...]]:
    random = Random(SEED + 2)
    for one in shopping(rows):
        recent = one.at > NOW - DAY
        share = (20, 70, 10) if recent else (0.1, 90, 9.9)
        [status] = random.choices(("pending_payment", "paid", "cancelled"), share)
        cart_id, order_id = f"cart_{one.number:026d}", f"order_{one.number:026d}"
        document = ORDER_TEXT.format(
            cart=cart_id,
            connection=one.connection,
            currency=one.currency,
            email=one.email,
            intent=f"pi_{one.number:024d}",
            order=f'"{order_id}"',
            status=f'"{status}"',
            made=one.at,
        )
        yield (
            order_id, cart_id, f"pi_{one.number:024d}", one.connection, status, one.currency,
            4_242, one.email, one.at, one.at, 1, document,
        )  # fmt: skip


TABLES = {
    "ofb_carts": (
        (
            "cart_id, connection, version, updated_at, expires_at, order_id, lease_until, currency,"
            " total, email, revision, document"
        ),
        carts,
    ),
    "ofb_orders": (
        (
            "order_id, cart_id, intent, connection, status, currency, total, email, placed_at,"
            " updated_at, revision, document"
        ),
        orders,
    ),
}


def fill(storage: PeeweeStorage, rows: int) -> None:
    """Write the rows past the storage, in bulk; what a server knows of them it is told."""
    dialect: Any = storage._dialect  # noqa: SLF001 -- a million requests would take hours
    with closing(dialect.connect()) as database:
        cursor = database.connection().cursor()
        kind = type(dialect).__name__
        if kind == "Sqlite":
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.execute("PRAGMA cache_size = -1000000")
        for table, (columns, made) in TABLES.items():
            if kind == "Postgres":
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    for row in made(rows):
                        copy.write_row(row)
                cursor.execute(f"VACUUM ANALYZE {table}")
                continue
            insert = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * 12)})"
            every = made(rows)
            while batch := list(islice(every, BATCH)):
                cursor.execute("BEGIN")
                cursor.executemany(dialect.text(insert), batch)
                cursor.execute("COMMIT")


# The lists


def cart_lists() -> dict[str, CartQuery]:
    """Give every combination of the filters of carts."""
    found = {}
    for status, connection, email in product(
        (None, "open", "expired", "converted"), (None, *CONNECTIONS), (None, "buyer7@example.com")
    ):
        name = " ".join(filter(None, ("carts", status, connection, email and "e-mail")))
        found[name] = CartQuery(status=status, connection=connection, email=email, now=NOW)
    return found


def order_lists() -> dict[str, OrderQuery]:
    """Give every combination of the filters of orders."""
    found = {}
    month = (NOW - 400 * DAY, NOW - 370 * DAY)
    for status, connection, email, times in product(
        (None, "paid", "pending_payment"),
        (None, "ofc_web", "ofc_never"),
        (None, "buyer7@example.com"),
        (None, month),
    ):
        words = ("orders", status, connection, email and "e-mail", times and "month")
        placed_after, placed_before = times or (None, None)
        found[" ".join(filter(None, words))] = OrderQuery(
            status=status,
            connection=connection,
            email=email,
            placed_after=placed_after,
            placed_before=placed_before,
        )
    return found


def measured(storage: PeeweeStorage, act: Callable[[Unit], object]) -> Times:
    """Do it again and again, each time in a unit of its own."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        with storage.reading() as unit:
            act(unit)
        times.append((time.perf_counter() - start) * 1000)
    return Times(statistics.median(times[1:]), statistics.quantiles(times[1:], n=20)[-1])


def pages(storage: PeeweeStorage, query: Any, page: int) -> dict[str, Times]:
    """Measure the first page, one far away in both directions, and what is behind the last one."""
    is_carts = isinstance(query, CartQuery)

    def ports(unit: Unit) -> Any:
        return listed_carts(unit) if is_carts else searchable_orders(unit)

    def place(one: Any) -> tuple[int, str]:
        return (one.expires_at, one.cart_id) if is_carts else (one.placed_at, one.order_id)

    query = replace(query, limit=page)
    with storage.reading() as unit:
        before = ports(unit).search(replace(query, limit=page * (FAR - 1)))
        last = ports(unit).newer(query, than=(-1, ""))
    found = {"first": measured(storage, lambda unit: ports(unit).search(query))}
    if before:
        far, end = place(before[-1]), replace(query, after=place(last[-1]))
        found["far"] = measured(storage, lambda u: ports(u).search(replace(query, after=far)))
        found["newer"] = measured(storage, lambda u: ports(u).newer(query, than=far))
        found["end"] = measured(storage, lambda u: ports(u).search(end))
    return found


def single(storage: PeeweeStorage, rows: int) -> dict[str, dict[str, Times]]:
    """Measure what finds one, and the sums."""
    number = as_number(rows // 2)
    acts: dict[str, Callable[[Unit], object]] = {
        "by number": lambda unit: searchable_orders(unit).of_number(number),
        "by payment": lambda unit: searchable_orders(unit).of_intent(f"pi_{rows // 2:024d}"),
        "by cart id": lambda unit: listed_carts(unit).find_any(f"cart_{rows // 2:026d}"),
    }
    for name, days in (("a day", 1), ("30 days", 30), ("a year", 365)):
        for connection in (None, "ofc_kiosk"):

            def takings(unit: Unit, days: int = days, only: str | None = connection) -> object:
                return [
                    searchable_orders(unit).takings(
                        connection=only,
                        placed_after=NOW - day * DAY,
                        placed_before=NOW - (day - 1) * DAY,
                    )
                    for day in range(days, 0, -1)
                ]

            acts[" ".join(filter(None, ("takings of", name, connection)))] = takings
    return {name: {"first": measured(storage, act)} for name, act in acts.items()}


def measure(url: str, rows: int, page: int) -> dict[str, dict[str, Times]]:
    """Fill a database where it is empty, and measure everything on it."""
    with closing(PeeweeStorage(url)) as storage:
        with storage.reading() as unit:
            empty = not unit.orders.search(OrderQuery(limit=1))
        if empty:
            start = time.perf_counter()
            fill(storage, rows)
            print(f"filled in {time.perf_counter() - start:,.0f} s", file=sys.stderr)
        queries: dict[str, Any] = {**cart_lists(), **order_lists()}
        found = {name: pages(storage, query, page) for name, query in queries.items()}
        return found | single(storage, rows)


def show(database: str, found: dict[str, dict[str, Times]]) -> None:
    """Print one table, ready for the documentation."""
    places = ("first", "far", "newer", "end")
    print(f"\n| {database} | first page | page {FAR:,} | and back | behind the last |")
    print("|---" * 5 + "|")
    for name, times in found.items():
        cells = [
            f"{times[at].p50:.1f} / {times[at].p95:.1f}" if at in times else "" for at in places
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    worst, name, at = max(
        (one.p95, name, at) for name, row in found.items() for at, one in row.items()
    )
    print(f"\nMilliseconds: median / 95th percentile. The slowest: {name}, {at}, {worst:.1f} ms.")


def databases(stack: ExitStack, url: str | None) -> Iterator[tuple[str, str]]:
    """Name each database that is measured, with its URL."""
    if url is not None:
        yield url.partition(":")[0], url
        return
    yield "SQLite", stack.enter_context(sqlite())()
    if find_spec("psycopg") is None:
        print("PostgreSQL: psycopg is not installed, left out", file=sys.stderr)
        return
    yield "PostgreSQL", stack.enter_context(postgres())()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it still run?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rows", type=int, help="how many orders, and as many carts")
    parser.add_argument("--page", type=int, default=50, help="how many rows a page has")
    parser.add_argument("--database", help="one that is filled where it is empty, and stays")
    options = parser.parse_args(arguments)
    rows = options.rows or (QUICK if options.quick else FULL)
    with ExitStack() as stack:
        found = {
            name: measure(url, rows, options.page)
            for name, url in databases(stack, options.database)
        }
    if options.json:
        print(
            json.dumps(
                {
                    database: {
                        name: {at: one._asdict() for at, one in times.items()}
                        for name, times in rows.items()
                    }
                    for database, rows in found.items()
                },
                indent=2,
            )
        )
        return
    for database, rows_of in found.items():
        show(database, rows_of)
    print(
        f"\nAimed at: under {AIM} ms. {rows:,} orders and as many carts, {options.page} on a page."
        f" Python {platform.python_version()}, {os.cpu_count()} processors."
    )


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
