"""What the catalogue sells, as far as a page needs an example of it."""

from msgspec import Struct

from orderflow_bridge.bridge import Bridge

__all__ = ["Sample", "only_currency", "sample"]

_LOOKED_AT = 500


class Sample(Struct, frozen=True, kw_only=True):
    """A product that a first cart can hold."""

    sku: str
    currency: str


def sample(bridge: Bridge, currency: str | None) -> Sample | None:
    """Give the first product that can be bought in `currency`, or in any where that is None.

    Looks at the first 500. None where there is none, and where the catalogue is the site's own,
    which cannot be listed.
    """
    if not bridge.keeps_catalogue:
        return None
    for entry in bridge.catalogue.entries(limit=_LOOKED_AT):
        if not entry.active or entry.stock == 0:
            continue
        wanted = min(entry.prices, default="") if currency is None else currency
        if wanted in entry.prices:
            return Sample(sku=entry.sku, currency=wanted)
    return None


def only_currency(bridge: Bridge) -> str | None:
    """Give the currency of every price among the first 500 products; None where there are more."""
    if not bridge.keeps_catalogue:
        return None
    found: set[str] = set()
    for entry in bridge.catalogue.entries(limit=_LOOKED_AT):
        found.update(entry.prices)
    return found.pop() if len(found) == 1 else None
