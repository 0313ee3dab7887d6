"""Shops on which properties are tried."""

from tests.databases import (
    databases,  # noqa: F401 -- a fixture
    fresh_url,  # noqa: F401 -- a fixture
)
