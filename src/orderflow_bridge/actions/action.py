"""What an action is, and what it works with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orderflow_bridge.capabilities import products_of, stock_of
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.ids import RANDOM_BYTES, new_id
from orderflow_bridge.domain.product import Product
from orderflow_bridge.ports import (
    Clock,
    Entropy,
    Payments,
    Pricing,
    ProductCatalog,
    StockLedger,
    Unit,
)
from orderflow_bridge.settings import Settings

__all__ = ["Action", "Outside", "Shop", "Work"]

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What every action sells with; the same for the life of a bridge.

    `catalogue` None is the storage's own; `payments` None is the ledger of what the host settled.
    """

    settings: Settings
    pricing: Pricing
    clock: Clock
    entropy: Entropy
    catalogue: ProductCatalog | None = None
    payments: Payments | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One action's surroundings: the open unit, who asks, and the time (Unix ms)."""

    shop: Shop
    unit: Unit
    connection: Connection
    now: int

    def new_id(self, prefix: str) -> str:
        """Make an id of this moment."""
        return new_id(prefix, self.now, self.shop.entropy.token(RANDOM_BYTES))

    def find_products(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Ask the catalogue once for all of `skus`."""
        if not skus:
            return {}
        catalogue = self.shop.catalogue
        return (products_of(self.unit) if catalogue is None else catalogue).find(skus, currency)

    @property
    def stock(self) -> StockLedger:
        """Give the tracked stock; one that tracks nothing where the storage has none."""
        return stock_of(self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """An action that needs a payment provider's word before it can go on (protocol §4).

    Its unit commits first; then `ask` is called outside any transaction; then `apply` runs in a
    unit of its own with what `ask` gave. Where `ask` raises, `release` undoes the first unit.
    """

    ask: Callable[[], Any]
    apply: Callable[[Work, Any], object]
    release: Callable[[Work], None]


def _no_more(_request: Any) -> frozenset[str]:
    return _NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of the protocol: its request's shape, its scopes and its function.

    `run` gives the answer to be encoded, or an `Outside`. It refuses by raising `BridgeError`
    before its first change; a refusal whose changes must stay is returned instead of raised.
    `more_scopes` names scopes that only some requests need.
    """

    request: type
    scopes: frozenset[str]
    writes: bool
    run: Callable[[Work, Any], object | Outside | BridgeError]
    more_scopes: Callable[[Any], frozenset[str]] = _no_more
