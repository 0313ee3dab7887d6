"""Purging of what has expired: bounded, and there by name (protocol §2, §4)."""

import logging
from collections.abc import Callable
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from orderflow_bridge.actions.action import Shop, Work
from orderflow_bridge.actions.claims import give_up_claim
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.domain.order import Order
from orderflow_bridge.ports import OrderQuery, Storage, Unit
from orderflow_bridge.transactions import transact

__all__ = ["Maintenance", "Purged"]

_log = logging.getLogger("orderflow_bridge.maintenance")
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
        """Purge up to `limit` of each kind; cancelling an unpaid order asks the provider first."""
        now = self._shop.clock.now()
        expired_before = now - self._shop.settings.cart_retention * 1000

        def forget(unit: Unit) -> Purged:
            return Purged(
                signatures=unit.replays.purge(before=now, limit=limit),
                answers=unit.answers.purge(before=now, limit=limit),
                carts=unit.carts.purge(before=expired_before, limit=limit),
            )

        purged = transact(self._storage, forget)
        return replace(
            purged,
            claims=self._free_crashed(now, limit),
            unpaid_orders=self._cancel_unpaid(now, limit),
        )

    def after_write(self) -> None:
        """Purge a little now and then; a failure is logged and tried again later."""
        if next(self._writes) % _EVERY:
            return
        try:
            now = self._shop.clock.now()
            transact(
                self._storage,
                lambda unit: (
                    unit.replays.purge(before=now, limit=_BATCH),
                    unit.answers.purge(before=now, limit=_BATCH),
                ),
            )
            if self._shop.payments is None:
                self._free_crashed(now, 1)
                self._cancel_unpaid(now, 1)
        except Exception as error:  # noqa: BLE001 -- never the storefront's business
            _log.warning("purging failed: %s", whereabouts(error))

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
