"""The shop's books as the bridge sells them."""

from collections.abc import Mapping, Sequence

from orderflow_bridge.domain.product import Product as Offer
from shop.models import Product

__all__ = ["CURRENCY", "BookCatalogue"]

CURRENCY = "GBP"


class BookCatalogue:
    """Sell the table of books through the bridge: the port `ProductCatalog`."""

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Offer]:
        """Give the books for sale among `skus`; the shop has prices in pounds alone."""
        return {
            book.sku: Offer(
                sku=book.sku,
                name=f"{book.title}, {book.author}",
                unit_price=book.pence if currency == CURRENCY else None,
            )
            for book in Product.objects.filter(sku__in=skus, for_sale=True)
        }
