"""What the doctor looks at in an open storage: what it can do, its migrations, its connections."""

from collections.abc import Iterator, Mapping, Sequence

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.doctor.findings import Finding, ok, problem, told, warning
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError, StorageUnavailable
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.ports import Capability, OrderQuery, RateLedger
from orderflow_bridge.settings import Settings

__all__ = ["look_at_storage", "no_migrations"]

_TOLERANCE = 5_000
_WITHOUT: Mapping[Capability, str] = {
    "products": "the default catalogue (the site has one of its own)",
    "stock": "stock (every sku is unlimited)",
    "rates": "`max_writes_per_minute` without a rate ledger, and the caps on what is kept",
    "audit": "the audit of connections and master keys",
    "privacy": "`customers export` and `customers erase`",
    "search": "an operator's lists of carts, orders by number and by payment, and takings",
    "journal": "the journal of requests",
    "sessions": "signing in to the console",
    "migrations": "`migrate` (see migrations)",
    "durable": "nothing outlives the process",
    "processes": "one process at a time",
}
"""What is off without a capability."""


def look_at_storage(bridge: Bridge, *, database: str | None, program: str) -> Iterator[Finding]:
    """Look at an open storage; `database` is its URL, None where the site made it itself."""
    yield _abilities(bridge, hosted=database is None)
    name = database.partition("://")[0] if database is not None else bridge.storage_name
    setting = "`database` in the settings" if database is not None else "the site's own settings"
    try:
        pending = bridge.pending_migrations()
        connections = () if pending else bridge.connections.all()
    except StorageUnavailable as error:
        yield _unavailable(name, setting, error)
        return
    except ConfigurationError as error:
        yield told("database", str(error), f"Correct {setting}.")
        return
    except Exception as error:  # noqa: BLE001 -- a plugin may raise anything; no message quotes it
        found = f"{bridge.storage_name} failed: {whereabouts(error)}."
        yield problem("database", found, "Look into that package, and report it there.")
        return
    yield ok("database", f"{name} answers.")
    if pending:
        yield problem("migrations", f"Pending: {', '.join(pending)}.", f"Run {program} migrate.")
        return
    own = "migrations" in bridge.capabilities
    yield ok("migrations", "None is pending." if own else no_migrations(bridge))
    yield _pool(bridge.settings)
    if bridge.rate_ledger is not None:
        yield _rates(bridge, bridge.rate_ledger)
    try:
        yield _clock(bridge, database, connections)
        yield from _connections(bridge, connections, program)
    except BridgeError as error:
        yield problem("database", str(error), "Try again; look into the database's own log.")


def no_migrations(bridge: Bridge) -> str:
    """Say where migrations belong that the bridge does not apply."""
    return (
        f"{bridge.storage_name} has none of its own: where it has a schema, that moves with the"
        " site's own migrations."
    )


def _abilities(bridge: Bridge, *, hosted: bool) -> Finding:
    """Name what the storage can do, and what is off because it cannot do the rest."""
    can = bridge.capabilities
    names = ", ".join(name for name in _WITHOUT if name in can) or "nothing besides"
    off = "; ".join(without for name, without in _WITHOUT.items() if name not in can)
    found = f"{bridge.storage_name} can: {names}." + (f" Off: {off}." if off else "")
    if "durable" not in can:
        fix = "Give the bridge another storage." if hosted else "Set `database` to a file."
        return warning("storage", found, fix)
    if "processes" not in can:
        return warning("storage", found, "Run the site in one process, or take another storage.")
    return ok("storage", found)


def _unavailable(name: str, setting: str, error: StorageUnavailable) -> Finding:
    if name == "sqlite":
        otherwise = "Put the file right, or choose another one in `database`."
        return told("database", error.detail, otherwise)
    return problem(
        "database",
        f"{name}: {error.detail}",
        f"Check that it runs, and its address, user and password in {setting}.",
    )


def _pool(settings: Settings) -> Finding:
    found = f"{settings.pool_size} connections, waited for at most {settings.pool_timeout:g} s."
    if settings.pool_size == 1:
        return warning("pool", found, "Set pool_size to 4 or more: one request waits for another.")
    return ok("pool", found)


def _rates(bridge: Bridge, ledger: RateLedger) -> Finding:
    """Ask the rate ledger, which lets every write pass where it is away."""
    most = bridge.settings.max_writes_per_minute
    name = type(ledger).__name__
    if not most:
        fix = "Set max_writes_per_minute, or remove rate_ledger."
        return warning("rates", f"{name} has nothing to count: no limit is set.", fix)
    try:
        ledger.ping()
    except Exception as error:  # noqa: BLE001 -- a ledger may raise anything; no message quotes it
        found = f"{name} cannot be asked ({whereabouts(error)}): writes are not limited."
        return problem("rates", found, "Check that it runs, and `rate_ledger` in the settings.")
    return ok("rates", f"{name} answers; {most} writes a minute for each connection.")


def _clock(bridge: Bridge, database: str | None, connections: Sequence[Connection]) -> Finding:
    """Compare the bridge's clock, which decides about signatures, with the database server's.

    Or with the newest record, where the database has no clock of its own.
    """
    database_now = None
    if database is not None:
        database_now = _database_clock(database, timeout=bridge.settings.pool_timeout)
    here = bridge.clock.now()
    fix = "Let NTP set the clock: signatures are good for seconds."
    if database_now is not None:
        apart = here - database_now
        found = f"{abs(apart)} ms apart from the database server's clock."
        return ok("clock", found) if abs(apart) <= _TOLERANCE else problem("clock", found, fix)
    newest = [order.placed_at for order in bridge.orders.search(OrderQuery(limit=1))]
    newest += [connection.updated_at for connection in connections]
    shown = as_utc(here).isoformat(timespec="seconds")
    if not newest:
        return ok("clock", f"It says {shown}; there is nothing to compare it with yet.")
    ahead = max(newest) - here
    if ahead > _TOLERANCE:
        found = f"It says {shown}, {ahead // 1000} s before the newest record in the database."
        return problem("clock", found, fix)
    place = "later than" if ahead <= 0 else f"within {_TOLERANCE // 1000} s of"
    return ok("clock", f"It says {shown}, {place} the newest record in the database.")


def _database_clock(database: str, *, timeout: float) -> int | None:
    """Ask a database server for its time in Unix ms; None where it has no clock of its own."""
    kind = database.partition("://")[0]
    if kind not in ("postgresql", "postgres", "mysql", "mariadb"):
        return None
    from orderflow_bridge.storage.peewee.dialect import (  # noqa: PLC0415 -- loads Peewee
        Dialect,
        refusal,
        run,
    )
    from orderflow_bridge.storage.peewee.mariadb import MariaDB  # noqa: PLC0415 -- loads Peewee
    from orderflow_bridge.storage.peewee.postgres import Postgres  # noqa: PLC0415 -- loads Peewee

    dialect: Dialect
    if kind in ("postgresql", "postgres"):
        dialect = Postgres(database, timeout=timeout)
        question = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)"
    else:
        dialect = MariaDB(database, timeout=timeout)
        question = "SELECT floor(unix_timestamp(now(6)) * 1000)"
    try:
        opened = dialect.connect()
        try:
            return int(run(opened, question).fetchone()[0])
        finally:
            opened.close()
    except Exception as error:  # noqa: BLE001 -- each driver has its own; unknown ones come back
        raise refusal(dialect, error) from None


def _connections(
    bridge: Bridge, connections: Sequence[Connection], program: str
) -> Iterator[Finding]:
    for connection in connections:
        yield from _connection(bridge, connection, program)
    if not connections:
        yield warning("connections", "There is none.", f"{program} connections create NAME")


def _connection(bridge: Bridge, connection: Connection, program: str) -> Iterator[Finding]:
    client_id = connection.client_id
    check = f"connection {client_id}"
    try:
        warnings = bridge.connections.warnings(connection)
    except ConfigurationError as error:
        yield problem(check, str(error), f"{program} connections rotate {client_id}")
        return
    for one in warnings:
        yield warning(check, one, f"{program} connections allow {client_id} CIDR...")
    if not warnings:
        yield ok(check, f"{connection.status}, from {', '.join(connection.allow_list)}.")
