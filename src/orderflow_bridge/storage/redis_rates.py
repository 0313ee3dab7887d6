"""A rate ledger in Redis: the writes of a minute, counted for every process and machine at once."""

import time

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from orderflow_bridge.domain.errors import ConfigurationError, StorageUnavailable

__all__ = ["RedisRates"]

_MINUTE = 60_000
_CONNECTIONS = 16
_TIMEOUT = 0.25
_REST = 5.0

# The last writes of a connection, the newest first: never more than may be made in a minute, and
# gone a minute after the last one. One script is one step for everyone.
_TAKE = """
local most, now, minute = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = tonumber(redis.call('LINDEX', KEYS[1], most - 1) or '')
if oldest and oldest + minute > now then
  return math.min(minute, oldest + minute - now)
end
redis.call('LPUSH', KEYS[1], ARGV[2])
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], minute)
return 0
"""


class RedisRates:
    """Count writes in the Redis of `url`; the port `RateLedger`.

    Keys are `prefix` and the client id. No call takes longer than about half a second, and after
    one that failed Redis is left alone for five seconds: whoever asks meanwhile is told at once
    (`StorageUnavailable`). Raises `ConfigurationError` for a URL that is no Redis's.
    """

    def __init__(self, url: str, *, prefix: str = "orderflow-bridge:writes:") -> None:
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=_TIMEOUT,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            raise ConfigurationError(
                "`rate_ledger` is no URL of a Redis: write redis://host:6379/0."
            ) from None
        self._redis = Redis(connection_pool=pool)
        self._take = self._redis.register_script(_TAKE)
        self._prefix = prefix
        self._resting_until = 0.0

    def __repr__(self) -> str:
        return "RedisRates()"

    def take(self, connection: str, *, now: int, most: int) -> int:
        """Count a write at `now` (Unix ms); else tell in how many ms there is room for it."""
        if time.monotonic() < self._resting_until:
            raise StorageUnavailable("Redis failed a moment ago.")
        try:
            return int(self._take(keys=[self._prefix + connection], args=[most, now, _MINUTE]))
        except RedisError as error:
            self._resting_until = time.monotonic() + _REST
            raise _unavailable(error) from None

    def ping(self) -> None:
        """Return where Redis answers; raises `StorageUnavailable` otherwise."""
        try:
            self._redis.ping()
        except RedisError as error:
            raise _unavailable(error) from None

    def close(self) -> None:
        """Give back every connection; a later use opens again."""
        self._redis.connection_pool.disconnect()


def _unavailable(error: RedisError) -> StorageUnavailable:
    # Its message may name the address; its kind is enough.
    return StorageUnavailable(f"Redis cannot be asked: {type(error).__name__}.")
