"""What a diagnosis finds, and what it may show of a request."""

from msgspec import Struct

from orderflow_bridge.security.cards import is_card

__all__ = ["Finding", "shown"]

_LONGEST = 200
_CARD = "(not shown: it looks like a card number)"


class Finding(Struct, frozen=True):
    """What is wrong, and what the storefront's developer does about it."""

    title: str
    fix: str


def shown(part: bytes) -> str:
    """Write a part of a request for a person: escaped, cut, and never a card number."""
    text = part.decode("utf-8", "replace")
    if is_card(text):
        return _CARD
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )
