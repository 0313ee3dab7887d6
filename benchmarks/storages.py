"""Measure the same work on every storage, beside the bare driver of its database.

python benchmarks/storages.py [--quick] [--json] [--only WORD]

For each action: processor time of this process and the median time until the answer. The floor of a
database is what the default storage said to it, said again by the bare driver on an equal database.
A server's own processor time is not counted; it shows in the time until the answer.
"""

import argparse
import json
import os
import platform
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from run import ACTIONS, answered, script_of
from shop import PRICE, RING, SCOPES, SKUS, WINDOW, Call, Storefront

from orderflow_bridge import Bridge
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.storage.peewee.session import Session

POSTGRES = os.environ.get("OFB_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432").rstrip("/")
MYSQL = os.environ.get("OFB_TEST_MYSQL", "mysql://root@127.0.0.1:3306").rstrip("/")
QUICK, FULL = 20, 300
STATEMENTS = ("one", "all", "count", "many", "begin", "commit", "rollback")
FLOOR = "bare driver"


class Figures(NamedTuple):
    """What one action costs: microseconds of processor time, and until the answer."""

    cpu_us: float
    answer_us: float


# Databases of our own


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """Give a function that makes an empty database; all of them are dropped at the end."""
    psycopg = import_module("psycopg")
    made: list[str] = []

    def execute(statement: str) -> None:
        with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
            admin.execute(statement)

    def make() -> str:
        made.append(f"ofb_bench_{secrets.token_hex(6)}")
        execute(f"CREATE DATABASE {made[-1]}")
        return f"{POSTGRES}/{made[-1]}"

    try:
        yield make
    finally:
        for name in made:
            execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def mariadb() -> Iterator[Callable[[], str]]:
    """Give a function that makes an empty database; all of them are dropped at the end."""
    pymysql = import_module("pymysql")
    made: list[str] = []
    parts = urlsplit(MYSQL)

    def execute(statement: str) -> None:
        with pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=parts.username or "root",
            password=parts.password or "",
        ) as admin:
            admin.cursor().execute(statement)

    def make() -> str:
        made.append(f"ofb_bench_{secrets.token_hex(6)}")
        execute(f"CREATE DATABASE {made[-1]}")
        return f"{MYSQL}/{made[-1]}"

    try:
        yield make
    finally:
        for name in made:
            execute(f"DROP DATABASE {name}")


@contextmanager
def sqlite() -> Iterator[Callable[[], str]]:
    """Give a function that names a new file."""
    with tempfile.TemporaryDirectory(prefix="orderflow-benchmark-") as folder:
        yield lambda: f"sqlite:///{folder}/{secrets.token_hex(6)}.db"


# Storages


def default(url: str) -> str:
    return url


def sqlalchemy(url: str) -> str:
    """Name the same database as the adapter for SQLAlchemy does."""
    scheme, separator, rest = url.partition("://")
    scheme = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}.get(scheme, scheme)
    return f"sqlalchemy+{scheme}{separator}{rest}"


def django(url: str) -> str:
    """Register the database with Django under an alias of its own, and make its tables."""
    settings = import_module("django.conf").settings
    connections = import_module("django.db").connections
    if not settings.configured:
        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            INSTALLED_APPS=["orderflow_bridge_django"],
            USE_TZ=True,
        )
        import_module("django").setup()
    alias = f"bench_{secrets.token_hex(4)}"
    connections.settings[alias] = {**connections.settings["default"], **_django_database(url)}
    import_module("django.core.management").call_command("migrate", database=alias, verbosity=0)
    return f"django://{alias}"


def _django_database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        options = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"}
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "CONN_MAX_AGE": None,
            "OPTIONS": options,
        }
    if parts.scheme == "mysql":
        import_module("pymysql").install_as_MySQLdb()
    engine = "postgresql" if parts.scheme == "postgresql" else "mysql"
    return {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": parts.path.removeprefix("/"),
        "HOST": parts.hostname,
        "PORT": parts.port or "",
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "CONN_MAX_AGE": None,
        "OPTIONS": {},
    }


STORAGES: tuple[tuple[str, str | None, Callable[[str], str]], ...] = (
    ("default", None, default),
    ("SQLAlchemy", "orderflow_bridge_sqlalchemy", sqlalchemy),
    ("Django", "orderflow_bridge_django", django),
)
DATABASES: tuple[tuple[str, str | None, Callable[[], AbstractContextManager]], ...] = (
    ("SQLite", None, sqlite),
    ("PostgreSQL", "psycopg", postgres),
    ("MariaDB", "pymysql", mariadb),
)


# The work


@contextmanager
def shop_on(url: str, home: Path) -> Iterator[tuple[Bridge, Storefront]]:
    """Open a bridge on an empty database, with products and a storefront."""
    with Bridge.open(url, home=home, master_keys=RING) as bridge:
        bridge.catalogue.put(
            [
                CatalogueEntry(sku=sku, name=f"Product {sku}", prices={"GBP": PRICE}, stock=10**9)
                for sku in SKUS
            ]
        )
        made = bridge.connections.create("Benchmark", scopes=SCOPES, window=WINDOW)
        yield bridge, Storefront(made.connection.client_id, made.secret)


def measured(acts: Sequence[Callable[[], object]]) -> Figures:
    """Run each act once; give the mean processor time and the median time."""
    times = []
    began = time.process_time()
    for act in acts:
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    cpu = (time.process_time() - began) / len(acts)
    return Figures(cpu * 1e6, statistics.median(times) * 1e6)


def work(bridge: Bridge, script: dict[str, list[Call]]) -> dict[str, Figures]:
    """Measure each action of a script in process."""
    found = {}
    for name, calls in script.items():
        requests = [call.in_process() for call in calls]
        found[name] = measured(
            [lambda request=request: bridge.handle(request) for request in requests]
        )
    return found


# The floor


@dataclass
class Tape:
    """What was said to a database: session, method of `Session`, its arguments."""

    steps: list[tuple[int, str, tuple]] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)


@contextmanager
def recording(tape: Tape) -> Iterator[None]:
    """Record what every session says meanwhile."""
    real = {name: getattr(Session, name) for name in STATEMENTS}

    def recorder(name: str) -> Callable:
        def record(session: Session, *arguments: object) -> object:
            if session not in tape.sessions:
                tape.sessions.append(session)
            tape.steps.append((tape.sessions.index(session), name, arguments))
            return real[name](session, *arguments)

        return record

    for name in STATEMENTS:
        setattr(Session, name, recorder(name))
    try:
        yield
    finally:
        for name, method in real.items():
            setattr(Session, name, method)


def spoken(tape: Tape, bridge: Bridge) -> Callable[[Sequence], list[Callable[[], object]]]:
    """Bind recorded steps to cursors of the bare driver, on the connections of another storage."""
    dialect = bridge._storage._dialect  # noqa: SLF001 -- the driver is to be met bare
    databases = [dialect.connect(writing=True) for _ in tape.sessions]
    cursors = [database.connection().cursor() for database in databases]

    def bind(steps: Sequence) -> list[Callable[[], object]]:
        said: list[Callable[[], object]] = []
        for number, name, arguments in steps:
            cursor = cursors[number]
            if name in ("begin", "commit", "rollback"):
                text = dialect.begin if name == "begin" else name.upper()
                said.append(lambda cursor=cursor, text=text: cursor.execute(text))
            elif name == "many":
                said.append(lambda cursor=cursor, given=arguments: cursor.executemany(*given))
            else:
                fetch = {"one": cursor.fetchone, "all": cursor.fetchall}.get(name)

                def say(cursor=cursor, given=arguments, fetch=fetch) -> None:
                    cursor.execute(*given)
                    if fetch is not None:
                        fetch()

                said.append(say)
        return said

    return bind


def floor(make: Callable[[], str], home: Path, count: int) -> dict[str, Figures]:
    """Record the work on one database, and say it again on another."""
    tape = Tape()
    marks: dict[str, list[tuple[int, int]]] = {}
    with recording(tape), shop_on(make(), home) as (bridge, storefront):
        script = script_of(storefront, bridge, count)
        for name, calls in script.items():
            marks[name] = []
            for call in calls:
                start = len(tape.steps)
                answered(bridge, call)
                marks[name].append((start, len(tape.steps)))
    with Bridge.open(make(), home=home, master_keys=RING) as bare:
        list(bare.orders.search())
        bind = spoken(tape, bare)
        first = marks[ACTIONS[0]][0][0]
        for act in bind(tape.steps[:first]):
            act()
        found = {}
        for name in ACTIONS:
            acts = []
            for start, end in marks[name]:
                steps = bind(tape.steps[start:end])
                acts.append(lambda steps=steps: [say() for say in steps])
            found[name] = measured(acts)
    return found


# What is printed


def measure(count: int, only: str) -> dict[str, dict[str, dict[str, Figures]]]:
    """Measure every storage on every database that is here."""
    found: dict[str, dict[str, dict[str, Figures]]] = {}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for database, driver, opening in DATABASES:
            if driver is not None and find_spec(driver) is None:
                print(f"{database}: {driver} is not installed, left out", file=sys.stderr)
                continue
            make = stack.enter_context(opening())
            rows = found[database] = {}
            if only.lower() in f"{database} {FLOOR}".lower():
                rows[FLOOR] = floor(make, home, count)
            for storage, package, address in STORAGES:
                if package is not None and find_spec(package) is None:
                    print(f"{storage}: {package} is not installed, left out", file=sys.stderr)
                    continue
                if only.lower() not in f"{database} {storage}".lower():
                    continue
                with shop_on(address(make()), home) as (bridge, storefront):
                    for call in script_of(storefront, bridge, 2)["convertToOrder"]:
                        answered(bridge, call)
                    rows[storage] = work(bridge, script_of(storefront, bridge, count))
    return found


def show(found: dict[str, dict[str, dict[str, Figures]]]) -> None:
    """Print one table, ready for the documentation."""
    print(f"| database | storage | {' | '.join(ACTIONS)} |")
    print("|---" * (len(ACTIONS) + 2) + "|")
    for database, rows in found.items():
        for storage, figures in rows.items():
            cells = [
                f"{figures[name].cpu_us:,.0f} / {figures[name].answer_us:,.0f}" for name in ACTIONS
            ]
            print(f"| {database} | {storage} | {' | '.join(cells)} |")
    print(
        f"\nMicroseconds per action: processor time / time until the answer."
        f" Python {platform.python_version()}, {os.cpu_count()} processors."
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it still run?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", default="", help="a word of a database's or a storage's name")
    options = parser.parse_args()
    found = measure(QUICK if options.quick else FULL, options.only)
    if options.json:
        print(
            json.dumps(
                {
                    database: {
                        storage: {name: one._asdict() for name, one in figures.items()}
                        for storage, figures in rows.items()
                    }
                    for database, rows in found.items()
                },
                indent=2,
            )
        )
    else:
        show(found)


if __name__ == "__main__":
    main()
