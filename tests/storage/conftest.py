"""The fixtures of the storage tests: one storage of each kind."""

from collections.abc import Callable, Iterator

import pytest

from orderflow_bridge.ports import Storage
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from tests.databases import (
    DATABASES,
    SERVERS,
    SHARED,
    databases,  # noqa: F401 -- a fixture
    fresh_url,  # noqa: F401 -- a fixture
)

Opener = Callable[..., Storage]


@pytest.fixture
def open_at() -> Iterator[Opener]:
    """Open storages by URL and settings; they are closed after the test."""
    opened: list[Storage] = []

    def opening(url: str, **settings: object) -> Storage:
        storage = open_storage(Settings(database=url, **settings))
        opened.append(storage)
        return storage

    yield opening
    for storage in opened:
        storage.close()


@pytest.fixture(params=DATABASES)
def storage(request, fresh_url, open_at: Opener) -> Storage:  # noqa: F811 -- a fixture
    """Give an empty storage of each kind."""
    return open_at(fresh_url(request.param), pool_size=12)


@pytest.fixture(params=SHARED)
def shared_url(request, fresh_url) -> str:  # noqa: F811 -- a fixture
    """Give the URL of an empty database of each kind that processes can share."""
    return fresh_url(request.param)


@pytest.fixture(params=SERVERS)
def server_url(request, fresh_url) -> str:  # noqa: F811 -- a fixture
    """Give the URL of an empty database on each server."""
    return fresh_url(request.param)
