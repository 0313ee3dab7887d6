"""What is sold: the view an action needs, and the entry a catalogue keeps."""

from msgspec import Struct

__all__ = ["CatalogueEntry", "Product"]


class Product(Struct, frozen=True, kw_only=True):
    """A product for sale in one currency; `unit_price` is None where it has no price there."""

    sku: str
    name: str
    unit_price: int | None
    tax_class: str = "default"


class CatalogueEntry(Struct, frozen=True, kw_only=True):
    """A product as the default catalogue keeps it.

    `prices` maps currency to minor units; `stock` is the tracked quantity, None for untracked.
    """

    sku: str
    name: str
    prices: dict[str, int]
    tax_class: str = "default"
    active: bool = True
    stock: int | None = None
