"""Purging of what has expired: bounded, and there by name (protocol §2, §4)."""

import logging
from bisect import bisect_left
from collections.abc import Callable
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from orderflow_bridge.actions.action import Shop, Work
from orderflow_bridge.actions.claims import give_up_claim
from orderflow_bridge.capabilities import counting, journal_of, sessions_of
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.domain.order import Order
from orderflow_bridge.ports import OrderQuery, Storage, Unit
from orderflow_bridge.security.spent import forgettable_before, remembered_for
from orderflow_bridge.transactions import transact

__all__ = ["Maintenance", "Purged"]

_log = logging.getLogger("orderflow_bridge.maintenance")
_DAY = 86_400_000  # milliseconds
_EVERY = 128
_BATCH = 256
_UNAVAILABLE = frozenset({"payment_provider_unavailable", "storage_unavailable"})
_HOLD_REASON = "unpaid for too long"


class Purged(Struct, frozen=True, kw_only=True):
    """What a purge did: how many of each were forgotten, freed or cancelled."""

    signatures: int = 0
    answers: int = 0
    carts: int = 0
    claims: int = 0
    unpaid_orders: int = 0
    sessions: int = 0
    journal_entries: int = 0


class Maintenance:
    """Forget what has expired, in batches that no other writer has to wait long for."""

    def __init__(
        self, *, storage: Storage, shop: Shop, cancel: Callable[[Order, str], object]
    ) -> None:
        self._storage = storage
        self._shop = shop
        self._cancel = cancel
        self._writes = count(1)

    def purge(self, *, limit: int = 1_000) -> Purged:
        """Purge up to `limit` of each kind; cancelling an unpaid order asks the provider first.

        Signatures are forgotten as far as the writes after them prove that the clock is right: the
        last ones before a pause stay until there are new ones. A storage without `rates` cannot
        tell, and is believed its clock.
        """
        now = self._shop.clock.now()
        spent_before = self._forgettable_before(now)
        expired_before = now - self._shop.settings.cart_retention * 1000
        signs_in = "sessions" in self._storage.capabilities

        def forget(unit: Unit) -> Purged:
            return Purged(
                signatures=unit.replays.purge(before=spent_before, limit=limit),
                answers=unit.answers.purge(before=now, limit=limit),
                carts=unit.carts.purge(before=expired_before, limit=limit),
                sessions=sessions_of(unit).purge(before=now, limit=limit) if signs_in else 0,
            )

        purged = transact(self._storage, forget)
        return replace(
            purged,
            claims=self._free_crashed(now, limit),
            unpaid_orders=self._cancel_unpaid(now, limit),
            journal_entries=self._shorten_journal(now, limit),
        )

    def after_write(self, arrived: int) -> None:
        """Purge a little now and then; a failure is logged and tried again later.

        `arrived` is when the write did (Unix ms), and its storefront agreed: no other proof is
        needed. The clock of now may have jumped since, while others were asked.
        """
        if next(self._writes) % _EVERY:
            return
        widest = self._shop.settings.max_window
        spent_before = forgettable_before(
            arrived + remembered_for(widest), now=arrived, widest=widest
        )
        try:
            transact(
                self._storage,
                lambda unit: (
                    unit.replays.purge(before=spent_before, limit=_BATCH),
                    unit.answers.purge(before=arrived, limit=_BATCH),
                ),
            )
            if self._shop.payments is None:
                self._free_crashed(arrived, 1)
                self._cancel_unpaid(arrived, 1)
        except Exception as error:  # noqa: BLE001 -- never the storefront's business
            _log.warning("purging failed: %s", whereabouts(error))

    def _forgettable_before(self, now: int) -> int:
        if "rates" not in self._storage.capabilities:
            return now
        widest = self._shop.settings.max_window
        with self._storage.reading() as unit:
            latest = _latest(unit, now + remembered_for(widest))
        return forgettable_before(latest, now=now, widest=widest)

    def _shorten_journal(self, now: int, limit: int) -> int:
        """Forget what is too old, and of each connection what is too many."""
        if "journal" not in self._storage.capabilities:
            return 0
        settings = self._shop.settings
        before = now - settings.journal_days * _DAY
        with self._storage.reading() as unit:
            owners = [None, *(one.client_id for one in unit.connections.all())]
        gone = transact(
            self._storage, lambda unit: journal_of(unit).purge(before=before, limit=limit)
        )
        for owner in owners:
            if gone >= limit:
                break
            # A unit for each, so that the shop's own writers get their turns in between.
            gone += transact(self._storage, _trimming(owner, settings.journal_rows, limit - gone))
        return gone

    def _free_crashed(self, now: int, limit: int) -> int:
        with self._storage.reading() as unit:
            crashed = unit.carts.crashed(before=now, limit=limit)
        return sum(transact(self._storage, _freeing(self._shop, cart)) for cart in crashed)

    def _cancel_unpaid(self, now: int, limit: int) -> int:
        hold = self._shop.settings.payment_hold
        if not hold:
            return 0
        query = OrderQuery(status="pending_payment", placed_before=now - hold * 1000, limit=limit)
        cancelled = 0
        while cancelled < limit:
            with self._storage.reading() as unit:
                unpaid = unit.orders.search(query)
            for order in unpaid:
                try:
                    self._cancel(order, _HOLD_REASON)
                    cancelled += 1
                except BridgeError as refusal:
                    _log.warning("unpaid order %s was not cancelled: %s", order.order_id, refusal)
                    if refusal.code in _UNAVAILABLE:
                        return cancelled
            if len(unpaid) < limit:
                break
            # What refuses stays, and must not hide what is older.
            query = replace(query, after=(unpaid[-1].placed_at, unpaid[-1].order_id))
        return cancelled


def _latest(unit: Unit, end: int) -> int:
    """Find until when the signature that was spent last is remembered, to the second before.

    Answers a time before `end`, in Unix ms; 0 where nothing was spent.
    """
    ledger, second = counting(unit), 0
    for connection in unit.connections.all():
        client_id = connection.client_id

        def none_after(tried: int, client_id: str = client_id) -> bool:
            return not ledger.spent_after(tried * 1000, connection=client_id, limit=1)

        # Mostly one question each: few are later than all before them.
        if not none_after(second):
            second += bisect_left(range(second, end // 1000), x=True, key=none_after) - 1
    return second * 1000


def _trimming(owner: str | None, keep: int, limit: int) -> Callable[[Unit], int]:
    """Make the act that leaves a connection its newest entries."""
    return lambda unit: journal_of(unit).trim(owner, keep=keep, limit=limit)


def _freeing(shop: Shop, found: Cart) -> Callable[[Unit], int]:
    """Make the act that frees one crashed claim, if it is still the one that was found."""

    def act(unit: Unit) -> int:
        now = shop.clock.now()
        cart = unit.carts.lock(found.cart_id, connection=found.connection)
        connection = unit.connections.find(found.connection)
        if cart is None or connection is None or cart.conversion is None:
            return 0
        if now < cart.conversion.lease_until:
            return 0
        free = give_up_claim(Work(shop, unit, connection, now), cart)
        unit.carts.save(replace(free, version=cart.version + 1), replacing=cart.version)
        return 1

    return act
