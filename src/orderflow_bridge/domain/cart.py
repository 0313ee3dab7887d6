"""A cart: an aggregate that is locked, changed in memory and saved whole with its version."""

from typing import Literal

from msgspec import Struct, field

from orderflow_bridge.domain.customer import Address, Customer
from orderflow_bridge.domain.order import Line, Metadata, Order, Totals

__all__ = ["Cart", "CartStatus", "Conversion", "Notice"]

CartStatus = Literal["open", "converted", "expired"]


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something the buyer should see: `price_changed`, `product_unavailable`, ..."""

    code: str
    line_id: str | None = None
    before: int | None = field(default=None, name="from")
    to: int | None = None


class Conversion(Struct, frozen=True, kw_only=True):
    """A claim on the cart while a payment provider is asked outside any transaction.

    Only the holder of `token` may finish it; after `lease_until` (Unix milliseconds) anyone may
    take it over. `draft` is the order as it will be placed, with what stock was taken for it.
    """

    token: str
    lease_until: int
    draft: Order


class Cart(Struct, frozen=True, kw_only=True):
    """A basket of one connection in one currency; money in minor units, times in Unix ms.

    `own_prices` are the line ids whose unit price the caller gave: they are never refreshed.
    """

    cart_id: str
    connection: str
    version: int = 1
    currency: str
    lines: tuple[Line, ...] = ()
    own_prices: frozenset[str] = frozenset()
    totals: Totals
    customer: Customer | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: str | None = None
    note: str | None = None
    metadata: Metadata = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    created_at: int
    updated_at: int
    expires_at: int
    order_id: str | None = None
    conversion: Conversion | None = None

    def status(self, now: int) -> CartStatus:
        """Tell the status at `now` (Unix ms); expiry is computed, never written."""
        if self.order_id is not None:
            return "converted"
        return "expired" if now >= self.expires_at else "open"
