"""The fixtures of the adapter's tests: databases of each kind, and engines on them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from orderflow_bridge.settings import Settings
from sqlalchemy import Engine, create_engine
from tests.canary.session import watch
from tests.databases import (
    SERVERS,
    SHARED,
    Databases,
    databases,  # noqa: F401 -- a fixture
)

from orderflow_bridge_sqlalchemy import SQLAlchemyStorage, open_storage

Opener = Callable[..., SQLAlchemyStorage]


def pytest_configure(config: pytest.Config) -> None:
    """Search whatever the session leaves, says and answers for what must not be there."""
    watch(config)


def blank_engine_url(databases: Databases, kind: str) -> str:  # noqa: F811 -- a fixture's value
    """Give the engine's URL of a database of `kind` without tables."""
    url = databases.blank(kind)
    url = url.replace("postgresql://", "postgresql+psycopg://")
    return url.replace("mysql://", "mysql+pymysql://")


@pytest.fixture(params=SHARED)
def url(request, databases) -> str:  # noqa: F811 -- a fixture
    """Give the engine's URL of an empty database of each kind."""
    return blank_engine_url(databases, request.param)


@pytest.fixture(params=SERVERS)
def server_url(request, databases) -> str:  # noqa: F811 -- a fixture
    """Give the engine's URL of an empty database on each server."""
    return blank_engine_url(databases, request.param)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the engine's URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def make_engine() -> Iterator[Callable[..., Engine]]:
    """Make engines as a site does; they are disposed of after the test."""
    made: list[Engine] = []

    def make(url: str, **options: object) -> Engine:
        engine = create_engine(url, **options)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.dispose()


@pytest.fixture
def open_at() -> Iterator[Opener]:
    """Open storages by the engine's URL and settings; they are closed after the test."""
    opened: list[SQLAlchemyStorage] = []

    def opening(url: str, **settings: object) -> SQLAlchemyStorage:
        storage = open_storage(Settings(database=f"sqlalchemy+{url}", **settings))
        opened.append(storage)
        return storage

    yield opening
    for storage in opened:
        storage.close()
