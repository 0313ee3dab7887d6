"""Shops on databases that several processes share."""

from collections.abc import Iterator

import pytest

from tests.databases import (
    ADAPTED,
    DATABASES,
    SHARED,
    databases,  # noqa: F401 -- a fixture
    fresh_url,  # noqa: F401 -- a fixture
)
from tests.rig import TestShop, open_shop


@pytest.fixture(params=[*SHARED, *ADAPTED])
def url(request, fresh_url) -> str:  # noqa: F811 -- a fixture
    """Give the URL of an empty database of each kind that processes can share."""
    return fresh_url(request.param)


@pytest.fixture(params=[*DATABASES, *ADAPTED])
def kind(request) -> str:
    """Name each kind of storage."""
    return request.param


@pytest.fixture
def shared(url: str) -> Iterator[TestShop]:
    """Give a stocked shop on that database."""
    shop = open_shop(url)
    yield shop
    shop.bridge.close()
