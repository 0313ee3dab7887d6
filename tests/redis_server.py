"""A Redis for tests, with a key prefix of the test's own whose keys are deleted at the end.

What is kept there, and under the keys that a shop uses, is searched for canaries before.
`OFB_TEST_REDIS` names another server. Where it or its client is missing a test is skipped; in CI
that is a failure.
"""

import importlib
import os
import secrets
from collections.abc import Iterator

import pytest

from tests.canary.session import canary_of
from tests.canary.tables import rows_of_redis

__all__ = ["REDIS", "redis_prefix"]

REDIS = os.environ.get("OFB_TEST_REDIS", "redis://127.0.0.1:6379/0")


@pytest.fixture
def redis_prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the beginning of the keys that a test may write."""
    try:
        redis = importlib.import_module("redis")
    except ImportError:
        _missing("redis is not installed")
    client = redis.Redis.from_url(REDIS, socket_connect_timeout=2, socket_timeout=2)
    try:
        client.ping()
    except redis.exceptions.RedisError as error:
        _missing(f"Redis cannot be reached: {type(error).__name__}")
    prefix = f"ofb-test-{secrets.token_hex(6)}:"
    yield prefix
    for pattern in (f"{prefix}*", "orderflow-bridge:*"):
        canary_of(request.config).look_at_rows(rows_of_redis(client, pattern), "of a rate ledger")
    for key in client.scan_iter(f"{prefix}*", count=1_000):
        client.delete(key)
    client.close()


def _missing(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
