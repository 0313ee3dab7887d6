"""What clients sent and saw, what is kept at the end, and whether the two agree.

A `History` is recorded by `tests/faults/traffic.py`. `look` reads the end from a storage, through
the ports alone, and `check` names every promise that the two break; an empty list is a proof for
this history. Times are those of one monotonic clock, which the processes of a machine share.

An attempt that was answered 200 is known. A refusal of the protocol's step 21 is final, an earlier
one says that this attempt did nothing. An error of the server, and an answer that never came, leave
open whether it happened: both are right, but only one of them, and for everybody.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from orderflow_bridge.capabilities import stock_of
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.order import Order
from orderflow_bridge.ports import Answer, AnswerKey, OrderQuery, Storage, Unit

__all__ = [
    "Attempt",
    "Broken",
    "Change",
    "End",
    "History",
    "Kept",
    "check",
    "look",
]

EARLY = frozenset(
    {
        "authentication_failed",
        "connection_disabled",
        "timestamp_out_of_window",
        "rate_limited",
        "replayed_request",
        "idempotency_in_progress",
        "idempotency_key_reused",
        "cart_converting",
    }
)
"""Refusals that say nothing about what other attempts with the same key did."""

UNSPENT = frozenset({"authentication_failed", "connection_disabled", "timestamp_out_of_window"})
"""Refusals that leave nothing, not even a spent signature."""

_FAR = 2**52

READS = frozenset({"cart.get", "orders.get"})
CHANGES = frozenset({"items.add", "items.update", "items.remove"})


class Attempt(Struct, frozen=True, kw_only=True):
    """One request as it was sent, and what came of it; `status` is None where nothing came."""

    began: int
    ended: int
    connection: str
    action: str
    key: str | None
    body: bytes
    timestamp: str
    signature: str
    secret: str
    status: int | None = None
    raw: bytes = b""
    repeated: bool = False

    @property
    def answer(self) -> Any:
        """Read the answer."""
        return msgspec.json.decode(self.raw) if self.raw else {}

    @property
    def code(self) -> str | None:
        """Name the refusal."""
        return self.answer.get("code")

    @property
    def fields(self) -> Any:
        """Read what was asked."""
        return msgspec.json.decode(self.body)

    @property
    def outcome(self) -> Literal["known", "refused", "unknown"]:
        """Tell what the client knows."""
        if self.status is None or self.status >= 500:
            return "unknown"
        return "known" if self.status == 200 else "refused"


class Change(Struct, frozen=True, kw_only=True):
    """What an operator did to a connection; `done` is False where the outcome is unknown."""

    began: int
    ended: int
    connection: str
    what: Literal["enable", "disable", "rotate"]
    done: bool
    replaced: str | None = None


class History(Struct, kw_only=True):
    """Everything that was sent and done; `start` is the tracked stock before it."""

    start: dict[str, int]
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    changes: list[Change] = msgspec.field(default_factory=list)


class Kept(Struct, frozen=True, kw_only=True):
    """What is kept of one idempotency key."""

    state: Literal["none", "running", "done"]
    status: int = 0
    raw: bytes = b""


class End(Struct, kw_only=True):
    """What a storage holds when everything is over; `open_carts` counts those of nobody too."""

    carts: dict[str, Cart]
    orders: list[Order]
    stock: dict[str, int]
    spent: dict[str, bool]
    answers: dict[tuple[str, str, str], Kept]
    intents: dict[str, str | None]
    open_carts: int


class Broken(NamedTuple):
    """A promise that does not hold, and where."""

    promise: str
    detail: str


class _Back(Exception):  # noqa: N818 -- nothing went wrong
    """Leave a unit so that nothing of it stays."""


def look(storage: Storage, history: History, *, now: int) -> End:
    """Read the end of `history` from a storage, without changing it; `now` is in Unix ms."""
    end = End(carts={}, orders=[], stock={}, spent={}, answers={}, intents={}, open_carts=0)
    with storage.reading() as unit:
        end.carts = _carts_of(unit, history)
        end.orders = list(unit.orders.search(OrderQuery(limit=100_000)))
        end.stock = dict(stock_of(unit).available(sorted(history.start)))
        for one in history.attempts:
            if one.action == "convertToOrder":
                intent = unit.intents.find(one.fields["payment_intent"])
                if intent is not None:
                    end.intents[intent.intent] = intent.cart_id
    # Asked as the bridge would ask, in a unit that leaves nothing.
    with suppress(_Back), storage.writing() as unit:
        end.open_carts = unit.carts.purge(before=_FAR, limit=1_000_000)
        for one in history.attempts:
            if one.action not in READS:
                _ask(unit, one, end, now)
        raise _Back
    return end


def _carts_of(unit: Unit, history: History) -> dict[str, Cart]:
    owners = {one.answer.get("cart_id"): one.connection for one in history.attempts}
    found = (
        unit.carts.find(cart_id, connection=connection)
        for cart_id, connection in owners.items()
        if cart_id
    )
    return {cart.cart_id: cart for cart in found if cart is not None}


def _ask(unit: Unit, one: Attempt, end: End, now: int) -> None:
    """Ask for the key and the signature of a write."""
    if one.key is not None:
        name = (one.connection, one.action, one.key)
        if name not in end.answers:
            end.answers[name] = _kept(unit, one, now)
    if one.signature not in end.spent:
        mac = bytes.fromhex(one.signature)
        end.spent[one.signature] = not unit.replays.spend(
            mac, connection=one.connection, until=_FAR
        )


def _kept(unit: Unit, one: Attempt, now: int) -> Kept:
    claim = unit.answers.claim(
        AnswerKey(one.connection, one.action, one.key or ""),
        fingerprint=sha256(one.body).digest(),
        now=now,
        running_until=now,
        until=_FAR,
    )
    if claim.state == "new":
        return Kept(state="none")
    answer: Answer | None = claim.answer
    if answer is None:
        return Kept(state="running")
    return Kept(state="done", status=answer.status, raw=answer.body)


# What belongs together.


class Op(Struct, kw_only=True):
    """Everything that was sent to have one thing done: one key, or without a key one signature."""

    attempts: list[Attempt]

    @property
    def first(self) -> Attempt:
        """Give the first attempt."""
        return self.attempts[0]

    @property
    def name(self) -> tuple[str, str, str]:
        """Give the scope of its key."""
        return self.first.connection, self.first.action, self.first.key or ""

    @property
    def known(self) -> list[Attempt]:
        """Give those that were answered 200."""
        return [one for one in self.attempts if one.outcome == "known"]

    @property
    def denied(self) -> list[Attempt]:
        """Give those that were refused by the action's own rules."""
        return [one for one in self.attempts if one.outcome == "refused" and one.code not in EARLY]

    @property
    def done(self) -> bool:
        """Tell whether it was acknowledged."""
        return bool(self.known)

    @property
    def open(self) -> bool:
        """Tell whether it may have happened and nobody knows."""
        return (
            not self.known
            and not self.denied
            and any(one.outcome == "unknown" for one in self.attempts)
        )

    @property
    def acknowledged_at(self) -> int:
        """Tell when the first acknowledgement was there."""
        return min(one.ended for one in self.known)


def _ops(attempts: Iterable[Attempt]) -> list[Op]:
    grouped: dict[tuple[str, ...], list[Attempt]] = defaultdict(list)
    for one in sorted(attempts, key=lambda one: one.began):
        if one.key is not None:
            grouped[one.connection, one.action, one.key].append(one)
        else:
            grouped[(one.signature,)].append(one)
    return [Op(attempts=found) for found in grouped.values()]


# The promises.


def check(history: History, end: End, *, faults_leave_nothing: bool = False) -> list[Broken]:
    """Name each promise that does not hold.

    With `faults_leave_nothing` an answer 5xx promises that nothing happened, as it does wherever no
    connection to a database was cut during a commit; else it leaves that open.
    """
    if faults_leave_nothing:
        history = History(
            start=history.start,
            attempts=[one for one in history.attempts if (one.status or 0) < 500],
            changes=history.changes,
        )
    writes = [one for one in history.attempts if one.action not in READS]
    ops = _ops(writes)
    return [
        *_signatures(writes, end),
        *_keys(ops, end),
        *_doors(history),
        *_carts(history, ops, end),
        *_orders(ops, end),
        *_money(end),
        *_stock(history, end),
    ]


def _signatures(writes: Sequence[Attempt], end: End) -> Iterator[Broken]:
    """Hold each signature to one success, spent exactly where something was decided."""
    by_signature: dict[str, list[Attempt]] = defaultdict(list)
    for one in writes:
        by_signature[one.signature].append(one)
    for signature, found in by_signature.items():
        where = f"{found[0].action} {signature[:12]}"
        successes = sum(one.outcome == "known" for one in found)
        if successes > 1:
            yield Broken("one success per signature", f"{where}: {successes}")
        settled = [
            one
            for one in found
            if one.outcome == "known" or (one.outcome == "refused" and one.code not in UNSPENT)
        ]
        if settled and not end.spent.get(signature):
            yield Broken("a used signature stays spent", where)
        if all(one.code in UNSPENT for one in found) and end.spent.get(signature):
            yield Broken("a refusal before step 19 spends nothing", where)
        for one in found:
            if one.code == "replayed_request" and not any(
                other.code != "replayed_request"
                and other.code not in UNSPENT
                and other.began < one.ended
                for other in found
            ):
                yield Broken("a signature is spent by its own request", where)
    sent = set(by_signature)
    for signature, spent in end.spent.items():
        if spent and signature not in sent:
            yield Broken("a refusal before step 19 spends nothing", signature[:12])


def _keys(ops: Sequence[Op], end: End) -> Iterator[Broken]:
    """Hold each key to one effect and one answer, which is kept."""
    keyed = [op for op in ops if op.first.key is not None]
    asked = {op.name for op in keyed}
    for name, kept in end.answers.items():
        if kept.state != "none" and name not in asked:
            yield Broken("nothing that nobody asked for", f"an answer of {name}")
    for op in keyed:
        yield from _one_effect(op)
        yield from _one_answer(op, end.answers.get(op.name, Kept(state="none")))


def _one_effect(op: Op) -> Iterator[Broken]:
    if sum(not one.repeated for one in op.known) > 1:
        yield Broken("one effect per key", f"{op.name}")
    for one in (*op.known, *op.denied):
        if one.repeated and not any(
            other.began < one.ended and other is not one and other.code not in UNSPENT
            for other in op.attempts
        ):
            yield Broken("one effect per key", f"{op.name} was repeated before it was sent")


def _one_answer(op: Op, kept: Kept) -> Iterator[Broken]:
    answers = {(one.status, one.raw) for one in (*op.known, *op.denied)}
    if len(answers) > 1:
        yield Broken("one answer per key", f"{op.name}")
    if kept.state == "running":
        yield Broken("nothing in between", f"{op.name} is still running")
    if answers - {(kept.status, kept.raw)}:
        yield Broken("what was acknowledged is kept", f"the answer of {op.name}")
    if not answers and not op.open and kept.state == "done":
        yield Broken("nothing that nobody asked for", f"an answer of {op.name}")


def _doors(history: History) -> Iterator[Broken]:
    """Hold a disabled connection and a replaced secret to be of no use from then on."""
    for change in history.changes:
        if not change.done:
            continue
        until = min(
            (
                other.began
                for other in history.changes
                if other.connection == change.connection
                and other.what == "enable"
                and other.began > change.ended
            ),
            default=2**63,
        )
        for one in history.attempts:
            if (
                one.connection != change.connection
                or one.outcome != "known"
                or one.began < change.ended
            ):
                continue
            if change.what == "disable" and one.ended < until:
                yield Broken("disabled is disabled", f"{one.action} at {one.began}")
            if change.what == "rotate" and one.secret == change.replaced:
                yield Broken("a replaced secret is worthless", f"{one.action} at {one.began}")


# Carts: the version is the order in which everything happened.

Contents = Mapping[str, int]


def _contents(lines: Iterable[Any]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for line in lines:
        mapping = isinstance(line, Mapping)
        found[line["sku"] if mapping else line.sku] += (
            line["quantity"] if mapping else line.quantity
        )
    return dict(found)


class _Skus(dict[str, str]):
    """Which sku a line has, from every answer that showed it."""

    def learn(self, lines: Iterable[Mapping[str, Any]]) -> None:
        for line in lines:
            self[line["line_id"]] = line["sku"]

    def apply(self, one: Attempt, before: Contents) -> dict[str, int] | None:
        """Do what was asked to what lay in a cart; None where it cannot be done."""
        after = dict(before)
        fields = one.fields
        if one.action == "items.add":
            for item in fields["items"]:
                after[item["sku"]] = after.get(item["sku"], 0) + item["quantity"]
            return after
        if one.action == "items.update":
            wanted = {item["line_id"]: item["quantity"] for item in fields["items"]}
        else:
            wanted = dict.fromkeys(fields["line_ids"], 0)
        for line_id, quantity in wanted.items():
            sku = self.get(line_id, "")
            if sku not in before:
                return None
            after[sku] = quantity
        return {sku: quantity for sku, quantity in after.items() if quantity}


def _carts(history: History, ops: Sequence[Op], end: End) -> Iterator[Broken]:
    skus = _Skus()
    reads: dict[str, list[Attempt]] = defaultdict(list)
    for one in history.attempts:
        answer = one.answer
        skus.learn(answer.get("lines", ()))
        skus.learn((answer.get("cart") or {}).get("lines", ()))
        if one.action == "cart.get" and one.outcome == "known":
            reads[answer["cart_id"]].append(one)
    of_cart: dict[str, list[Op]] = defaultdict(list)
    for op in ops:
        of_cart[op.first.fields.get("cart_id", "")].append(op)
    creates = [op for op in ops if op.first.action == "cart.create"]
    created = {op.known[0].answer["cart_id"]: op for op in creates if op.done}
    for cart_id, op in created.items():
        cart = end.carts.get(cart_id)
        if cart is None:
            yield Broken("what was acknowledged is kept", f"cart {cart_id}")
        else:
            yield from _Chain(skus, cart, op, of_cart[cart_id], reads[cart_id]).broken()
    open_now = sum(
        cart_id in created and cart.order_id is None for cart_id, cart in end.carts.items()
    )
    if not open_now <= end.open_carts <= open_now + sum(op.open for op in creates):
        yield Broken("nothing that nobody asked for", f"{end.open_carts - open_now} carts")


class _Chain:
    """The versions of one cart, each explained by one request."""

    def __init__(
        self, skus: _Skus, cart: Cart, created: Op, ops: Sequence[Op], reads: Sequence[Attempt]
    ) -> None:
        self._skus = skus
        self._cart = cart
        self._created = created
        self._changes = [op for op in ops if op.first.action in CHANGES]
        self._reads = reads
        self._last = cart.version - (cart.order_id is not None)
        self._acked: dict[int, Op] = {}
        self._seen: dict[int, Contents] = {}

    def broken(self) -> Iterator[Broken]:
        cart, name = self._cart, self._cart.cart_id
        made = self._created.known[0]
        if (made.answer["version"], _contents(made.answer["lines"])) != (
            1,
            _contents(made.fields.get("items", ())),
        ):
            yield Broken("a change does what was asked", f"cart.create of {name}")
        if cart.conversion is not None:
            yield Broken("nothing in between", f"cart {name} is claimed")
        yield from self._collect()
        contents: Contents | None = _contents(made.answer["lines"])
        contents = self._walk(2, contents, [op for op in self._changes if op.open])
        if contents is None:
            yield Broken(
                "each version is one change",
                f"cart {name}: {self._last} versions, {sorted(self._acked)} acknowledged",
            )
        yield from self._order_of_time()

    def _collect(self) -> Iterator[Broken]:
        name = self._cart.cart_id
        for op in self._changes:
            if not op.done:
                continue
            answer = op.known[0].answer
            version = answer["version"]
            if version in self._acked:
                yield Broken("no lost update", f"cart {name}: version {version} twice")
            if version > self._last:
                yield Broken("what was acknowledged is kept", f"cart {name}: version {version}")
            self._acked[version] = op
            yield from self._see(version, answer["lines"])
        for read in self._reads:
            version = read.answer["version"]
            if version > self._cart.version:
                yield Broken("what was read is kept", f"cart {name}: version {version}")
            yield from self._see(min(version, self._last), read.answer["lines"])
        yield from self._see(self._last, self._cart.lines)

    def _see(self, version: int, lines: Iterable[Any]) -> Iterator[Broken]:
        contents = _contents(lines)
        if self._seen.setdefault(version, contents) != contents:
            yield Broken("one state per version", f"cart {self._cart.cart_id}: version {version}")

    def _walk(self, version: int, before: Contents, unknown: list[Op]) -> Contents | None:
        """Go from one version to the next; where nobody was told, by one of the unknown."""
        while version <= self._last and version in self._acked:
            after = self._skus.apply(self._acked[version].first, before)
            if after is None or after != self._seen[version]:
                return None
            before, version = after, version + 1
        if version > self._last:
            return before if self._seen.get(self._last, before) == before else None
        for op in unknown:
            after = self._skus.apply(op.first, before)
            if after is None or self._seen.get(version, after) != after:
                continue
            rest = [other for other in unknown if other is not op]
            found = self._walk(version + 1, after, rest)
            if found is not None:
                return found
        return None

    def _order_of_time(self) -> Iterator[Broken]:
        """Hold versions to the order in which clients saw things begin and end."""
        name = self._cart.cart_id
        acked = sorted(self._acked.items())
        latest_beginning = 0
        for version, op in acked:
            if op.acknowledged_at < latest_beginning:
                yield Broken("no lost update", f"cart {name}: version {version} out of order")
            latest_beginning = max(latest_beginning, op.first.began)
        for read in self._reads:
            seen = read.answer["version"]
            for version, op in acked:
                if version > seen and op.acknowledged_at < read.began:
                    yield Broken("reads are never stale", f"cart {name}: {seen} after {version}")
                if version <= seen and op.first.began > read.ended:
                    yield Broken("reads are never stale", f"cart {name}: {version} was foreseen")


# Orders, money and stock.


def _orders(ops: Sequence[Op], end: End) -> Iterator[Broken]:
    orders = {order.order_id: order for order in end.orders}
    conversions = [op for op in ops if op.first.action == "convertToOrder"]
    for op in conversions:
        for one in op.known[:1]:
            yield from _acknowledged(one, orders.get(one.answer["order_id"]))
    asked = {
        (op.first.connection, op.first.fields["cart_id"], op.first.fields["payment_intent"])
        for op in conversions
        if op.done or op.open
    }
    for order in end.orders:
        if (order.connection, order.cart_id, order.payment.intent) not in asked:
            yield Broken("nothing that nobody asked for", f"order {order.order_id}")
        yield from _whole(order, end)
    yield from _single(end)
    yield from _cancelled([op for op in ops if op.first.action == "orders.cancel"], orders)


def _whole(order: Order, end: End) -> Iterator[Broken]:
    """Hold an order to its cart and its intent, which were written with it."""
    cart = end.carts.get(order.cart_id)
    if cart is None or cart.order_id != order.order_id:
        yield Broken("nothing in between", f"order {order.order_id} and its cart")
    elif _contents(cart.lines) != _contents(order.lines):
        yield Broken("an order is its cart", f"order {order.order_id}")
    if end.intents.get(order.payment.intent) != order.cart_id:
        yield Broken("nothing in between", f"order {order.order_id} and its intent")


def _single(end: End) -> Iterator[Broken]:
    """Hold carts, numbers and intents to one order each, and to one at all where they say so."""
    for unique in (
        [order.cart_id for order in end.orders],
        [order.number for order in end.orders],
        [order.payment.intent for order in end.orders],
    ):
        for value, times in Counter(unique).items():
            if times > 1:
                yield Broken("one cart, one order", f"{value}: {times} orders")
    ordered = {order.cart_id for order in end.orders}
    for cart_id, cart in end.carts.items():
        if cart.order_id is not None and cart_id not in ordered:
            yield Broken("nothing in between", f"cart {cart_id} is converted without an order")
    for intent, claimed in end.intents.items():
        if claimed is not None and claimed not in ordered:
            yield Broken("nothing in between", f"intent {intent} is claimed without an order")


def _acknowledged(one: Attempt, order: Order | None) -> Iterator[Broken]:
    answer = one.answer
    where = f"order {answer['order_id']}"
    if order is None:
        yield Broken("what was acknowledged is kept", where)
        return
    told = (answer["number"], answer["cart_id"], answer["payment"]["intent"])
    kept = (order.number, order.cart_id, order.payment.intent)
    if told != kept or msgspec.to_builtins(order.totals) != answer["totals"]:
        yield Broken("what was acknowledged is kept", where)
    if [line["line_id"] for line in answer["lines"]] != [line.line_id for line in order.lines]:
        yield Broken("what was acknowledged is kept", f"the lines of {where}")


def _cancelled(cancels: Sequence[Op], orders: Mapping[str, Order]) -> Iterator[Broken]:
    asked = {op.first.fields["order_id"] for op in cancels if op.done or op.open}
    for order in orders.values():
        if order.status == "cancelled" and order.order_id not in asked:
            yield Broken("nothing that nobody asked for", f"cancel of {order.order_id}")
    for op in cancels:
        order = orders.get(op.first.fields["order_id"])
        if op.done and (order is None or order.status != "cancelled"):
            yield Broken("what was acknowledged is kept", f"cancel of {op.first.fields}")


def _money(end: End) -> Iterator[Broken]:
    """Hold totals to be the sum of lines, in carts and orders."""
    for one in (*end.carts.values(), *end.orders):
        totals, lines = one.totals, one.lines
        sums = (
            sum(line.quantity for line in lines),
            sum(line.subtotal for line in lines),
            sum(line.discount for line in lines),
            sum(line.tax for line in lines),
            sum(line.total for line in lines) + totals.shipping,
        )
        told = (totals.item_count, totals.subtotal, totals.discount, totals.tax, totals.total)
        if sums != told or any(line.subtotal != line.quantity * line.unit_price for line in lines):
            yield Broken("totals are the sum of lines", f"{getattr(one, 'order_id', '')}{told}")


def _stock(history: History, end: End) -> Iterator[Broken]:
    """Hold what is left and what is sold to be what there was."""
    sold: Counter[str] = Counter()
    for order in end.orders:
        tracked = {
            sku: quantity
            for sku, quantity in _contents(order.lines).items()
            if sku in history.start
        }
        if tracked != order.taken:
            yield Broken("stock + sold = start", f"order {order.order_id} took {order.taken}")
        if order.status != "cancelled":
            sold.update(tracked)
    for sku, start in history.start.items():
        left = end.stock.get(sku, 0)
        if left < 0 or left + sold[sku] != start:
            yield Broken("stock + sold = start", f"{sku}: {left} + {sold[sku]} != {start}")
