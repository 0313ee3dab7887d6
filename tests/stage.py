"""A shop in which every request is held to what the protocol promises of any request.

Whatever is sent with `Stage.send`: the answer is a published one, nobody gets in without the one
right signature, what is refused leaves nothing that it may not leave, no line of the log can be
forged, and in the end (`Stage.hold_all`) the amounts and the stock add up.
"""

import hmac
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.payment import PaymentReport
from orderflow_bridge.http import Head, Request, Response
from orderflow_bridge.payments import SimulatedProvider
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.clock import SetClock
from orderflow_bridge.testing.entropy import CountedEntropy
from tests.published import assert_answered, check_sums
from tests.rig import ALL_SCOPES, CATALOGUE, RING, SHIPPING, TAX, Storefront

__all__ = ["PROXY", "Provider", "Seen", "Stage", "listening", "open_stage", "signature"]

PROXY = "192.0.2.1"
"""The address of the one proxy that is trusted."""

GUEST = "198.51.100.7"

EARLIER = frozenset(
    {
        *("not_found", "method_not_allowed", "query_not_allowed", "unsupported_media_type"),
        *("invalid_content_length", "body_too_large", "length_required", "missing_auth_header"),
        *("malformed_auth_header", "client_id_mismatch", "incomplete_body"),
        "authentication_failed",
    }
)
"""The codes of steps 1 to 10: whoever gets another one is known, or his clock is wrong."""

UNSPENT = EARLIER | frozenset(
    {
        *("timestamp_out_of_window", "connection_disabled", "ip_not_allowed", "unknown_action"),
        *("insufficient_scope", "invalid_json", "pan_detected", "rate_limited"),
        "replayed_request",
    }
)
"""The codes after which nothing at all may have changed."""

LEAVES: Mapping[str, frozenset[str]] = {
    "payment_provider_unavailable": frozenset({"carts", "intents", "stock"}),
    "payment_mismatch": frozenset({"carts", "intents", "stock"}),
    "order_not_cancellable": frozenset({"orders", "intents"}),
}
"""What a refusal may leave besides where a provider is asked: the claim's trace, or a payment."""

Tables = dict[str, dict[Any, Any]]


class Seen(NamedTuple):
    """What one request came to."""

    action: str
    outcome: str
    """The code, `ok`, or `repeated`."""


class Provider(SimulatedProvider):
    """A payment provider during whose answer something else happens, once."""

    meanwhile: Callable[[], object] | None = None

    def find(self, intent: str) -> PaymentReport | None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().find(intent)


@dataclass
class Stage:
    """One shop that is the same each time, two storefronts, and what they have seen so far."""

    bridge: Bridge
    storage: MemoryStorage
    clock: SetClock
    first: Storefront
    guest: Storefront
    stock: Mapping[str, int]
    provider: Provider | None
    known: dict[bytes, bytes] = field(default_factory=dict)
    last: Request | None = None
    intent: str = "pi_1"
    currency: str = "GBP"
    lines: list[str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def tables(self) -> Tables:
        published = vars(self.storage._published)
        return {
            name: dict(table.rows) for name, table in published.items() if hasattr(table, "rows")
        }

    # What is sent.

    def signed(self, front: Storefront, action: bytes, key: bytes, body: bytes) -> Request:
        """Make a request that nothing is wrong with but, perhaps, what it says."""
        client_id = front.client_id.encode()
        headers = {
            b"content-type": [b"application/json"],
            b"x-client-id": [client_id],
            b"x-timestamp": [b"%d" % (self.clock.now() // 1000)],
        } | ({b"idempotency-key": [key]} if key else {})
        path = b"/" + client_id + b"/" + action
        mac = signature(front, b"POST", path, headers, body)
        return Request(
            head=Head(
                method="POST",
                path=path,
                headers=headers | {b"x-signature": [b"v1=" + mac]},
                peer=front.peer,
            ),
            body=body,
        )

    def again(self, request: Request) -> Request:
        """Sign a request anew, a second later, with its key and bytes."""
        self.clock.forward(1)
        head = request.head
        _, _, action = head.path.rpartition(b"/")
        key = (head.headers.get(b"idempotency-key") or [b""])[0]
        return self.signed(self.front_of(request.head.path), action, key, request.body)

    def front_of(self, path: bytes) -> Storefront:
        return self.guest if self.guest.client_id.encode() in path else self.first

    # What must hold.

    def send(self, request: Request) -> None:
        """Send, and hold the answer and what it left to the protocol."""
        self.last = request
        before = self.tables()
        self.lines.clear()
        response = self.bridge.handle(request)
        document = assert_answered(response)
        self.hold_log(request)
        self.learn(document)
        after = self.tables()
        action = request.head.path.rpartition(b"/")[2].decode("latin-1")
        outcome = "ok" if response.status == 200 else document["code"]
        repeated = "Idempotent-Replayed" in dict(response.headers)
        self.hold_authentic(request, outcome)
        self.hold_changes(action, response, outcome, before, after)
        if repeated:
            changed = {name for name in after if after[name] != before[name]}
            assert changed <= {"replays"}, "a stored answer changes nothing"
        self.seen.append(
            Seen(action if action in ACTIONS else "-", "repeated" if repeated else outcome)
        )

    def hold_log(self, request: Request) -> None:
        """No line of the log can be forged, and none tells a secret or what was presented."""
        for line in self.lines:
            assert line.isascii(), line
            assert line.isprintable(), line
            assert self.first.secret not in line
            for presented in request.head.headers.get(b"x-signature", ()):
                assert len(presented) < len("v1=") + 64 or presented.decode("latin-1") not in line

    def hold_authentic(self, request: Request, outcome: str) -> None:
        """Nobody gets past step 10 without the one right signature over what was sent."""
        if outcome in EARLIER or outcome == "timestamp_out_of_window":
            return
        head, front = request.head, self.front_of(request.head.path)
        assert head.method == "POST"
        [client_id], [sent] = head.headers[b"x-client-id"], head.headers[b"x-signature"]
        assert client_id == front.client_id.encode()
        assert head.path.startswith(b"/" + client_id + b"/")
        right = signature(front, b"POST", head.path, head.headers, request.body)
        assert sent == b"v1=" + right, "a signature that is not right was taken"

    def hold_changes(
        self, action: str, response: Response, outcome: str, before: Tables, after: Tables
    ) -> None:
        """What is refused leaves no more than its signature and its answer."""
        changed = {name for name in after if after[name] != before[name]}
        known = ACTIONS.get(action)
        if outcome in UNSPENT or known is None or not known.writes:
            assert not changed, f"{outcome} changed {changed}"
        elif response.status != 200:
            left = LEAVES.get(outcome, frozenset()) if self.provider else frozenset()
            assert changed <= {"replays", "answers"} | left, f"{outcome} changed {changed}"

    def hold_all(self) -> None:
        """Every amount adds up, nothing tracked is lost, and a cart is one order."""
        tables = self.tables()
        ordered = [order.cart_id for order in tables["orders"].values()]
        assert len(ordered) == len(set(ordered))
        taken = dict.fromkeys(self.stock, 0)
        for order in tables["orders"].values():
            cart = tables["carts"][order.cart_id]
            assert cart.order_id == order.order_id
            assert tables["intents"][order.payment.intent].cart_id == order.cart_id
            if order.status != "cancelled":
                for sku, quantity in order.taken.items():
                    taken[sku] += quantity
        for sku, start in self.stock.items():
            assert tables["stock"][sku] >= 0
            assert tables["stock"][sku] + taken[sku] == start, sku

    def learn(self, document: Mapping[str, Any]) -> None:
        """Remember what a later step may name."""
        cart = document.get("cart", document)
        for name, member in (("cart", "cart_id"), ("order", "order_id"), ("cursor", "next_cursor")):
            if cart.get(member):
                self.known[name.encode()] = str(cart[member]).encode()
        if "version" in cart:
            self.known[b"version"] = b"%d" % cart["version"]
        if "totals" in cart:
            check_sums(cart)
            self.known[b"total"] = b"%d" % cart["totals"]["total"]
            self.currency = cart["currency"]
        if cart.get("lines"):
            self.known[b"line"] = cart["lines"][-1]["line_id"].encode()
        if "payment" in cart:
            self.intent = cart["payment"]["intent"]


def signature(
    front: Storefront,
    method: bytes,
    path: bytes,
    headers: Mapping[bytes, Sequence[bytes]],
    body: bytes,
) -> bytes:
    """Compute the digits of a signature by the protocol's own words, not by the code under test."""
    timestamp, client_id, key = (
        (headers.get(name) or [b""])[0]
        for name in (b"x-timestamp", b"x-client-id", b"idempotency-key")
    )
    lines = (
        b"OFB1-HMAC-SHA256",
        timestamp,
        client_id,
        method + b" " + path.rpartition(b"/")[2],
        key,
        sha256(body).hexdigest().encode(),
    )
    return hmac.new(front.secret.encode(), b"\n".join(lines), "sha256").hexdigest().encode()


def open_stage(provider: Provider | None, *, proxied: bool = True) -> Stage:
    """Open a shop that is the same each time, behind the one proxy or behind none."""
    clock, storage = SetClock(), MemoryStorage()
    bridge = Bridge(
        storage=storage,
        master_keys=RING,
        settings=Settings(
            database="memory://",
            # Written beside the requests, and tested by itself: here it would come at any moment.
            journal_rows=0,
            tax=TAX,
            shipping=SHIPPING,
            max_lines=6,
            max_quantity=1_000,
            max_body=4_096,
            trusted_proxies=(PROXY,) if proxied else (),
            client_address_header="x-forwarded-for" if proxied else "",
        ),
        payments=provider,
        clock=clock,
        entropy=CountedEntropy(),
    )
    bridge.catalogue.put(CATALOGUE)
    first, guest = (
        Storefront(bridge, made.connection.client_id, made.secret, clock, peer)
        for made, peer in (
            (bridge.connections.create("First", scopes=ALL_SCOPES), "203.0.113.9"),
            (
                bridge.connections.create(
                    "Guest",
                    scopes=["carts:read", "carts:write"],
                    allow=["198.51.100.0/24"],
                ),
                GUEST,
            ),
        )
    )
    stock = {one.sku: one.stock for one in CATALOGUE if one.stock is not None}
    stage = Stage(bridge, storage, clock, first, guest, stock, provider)
    stage.known |= {b"client": first.client_id.encode(), b"guest": guest.client_id.encode()}
    return stage


class _Ear(logging.Handler):
    """Hear every line of a log."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def listening(lines: list[str]) -> Iterator[None]:
    """Write down every line of the package's log."""
    log, ear = logging.getLogger("orderflow_bridge"), _Ear(lines)
    before = log.level, log.propagate
    log.addHandler(ear)
    log.propagate = False
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(ear)
        log.setLevel(before[0])
        log.propagate = before[1]
