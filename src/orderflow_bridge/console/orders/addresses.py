"""Postal addresses, as letters to a country have them."""

from collections.abc import Sequence

from orderflow_bridge.domain.customer import Address

__all__ = ["lines_of"]

# Where the code has a line below the town, and where it ends the line of town and region.
_BELOW = frozenset({"GB", "GG", "IE", "IM", "JE"})
_BEHIND = frozenset({"AU", "CA", "IN", "NZ", "SG", "US"})


def lines_of(address: Address) -> Sequence[str]:
    """Give the lines from the name to the postal code; what is not known is left out."""
    town, region, code = address.city, address.region, address.postal_code
    place: tuple[str | None, ...] = (_joined(code, town), region)
    if address.country in _BELOW:
        place = (town, region, code)
    elif address.country in _BEHIND:
        place = (_joined(town, region, code),)
    return [line for line in (address.name, address.line1, address.line2, *place) if line]


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
