"""PostgreSQL and MariaDB that crash and are restarted under traffic."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module

import pytest

from orderflow_bridge.domain.errors import StorageUnavailable
from tests.databases import ADAPTED, SERVERS, need_driver
from tests.faults.aliases import another_alias
from tests.faults.seeds import rounds
from tests.faults.servers import PrivateServer, private_server
from tests.faults.traffic import Market, Sent, Transport, in_process, prove, run
from tests.rig import TestShop, open_shop


@pytest.fixture(scope="module", params=SERVERS)
def crashing(request) -> Iterator[tuple[str, PrivateServer]]:
    """Give a server of each kind that may be crashed."""
    need_driver(request.param)
    with private_server(request.param) as server:
        yield request.param, server


def restarting(transport: Transport, server: PrivateServer, *, every: int) -> Transport:
    """Restart the server while each n-th request is under way: crashed, then stopped in order."""
    lock = threading.Lock()
    sent = 0

    def send(client_id: str, action: str, headers: Mapping[str, str], body: bytes) -> Sent:
        nonlocal sent
        with lock:
            sent += 1
            mine = sent
        if mine in (every, 2 * every):
            (server.crash if mine == every else server.stop)()
            server.start()
        return transport(client_id, action, headers, body)

    return send


STORAGES = ["peewee", *dict.fromkeys(kind.partition("-")[0] for kind in ADAPTED)]
ENGINES = {"postgresql": "sqlalchemy+postgresql+psycopg", "mysql": "sqlalchemy+mysql+pymysql"}


@contextmanager
def emptied(kind: str, server: PrivateServer, storage: str, databases) -> Iterator[str]:
    """Forget everything that the server keeps, and name its database as a storage does."""
    _forget_everything(server)
    scheme, _, rest = server.url.partition("://")
    if storage == "django":
        databases.fresh(f"django-{kind}")
        at = {"HOST": "127.0.0.1", "PORT": str(server.port), "NAME": rest.partition("/")[2]}
        with another_alias(kind, **at) as alias:
            management = import_module("django.core.management")
            management.call_command("migrate", database=alias, verbosity=0)
            yield f"django://{alias}"
    else:
        yield f"{ENGINES[scheme] if storage == 'sqlalchemy' else scheme}://{rest}"


@pytest.mark.parametrize("storage", STORAGES)
@rounds(1, 8)
def test_a_server_that_is_restarted_under_traffic_loses_nothing(
    crashing, databases, storage: str, seeds
) -> None:
    """What was acknowledged is there, what was not has one effect after its retry, or none."""
    kind, server = crashing
    for seed in seeds:
        with emptied(kind, server, storage, databases) as url:
            _restart_under_traffic(server, url, seed)


def _restart_under_traffic(server: PrivateServer, url: str, seed: int) -> None:
    shop = open_shop(url, pool_timeout=5.0)
    market = Market.of(shop)
    transport = in_process(shop.bridge)
    run(
        market,
        restarting(transport, server, every=40),
        seed=seed,
        clients=4,
        steps=20,
        threads=True,
        operator=shop.bridge,
        patience=50,
        pause=0.2,
    )
    _until_it_answers(shop)
    attempts = prove(market, shop, seed=seed)
    assert any(one.status == 503 for one in attempts)
    assert not any(one.status == 500 for one in attempts)
    shop.bridge.close()


def _until_it_answers(shop: TestShop) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(StorageUnavailable):
            shop.bridge.connections.all()
            return
        time.sleep(0.1)
    pytest.fail("the storage did not come back")


def _forget_everything(server: PrivateServer) -> None:
    if server.url.startswith("postgresql"):
        import psycopg  # noqa: PLC0415 -- an optional package

        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    else:
        import pymysql  # noqa: PLC0415 -- an optional package

        connection = pymysql.connect(host="127.0.0.1", port=server.port, user="root")
        connection.cursor().execute("DROP DATABASE shop")
        connection.cursor().execute("CREATE DATABASE shop")
        connection.close()
