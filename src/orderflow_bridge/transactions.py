"""Units that run again after a conflict, and actions that ask outside of them (protocol §2, §4)."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from orderflow_bridge.actions.action import Outside, Shop, Work
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError, Conflict, StorageUnavailable
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.domain.money import CURRENCIES
from orderflow_bridge.domain.payment import PaymentReport
from orderflow_bridge.ports import Storage, Unit

__all__ = ["carry_out", "go_outside", "transact"]

_ATTEMPTS = 3
_T = TypeVar("_T")
_log = logging.getLogger("orderflow_bridge.payments")


def transact(storage: Storage, act: Callable[[Unit], _T]) -> _T:
    """Run `act` in a writing unit and commit; run it again after a conflict, three times in all.

    Raises `StorageUnavailable` where others stayed faster; nothing happened then.
    """
    for _ in range(_ATTEMPTS):
        try:
            with storage.writing() as unit:
                return act(unit)
        except Conflict:
            continue
    raise StorageUnavailable("Too many writers at once; try again.")


def _ask(outside: Outside) -> PaymentReport | None:
    """Ask the payment provider; its failure, whatever it is, becomes one refusal."""
    try:
        return _checked(outside.ask())
    except Exception as error:  # noqa: BLE001 -- a provider may raise anything
        _log.warning("the payment provider failed: %s", whereabouts(error))
        raise BridgeError(
            "payment_provider_unavailable",
            "Nothing was ordered; sign again and retry with the same key.",
            retry_after=2,
        ) from None


def _checked(found: object) -> PaymentReport | None:
    if found is not None and not isinstance(found, PaymentReport):
        raise TypeError("a payment provider answers a PaymentReport or None")
    # Its word is stored as a settlement: the one text in it has to be what it should be.
    if found is not None and found.currency not in CURRENCIES:
        raise ValueError("a payment provider names a currency of ISO 4217")
    return found


def go_outside(
    outside: Outside,
    *,
    apply: Callable[[PaymentReport | None], _T],
    release: Callable[[], object],
) -> _T:
    """Ask, then `apply` in a unit of its own; whatever fails, `release` undoes the first unit.

    `release` is guarded by the claim: where `apply` did commit after all, it finds nothing.
    """
    try:
        return apply(_ask(outside))
    except Exception:
        # Where even this fails, the lease ends the claim.
        with suppress(Exception):
            release()
        raise


def carry_out(
    storage: Storage,
    shop: Shop,
    find_connection: Callable[[Unit], Connection],
    run: Callable[[Work], object],
) -> object:
    """Run an action for an operator: the same steps as a signed request, without its ledgers."""

    def unit_of(act: Callable[[Work], object]) -> object:
        return transact(
            storage,
            lambda unit: act(Work(shop, unit, find_connection(unit), shop.clock.now())),
        )

    outcome = unit_of(run)
    if isinstance(outcome, Outside):
        outside = outcome
        outcome = go_outside(
            outside,
            apply=lambda found: unit_of(lambda work: outside.apply(work, found)),
            release=lambda: unit_of(outside.release),
        )
    if isinstance(outcome, BridgeError):
        raise outcome
    return outcome
