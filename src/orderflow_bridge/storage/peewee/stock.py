"""What is left of the skus that are tracked."""

from collections.abc import Mapping, Sequence

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.storage.peewee.dialect import Dialect
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["Stock", "StockStatements"]

# The rows are locked in sku order before the first is changed; an UPDATE alone picks its own order.
_HELD = (
    "WITH held AS (SELECT s.sku, w.quantity FROM ofb_stock s JOIN"
    " unnest(?::text[], ?::bigint[]) AS w(sku, quantity) ON s.sku = w.sku"
    " ORDER BY s.sku FOR UPDATE OF s)"
    " UPDATE ofb_stock s SET available = s.available {sign} held.quantity"
    " FROM held WHERE s.sku = held.sku"
)


class StockStatements:
    """What is said to `ofb_stock`."""

    __slots__ = ("available", "available_one", "columnar", "give_back", "listed", "take")

    def __init__(self, dialect: Dialect) -> None:
        say = dialect.text
        self.listed = dialect.listed
        self.columnar = dialect.columnar
        read = "SELECT sku, available FROM ofb_stock WHERE "
        self.available_one = say(read + "sku = ?")
        self.available = say(read + dialect.among("sku"))
        if self.columnar:
            self.take = say(_HELD.format(sign="-") + " AND s.available >= held.quantity")
            self.give_back = say(_HELD.format(sign="+"))
        else:
            self.take = say(
                "UPDATE ofb_stock SET available = available - ? WHERE sku = ? AND available >= ?"
            )
            self.give_back = say("UPDATE ofb_stock SET available = available + ? WHERE sku = ?")


class Stock:
    """The port `StockLedger`."""

    __slots__ = ("_session", "_sql")

    def __init__(self, session: Session, sql: StockStatements) -> None:
        self._session = session
        self._sql = sql

    def available(self, skus: Sequence[str]) -> Mapping[str, int]:
        """Tell what is left, of the tracked ones among `skus` only."""
        sql = self._sql
        if not skus:
            return {}
        if len(skus) == 1:
            return dict(self._session.all(sql.available_one, (skus[0],)))
        return dict(self._session.all(sql.available, (sql.listed(skus),)))

    def take(self, wanted: Mapping[str, int]) -> None:
        """Take from tracked skus, in sku order, never below zero.

        Raises `Conflict` where one is short or no longer tracked; the unit is to be rolled back.
        """
        self._session.must_write()
        rows = _in_order(wanted)
        count, sql = self._session.count, self._sql
        if sql.columnar:
            if rows and count(sql.take, _columns(rows)) != len(rows):
                raise Conflict("The stock moved.")
            return
        for sku, quantity in rows:
            if count(sql.take, (quantity, sku, quantity)) != 1:
                raise Conflict("The stock moved.")

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Put back what was taken, in sku order; skus that are no longer tracked are skipped."""
        self._session.must_write()
        rows = _in_order(taken)
        count, sql = self._session.count, self._sql
        if sql.columnar:
            if rows:
                count(sql.give_back, _columns(rows))
            return
        for sku, quantity in rows:
            count(sql.give_back, (quantity, sku))


def _in_order(quantities: Mapping[str, int]) -> list[tuple[str, int]]:
    # Taking none changes no row, and a database that counts changed rows would call it short.
    return sorted((sku, quantity) for sku, quantity in quantities.items() if quantity)


def _columns(rows: Sequence[tuple[str, int]]) -> tuple[list[str], list[int]]:
    return [sku for sku, _ in rows], [quantity for _, quantity in rows]
