"""What is kept about a customer: exported whole, or erased without touching what was sold.

A customer is an e-mail address (`domain.erasure.same_email`). What is kept of one are orders, carts
and the answers that are stored for idempotency keys; nothing else that is kept has a customer in
it. A cart from which the customer was taken away is still theirs, address and all, as far as a
stored answer names them in it.
"""

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from orderflow_bridge.actions.action import Shop, Work
from orderflow_bridge.actions.answers import cart_answer, order_answer
from orderflow_bridge.actions.claims import give_up_claim
from orderflow_bridge.audit import UNKNOWN, Audit
from orderflow_bridge.capabilities import rewritable, searchable
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.erasure import ERASED_EMAIL, erased, same_email, spellings
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError, Conflict
from orderflow_bridge.domain.ids import RANDOM_BYTES, new_id
from orderflow_bridge.domain.order import Order
from orderflow_bridge.domain.storable import is_storable
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.ports import Answer, KeptAnswer, OrderQuery, Storage, Unit
from orderflow_bridge.transactions import transact

__all__ = ["EXPORT_FORMAT", "CustomerExport", "Customers", "Erasure"]

EXPORT_FORMAT = "orderflow-bridge/customer/1"
"""What `CustomerExport.format` says; another number means another shape."""

_BATCH = 100
# An answer may have 4 MiB and more.
_ANSWERS = 10
_T = TypeVar("_T", Cart, Order)
_Place = tuple[str, str]
"""Where a cart and its order are: the cart's id, and its connection."""


class Erasure(Struct, frozen=True, kw_only=True):
    """What an erasure did, or would do: how many of each, and what it left.

    `unpaid` are ids of orders that still wait for their payment, `converting` ids of carts that are
    becoming an order at this moment. `erasure_id` is the subject of its audit entries.
    """

    erasure_id: str | None = None
    orders: int = 0
    carts: int = 0
    answers: int = 0
    unpaid: tuple[str, ...] = ()
    converting: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing was left."""
        return not self.unpaid and not self.converting

    @property
    def is_nothing(self) -> bool:
        """Tell whether nothing was there to be erased."""
        return not (self.orders or self.carts or self.answers)

    def and_then(self, later: "Erasure") -> "Erasure":
        """Add what a later unit did."""
        return Erasure(
            erasure_id=self.erasure_id,
            orders=self.orders + later.orders,
            carts=self.carts + later.carts,
            answers=self.answers + later.answers,
            unpaid=tuple(dict.fromkeys(self.unpaid + later.unpaid)),
            converting=tuple(dict.fromkeys(self.converting + later.converting)),
        )


class CustomerExport(Struct, frozen=True, kw_only=True):
    """Everything that is kept about one customer, to be written as one JSON document.

    Orders and carts are as the protocol answers them, with their `connection` besides; answers have
    the key that they are stored for, and their `body`.
    """

    format: str
    email: str
    exported_at: datetime
    orders: Sequence[dict[str, Any]]
    carts: Sequence[dict[str, Any]]
    answers: Sequence[dict[str, Any]]


class Customers:
    """Export and erase customers; needs a storage with the capability `privacy`.

    Every method raises `ConfigurationError` without it, and `BridgeError` `invalid_request` for
    what cannot be a customer's address.
    """

    def __init__(self, *, storage: Storage, shop: Shop, audit: Audit) -> None:
        self._storage = storage
        self._shop = shop
        self._audit = audit

    def export(self, email: str, *, actor: str = UNKNOWN) -> CustomerExport:
        """Give everything that is kept about the customer with this address.

        All of it is in memory at once. The audit has an entry with the counts.
        """
        email = self._checked(email)
        orders = [order for page in self._orders(email) for order in page]
        carts = [cart for page in self._carts(email) for cart in page]
        theirs = {order.cart_id for order in orders} | {cart.cart_id for cart in carts}
        answers = [kept for _, kept in self._answers_about(email, theirs)]
        now = self._shop.clock.now()
        found = Erasure(orders=len(orders), carts=len(carts), answers=len(answers))
        transact(
            self._storage,
            lambda unit: self._record(unit, "exported", self._new_id("export"), found, actor),
        )
        return CustomerExport(
            format=EXPORT_FORMAT,
            email=email,
            exported_at=as_utc(now),
            orders=[
                {
                    "connection": order.connection,
                    **asdict(order_answer(order)),
                    "cancel_reason": order.cancel_reason,
                }
                for order in orders
            ],
            carts=[
                {
                    "connection": cart.connection,
                    **asdict(cart_answer(cart, now)),
                    "order_id": cart.order_id,
                }
                for cart in carts
            ],
            answers=[
                {
                    "connection": kept.key.connection,
                    "action": kept.key.action,
                    "idempotency_key": kept.key.key,
                    "status": kept.answer.status,
                    "body": msgspec.Raw(kept.answer.body),
                }
                for kept in answers
            ],
        )

    def look(self, email: str) -> Erasure:
        """Tell what `erase` would do now; changes nothing."""
        email = self._checked(email)
        found = Erasure()
        theirs: set[str] = set()
        left: set[str] = set()
        for orders in self._orders(email):
            theirs.update(order.cart_id for order in orders)
            unpaid = [order for order in orders if _is_unpaid(order)]
            left.update(order.cart_id for order in unpaid)
            ids = tuple(order.order_id for order in unpaid)
            found = found.and_then(Erasure(orders=len(orders) - len(unpaid), unpaid=ids))
        now = self._shop.clock.now()
        for carts in self._carts(email):
            theirs.update(cart.cart_id for cart in carts)
            converting = tuple(cart.cart_id for cart in carts if _is_converting(cart, now))
            left.update(converting)
            closed = sum(cart.cart_id not in left for cart in carts)
            found = found.and_then(Erasure(carts=closed, converting=converting))
        answers = sum(
            cart_id not in left and _answer_without(kept) != kept.answer
            for cart_id, kept in self._answers_about(email, theirs)
        )
        return found.and_then(Erasure(answers=answers))

    def erase(self, email: str, *, actor: str = UNKNOWN) -> Erasure:
        """Erase what is kept about the customer with this address; tell what was done, and left.

        Orders keep what was sold, for how much and when (`domain.erasure.erased`); carts too, and
        those that became no order expire. Stored answers are rewritten: a retry with their key
        gets the same status, and orders nothing twice. An order that waits for its payment, and a
        cart that is becoming an order, are left whole: run it again when they are settled.

        A cart, its order and their answers change in one unit; an interrupted erasure is ended by
        the next one. The audit has an entry for each unit, with the counts and without the address.
        """
        email = self._checked(email)
        done = Erasure(erasure_id=self._new_id("erasure"))
        erased_carts: set[str] = set()
        for places in self._places(email):
            # Read before the unit, which then holds its locks for a moment only.
            known = list(self._answers_about(email, {cart_id for cart_id, _ in places}))
            one, carts = self._erase(email, places, known, done, actor)
            done = done.and_then(one)
            erased_carts |= carts
        # What was stored since it was read, and answers about carts that have another customer now.
        for answers in _in_batches(self._answers_about(email, erased_carts)):
            done = done.and_then(self._rewrite(email, answers, done, actor))
        return done

    # What is found, in batches, each read in a unit of its own.

    def _orders(self, email: str) -> Iterator[Sequence[Order]]:
        for spelling in spellings(email):
            query = OrderQuery(email=spelling, limit=_BATCH)
            while True:
                with self._storage.reading() as unit:
                    found = unit.orders.search(query)
                if not found:
                    break
                yield found
                # By the place in the list, which an erasure does not move.
                query = replace(query, after=(found[-1].placed_at, found[-1].order_id))

    def _places(self, email: str) -> Iterator[Sequence[_Place]]:
        for orders in self._orders(email):
            yield [(order.cart_id, order.connection) for order in orders]
        for carts in self._carts(email):
            yield [(cart.cart_id, cart.connection) for cart in carts]

    def _carts(self, email: str) -> Iterator[Sequence[Cart]]:
        for spelling in spellings(email):
            after = ""
            while True:
                with self._storage.reading() as unit:
                    found = searchable(unit).of_email(spelling, after=after, limit=_BATCH)
                if not found:
                    break
                yield found
                after = found[-1].cart_id
        yield from self._carts_left_behind(email)

    def _carts_left_behind(self, email: str) -> Iterator[Sequence[Cart]]:
        """Give the carts that name nobody now, and named this customer in a stored answer."""
        seen: set[str] = set()
        for answers in _in_batches(self._answers_about(email, ())):
            named = {cart_id: kept.key.connection for cart_id, kept in answers}
            with self._storage.reading() as unit:
                found = [
                    cart
                    for cart_id, connection in named.items()
                    if cart_id not in seen
                    and (cart := unit.carts.find(cart_id, connection=connection)) is not None
                    and _is_nobodys(cart, unit.orders.of_cart(cart_id))
                ]
            if found:
                yield found
                seen.update(cart.cart_id for cart in found)

    def _answers_about(
        self, email: str, theirs: Container[str]
    ) -> Iterator[tuple[str, KeptAnswer]]:
        """Walk every stored answer; give those about this customer, each with its cart's id."""
        with self._storage.reading() as unit:
            connections = [one.client_id for one in unit.connections.all()]
        for connection in connections:
            after: tuple[str, str] | None = None
            while True:
                with self._storage.reading() as unit:
                    found = rewritable(unit).page(
                        connection=connection, after=after, limit=_ANSWERS
                    )
                if not found:
                    break
                for kept in found:
                    cart_id = _cart_shown(kept, email, theirs)
                    if cart_id is not None:
                        yield cart_id, kept
                after = (found[-1].key.action, found[-1].key.key)

    # What is changed, in one unit each.

    def _erase(
        self,
        email: str,
        places: Sequence[_Place],
        answers: Sequence[tuple[str, KeptAnswer]],
        so_far: Erasure,
        actor: str,
    ) -> tuple[Erasure, set[str]]:
        """Erase carts, their orders and the answers about them; name the carts that were."""

        def act(unit: Unit) -> tuple[Erasure, set[str]]:
            done, carts = Erasure(), set[str]()
            # In one order everywhere, so that two erasures do not wait for each other.
            for cart_id, connection in sorted(places):
                one = self._erase_one(unit, cart_id, connection, email)
                if one.orders or one.carts:
                    carts.add(cart_id)
                done = done.and_then(one)
            rewritten = sum(_rewritten(unit, kept) for cart_id, kept in answers if cart_id in carts)
            done = done.and_then(Erasure(answers=rewritten))
            if not done.is_nothing:
                self._record(unit, "erased", so_far.erasure_id or "", done, actor)
            return done, carts

        return transact(self._storage, act)

    def _erase_one(self, unit: Unit, cart_id: str, connection: str, email: str) -> Erasure:
        """Erase a cart and its order; whoever writes either, or answers about it, waits here."""
        now = self._shop.clock.now()
        cart = unit.carts.lock(cart_id, connection=connection)
        placed = order = unit.orders.of_cart(cart_id)
        if order is not None and not same_email(order.customer.email, email):
            order = None
        if order is not None and _is_unpaid(order):
            return Erasure(unpaid=(order.order_id,))
        if cart is not None and _is_converting(cart, now):
            return Erasure(converting=(cart_id,))
        if cart is not None and (
            order is not None
            or _is_nobodys(cart, placed)
            or (cart.customer is not None and same_email(cart.customer.email, email))
        ):
            self._erase_cart(unit, cart, now)
        else:
            cart = None
        if order is not None and not unit.orders.save(_without(order), expecting=order.status):
            raise Conflict
        return Erasure(orders=int(order is not None), carts=int(cart is not None))

    def _erase_cart(self, unit: Unit, cart: Cart, now: int) -> None:
        owner = unit.connections.find(cart.connection)
        if cart.conversion is not None and owner is not None:
            free = give_up_claim(Work(self._shop, unit, owner, now), cart)
        else:
            free = replace(cart, conversion=None)
        left = _without(free)
        if left.order_id is None:
            left = replace(left, expires_at=min(left.expires_at, now))
        unit.carts.save(
            replace(left, version=cart.version + 1, updated_at=now), replacing=cart.version
        )

    def _rewrite(
        self,
        email: str,
        answers: Sequence[tuple[str, KeptAnswer]],
        so_far: Erasure,
        actor: str,
    ) -> Erasure:
        """Erase answers by themselves, but for those about what is kept whole."""

        def act(unit: Unit) -> Erasure:
            done = Erasure(
                answers=sum(
                    not _is_theirs(unit, cart_id, kept.key.connection, email)
                    and _rewritten(unit, kept)
                    for cart_id, kept in answers
                )
            )
            if not done.is_nothing:
                self._record(unit, "erased", so_far.erasure_id or "", done, actor)
            return done

        return transact(self._storage, act)

    def _record(self, unit: Unit, what: str, subject: str, done: Erasure, actor: str) -> None:
        self._audit.record(
            unit,
            f"customer.{what}",
            actor=actor,
            subject=subject,
            details={"orders": done.orders, "carts": done.carts, "answers": done.answers},
        )

    def _new_id(self, prefix: str) -> str:
        return new_id(prefix, self._shop.clock.now(), self._shop.entropy.token(RANDOM_BYTES))

    def _checked(self, email: str) -> str:
        if "privacy" not in self._storage.capabilities:
            raise ConfigurationError(
                f"{type(self._storage).__name__} can neither export nor erase a customer: choose a"
                " storage with the capability `privacy`."
            )
        email = email.strip()
        if not email:
            raise _no_email("is needed")
        if not is_storable(email):
            raise _no_email("has characters that no customer's can have")
        if same_email(email, ERASED_EMAIL):
            raise _no_email("is whoever was erased, and nobody")
        return email


def _no_email(message: str) -> BridgeError:
    return BridgeError(
        "invalid_request",
        "Give a customer's e-mail address.",
        {"errors": [{"path": "/email", "message": message}]},
    )


def _is_unpaid(order: Order) -> bool:
    return order.status == "pending_payment"


def _is_converting(cart: Cart, now: int) -> bool:
    return cart.conversion is not None and now < cart.conversion.lease_until


def _is_nobodys(cart: Cart, order: Order | None) -> bool:
    return cart.customer is None and order is None


def _is_theirs(unit: Unit, cart_id: str, connection: str, email: str) -> bool:
    """Tell whether a cart, or the order that it became, is this customer's now."""
    found = (unit.carts.find(cart_id, connection=connection), unit.orders.of_cart(cart_id))
    return any(
        one is not None and one.customer is not None and same_email(one.customer.email, email)
        for one in found
    )


def _without(kept: _T) -> _T:
    return msgspec.convert(erased(msgspec.to_builtins(kept)), type(kept))


# Stored answers: a cart, an order, or a refusal with a cart in it.


class _Buyer(Struct, frozen=True):
    email: str


class _Shown(Struct, frozen=True):
    """What an answer tells of whom it is about."""

    cart_id: str | None = None
    customer: _Buyer | None = None
    cart: "_Shown | None" = None


_decode = msgspec.json.Decoder(_Shown).decode


def _cart_shown(kept: KeptAnswer, email: str, theirs: Container[str]) -> str | None:
    """Name the cart that an answer is about, where it tells of this customer.

    Or of nobody, in one of the carts that are `theirs`.
    """
    try:
        shown = _decode(kept.answer.body)
    except msgspec.MsgspecError:
        return None
    shown = shown.cart or shown
    if shown.customer is None:
        return shown.cart_id if shown.cart_id in theirs else None
    return shown.cart_id if same_email(shown.customer.email, email) else None


def _in_batches(
    answers: Iterator[tuple[str, KeptAnswer]],
) -> Iterator[Sequence[tuple[str, KeptAnswer]]]:
    while batch := list(islice(answers, _ANSWERS)):
        yield batch


def _rewritten(unit: Unit, kept: KeptAnswer) -> bool:
    """Rewrite a stored answer, if there is anything to be erased in it; tell whether it was."""
    without = _answer_without(kept)
    return without != kept.answer and rewritable(unit).rewrite(
        kept.key, without, replacing=kept.answer
    )


def _answer_without(kept: KeptAnswer) -> Answer:
    document = msgspec.json.decode(kept.answer.body)
    if isinstance(document.get("cart"), dict):
        document["cart"] = erased(document["cart"])
    else:
        document = erased(document)
    return Answer(kept.answer.status, msgspec.json.encode(document))
