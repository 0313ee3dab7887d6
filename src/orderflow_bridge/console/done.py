"""What a form did, said on the page that it leads to while that is as the form left it."""

import hmac
from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct, json

from orderflow_bridge.console.desk import Visit
from orderflow_bridge.console.guard import same_token

__all__ = ["mark", "said"]

_DIGITS = 32


def mark(visit: Visit, word: str, thing: Struct) -> str:
    """Write for the address of a page what this session did to what the page shows."""
    state = json.encode(thing, order="deterministic")
    mac = hmac.new(visit.token.encode(), f"done\0{word}\0".encode() + state, sha256).hexdigest()
    return f"{word}.{mac[:_DIGITS]}"


def said(visit: Visit, sentences: Mapping[str, str], thing: Struct) -> str | None:
    """Give the sentence of what was done; None where nothing was, or `thing` has changed since."""
    given = visit.request.query.first("done")
    word = given.partition(".")[0]
    if word not in sentences or not same_token(mark(visit, word, thing), given):
        return None
    return sentences[word]
