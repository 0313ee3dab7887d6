"""From a database URL to a storage, by the plugin that registered its scheme."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.ports import RateLedger, Storage
from orderflow_bridge.settings import Settings

__all__ = ["GROUP", "open_rate_ledger", "open_storage"]

GROUP = "orderflow_bridge.storage"
"""The entry points that make a storage: a scheme, and a function from `Settings` to a storage."""

_SHAPE = ("ports_version", "capabilities", "reading", "writing", "close")


def open_storage(settings: Settings) -> Storage:
    """Make the storage that `settings.database` names; nothing is opened before its first use.

    The scheme of the URL up to a `+` names the plugin: only that one is imported. Raises
    `ConfigurationError` for a scheme that nobody registered, a plugin that cannot be loaded or
    makes no storage, a malformed URL and a driver that is not installed. No message quotes the
    URL: it may hold a password.
    """
    scheme = settings.database.partition("://")[0].partition("+")[0].lower()
    return _make(_registered(scheme), settings)


def open_rate_ledger(settings: Settings) -> RateLedger | None:
    """Make the rate ledger that `settings.rate_ledger` names; None where it names none.

    Nothing is opened before its first use. Raises `ConfigurationError` for a URL that is no
    Redis's, and where the package for it is not installed. No message quotes the URL.
    """
    if not settings.rate_ledger:
        return None
    try:
        from orderflow_bridge.storage.redis_rates import (  # noqa: PLC0415 -- loads Redis's client
            RedisRates,
        )
    except ImportError:
        raise ConfigurationError(
            "`rate_ledger` needs a package: pip install 'orderflow-bridge[redis]'."
        ) from None
    return RedisRates(settings.rate_ledger)


def _registered(scheme: str) -> EntryPoint:
    """Find the one plugin that registered `scheme`."""
    known = entry_points(group=GROUP)
    found = {point.value: point for point in known if point.name.lower() == scheme}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        homes = " and ".join(sorted(_home(point) for point in found.values()))
        raise ConfigurationError(
            f"Two storages want this kind of database URL, of {homes}: uninstall one of them."
        )
    if not known:
        raise ConfigurationError(
            "No storage is registered at all: install orderflow-bridge (`pip install`), so that"
            " Python sees its entry points."
        )
    schemes = ", ".join(sorted({f"{point.name}://" for point in known}))
    raise ConfigurationError(f"There is no storage for this database URL; there is {schemes}.")


def _make(point: EntryPoint, settings: Settings) -> Storage:
    """Load the plugin and call it; its faults are told with the package that has to mend them."""
    which = f"The storage {point.name!r} of {_home(point)}"
    try:
        factory: Callable[[Settings], Storage] = point.load()
    except ConfigurationError:
        raise
    except ImportError as error:
        raise ConfigurationError(
            f"{which} cannot be loaded ({_missing(error)}): repair or reinstall that package."
        ) from error
    except Exception as error:
        raise ConfigurationError(
            f"{which} cannot be loaded ({whereabouts(error)}): repair or reinstall that package."
        ) from error
    if not callable(factory):
        raise ConfigurationError(f"{which} is no function: report it there.")
    try:
        storage = factory(settings)
    except (BridgeError, ConfigurationError):
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{which} cannot be made ({whereabouts(error)}): check `database`, or report it there."
        ) from error
    lacking = [name for name in _SHAPE if not hasattr(storage, name)]
    if lacking:
        raise ConfigurationError(
            f"{which} made a {type(storage).__name__} without {', '.join(lacking)}: install"
            " versions of it and of orderflow-bridge that fit."
        )
    return storage


def _missing(error: ImportError) -> str:
    return f"{type(error).__name__}: no {error.name}" if error.name else whereabouts(error)


def _home(point: EntryPoint) -> str:
    """Name the distribution that a plugin came with."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
