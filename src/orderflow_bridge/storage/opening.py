"""From a database URL to a storage."""

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.ports import Storage
from orderflow_bridge.settings import Settings

__all__ = ["open_storage"]

_SCHEMES = (
    "memory://",
    "sqlite:///relative.db",
    "sqlite:////absolute.db",
    "postgresql://user:password@host/name",
    "mariadb://user:password@host/name",
    "mysql://user:password@host/name",
)


def open_storage(settings: Settings) -> Storage:
    """Make the storage that `settings.database` names; nothing is opened before its first use.

    Raises `ConfigurationError` for an unknown kind of database, a malformed URL and a driver that
    is not installed. No message quotes the URL: it may hold a password.
    """
    scheme = settings.database.partition("://")[0].lower()
    if scheme == "memory":
        from orderflow_bridge.storage.memory import (  # noqa: PLC0415 -- loaded where it is used
            MemoryStorage,
        )

        return MemoryStorage(timeout=settings.pool_timeout)
    if scheme in ("sqlite", "postgresql", "postgres", "mysql", "mariadb"):
        from orderflow_bridge.storage.peewee import (  # noqa: PLC0415 -- loads Peewee
            PeeweeStorage,
        )

        return PeeweeStorage(
            settings.database,
            pool_size=settings.pool_size,
            pool_timeout=settings.pool_timeout,
            synchronous=settings.sqlite_synchronous,
        )
    raise ConfigurationError(
        f"There is no storage for this database URL; there is {', '.join(_SCHEMES)}."
    )
