"""Generated traffic: clients that buy, retry, replay and lose answers, and an operator.

Who does what next comes from the seed. Without threads the order of all requests comes from it too,
so that a failure repeats itself; with threads, or over HTTP, the seed repeats what each client
intends, and the machine decides who is first.
"""

import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from random import Random
from typing import Any, Literal, Protocol

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.client.signing import sign
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.http import Head, Request
from orderflow_bridge.ports import Clock
from tests.faults.history import EARLY, READS, Attempt, Broken, Change, History, check, look
from tests.rig import ALL_SCOPES, TestShop, order_fields

__all__ = ["Market", "Sent", "Steps", "Transport", "in_process", "over_http", "prove", "run"]

SKUS = ("mug", "tea", "lamp", "book")
TRACKED = {"lamp": 3, "book": 10}

Steps = Generator[None, None, None]


@dataclass(frozen=True)
class Sent:
    """What came back: status, body, and whether it was a stored answer."""

    status: int
    body: bytes
    repeated: bool


class Transport(Protocol):
    """Send one signed request; an exception means that no answer came."""

    def __call__(
        self, client_id: str, action: str, headers: Mapping[str, str], body: bytes, /
    ) -> Sent: ...


def in_process(bridge: Bridge) -> Transport:
    """Hand requests to a bridge of this process."""

    def send(client_id: str, action: str, headers: Mapping[str, str], body: bytes) -> Sent:
        head = Head(
            method="POST",
            path=f"/{client_id}/{action}".encode(),
            headers={name.lower().encode(): (value.encode(),) for name, value in headers.items()}
            | {b"content-length": (str(len(body)).encode(),)},
            peer="203.0.113.9",
        )
        response = bridge.handle(Request(head=head, body=body))
        return Sent(response.status, response.body, "Idempotent-Replayed" in dict(response.headers))

    return send


def over_http(port: int) -> Transport:
    """Send requests to a server on this machine, each on a connection of its own."""

    def send(client_id: str, action: str, headers: Mapping[str, str], body: bytes) -> Sent:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", f"/bridge/{client_id}/{action}", body, dict(headers))
            response = connection.getresponse()
            return Sent(
                response.status,
                response.read(),
                response.getheader("Idempotent-Replayed") is not None,
            )
        finally:
            connection.close()

    return send


@dataclass
class Market:
    """What clients share: connections and their secrets, carts, orders, and the history."""

    clock: Clock
    history: History
    secrets: dict[str, str]
    carts: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    orders: dict[str, list[str]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, shop: TestShop, *, connections: int = 2) -> "Market":
        """Open the market of a stocked shop."""
        made = [
            shop.bridge.connections.create(f"Shop {n}", scopes=ALL_SCOPES)
            for n in range(connections)
        ]
        secrets = {one.connection.client_id: one.secret for one in made}
        with shop.bridge._storage.reading() as unit:
            start = dict(unit.stock.available(sorted(TRACKED)))
        return cls(
            clock=shop.clock,
            history=History(start=start),
            secrets=secrets,
            carts={client_id: [] for client_id in secrets},
            orders={client_id: [] for client_id in secrets},
        )


@dataclass
class Client:
    """One storefront's process: it decides by its own dice, and keeps at it until it knows."""

    market: Market
    transport: Transport
    dice: Random
    name: str
    connection: str
    patience: int
    pause: float
    _keys: int = 0
    _intents: int = 0
    _ticks: int = 0

    def live(self, steps: int) -> Steps:
        """Do so many things; what yields has one request more to send."""
        for _ in range(steps):
            yield from self._act()

    def _act(self) -> Steps:
        dice, market = self.dice, self.market
        carts = market.carts[self.connection]
        what = dice.choices(
            ["create", "add", "change", "get", "convert", "cancel"], [2, 6, 3, 3, 2, 1]
        )[0]
        if not carts:
            what = "create"
        if what == "create":
            yield from self._create()
        elif what == "add":
            cart_id = dice.choice(carts[-4:])
            fields = {
                "cart_id": cart_id,
                "items": [self._item() for _ in range(dice.randint(1, 2))],
            }
            yield from self._insist("items.add", self._versioned(fields), keyless=True)
        elif what == "change":
            yield from self._change(dice.choice(carts[-4:]))
        elif what == "get":
            yield from self._insist("cart.get", {"cart_id": dice.choice(carts)})
        elif what == "convert":
            yield from self._convert(dice.choice(carts[-4:]))
        elif market.orders[self.connection]:
            order_id = dice.choice(market.orders[self.connection])
            yield from self._insist("orders.cancel", {"order_id": order_id})

    def _item(self) -> dict[str, Any]:
        return {"sku": self.dice.choice(SKUS), "quantity": self.dice.randint(1, 2)}

    def _versioned(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Name the version that was seen last, now and then: another may have been faster."""
        seen = self.market.versions.get(fields["cart_id"])
        if seen is not None and self.dice.random() < 0.3:
            fields["expected_version"] = seen
        return fields

    def _create(self) -> Steps:
        fields: dict[str, Any] = {"currency": "GBP"}
        if self.dice.random() < 0.6:
            fields["items"] = [{"sku": self.dice.choice(SKUS[:2]), "quantity": 1}]
        yield from self._insist("cart.create", fields, keyless=True)

    def _change(self, cart_id: str) -> Steps:
        lines = self.market.lines.get(cart_id)
        if not lines:
            return
        line_id = self.dice.choice(lines)
        if self.dice.random() < 0.3:
            yield from self._insist(
                "items.remove", self._versioned({"cart_id": cart_id, "line_ids": [line_id]})
            )
        else:
            items = [{"line_id": line_id, "quantity": self.dice.randint(0, 3)}]
            yield from self._insist(
                "items.update", self._versioned({"cart_id": cart_id, "items": items})
            )

    def _convert(self, cart_id: str) -> Steps:
        self._intents += 1
        intent = f"pi_{self.name}_{self._intents}"
        if self.dice.random() < 0.15:
            intent = "pi_shared"
        yield from self._insist("convertToOrder", order_fields(cart_id, intent=intent))

    # How it sends.

    def _insist(self, action: str, fields: dict[str, Any], *, keyless: bool = False) -> Steps:
        """Send until the outcome is known or patience ends; then repeat it now and then."""
        dice, reads = self.dice, action in READS
        key: str | None = None
        self._keys += 1
        mark = f"{self.name}-{self._keys}"
        if keyless and dice.random() < 0.15:
            # Without a key two equal requests would be one signature: a mark keeps them apart.
            if action == "cart.create":
                fields["metadata"] = {"mark": mark}
            else:
                fields["items"][0]["metadata"] = {"mark": mark}
        elif not reads:
            key = mark
        body = json.dumps(fields).encode()
        gives_up = self.patience if dice.random() < 0.9 else 1
        last: Attempt | None = None
        for attempt in range(gives_up):
            if attempt and self.pause:
                time.sleep(self.pause)
            yield
            # Without a key only the very same bytes are safe to send again.
            safe = key is not None or reads
            last = self._send(action, body, key, again=None if safe else last)
            if last.outcome != "unknown" and (last.code not in EARLY or not safe):
                break
        yield from self._repeat(action, body, key, last)

    def _repeat(self, action: str, body: bytes, key: str | None, last: Attempt | None) -> Steps:
        """Send what is over once more, now and then: the same bytes, or signed anew."""
        if last is not None and action not in READS and self.dice.random() < 0.2:
            yield
            self._send(action, body, key, again=last)
        if last is not None and key is not None and self.dice.random() < 0.2:
            yield
            self._send(action, body, key)

    def _send(
        self, action: str, body: bytes, key: str | None, *, again: Attempt | None = None
    ) -> Attempt:
        """Send once, signed anew or byte for byte `again`, and write down what came."""
        if again is None:
            secret = self.market.secrets[self.connection]
            self._ticks += 1
            # A clock of its own, within the window: each attempt has another signature.
            timestamp = self.market.clock.now() // 1000 + self._ticks % 50
            headers = sign(
                client_id=self.connection,
                secret=secret,
                action=action,
                body=body,
                timestamp=timestamp,
                idempotency_key=key,
            )
        else:
            secret = again.secret
            headers = {
                "Content-Type": "application/json",
                "X-Client-Id": self.connection,
                "X-Timestamp": again.timestamp,
                "X-Signature": f"v1={again.signature}",
            } | ({} if key is None else {"Idempotency-Key": key})
        began = time.monotonic_ns()
        sent: Sent | None = None
        with suppress(Exception):
            sent = self.transport(self.connection, action, headers, body)
        attempt = Attempt(
            began=began,
            ended=time.monotonic_ns(),
            connection=self.connection,
            action=action,
            key=key,
            body=body,
            timestamp=headers["X-Timestamp"],
            signature=headers["X-Signature"][3:],
            secret=secret,
            status=None if sent is None else sent.status,
            raw=b"" if sent is None else sent.body,
            repeated=sent is not None and sent.repeated,
        )
        self.market.history.attempts.append(attempt)
        self._learn(attempt)
        return attempt

    def _learn(self, attempt: Attempt) -> None:
        answer, market = attempt.answer, self.market
        cart = answer.get("cart") or (answer if "version" in answer else None)
        if cart:
            market.lines[cart["cart_id"]] = [line["line_id"] for line in cart["lines"]]
            market.versions[cart["cart_id"]] = cart["version"]
        if attempt.outcome == "known":
            if attempt.action == "cart.create":
                mine = market.carts[self.connection]
                if answer["cart_id"] not in mine:
                    mine.append(answer["cart_id"])
            elif attempt.action == "convertToOrder":
                mine = market.orders[self.connection]
                if answer["order_id"] not in mine:
                    mine.append(answer["order_id"])


@dataclass
class Operator:
    """A person who rotates and disables connections while they are used."""

    market: Market
    bridge: Bridge
    dice: Random
    pause: float

    def live(self, steps: int) -> Steps:
        """Do so many things; a connection that was shut is opened again soon."""
        for _ in range(steps):
            client_id = self.dice.choice(sorted(self.market.secrets))
            yield
            if self.dice.random() < 0.5:
                self._rotate(client_id)
            else:
                self._do(client_id, "disable")
                yield
                while not self._do(client_id, "enable"):
                    time.sleep(self.pause)
                    yield

    def _rotate(self, client_id: str) -> None:
        self._do(client_id, "rotate")
        # Where the answer was lost, the secret is asked for, until it is known.
        while True:
            with suppress(BridgeError):
                self.market.secrets[client_id] = self.bridge.connections.reveal(client_id).secret
                return
            time.sleep(self.pause)

    def _do(self, client_id: str, what: Literal["enable", "disable", "rotate"]) -> bool:
        replaced = self.market.secrets[client_id] if what == "rotate" else None
        act: Callable[[str], object] = getattr(self.bridge.connections, what)
        began = time.monotonic_ns()
        done = False
        with suppress(BridgeError):
            act(client_id)
            done = True
        change = Change(
            began=began,
            ended=time.monotonic_ns(),
            connection=client_id,
            what=what,
            done=done,
            replaced=replaced,
        )
        self.market.history.changes.append(change)
        return done


def run(
    market: Market,
    transport: Transport,
    *,
    seed: int,
    clients: int = 4,
    steps: int = 12,
    threads: bool = False,
    operator: Bridge | None = None,
    patience: int = 6,
    pause: float = 0.0,
    names: str = "c",
    meanwhile: Callable[[Random], None] | None = None,
) -> None:
    """Let clients live, one request after the other in the seed's order, or in threads.

    `names` keeps the keys of runs in one history apart. `meanwhile` is called between requests
    where there are no threads.
    """
    dice = Random(seed)
    connections = sorted(market.secrets)
    lives: list[Steps] = [
        Client(
            market=market,
            transport=transport,
            dice=Random(f"{seed}/{n}"),
            name=f"{names}{n}",
            connection=connections[n % len(connections)],
            patience=patience,
            pause=pause,
        ).live(steps)
        for n in range(clients)
    ]
    if operator is not None:
        lives.append(
            Operator(market, operator, Random(f"{seed}/op"), pause).live(max(1, steps // 4))
        )
    if threads:
        _in_threads(lives)
        return
    while lives:
        life = dice.choice(lives)
        if meanwhile is not None:
            meanwhile(dice)
        if next(life, lives) is lives:
            lives.remove(life)


def _in_threads(lives: list[Steps]) -> None:
    failed: list[BaseException] = []

    def work(life: Steps) -> None:
        try:
            for _ in life:
                pass
        except BaseException as error:  # noqa: BLE001 -- told to the test's own thread
            failed.append(error)

    running = [threading.Thread(target=work, args=(life,)) for life in lives]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if failed:
        raise failed[0]


def prove(
    market: Market, shop: TestShop, *, seed: int, faults_leave_nothing: bool = False
) -> list[Attempt]:
    """Hold the history to every promise, by what `shop` has kept; give the attempts."""
    history = market.history
    end = look(shop.bridge._storage, history, now=shop.clock.now())
    broken: list[Broken] = check(history, end, faults_leave_nothing=faults_leave_nothing)
    told = "\n".join(f"  {promise}: {detail}" for promise, detail in broken)
    assert not broken, f"seed {seed}, {len(history.attempts)} attempts:\n{told}"
    return history.attempts
