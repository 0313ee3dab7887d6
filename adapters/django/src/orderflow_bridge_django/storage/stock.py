"""What is left of the skus that are tracked."""

from collections.abc import Mapping, Sequence

from django.db.models import F
from orderflow_bridge.domain.errors import Conflict

from orderflow_bridge_django import models
from orderflow_bridge_django.storage.session import Session

__all__ = ["Stock"]


class Stock:
    """The port `StockLedger`."""

    __slots__ = ("_rows", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = models.Stock.objects.using(session.using)

    def available(self, skus: Sequence[str]) -> Mapping[str, int]:
        """Tell what is left, of the tracked ones among `skus` only."""
        found = self._rows.filter(sku__in=skus).order_by()
        return dict(found.values_list("sku", "available"))

    def take(self, wanted: Mapping[str, int]) -> None:
        """Take from tracked skus, in sku order, never below zero.

        Raises `Conflict` where one is short or no longer tracked; the unit is to be rolled back.
        """
        self._session.must_write()
        for sku, quantity in sorted(wanted.items()):
            enough = self._rows.filter(sku=sku, available__gte=quantity)
            if enough.update(available=F("available") - quantity) != 1:
                raise Conflict("The stock moved.")

    def give_back(self, taken: Mapping[str, int]) -> None:
        """Put back what was taken, in sku order; skus that are no longer tracked are skipped."""
        self._session.must_write()
        for sku, quantity in sorted(taken.items()):
            self._rows.filter(sku=sku).update(available=F("available") + quantity)
