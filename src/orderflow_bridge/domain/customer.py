"""Who buys, and where it goes (protocol §4)."""

from typing import Annotated

from msgspec import Meta, Struct

from orderflow_bridge.domain.countries import COUNTRIES

__all__ = ["Address", "Customer"]

_Line = Annotated[str, Meta(min_length=1, max_length=200)]
_Email = Annotated[str, Meta(max_length=254, pattern=r"\A[^@\s\x00]+@[^@\s\x00]+\Z")]


class Address(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A postal address; `country` is ISO 3166-1 alpha-2."""

    name: _Line
    line1: _Line
    line2: _Line | None = None
    city: _Line
    region: _Line | None = None
    postal_code: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    country: str
    phone: Annotated[str, Meta(min_length=1, max_length=40)] | None = None

    def __post_init__(self) -> None:
        if self.country not in COUNTRIES:
            raise ValueError("`country` is not an ISO 3166-1 alpha-2 code")


class Customer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The buyer; only `email` is needed."""

    email: _Email
    name: _Line | None = None
    phone: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    company: _Line | None = None
    external_id: _Line | None = None
