"""How many of each tracked product are left."""

from collections.abc import Mapping, Sequence

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.memory.rows import Rows
from orderflow_bridge.storage.memory.session import Session

__all__ = ["Stock"]


class Stock:
    """The port `StockLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session, rows: Rows[str, int]) -> None:
        self._session = session
        self._rows = rows

    def available(self, skus: Sequence[str]) -> Mapping[str, int]:
        """Tell what is left, of the tracked ones among `skus` only."""
        found = ((sku, self._rows.get(sku)) for sku in skus)
        return {sku: left for sku, left in found if left is not None}

    def take(self, wanted: Mapping[str, int]) -> None:
        """Take from tracked skus, in sku order, never below zero.

        Raises `Conflict` where one is short or no longer tracked; the unit is to be rolled back.
        """
        self._session.must_write()
        for sku, quantity in sorted(wanted.items()):
            left = self._rows.get(sku)
            if left is None or left < quantity:
                raise Conflict("The stock moved.")
            self._rows.put(sku, left - quantity)

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Put back what was taken, in sku order; skus that are no longer tracked are skipped."""
        self._session.must_write()
        for sku, quantity in sorted(taken.items()):
            left = self._rows.get(sku)
            if left is not None:
                self._rows.put(sku, left + quantity)
