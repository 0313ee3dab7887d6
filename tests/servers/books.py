"""What the database must hold after a request, by the words of section 4 of docs/protocol.md."""

from collections.abc import Iterator
from typing import Any

from orderflow_bridge.capabilities import counting, counting_answers
from orderflow_bridge.ports import Unit
from tests.servers.wire import Front, Signed

__all__ = ["Books", "enter", "held_for"]

Books = dict[str, Any]
"""What is held: of each storefront by its client id, and of the whole shop by a word."""

_EVERYTHING = 1_000_000

_EFFECTS = {
    "items.add": ("mugs", "changes"),
    "cart.update": ("changes",),
}
_REMEMBERED = {
    "200": ("spent", "answers"),
    "200 stored": ("spent",),
    "422 unknown_sku": ("spent", "answers"),
    "422 unknown_sku stored": ("spent",),
    "404 cart_not_found": ("spent", "answers"),
    "409 payment_intent_used": ("spent", "answers"),
    "422 idempotency_key_reused": ("spent",),
}
"""What stays of a request besides its effect; of any other nothing does."""


def held_for(front: Front, unit: Unit) -> dict[str, int]:
    """Tell everything of a storefront that a request could add to."""
    cart = unit.carts.find(front.cart_id, connection=front.client_id)
    since = {"connection": front.client_id, "limit": _EVERYTHING}
    return {
        "mugs": cart.lines[0].quantity,
        "changes": cart.version,
        "spent": counting(unit).spent_after(0, **since),
        "answers": counting_answers(unit).kept_after(0, **since),
    }


def enter(books: Books, signed: Signed, told: str) -> None:
    """Add one for each thing that a request must leave, after the answers that were told."""
    for answer in told.split(", then "):
        for what in _left(signed, answer):
            books[signed.client_id][what] += 1


def _left(signed: Signed, answer: str) -> Iterator[str]:
    if answer == "200":
        yield from _EFFECTS.get(signed.action, ())
    for what in _REMEMBERED.get(answer, ()):
        if what != "answers" or signed.key is not None:
            yield what
