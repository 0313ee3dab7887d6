"""The one setting `ORDERFLOW_BRIDGE`: the bridge's own settings, and what the site adds."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.module_loading import import_string
from msgspec import Struct
from orderflow_bridge import ConfigurationError, Settings
from orderflow_bridge.ports import (
    CartRepository,
    OrderRepository,
    Payments,
    Pricing,
    ProductCatalog,
    Storage,
)

__all__ = ["SETTING", "Configuration", "read"]

SETTING = "ORDERFLOW_BRIDGE"

_OWN = ("USING", "MOUNT", "STORAGE", "CATALOGUE", "PRICING", "PAYMENTS", "ORDERS", "CARTS")
_CORE = tuple(
    field.name.upper() for field in msgspec.structs.fields(Settings) if field.name != "database"
)


class Configuration(Struct, frozen=True, kw_only=True):
    """What a site says of its bridge.

    `using` is an alias of `DATABASES`, None where the routers decide. `storage` is None for the
    site's own database, a database URL, or what makes a storage. `orders` and `carts` make one
    repository alone, from the alias.
    """

    settings: Settings
    using: str | None = None
    mount: str = "/bridge"
    storage: str | Callable[[], Storage] | None = None
    catalogue: ProductCatalog | None = None
    pricing: Pricing | None = None
    payments: Payments | None = None
    orders: Callable[[str], OrderRepository] | None = None
    carts: Callable[[str], CartRepository] | None = None


def read() -> Configuration:
    """Read `ORDERFLOW_BRIDGE`: each name of the bridge's settings in capitals, and the site's own.

    What is not in it comes from the environment, from `orderflow-bridge.toml` in `HOME`, or is the
    default. `CATALOGUE`, `PRICING` and `PAYMENTS` are the dotted path of a class or a function that
    makes one, or the object itself; `ORDERS` and `CARTS` that of a class which is given the alias.
    Raises `ConfigurationError` that names what to correct.
    """
    given: Mapping[str, Any] = getattr(site, SETTING, {})
    for name in given:
        if name not in _OWN + _CORE:
            near = get_close_matches(name, _OWN + _CORE, n=1)
            hint = f": did you mean {near[0]}?" if near else "."
            raise ConfigurationError(f"{SETTING} has no {name!r}{hint}")
    using = given.get("USING")
    storage = _named(given, "STORAGE") if "://" not in str(given.get("STORAGE")) else None
    url = given["STORAGE"] if storage is None and given.get("STORAGE") else None
    arguments = {name.lower(): given[name] for name in _CORE if name in given and name != "HOME"}
    if isinstance(url, str) and url.startswith("django://"):
        using, url = url.removeprefix("django://") or None, None
    if using is not None and using not in connections:
        raise ConfigurationError(
            f"{SETTING}['USING'] is no alias of DATABASES: give one of"
            f" {', '.join(sorted(connections))}."
        )
    settings = Settings.load(
        home=given.get("HOME"),
        database=url or f"django://{using or ''}",
        **arguments,
    )
    return Configuration(
        settings=settings,
        using=using,
        mount=given.get("MOUNT", "/bridge"),
        storage=url or storage,
        catalogue=_made(_named(given, "CATALOGUE")),
        pricing=_made(_named(given, "PRICING")),
        payments=_made(_named(given, "PAYMENTS")),
        orders=_named(given, "ORDERS"),
        carts=_named(given, "CARTS"),
    )


def _named(given: Mapping[str, Any], name: str) -> Any:
    """Give what a setting names by its dotted path, or the object itself."""
    value = given.get(name)
    if not isinstance(value, str):
        return value
    try:
        return import_string(value)
    except ImportError as error:
        raise ConfigurationError(f"{SETTING}[{name!r}] cannot be imported: {error}.") from None


def _made(value: Any) -> Any:
    """Call a class or a function that makes a plugin; give a plugin as it is."""
    if isinstance(value, type) or (callable(value) and not hasattr(value, "find")):
        return value()
    return value


def improper(error: ConfigurationError) -> ImproperlyConfigured:
    """Say it as Django says such things."""
    return ImproperlyConfigured(f"{SETTING}: {error}")
