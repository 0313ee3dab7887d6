"""The bounds of the fields that storefronts fill, as types (protocol §4, "Bounds")."""

from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "CartPart",
    "Currency",
    "ItemMetadata",
    "ItemToAdd",
    "Items",
    "Method",
    "Note",
    "Options",
    "Quantity",
    "own_price_scopes",
]

Currency = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
Note = Annotated[str, Meta(max_length=2_000)]
Method = Annotated[str, Meta(min_length=1, max_length=64)]
Options = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=64)],
        Annotated[str, Meta(max_length=200)],
    ],
    Meta(max_length=20),
]
_SAFE = 2**53 - 1
ItemMetadata = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40)],
        Annotated[str, Meta(max_length=500)] | Annotated[int, Meta(ge=-_SAFE, le=_SAFE)] | bool,
    ],
    Meta(max_length=50),
]


Quantity = Annotated[int, Meta(ge=0, le=_SAFE)]


class CartPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every request about one cart starts with."""

    cart_id: str


class ItemToAdd(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One item to be added; `unit_price` (minor units) and `name` need the scope `prices:write`."""

    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=_SAFE)]
    options: Options = {}
    metadata: ItemMetadata | None = None
    unit_price: Annotated[int, Meta(ge=0)] | None = None
    name: Annotated[str, Meta(min_length=1, max_length=300)] | None = None

    def __post_init__(self) -> None:
        if not self.sku.isprintable():
            raise ValueError("`sku` must be printable characters")
        if self.name is not None and self.unit_price is None:
            raise ValueError("`name` goes with `unit_price`")


Items = Annotated[tuple[ItemToAdd, ...], Meta(min_length=1)]

_PRICES = frozenset({"prices:write"})
_NONE: frozenset[str] = frozenset()


def own_price_scopes(items: tuple[ItemToAdd, ...]) -> frozenset[str]:
    """Name the scope that items with a caller's own price or name need."""
    return _PRICES if any(item.unit_price is not None for item in items) else _NONE
