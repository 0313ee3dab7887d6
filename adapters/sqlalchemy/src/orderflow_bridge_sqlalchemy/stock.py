"""What is left of the skus that are tracked."""

from collections.abc import Mapping, Sequence

from orderflow_bridge.domain.errors import Conflict
from sqlalchemy import bindparam, select, update

from orderflow_bridge_sqlalchemy.executor import Executor, in_pieces
from orderflow_bridge_sqlalchemy.tables import Tables

__all__ = ["Stock", "StockStatements"]


class StockStatements:
    """What is said to the table of stock."""

    __slots__ = ("available", "give_back", "lock", "take")

    def __init__(self, tables: Tables) -> None:
        table = tables.stock
        sku, available = table.c.sku, table.c.available
        self.available = select(sku, available).where(sku.in_(bindparam("skus", expanding=True)))
        # The rows are locked in sku order before the first is changed.
        self.lock = self.available.order_by(sku).with_for_update()
        change = update(table).where(sku == bindparam("of_sku"))
        self.take = change.values(available=available - bindparam("quantity"))
        self.give_back = change.values(available=available + bindparam("quantity"))


class Stock:
    """The port `StockLedger`."""

    __slots__ = ("_executor", "_say")

    def __init__(self, executor: Executor, statements: StockStatements) -> None:
        self._executor = executor
        self._say = statements

    def available(self, skus: Sequence[str]) -> Mapping[str, int]:
        """Tell what is left, of the tracked ones among `skus` only."""
        return {
            sku: left
            for piece in in_pieces(skus)
            for sku, left in self._executor.all(self._say.available, skus=piece)
        }

    def take(self, wanted: Mapping[str, int]) -> None:
        """Take from tracked skus, in sku order, never below zero.

        Raises `Conflict` where one is short or no longer tracked; nothing was taken then.
        """
        self._executor.must_write()
        left = self._locked(wanted)
        if any(quantity > left.get(sku, -1) for sku, quantity in wanted.items()):
            raise Conflict("The stock moved.")
        self._executor.many(self._say.take, _rows(wanted))

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Put back what was taken, in sku order; skus that are no longer tracked are skipped."""
        self._executor.must_write()
        self._locked(taken)
        self._executor.many(self._say.give_back, _rows(taken))

    def _locked(self, quantities: Mapping[str, int]) -> dict[str, int]:
        return {
            sku: left
            for piece in in_pieces(sorted(quantities))
            for sku, left in self._executor.all(self._say.lock, skus=piece)
        }


def _rows(quantities: Mapping[str, int]) -> list[dict[str, object]]:
    return [{"of_sku": sku, "quantity": quantity} for sku, quantity in sorted(quantities.items())]
