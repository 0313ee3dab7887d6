"""How often a connection may write: asked before the unit, or counted in it (protocol §2, step 18).

Without a rate ledger the spent signatures are the count: they are in the storage that all
processes share, and nothing more is written for it. When one was spent follows from until when it
is remembered; so one that was spent by a clock since set back, or under a larger `max_window`,
seems to be yet to come, and is not counted while it does.
"""

import logging

from orderflow_bridge.capabilities import counting
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.ports import RateLedger, Unit
from orderflow_bridge.quotas import seconds_until_room

__all__ = ["Rates"]

_log = logging.getLogger("orderflow_bridge.rates")
_MINUTE = 60
_APART = 5
"""By how many seconds the clocks of processes may differ without loosening the limit."""
_ALL = 2**31 - 1


class Rates:
    """Let each connection write `most` times a minute, over all processes; 0 limits nobody.

    `spent_for` is for how many milliseconds a signature is remembered. With a `ledger` the storage
    counts nothing.
    """

    def __init__(self, *, most: int, spent_for: int, ledger: RateLedger | None) -> None:
        self._most = most
        self._spent_for = spent_for
        self._ledger = ledger
        self._away = False

    def ask(self, connection: str, now: int) -> None:
        """Ask the rate ledger, if there is one, outside of any unit; raises `rate_limited`.

        A ledger that cannot be asked lets the write pass: it shares out the shop's time, and no
        promise about signatures, orders or money rests on it, so that it must not close the shop.
        The log says when that begins and when it ends.
        """
        if self._ledger is None or not self._most:
            return
        try:
            milliseconds = self._ledger.take(connection, now=now, most=self._most)
        except Exception as error:  # noqa: BLE001 -- a ledger may raise anything
            if not self._away:
                self._away = True
                _log.warning(
                    "writes are not limited, the rate ledger fails: %s", whereabouts(error)
                )
            return
        if self._away:
            self._away = False
            _log.warning("writes are limited again")
        if milliseconds > 0:
            raise self._refusal(-(-milliseconds // 1000))

    def count(self, unit: Unit, connection: str, now: int) -> None:
        """Count in the storage where there is no rate ledger; raises `rate_limited`."""
        most = self._most
        if not most or self._ledger is not None:
            return
        ledger = counting(unit)
        ahead = 0

        def still_there(seconds: int) -> int:
            left = now + (seconds - _MINUTE) * 1000 + self._spent_for
            return ledger.spent_after(left, connection=connection, limit=most + ahead) - ahead

        if still_there(0) < most:
            return
        # Only now: nearly always there is nothing ahead, and nobody who has room pays for the look.
        ahead = ledger.spent_after(
            now + _APART * 1000 + self._spent_for, connection=connection, limit=_ALL
        )
        if still_there(0) >= most:
            raise self._refusal(seconds_until_room(still_there, most, _MINUTE + _APART))

    def _refusal(self, seconds: int) -> BridgeError:
        return BridgeError(
            "rate_limited",
            f"This connection may write {self._most} times a minute; sign again in {seconds} s.",
            retry_after=seconds,
        )
