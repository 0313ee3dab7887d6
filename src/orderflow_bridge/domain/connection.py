"""An inbound connection: who may call the bridge, with what, and from where."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

__all__ = ["PRESETS", "SCOPES", "Connection", "Issue", "Status"]

Status = Literal["enabled", "disabled"]

SCOPES = ("carts:read", "carts:write", "orders:read", "orders:write", "prices:write")
"""Every scope there is, in the order operators see them."""

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "storefront": ("carts:read", "carts:write", "orders:read", "orders:write"),
        "reporting": ("carts:read", "orders:read"),
    }
)
"""What most connections may do, by name."""


class Issue(Struct, frozen=True, array_like=True):
    """What a secret is derived from: a master key's id and a nonce (protocol §1)."""

    key_id: str
    nonce: bytes


class Connection(Struct, frozen=True, kw_only=True):
    """A storefront's way in, as an operator made it.

    `allow_list` holds addresses and CIDR ranges as text; empty allows every address. `window` is
    the replay window in seconds. `previous` still verifies until `previous_until` (Unix
    milliseconds). Times are Unix milliseconds.
    """

    client_id: str
    name: str
    channel: str
    status: Status = "enabled"
    scopes: frozenset[str]
    allow_list: tuple[str, ...] = ()
    window: int = 60
    default_currency: str | None = None
    current: Issue
    previous: Issue | None = None
    previous_until: int = 0
    created_at: int
    updated_at: int
