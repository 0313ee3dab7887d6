"""From a URL in the settings to a storage on an engine of its own."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import Settings
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from orderflow_bridge_sqlalchemy.storage import SQLAlchemyStorage

__all__ = ["open_storage"]

_STRICT = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_KNOW_CONNECT_TIMEOUT = frozenset(("psycopg", "psycopg2", "pymysql", "mysqldb"))
_PAUSE = 0.01


def open_storage(settings: Settings) -> SQLAlchemyStorage:
    """Make the storage of a `sqlalchemy+` URL: what follows is an engine's URL.

    Pool, lock and connect timeouts, and SQLite's `synchronous`, are those of the settings. Raises
    `ConfigurationError` for a malformed URL and a driver that is not installed; no message quotes
    the URL, as it may hold a password.
    """
    url = _url(settings.database)
    kind = url.get_backend_name()
    arguments: dict[str, Any] = {}
    connect: Callable[[Any], None] | None = None
    timeout = settings.pool_timeout
    if kind == "sqlite":
        url = _absolute(url)
        arguments["timeout"] = timeout
        connect = _sqlite(synchronous=settings.sqlite_synchronous, timeout=timeout)
    elif url.get_driver_name() in _KNOW_CONNECT_TIMEOUT and "connect_timeout" not in url.query:
        arguments["connect_timeout"] = max(2, math.ceil(timeout))
    if kind in ("mysql", "mariadb"):
        connect = _mysql(timeout=timeout)
    engine = _engine(url, arguments, settings)
    if connect is not None:
        made = connect
        event.listen(engine, "connect", lambda connection, _: made(connection))
    return SQLAlchemyStorage(engine, lock_timeout=timeout, own_engine=True)


def _url(database: str) -> URL:
    try:
        url = make_url(database.partition("+")[2])
        url.get_dialect()
    except NoSuchModuleError:
        raise ConfigurationError(
            "SQLAlchemy knows no such database or driver: correct what follows `sqlalchemy+`."
        ) from None
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "A database URL of SQLAlchemy is `sqlalchemy+` and the URL of an engine, such as"
            " sqlalchemy+postgresql+psycopg://user:password@host/name; this one is malformed."
        ) from None
    return url


def _absolute(url: URL) -> URL:
    """Make a path absolute: a host may change its working directory before the first use."""
    name = url.database or ""
    if not name or name.startswith((":", "file:")):
        return url
    return url.set(database=str(Path(name).absolute()))


def _engine(url: URL, arguments: dict[str, Any], settings: Settings) -> Engine:
    kind = url.get_backend_name()
    options: dict[str, Any] = {"connect_args": arguments}
    if not (kind == "sqlite" and not url.database):
        options |= {
            "pool_size": settings.pool_size,
            "max_overflow": 0,
            "pool_timeout": settings.pool_timeout,
        }
    if kind != "sqlite":
        options |= {"pool_pre_ping": True}
    try:
        return create_engine(url, **options)
    except ImportError as error:
        raise ConfigurationError(
            f"The driver {error.name or 'of this URL'} is not installed: pip install"
            f" 'orderflow-bridge-sqlalchemy[{'postgres' if kind == 'postgresql' else 'mysql'}]'"
        ) from None
    except (ArgumentError, TypeError):
        raise ConfigurationError("The URL asks for what its driver does not know.") from None


def _sqlite(*, synchronous: str, timeout: float) -> Callable[[Any], None]:
    def connect(connection: Any) -> None:
        cursor = connection.cursor()
        try:
            _switch_to_wal(cursor, timeout)
            cursor.execute(f"PRAGMA synchronous = {synchronous}")
            cursor.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
        finally:
            cursor.close()

    return connect


def _switch_to_wal(cursor: Any, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = wal")
        except Exception as error:
            # The busy handler is not asked while another process switches the file.
            busy = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCK"))
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _mysql(*, timeout: float) -> Callable[[Any], None]:
    def connect(connection: Any) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute(
                f"SET SESSION sql_mode = '{_STRICT}',"
                f" innodb_lock_wait_timeout = {max(1, math.ceil(timeout))}"
            )
        finally:
            cursor.close()

    return connect
