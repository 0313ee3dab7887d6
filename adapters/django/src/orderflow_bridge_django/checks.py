"""System checks: what would keep the bridge from its word, before the first request."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings as site
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections, router
from orderflow_bridge import BridgeError, ConfigurationError

from orderflow_bridge_django import conf

__all__ = [
    "check_aliases",
    "check_allow_lists",
    "check_configuration",
    "check_middleware",
    "check_routers",
    "check_sqlite",
]

_MIDDLEWARE = "orderflow_bridge_django.middleware.BridgeMiddleware"


def check_configuration(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- Django passes it
    **_options: Any,
) -> list[CheckMessage]:
    """Refuse settings, keys and plugins that no bridge can be made of (E001)."""
    from orderflow_bridge_django.bridge import get_bridge  # noqa: PLC0415 -- it imports this module

    try:
        bridge = get_bridge()
    except ConfigurationError as error:
        return [
            Error(
                f"{conf.SETTING}: {error}",
                hint="`manage.py bridge doctor` looks at everything; the adapter's README has"
                " each setting.",
                id="orderflow_bridge.E001",
            )
        ]
    limit = site.DATA_UPLOAD_MAX_MEMORY_SIZE
    if limit is not None and limit < bridge.settings.max_body:
        return [
            checks.Warning(
                f"Django takes bodies up to {limit} bytes, the bridge up to"
                f" {bridge.settings.max_body}.",
                hint="Raise DATA_UPLOAD_MAX_MEMORY_SIZE, or lower MAX_BODY.",
                id="orderflow_bridge.W002",
            )
        ]
    return []


def check_aliases(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- Django passes it
    **_options: Any,
) -> list[CheckMessage]:
    """Warn of an address header that a WSGI server's requests are not believed (W005)."""
    from orderflow_bridge_django.bridge import get_bridge  # noqa: PLC0415 -- it imports this module

    try:
        bridge = get_bridge()
    except ConfigurationError:
        return []  # E001 tells of it.
    try:
        bridge.refuse_aliases()
    except ConfigurationError as error:
        return [
            checks.Warning(
                str(error),
                hint="Set HEADER_ALIASES_DROPPED once it is true. A site that only an ASGI server"
                " serves needs it not, and may silence this.",
                id="orderflow_bridge.W005",
            )
        ]
    return []


def check_routers(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- Django passes it
    **_options: Any,
) -> list[CheckMessage]:
    """Refuse routers that tear the bridge's tables apart: they share one transaction (E002)."""
    given = getattr(site, conf.SETTING, {})
    if given.get("STORAGE") or given.get("USING"):
        return []
    models = apps.get_app_config("orderflow_bridge").get_models()
    aliases = sorted({router.db_for_write(model) for model in models})
    if len(aliases) == 1:
        return []
    return [
        Error(
            f"The routers write the bridge's tables to {', '.join(aliases)}.",
            hint=f"Let them go to one alias, or name it in {conf.SETTING}['USING'].",
            id="orderflow_bridge.E002",
        )
    ]


def check_middleware(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- Django passes it
    **_options: Any,
) -> list[CheckMessage]:
    """Warn of a middleware in front: it sees signed requests as if people sent them (W001)."""
    middleware = list(site.MIDDLEWARE)
    if _MIDDLEWARE not in middleware or middleware[0] == _MIDDLEWARE:
        return []
    before = ", ".join(
        name.rpartition(".")[2] for name in middleware[: middleware.index(_MIDDLEWARE)]
    )
    return [
        checks.Warning(
            f"Before the bridge come {before}.",
            hint="Put BridgeMiddleware first, so that no redirect, session or log-in touches a"
            " signed request.",
            id="orderflow_bridge.W001",
        )
    ]


def check_sqlite(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- Django passes it
    **_options: Any,
) -> list[CheckMessage]:
    """Warn, before a deployment, of a SQLite that refuses where it could wait (W003)."""
    alias = _alias()
    if alias is None or connections[alias].vendor != "sqlite":
        return []
    options = connections[alias].settings_dict["OPTIONS"]
    first = "".join(str(options.get("init_command")).lower().split())
    present = {"a timeout": "timeout" in options, "WAL": "journal_mode=wal" in first}
    missing = [name for name in present if not present[name]]
    if not missing:
        return []
    return [
        checks.Warning(
            f"The bridge's database {alias!r} is SQLite without {' and '.join(missing)}: readers"
            " and writers shut each other out, and some of them get a 503.",
            hint=f"Give DATABASES[{alias!r}] the OPTIONS"
            ' {"timeout": 20, "init_command": "PRAGMA journal_mode=WAL"}.',
            id="orderflow_bridge.W003",
        )
    ]


def check_allow_lists(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- Django passes it
    databases: Sequence[str] | None = None,
    **_options: Any,
) -> list[CheckMessage]:
    """Warn, before a deployment, of connections that every address may use (W004).

    Reads the database, so only `check --deploy --database ALIAS` looks.
    """
    from orderflow_bridge_django.bridge import get_bridge  # noqa: PLC0415 -- it imports this module

    alias = _alias()
    if alias is None or alias not in (databases or ()):
        return []
    try:
        made = get_bridge().connections.all()
    except (BridgeError, ConfigurationError):
        return []  # No tables yet, or no keys: other checks and `migrate` tell of it.
    open_to_all = [
        one.client_id
        for one in made
        if one.status == "enabled"
        and (not one.allow_list or any(entry.endswith("/0") for entry in one.allow_list))
    ]
    if not open_to_all:
        return []
    return [
        checks.Warning(
            f"Every address may use {', '.join(open_to_all)}: a stolen secret works from anywhere.",
            hint="Give each the addresses of its storefront: `manage.py bridge connections allow`,"
            " or the admin.",
            id="orderflow_bridge.W004",
        )
    ]


def _alias() -> str | None:
    """Name the database with the bridge's tables; None where there is none, or no telling."""
    from orderflow_bridge_django.bridge import get_app  # noqa: PLC0415 -- it imports this module

    try:
        return get_app().alias
    except ConfigurationError:
        return None
