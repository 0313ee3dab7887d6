"""What an operator does about a refusal in the browser: where to click in place of a command."""

from collections.abc import Mapping

from msgspec import Struct

__all__ = ["Remedy", "remedy"]


class Remedy(Struct, frozen=True, kw_only=True):
    """What to do, and the pages where it is done: (path under the mount, words)."""

    text: str
    links: tuple[tuple[str, str], ...] = ()


_HEALTH = ("health", "Health")
_CATALOGUE = ("catalogue", "Catalogue")

_TEXTS: Mapping[str, str] = {
    "connection_disabled": "Enable the connection, if it should be.",
    "ip_not_allowed": "Add the address to the allow-list, if it is the storefront's. Where it is"
    " the proxy's own, set `trusted_proxies` and `client_address_header`.",
    "insufficient_scope": "Grant the scopes, if it should have them.",
    "storage_unavailable": "Look at the database; the storefront tries again.",
    "unknown_sku": "Look whether the catalogue has it; else the storefront offers what is not sold"
    " here.",
    "currency_not_supported": "Look which currencies the catalogue has a price in.",
}
"""In place of advice that names commands, or is no matter of the connection."""

_ELSEWHERE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ip_not_allowed": (_HEALTH,),
    "storage_unavailable": (_HEALTH,),
    "unknown_sku": (_CATALOGUE,),
    "currency_not_supported": (_CATALOGUE,),
    "out_of_stock": (_CATALOGUE,),
}

_OF_CONNECTION: Mapping[str, tuple[str, str]] = {
    "connection_disabled": ("status", "Its status"),
    "ip_not_allowed": ("change-allow", "Its allowed addresses"),
    "insufficient_scope": ("change-scopes", "What it may do"),
    "authentication_failed": ("what", "Its key and secret"),
}
"""The section of the connection's page, and what the link says."""


def remedy(code: str | None, fix: str, *, client_id: str | None) -> Remedy:
    """Say what to do about a code; `fix` is the advice for anywhere.

    `client_id` is of the connection, None where there is none to look at.
    """
    if code is None:
        return Remedy(text=fix)
    links = _ELSEWHERE.get(code, ())
    if client_id is not None and code in _OF_CONNECTION:
        section, words = _OF_CONNECTION[code]
        links = ((f"connections/{client_id}#{section}", words), *links)
    return Remedy(text=_TEXTS.get(code, fix), links=links)
