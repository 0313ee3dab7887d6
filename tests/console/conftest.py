"""The databases that sign-ins are kept in."""

from tests.databases import databases, fresh_url  # noqa: F401 -- fixtures
