"""What the doctor looks at: each check tells what it found, and the fix."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.sending import Answered, Target, send
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError, StorageUnavailable
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.keys import read_ring
from orderflow_bridge.ports import OrderQuery
from orderflow_bridge.pricing import TablePricing
from orderflow_bridge.security.network import parse_trusted_proxies
from orderflow_bridge.settings import KEYS_FILE, SETTINGS_FILE, Settings

__all__ = ["Finding", "bad_settings", "examine", "probe"]

_OTHERS = 0o077
_SQLITE = "sqlite:///"
_TOLERANCE = 5_000
_BEFORE_FIX = re.compile("[:;] ")
_PATIENCE = 10.0
_UNAUTHORIZED, _NOT_FOUND, _REDIRECTS = 401, 404, range(300, 400)
_PROBE_PATH = "/ofc_doctor_probe/cart.get"
_ALIASES = {
    "X_Client_Id": "ofc_doctor_probe",
    "X_Timestamp": "1000000000",
    "X_Signature": "v1=" + "0" * 64,
}


class Finding(Struct, frozen=True, kw_only=True):
    """What one check found; `fix` is empty where there is nothing to do."""

    check: str
    state: Literal["ok", "warning", "problem"]
    found: str
    fix: str = ""


def _ok(check: str, found: str) -> Finding:
    return Finding(check=check, state="ok", found=found)


def _warning(check: str, found: str, fix: str) -> Finding:
    return Finding(check=check, state="warning", found=found, fix=fix)


def _problem(check: str, found: str, fix: str) -> Finding:
    return Finding(check=check, state="problem", found=found, fix=fix)


def _told(check: str, message: str, otherwise: str) -> Finding:
    """Tell a problem whose message names its own fix behind a colon or semicolon."""
    found, *fix = _BEFORE_FIX.split(message, maxsplit=1)
    if not fix:
        return _problem(check, message, otherwise)
    return _problem(check, f"{found}.", fix[0])


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that can be seen from here; nothing is changed or created."""
    yield _settings_file(settings)
    keys = _keys(settings)
    yield keys
    pricing = _pricing(settings)
    yield pricing
    proxies = _proxies(settings)
    yield proxies
    if "problem" in (keys.state, pricing.state, proxies.state):
        return
    missing = _missing_file(settings)
    if missing is not None:
        yield missing
        return
    try:
        bridge = Bridge.open(settings=settings)
    except ConfigurationError as error:
        yield _told("database", str(error), "Correct `database` in the settings.")
        return
    with bridge:
        yield from _database(bridge, settings)


def _settings_file(settings: Settings) -> Finding:
    path = Path(settings.home) / SETTINGS_FILE
    if path.exists():
        return _ok("settings", f"{path} is read.")
    return _warning(
        "settings",
        f"There is no {SETTINGS_FILE} in {settings.home}: environment and defaults count.",
        "Run orderflow-bridge init there, or name the folder with --home.",
    )


def _keys(settings: Settings) -> Finding:
    path = Path(settings.home) / KEYS_FILE
    try:
        read_ring(settings)
    except ConfigurationError as error:
        return _problem("keys", str(error), "Do what it says, then run the doctor again.")
    if not settings.master_keys:
        return _ok("keys", f"{path}: strong, and only its owner can read it.")
    if os.environ.get("ORDERFLOW_BRIDGE_MASTER_KEYS"):
        return _ok("keys", "ORDERFLOW_BRIDGE_MASTER_KEYS: strong.")
    file = Path(settings.home) / SETTINGS_FILE
    if os.name == "posix" and file.exists() and file.stat().st_mode & _OTHERS:
        return _problem("keys", f"Others can read the master keys in {file}.", f"chmod 600 {file}")
    return _ok("keys", f"{file}: strong, and only its owner can read it.")


def _pricing(settings: Settings) -> Finding:
    try:
        TablePricing.of(settings)
    except ConfigurationError as error:
        return _problem("pricing", str(error), f"Correct the tables in {SETTINGS_FILE}.")
    return _ok(
        "pricing",
        f"Shipping has {len(settings.shipping)} rows, tax {len(settings.tax)}.",
    )


def _proxies(settings: Settings) -> Finding:
    check = "proxies"
    proxies, header = settings.trusted_proxies, settings.client_address_header
    try:
        parse_trusted_proxies(proxies)
    except ValueError as error:
        return _problem(check, str(error), "Correct `trusted_proxies`.")
    if proxies and not header:
        return _problem(
            check,
            "There are trusted proxies, but no header that tells the client's address.",
            'Set client_address_header, for example "X-Forwarded-For", to what the proxy writes.',
        )
    if header and not proxies:
        return _problem(
            check,
            f"{header} is to be read, but nobody is trusted to write it.",
            "Set trusted_proxies to the addresses of your proxies, or remove the header.",
        )
    if proxies:
        return _ok(check, f"{header} of {', '.join(proxies)} is believed.")
    return _ok(check, "None: the address of the socket counts.")


def _missing_file(settings: Settings) -> Finding | None:
    if not settings.database.startswith(_SQLITE):
        return None
    path = settings.database.removeprefix(_SQLITE).partition("?")[0]
    if path.startswith(":") or Path(path).exists():
        return None
    return _problem(
        "database",
        f"There is no file {path} yet.",
        "orderflow-bridge migrate creates it; check `database` if you expected one.",
    )


def _database(bridge: Bridge, settings: Settings) -> Iterator[Finding]:
    kind = settings.database.partition("://")[0]
    try:
        pending = bridge.pending_migrations()
    except StorageUnavailable as error:
        yield _unavailable(kind, error)
        return
    except ConfigurationError as error:
        yield _told("database", str(error), "Correct `database` in the settings.")
        return
    if kind == "memory":
        yield _warning(
            "database", "In memory: nothing outlives the process.", "Set `database` to a file."
        )
    else:
        yield _ok("database", f"{kind} answers.")
    if pending:
        yield _problem(
            "migrations", f"Pending: {', '.join(pending)}.", "Run orderflow-bridge migrate."
        )
        return
    yield _ok("migrations", "None is pending.")
    yield _pool(settings, kind)
    try:
        connections = bridge.connections.all()
        yield _clock(bridge, settings, connections)
        yield from _connections(bridge, connections)
    except BridgeError as error:
        yield _problem("database", str(error), "Try again; look into the database's own log.")


def _unavailable(kind: str, error: StorageUnavailable) -> Finding:
    if kind == "sqlite":
        otherwise = "Put the file right, or choose another one in `database`."
        return _told("database", error.detail, otherwise)
    return _problem(
        "database",
        f"{kind}: {error.detail}",
        "Check that it runs, and its address, user and password in `database`.",
    )


def _pool(settings: Settings, kind: str) -> Finding:
    found = f"{settings.pool_size} connections, waited for at most {settings.pool_timeout:g} s."
    if settings.pool_size == 1 and kind != "memory":
        return _warning("pool", found, "Set pool_size to 4 or more: one request waits for another.")
    return _ok("pool", found)


def _clock(bridge: Bridge, settings: Settings, connections: Sequence[Connection]) -> Finding:
    """Compare the clock with the database server's, or with the newest record in a file."""
    database_now = _database_clock(settings)
    here = time.time_ns() // 1_000_000
    fix = "Let NTP set the clock: signatures are good for seconds."
    if database_now is not None:
        apart = here - database_now
        found = f"{abs(apart)} ms apart from the database server's clock."
        return _ok("clock", found) if abs(apart) <= _TOLERANCE else _problem("clock", found, fix)
    newest = [order.placed_at for order in bridge.orders.search(OrderQuery(limit=1))]
    newest += [connection.updated_at for connection in connections]
    shown = as_utc(here).isoformat(timespec="seconds")
    if not newest:
        return _ok("clock", f"It says {shown}; there is nothing to compare it with yet.")
    ahead = max(newest) - here
    if ahead > _TOLERANCE:
        found = f"It says {shown}, {ahead // 1000} s before the newest record in the database."
        return _problem("clock", found, fix)
    return _ok("clock", f"It says {shown}, later than the newest record in the database.")


def _database_clock(settings: Settings) -> int | None:
    """Ask a database server for its time in Unix ms; None where it has no clock of its own."""
    kind = settings.database.partition("://")[0]
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
        dialect = Postgres(settings.database, timeout=settings.pool_timeout)
        question = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)"
    else:
        dialect = MariaDB(settings.database, timeout=settings.pool_timeout)
        question = "SELECT floor(unix_timestamp(now(6)) * 1000)"
    try:
        database = dialect.connect()
        try:
            return int(run(database, question).fetchone()[0])
        finally:
            database.close()
    except Exception as error:  # noqa: BLE001 -- each driver has its own; unknown ones come back
        raise refusal(dialect, error) from None


def _connections(bridge: Bridge, connections: Sequence[Connection]) -> Iterator[Finding]:
    for connection in connections:
        yield from _connection(bridge, connection)
    if not connections:
        yield _warning(
            "connections", "There is none.", "orderflow-bridge connections create NAME makes one."
        )


def _connection(bridge: Bridge, connection: Connection) -> Iterator[Finding]:
    check = f"connection {connection.client_id}"
    try:
        warnings = bridge.connections.reveal(connection.client_id).warnings
    except ConfigurationError as error:
        yield _problem(
            check, str(error), f"orderflow-bridge connections rotate {connection.client_id}"
        )
        return
    for warning in warnings:
        yield _warning(
            check, warning, f"orderflow-bridge connections allow {connection.client_id} CIDR..."
        )
    if not warnings:
        yield _ok(check, f"{connection.status}, from {', '.join(connection.allow_list)}.")


def probe(url: str, *, mount: str = "/bridge") -> Iterator[Finding]:
    """Look at a running site from outside, with requests that it must refuse."""
    target = Target.of(url, mount=mount)
    where = target.url("")
    headers = {"Content-Type": "application/json"}
    try:
        answered = send(target, _PROBE_PATH, headers=headers, body=b"{}", timeout=_PATIENCE)
        aliased = send(
            target, _PROBE_PATH, headers={**headers, **_ALIASES}, body=b"{}", timeout=_PATIENCE
        )
    except CommandFailed as error:
        yield _problem("mount", error.message, "Start the site, or correct --url.")
        return
    if _code(answered) != "missing_auth_header" or answered.status != _UNAUTHORIZED:
        yield _problem("mount", f"{where} answered {answered.status}.", _advice(answered))
        return
    yield _ok("mount", f"{where} is the bridge: it refuses a request without a signature.")
    if _code(aliased) == "missing_auth_header":
        yield _ok("aliases", "Headers with underscores do not pass as signature headers.")
    else:
        yield _warning(
            "aliases",
            "A header X_Client_Id arrives as X-Client-Id, and so does any other alias.",
            "Let the proxy drop headers with underscores (nginx does by default) before you trust"
            " its address header.",
        )
    yield from _server_clock(answered)


def _code(answered: Answered) -> str:
    try:
        document = msgspec.json.decode(answered.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(document.get("code", "")) if isinstance(document, dict) else ""


def _advice(answered: Answered) -> str:
    if answered.status in _REDIRECTS:
        return "It redirects: give the final address, https included."
    if answered.status == _NOT_FOUND:
        return "The bridge is not mounted there: wrap the site, and check --mount."
    if "x-request-id" in answered.headers and _code(answered):
        return f"The bridge refused the probe as {_code(answered)}: what does the proxy change?"
    return (
        "Something before the bridge answers (a login, a CSRF check, a firewall): let POST requests"
        " under the mount through."
    )


def _server_clock(answered: Answered) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(answered.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return
    apart = round(time.time() - there)
    found = f"{abs(apart)} s apart from the Date of the site."
    if abs(apart) * 1000 <= _TOLERANCE:
        yield _ok("site clock", found)
    else:
        yield _problem("site clock", found, "Let NTP set both clocks.")


def bad_settings(error: ConfigurationError) -> Finding:
    """Say that the settings cannot be read at all."""
    return _problem("settings", str(error), "Correct it; nothing else can be looked at.")
