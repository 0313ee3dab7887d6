"""What an operator does with the default catalogue."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from orderflow_bridge.audit import UNKNOWN, Audit
from orderflow_bridge.capabilities import products_of
from orderflow_bridge.catalogue.bounds import check_entry, quoted
from orderflow_bridge.catalogue.report import ImportReport, Source
from orderflow_bridge.domain.product import CatalogueEntry, Product
from orderflow_bridge.ports import Storage, Unit
from orderflow_bridge.transactions import transact

__all__ = ["Catalogue"]

_PAGE = 500


class Catalogue:
    """The products of a storage, for the operator who keeps them."""

    def __init__(self, storage: Storage, *, audit: Audit | None = None) -> None:
        self._storage = storage
        self._audit = audit

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`, by sku, as a cart in `currency` sees them."""
        with self._storage.reading() as unit:
            return products_of(unit).find(skus, currency)

    def entries(self, *, after: str = "", limit: int | None = None) -> Iterator[CatalogueEntry]:
        """Give the products in sku order, lazily: those with a sku greater than `after`.

        `limit` is the most that are given, None for all. Every 500 are read in a unit of their
        own, so that nothing is held open while the caller works.
        """
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            with self._storage.reading() as unit:
                page = products_of(unit).page(after=after, limit=size)
            yield from page
            if len(page) < size:
                return
            after = page[-1].sku
            left = None if left is None else left - len(page)

    def put(self, entries: Sequence[CatalogueEntry]) -> None:
        """Add or replace products by sku, all of them or none.

        Prices in currencies that an entry does not name stay. Raises `ValueError` that names the
        entry out of bounds.
        """
        for entry in entries:
            try:
                check_entry(entry)
            except ValueError as error:
                raise ValueError(
                    f"The product {quoted(entry.sku)} is out of bounds: {error}."
                ) from None

        def act(unit: Unit) -> None:
            for start in range(0, len(entries), _PAGE):
                products_of(unit).put(entries[start : start + _PAGE])

        transact(self._storage, act)

    def import_csv(
        self,
        source: Source,
        *,
        default_currency: str | None = None,
        skip_bad: bool = False,
        dry_run: bool = False,
        progress: Callable[[int], None] | None = None,
        actor: str = UNKNOWN,
    ) -> ImportReport:
        """Import a CSV file: see `orderflow_bridge.catalogue.csv_import.import_csv`.

        The audit is told in the same transaction: `actor`, how many products, how many rows were
        left out, and the SHA-256 of the file; nothing of what is in it.
        """
        from orderflow_bridge.catalogue.csv_import import (  # noqa: PLC0415 -- loads much, used rarely
            import_csv,
        )

        return import_csv(
            source,
            storage=self._storage,
            default_currency=default_currency,
            skip_bad=skip_bad,
            dry_run=dry_run,
            progress=progress,
            tell=lambda unit, report, digest: self._tell(unit, report, digest, actor),
        )

    def _tell(self, unit: Unit, report: ImportReport, digest: str, actor: str) -> None:
        if self._audit is not None:
            self._audit.record(
                unit,
                "catalogue.imported",
                actor=actor,
                subject="catalogue",
                details={
                    "products": report.imported,
                    "skipped": report.skipped,
                    "sha256": digest,
                },
            )
