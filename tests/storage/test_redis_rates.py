"""Writes counted in Redis: exact over processes, bounded, and never in the shop's way."""

import logging
import socket
import sys
from multiprocessing import get_context

import pytest

from orderflow_bridge import Bridge
from orderflow_bridge.domain.errors import ConfigurationError, StorageUnavailable
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_rate_ledger
from orderflow_bridge.storage.memory import MemoryStorage
from tests.redis_server import REDIS, redis_prefix  # noqa: F401 -- a fixture
from tests.rig import NOW, RING, Storefront, open_shop

SHOP, OTHER = "ofc_7fk2mq9xt4b8c3d5e6g7", "ofc_00000000000000000000"
PROCESSES, EACH = 4, 50
MINUTE = 60_000


@pytest.fixture
def rates(redis_prefix):  # noqa: F811 -- a fixture
    """Give a ledger on the test's own keys."""
    module = pytest.importorskip("orderflow_bridge.storage.redis_rates")
    ledger = module.RedisRates(REDIS, prefix=redis_prefix)
    yield ledger
    ledger.close()


@pytest.fixture
def silent():
    """Give a socket that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def ledger_at(listening: socket.socket):
    url = f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
    return pytest.importorskip("orderflow_bridge.storage.redis_rates").RedisRates(url)


def create(front: Storefront):
    return front.call("cart.create", currency="GBP")


def test_a_minute_has_as_many_writes_as_it_may(rates):
    """One more waits until the first has left, and then takes its place alone."""
    assert [rates.take(SHOP, now=NOW + n, most=3) for n in range(3)] == [0, 0, 0]
    assert rates.take(SHOP, now=NOW + 10_000, most=3) == MINUTE - 10_000
    assert rates.take(SHOP, now=NOW + MINUTE - 1, most=3) == 1
    assert rates.take(SHOP, now=NOW + MINUTE, most=3) == 0
    assert rates.take(SHOP, now=NOW + MINUTE, most=3) == 1


def test_each_connection_has_its_own_minute(rates):
    """One that is full takes nothing from another."""
    assert rates.take(SHOP, now=NOW, most=1) == 0
    assert rates.take(SHOP, now=NOW, most=1) == MINUTE
    assert rates.take(OTHER, now=NOW, most=1) == 0


def test_what_is_kept_is_bounded_and_goes_by_itself(rates, redis_prefix):  # noqa: F811 -- a fixture
    """A flood makes one list of as many times as are allowed, which Redis forgets."""
    for n in range(200):
        rates.take(SHOP, now=NOW + n * MINUTE // 50, most=5)
    client = rates._redis
    [key] = client.scan_iter(f"{redis_prefix}*", count=1_000)
    assert client.llen(key) == 5
    assert 0 < client.pttl(key) <= MINUTE


def test_a_clock_that_was_set_back_waits_a_minute_at_most(rates):
    """Times from the future refuse no longer than times of now."""
    rates.take(SHOP, now=NOW + 10 * MINUTE, most=1)
    assert rates.take(SHOP, now=NOW, most=1) == MINUTE


def take_many(url: str, prefix: str, count: int) -> int:
    """Write as often as one process can; tell how often it was let."""
    from orderflow_bridge.storage.redis_rates import RedisRates  # noqa: PLC0415 -- needs Redis

    rates = RedisRates(url, prefix=prefix)
    passed = sum(rates.take(SHOP, now=NOW, most=100) == 0 for _ in range(count))
    rates.close()
    return passed


def test_processes_share_the_minute(rates, redis_prefix):  # noqa: F811 -- a fixture
    """However many there are, together they get the limit, and not one more."""
    with get_context("spawn").Pool(PROCESSES) as pool:
        passed = pool.starmap(take_many, [(REDIS, redis_prefix, EACH)] * PROCESSES)
    assert sum(passed) == 100
    assert rates.take(SHOP, now=NOW, most=100) > 0


def test_a_bridge_asks_redis_and_counts_nothing_in_the_storage(rates):
    """429 with the second in which there is room; a storage without `rates` will do."""

    class Plain(MemoryStorage):
        capabilities = MemoryStorage.capabilities - {"rates"}

    shop = open_shop(storage=Plain(), rates=rates, max_writes_per_minute=2)
    front = shop.storefront()
    create(front)
    shop.clock.forward(20)
    create(front)
    refused = create(front)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert refused.headers["Retry-After"] == "40"
    assert "40 s" in refused.json["detail"]
    shop.clock.forward(39)
    assert create(front).status == 429
    shop.clock.forward(1)
    assert create(front).status == 200


def test_a_refused_write_is_unspent(rates):
    """The same bytes pass when there is room."""
    shop = open_shop(rates=rates, max_writes_per_minute=1)
    front = shop.storefront(window=120)
    create(front)
    body = b'{"currency": "GBP"}'
    headers = front.headers("cart.create", body)
    assert front.send("cart.create", body, headers).status == 429
    shop.clock.forward(60)
    assert front.send("cart.create", body, headers).status == 200


def test_without_redis_the_shop_is_open(silent, caplog):
    """Writes pass, the log says so once, and after a failure it is left alone for a while."""
    front = open_shop(rates=ledger_at(silent), max_writes_per_minute=1).storefront()
    for _ in range(20):
        assert create(front).status == 200
    said = [one for one in caplog.records if one.name == "orderflow_bridge.rates"]
    assert [one.levelno for one in said] == [logging.WARNING]
    assert "not limited" in said[0].getMessage()
    assert "127.0.0.1" not in caplog.text
    silent.setblocking(False)
    silent.accept()[0].close()
    with pytest.raises(BlockingIOError):
        silent.accept()


def test_a_port_that_is_closed_is_no_reason_to_refuse(silent):
    """Nobody listens there at all."""
    ledger = ledger_at(silent)
    silent.close()
    front = open_shop(rates=ledger, max_writes_per_minute=1).storefront()
    assert [create(front).status for _ in range(2)] == [200, 200]
    with pytest.raises(StorageUnavailable, match="Redis"):
        ledger.ping()


def test_redis_that_comes_back_limits_again(rates, caplog):
    """What failed is tried again after the pause, and the log has the end of it as well."""

    class Flaky:
        down = True

        def take(self, connection, *, now, most):
            if self.down:
                raise StorageUnavailable("down")
            return rates.take(connection, now=now, most=most)

    flaky = Flaky()
    front = open_shop(rates=flaky, max_writes_per_minute=1).storefront()
    assert [create(front).status for _ in range(3)] == [200] * 3
    flaky.down = False
    assert [create(front).status for _ in range(3)] == [200, 429, 429]
    said = [one.getMessage() for one in caplog.records if one.name == "orderflow_bridge.rates"]
    assert len(said) == 2
    assert said[1] == "writes are limited again"


def test_it_is_opened_by_its_url(redis_prefix):  # noqa: F811 -- a fixture
    """The setting makes it, closing the bridge closes it, and a later use opens again."""
    settings = Settings(database="memory://", rate_ledger=REDIS, master_keys=RING)
    with Bridge.open(settings=settings) as bridge:
        bridge.rate_ledger.ping()
    bridge.rate_ledger.ping()
    bridge.close()
    assert open_rate_ledger(Settings()) is None


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", "redis://host:port"])
def test_a_url_that_is_none_is_refused(url: str, redis_prefix):  # noqa: F811 -- a fixture
    """When the bridge is made, without the URL: it may hold a password."""
    with pytest.raises(ConfigurationError, match="rate_ledger") as refused:
        open_rate_ledger(Settings(rate_ledger=url))
    assert url not in str(refused.value)


def test_a_missing_client_is_named(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "orderflow_bridge.storage.redis_rates", None)
    with pytest.raises(ConfigurationError, match=r"orderflow-bridge\[redis\]"):
        open_rate_ledger(Settings(rate_ledger=REDIS))
