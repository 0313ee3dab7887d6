"""A shop that has been open for a month: what the pages are looked at with."""

import json
import random
import threading
from dataclasses import dataclass, field
from typing import Any

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.connections import Credentials
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage import open_storage
from orderflow_bridge.testing.clock import SetClock
from orderflow_bridge.testing.entropy import CountedEntropy
from tests.browser.wares import BUYERS, CATALOGUE, SHIPPING, TAX
from tests.rig import RING, Storefront

__all__ = ["DAY", "NOW", "OPERATOR", "Shop", "open_shop"]

DAY = 86_400_000
HOUR = 3_600_000
DAYS = 30
NOW = 1_773_328_800_000
"""2026-03-12 15:20 UTC: the afternoon of a working day."""
OPERATOR = "grace.field"

_SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write")
_STEPS = (0, 1, 1, 2, 3, 7)
_HOME, _CLOUD, _STRANGER = "203.0.113.24", "198.51.100.7", "192.0.2.201"


@dataclass
class BusyClock(SetClock):
    """Stand still, but for the few milliseconds that answering takes."""

    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def now(self) -> int:
        """Tell the time; whoever writes in another thread, later, does not move it."""
        if threading.current_thread() is threading.main_thread():
            self.milliseconds += self.chance.choice(_STEPS)
        return self.milliseconds


@dataclass
class Shop:
    """A bridge with a month behind it, and its connections by a word for each."""

    bridge: Bridge
    clock: SetClock
    made: dict[str, Credentials] = field(default_factory=dict)
    fronts: dict[str, Storefront] = field(default_factory=dict)

    def connect(self, word: str, name: str, *, peer: str, **options: Any) -> None:
        """Make a connection, and a storefront that calls from `peer`."""
        made = self.made[word] = self.bridge.connections.create(name, actor=OPERATOR, **options)
        self.fronts[word] = Storefront(
            self.bridge, made.connection.client_id, made.secret, self.clock, peer
        )

    def client_id(self, word: str) -> str:
        return self.made[word].connection.client_id

    def keep(self) -> None:
        """Wait for nothing: write the requests that are still to be written."""
        self.bridge._recorder.flush()


def open_shop(database: str = "memory://") -> Shop:
    """Open it with thirty days behind it: the same shop each time."""
    clock = BusyClock(NOW - DAYS * DAY)
    settings = Settings(
        database=database,
        shipping=SHIPPING,
        tax=TAX,
        cart_lifetime=10 * 86_400,
        sqlite_synchronous="NORMAL",
    )
    bridge = Bridge(
        storage=open_storage(settings),
        master_keys=RING,
        settings=settings,
        clock=clock,
        entropy=CountedEntropy(),
    )
    shop = Shop(bridge, clock)
    bridge.catalogue.put(CATALOGUE)
    shop.connect(
        "web", "Web shop", peer=_HOME, scopes=_SCOPES, allow=["203.0.113.0/24"],
        currency="GBP",
    )  # fmt: skip
    clock.forward(3 * 3600)
    shop.connect(
        "eu", "Europe", peer=_CLOUD, scopes=_SCOPES, currency="EUR",
        allow=["198.51.100.7", "198.51.100.8"],
    )  # fmt: skip
    shop.connect("stall", "Market stall", peer=_CLOUD, scopes=_SCOPES, currency="GBP")
    clock.forward(2 * 86_400)
    shop.connect(
        "books", "Bookkeeping", peer=_HOME, scopes=("carts:read", "orders:read"), window=120,
        allow=["203.0.113.0/24"],
    )  # fmt: skip
    _month(shop)
    shop.keep()
    return shop


def _month(shop: Shop) -> None:
    """Let everything happen in the order of the clock."""
    chance = random.Random(11)
    events = [
        (NOW - NOW % DAY - (DAYS - day) * DAY + chance.randrange(7 * HOUR, 22 * HOUR), _sell)
        for day in range(3, DAYS)
        for _ in range(chance.randint(2, 6))
    ]
    events += [(NOW - minutes * 60_000, _sell) for minutes in (371, 305, 214, 166, 92, 41, 12)]
    events += [(NOW - days * DAY - 5 * HOUR, _mistakes) for days in (9, 4, 2)]
    events += [
        (NOW - 21 * DAY, _close_stall),
        (NOW - 2 * DAY - 2 * HOUR, _rotate),
        (NOW - 26 * HOUR, _change_mind),
        (NOW - 55 * 60_000, _mistakes),
        (NOW - 4 * 60_000, _wrong_secret),
    ]
    for at, happen in sorted(events, key=lambda event: event[0]):
        shop.clock.milliseconds = at
        happen(shop, chance)
    shop.clock.milliseconds = NOW
    shop.bridge.purge()


def _sell(shop: Shop, chance: random.Random) -> None:
    """Let a buyer fill a cart, and most of them order, and most of those pay."""
    word, currency = ("web", "GBP") if chance.random() < 0.68 else ("eu", "EUR")
    front = shop.fronts[word]
    skus = [one.sku for one in CATALOGUE if one.active and one.stock != 0]
    items = [
        {"sku": sku, "quantity": chance.choice((1, 1, 1, 2, 2, 4))}
        for sku in chance.sample(skus, chance.choice((1, 2, 2, 3)))
    ]
    shop.clock.milliseconds += chance.randrange(60_000)
    cart = front.ok("cart.create", items=items)
    if chance.random() < 0.18:
        return
    shop.clock.forward(chance.randint(40, 200))
    order = _order(shop, word, cart, chance.choice(BUYERS[currency]), chance)
    at = shop.clock.milliseconds
    if at < NOW - 3 * HOUR and chance.random() < 0.9:
        shop.clock.forward(chance.randint(5, 90))
        _pay(shop, order)
    elif at >= NOW - 3 * HOUR and chance.random() < 0.5:
        _pay(shop, order)


def _order(shop: Shop, word: str, cart: Any, buyer: tuple[str, ...], chance: random.Random) -> Any:
    name, email, line1, city, code, country = buyer
    return shop.fronts[word].ok(
        "convertToOrder",
        cart_id=cart["cart_id"],
        customer={"email": email, "name": name},
        shipping_address={
            "name": name, "line1": line1, "city": city, "postal_code": code, "country": country,
        },
        shipping_method=chance.choice(("post", "post", "courier")),
        payment_intent=f"pi_{chance.getrandbits(60):015x}",
    )  # fmt: skip


def _pay(shop: Shop, order: Any) -> None:
    shop.bridge.settle(
        order["payment"]["intent"], amount=order["totals"]["total"], currency=order["currency"]
    )


def _close_stall(shop: Shop, chance: random.Random) -> None:
    """Let the stall's storefront go, which calls on for a while."""
    shop.bridge.connections.disable(shop.client_id("stall"), actor=OPERATOR)
    shop.fronts["stall"].call("cart.create", items=[{"sku": "mug-ash", "quantity": 1}])


def _rotate(shop: Shop, chance: random.Random) -> None:
    """Give the web shop a new secret, and a week to change over; look at it, and put it there."""
    client_id = shop.client_id("web")
    shop.bridge.connections.rotate(client_id, grace=7 * 86_400, actor=OPERATOR)
    shop.clock.forward(35)
    shop.fronts["web"].secret = shop.bridge.connections.reveal(client_id, actor=OPERATOR).secret


def _change_mind(shop: Shop, chance: random.Random) -> None:
    """Cancel one order for its buyer, and another whose money comes nevertheless."""
    for number, reason in enumerate(("Ordered twice", "The buyer changed their mind")):
        cart = shop.fronts["web"].ok("cart.create", items=[{"sku": "vase-bud", "quantity": 1}])
        order = _order(shop, "web", cart, BUYERS["GBP"][number], chance)
        shop.clock.forward(640)
        shop.bridge.orders.cancel(order["order_id"], reason=reason, actor=OPERATOR)
        shop.clock.forward(75)
        if number:
            _pay(shop, order)


def _mistakes(shop: Shop, chance: random.Random) -> None:
    """Do what storefronts do wrong, each in its own way."""
    web, books = shop.fronts["web"], shop.fronts["books"]
    items = [{"sku": "mug-ash", "quantity": 1}]
    body = json.dumps({"items": items}).encode()
    seconds = shop.clock.now() // 1000
    web.send("cart.create", body, web.headers("cart.create", body, timestamp=seconds - 312))
    shop.clock.forward(41)
    web.call("cart.create", items=[{"sku": "mug-tenmoku", "quantity": 2}])
    shop.clock.forward(64)
    books.call("cart.create", items=items)
    shop.clock.forward(87)
    signed = web.headers("cart.create", body, key=web.new_key())
    web.send("cart.create", body.replace(b"1", b"9"), signed)
    shop.clock.forward(22)
    signed = web.headers("cart.create", body)
    web.send("cart.create", body, signed)
    web.send("cart.create", body, signed)
    shop.clock.forward(130)
    body = b'{"limit":5}'
    web.call("cart.create", items=[{"sku": "mug-blue", "quantity": 1}])
    shop.clock.forward(55)
    web.send("orders.list", body, web.headers("orders.list", body), peer=_STRANGER)


def _wrong_secret(shop: Shop, chance: random.Random) -> None:
    """Sign as a storefront does whose secret was cut when it was pasted."""
    front = shop.fronts["eu"]
    body = b'{"items":[{"sku":"teapot-08","quantity":1}]}'
    other = shop.made["books"].secret
    front.send(
        "cart.create", body, front.headers("cart.create", body, key="basket-771", secret=other)
    )
