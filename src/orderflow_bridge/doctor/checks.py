"""What the doctor looks at before it opens anything: settings, keys, pricing and proxies."""

import os
from collections.abc import Iterator
from pathlib import Path

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.doctor.findings import Finding, ok, problem, told, warning
from orderflow_bridge.doctor.storage import look_at_storage
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.keys import read_ring
from orderflow_bridge.pricing import TablePricing
from orderflow_bridge.protocol import client_address
from orderflow_bridge.settings import KEYS_FILE, SETTINGS_FILE, Settings

__all__ = ["bad_settings", "examine", "examine_hosted", "missing_file"]


def examine(settings: Settings, *, program: str) -> Iterator[Finding]:
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
    missing = missing_file(settings)
    if missing is not None:
        yield problem(
            "database",
            f"There is no file {missing} yet.",
            "orderflow-bridge migrate creates it; check `database` if you expected one.",
        )
        return
    try:
        bridge = Bridge.open(settings=settings)
    except ConfigurationError as error:
        yield told("database", str(error), "Correct `database` in the settings.")
        return
    with bridge:
        yield from look_at_storage(bridge, database=settings.database, program=program)


def examine_hosted(bridge: Bridge, *, program: str) -> Iterator[Finding]:
    """Look at a site's own bridge; it was made, so its keys and tables are sound."""
    yield ok("settings", _settings_of(bridge.settings))
    proxies = _proxies(bridge.settings)
    yield proxies
    if proxies.state != "problem":
        yield from look_at_storage(bridge, database=None, program=program)


def _settings_of(settings: Settings) -> str:
    """Say where a bridge that runs has its settings from; loaded ones name their folder whole."""
    path = Path(settings.home) / SETTINGS_FILE
    if path.is_absolute() and path.exists():
        return f"{path} was read when the bridge began."
    return "Those of the site: its storage, keys, catalogue, pricing and payments."


def _settings_file(settings: Settings) -> Finding:
    path = Path(settings.home) / SETTINGS_FILE
    if path.exists():
        return ok("settings", f"{path} is read.")
    return warning(
        "settings",
        f"There is no {SETTINGS_FILE} in {settings.home}: environment and defaults count.",
        "Run orderflow-bridge init there, or name the folder with --home.",
    )


def _keys(settings: Settings) -> Finding:
    path = Path(settings.home) / KEYS_FILE
    try:
        read_ring(settings)
    except ConfigurationError as error:
        return problem("keys", str(error), "Do what it says, then run the doctor again.")
    if not settings.master_keys:
        return ok("keys", f"{path}: strong, and only its owner can read it.")
    if os.environ.get("ORDERFLOW_BRIDGE_MASTER_KEYS"):
        return ok("keys", "ORDERFLOW_BRIDGE_MASTER_KEYS: strong.")
    file = Path(settings.home) / SETTINGS_FILE
    return ok("keys", f"{file}: strong, and only its owner can read it.")


def _pricing(settings: Settings) -> Finding:
    try:
        TablePricing.of(settings)
    except ConfigurationError as error:
        return problem("pricing", str(error), f"Correct the tables in {SETTINGS_FILE}.")
    return ok(
        "pricing",
        f"Shipping has {len(settings.shipping)} rows, tax {len(settings.tax)}.",
    )


def _proxies(settings: Settings) -> Finding:
    check = "proxies"
    try:
        client_address(settings)
    except ConfigurationError as error:
        return told(check, str(error), "Correct `trusted_proxies`.")
    header = settings.client_address_header
    if not header:
        return ok(check, "None: the address of the socket counts.")
    found = f"{header} of {', '.join(settings.trusted_proxies)} is believed"
    if settings.header_aliases_dropped:
        return ok(check, f"{found}; header names with underscores are said to be dropped.")
    return ok(check, f"{found} under ASGI; under WSGI once `header_aliases_dropped` is set.")


def missing_file(settings: Settings) -> str | None:
    """Give the path of the SQLite file in the settings that does not exist; None where none is."""
    scheme, separator, rest = settings.database.partition(":///")
    path = rest.partition("?")[0]
    # A plugin's own scheme may stand before `sqlite`, and a driver behind it.
    if "sqlite" not in scheme.split("+") or not separator:
        return None
    return None if path.startswith(":") or Path(path).exists() else path


def bad_settings(error: ConfigurationError) -> Finding:
    """Say that the settings cannot be read at all."""
    return problem("settings", str(error), "Correct it; nothing else can be looked at.")
