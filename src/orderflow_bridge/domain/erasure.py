"""Whose data it is, and what is left of a cart or an order when its customer is erased."""

import unicodedata
from itertools import product
from typing import Any

__all__ = ["ERASED", "ERASED_EMAIL", "erased", "same_email", "spellings"]

ERASED = "erased"
"""What stands in the place of a text that an address must have."""

ERASED_EMAIL = "erased@customer.invalid"
"""The address of every erased customer; RFC 2606 keeps `.invalid` from being anybody's."""

_MOST_ACCENTS = 5
"""An address with more is searched in three forms; each form is a walk through every cart."""

_FREE_TEXT: dict[str, Any] = {
    "note": None,
    "metadata": {},
    "purchase_order": None,
    "cancel_reason": None,
}
_FREE_TEXT_OF_A_LINE: dict[str, Any] = {"options": {}, "metadata": {}}


def same_email(one: str, other: str) -> bool:
    """Tell whether two addresses are one: as a whole, without case, in Unicode's form NFC.

    Blanks around them do not count. Everything else does: `zoe+shop@` and `z.oe@` are not `zoe@`.
    """
    return _key(one) == _key(other)


def spellings(email: str) -> tuple[str, ...]:
    """Give the forms in which an address may be kept, for a search that ignores nothing but case.

    As it was given, composed and decomposed; and, where no more than five of its letters can be
    taken apart, with some of them composed and others not.
    """
    email = email.strip()
    composed = unicodedata.normalize("NFC", email)
    forms = [email, composed, unicodedata.normalize("NFD", email)]
    letters = [dict.fromkeys((one, unicodedata.normalize("NFD", one))) for one in composed]
    if sum(len(ways) > 1 for ways in letters) <= _MOST_ACCENTS:
        forms += map("".join, product(*letters))
    return tuple({form.lower(): form for form in forms}.values())


def _key(email: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email.strip()).lower())


def erased(document: dict[str, Any]) -> dict[str, Any]:
    """Give the JSON of a cart or an order, as it is kept or as it was answered, without its person.

    What says who it was, and every text that a buyer or a storefront wrote, is gone or `ERASED`.
    Ids, times, status, the payment's reference, each line's sku, name, quantity and money, the
    totals, the shipping method and the country of an address stay. What was null stays null.
    """
    left = dict(document)
    for name, blank in _FREE_TEXT.items():
        if name in left:
            left[name] = blank
    if left.get("customer") is not None:
        left["customer"] = {"email": ERASED_EMAIL}
    for name in ("shipping_address", "billing_address"):
        address = left.get(name)
        if address is not None:
            left[name] = {
                "name": ERASED, "line1": ERASED, "city": ERASED, "country": address["country"],
            }  # fmt: skip
    if "lines" in left:
        left["lines"] = [line | _FREE_TEXT_OF_A_LINE for line in left["lines"]]
    return left
