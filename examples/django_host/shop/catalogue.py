"""The shop's books as the bridge sells them."""

from collections.abc import Mapping, Sequence

from django.db import close_old_connections

from orderflow_bridge.domain.product import Product as Offer
from shop.models import Product

__all__ = ["CURRENCY", "BookCatalogue"]

CURRENCY = "GBP"
_AT_ONCE = 500


class BookCatalogue:
    """Sell the table of books through the bridge: the port `ProductCatalog`.

    The bridge asks from threads, and outside the requests, that Django opens and closes
    connections for: both ends of every question do it here instead.
    """

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Offer]:
        """Give the books for sale among `skus`; the shop has prices in pounds alone."""
        close_old_connections()
        try:
            books = [
                book
                for start in range(0, len(skus), _AT_ONCE)
                for book in Product.objects.filter(
                    sku__in=skus[start : start + _AT_ONCE], for_sale=True
                )
            ]
        finally:
            close_old_connections()
        return {
            book.sku: Offer(
                sku=book.sku,
                name=f"{book.title}, {book.author}",
                unit_price=book.pence if currency == CURRENCY else None,
            )
            for book in books
        }
