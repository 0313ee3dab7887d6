"""What the other processes of these tests do; started afresh, they share only the database."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.testing.faults import FaultyStorage, When, kill
from tests.rig import CountedEntropy, SetClock, Storefront, TestShop, open_shop

Call = tuple[str, dict[str, str], bytes]


def shop_on(url: str, *, now: int, seed: str, remote: bool = False, **options: Any) -> TestShop:
    """Open the shop of another process; each draws its own ids."""
    if remote:
        provider = SimulatedProvider()
        provider.announce("pi_0001", amount=4200, currency="GBP", paid=True)
        options["payments"] = provider
    return open_shop(
        url,
        stocked=False,
        clock=SetClock(now),
        entropy=CountedEntropy(seed.encode()),
        pool_timeout=60.0,
        **options,
    )


def send_all(
    url: str, client: tuple[str, str], now: int, seed: str, calls: list[Call], **options: Any
) -> list[tuple[int, Any]]:
    """Send signed requests one after the other; give status and answer of each."""
    shop = shop_on(url, now=now, seed=seed, **options)
    try:
        front = Storefront(shop.bridge, *client, shop.clock)
        replies = [front.send(action, body, headers) for action, headers, body in calls]
        return [(reply.status, reply.json) for reply in replies]
    finally:
        shop.bridge.close()


def convert_and_die(
    url: str, client: tuple[str, str], now: int, call: Call, unit: int, when: When, remote: bool
) -> None:
    """Send one request, and die at a commit point of it."""
    shop = shop_on(url, now=now, seed="dying", remote=remote)
    storage = FaultyStorage(shop.bridge._storage, kill(when=when, passing=unit - 1))
    dying = shop_on(url, now=now, seed="dying-2", remote=remote, storage=storage)
    Storefront(dying.bridge, *client, dying.clock).send(call[0], call[2], call[1])


def race(
    url: str, client: tuple[str, str], now: int, number: int, calls: Iterable[Call], start: Barrier
) -> list[str]:
    """Send each call as soon as all the others do; name what came of each."""
    shop = shop_on(url, now=now, seed=f"racer-{number}", pool_size=1)
    try:
        front = Storefront(shop.bridge, *client, shop.clock)
        front.call("cart.get", cart_id="cart_none")
        came = []
        for action, headers, body in calls:
            start.wait(300)
            reply = front.send(action, body, headers)
            came.append(reply.code or str(reply.status))
        return came
    finally:
        shop.bridge.close()


def race_and_tell(told: Connection, *given: Any) -> None:
    """Race, and tell the other process."""
    told.send(race(*given))


def hold_the_lock(path: str, kind: str, told: Connection) -> None:
    """Hold SQLite's lock until told to end; told anything else, let go for a moment."""
    database = sqlite3.connect(path, isolation_level=None, timeout=30)
    database.execute(f"BEGIN {kind}")
    told.send("held")
    while told.recv() != "end":
        database.execute("ROLLBACK")
        time.sleep(0.1)
        database.execute(f"BEGIN {kind}")
        told.send("held")
    database.close()


def signed(
    front: Storefront, action: str, fields: dict[str, Any], *, key: str | None = None
) -> Call:
    """Sign a request to be sent by another process."""
    body = json.dumps(fields).encode()
    return action, front.headers(action, body, key=key), body


Sender = Callable[..., list[tuple[int, Any]]]

_KEPT: dict[str, TestShop] = {}
"""The shops of this process that stay open between requests, as a server's do."""


def ask(
    url: str, client: tuple[str, str], now: int, seed: str, call: Call
) -> tuple[int, str | None]:
    """Send one signed request to the shop that this process keeps open; give status and code."""
    if url not in _KEPT:
        _KEPT[url] = shop_on(url, now=now, seed=seed)
    shop = _KEPT[url]
    shop.clock.milliseconds = now
    action, headers, body = call
    reply = Storefront(shop.bridge, *client, shop.clock).send(action, body, headers)
    return reply.status, reply.code


def close(url: str) -> None:
    """Close the shop that this process kept open."""
    _KEPT.pop(url).bridge.close()
