"""The ways in which a text may be written down: what hides from a plain search."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

__all__ = ["grouped", "inside_base64", "spellings"]

_TO_URL = bytes.maketrans(b"+/", b"-_")
_BETWEEN = rb"(?:[^0-9A-Za-z]|\\u[0-9a-f]{4}|%[0-9A-F]{2}){0,3}"


def spellings(text: str | bytes) -> Mapping[bytes, str]:
    """Give each way to write `text`, with the name of the way."""
    raw = text if isinstance(text, bytes) else text.encode()
    found = {raw: "plain", raw.hex().encode(): "hex", raw.hex().upper().encode(): "hex"}
    if isinstance(text, bytes):
        return found | {b64encode(raw).rstrip(b"="): "base64"}
    for part in inside_base64(raw):
        found.setdefault(part, "base64")
        found.setdefault(part.translate(_TO_URL), "base64url")
    for spelled, way in (
        (json.dumps(text)[1:-1], "JSON-escaped"),
        (ascii(text)[1:-1], "escaped"),
        (quote(text, safe=""), "URL-encoded"),
        (quote_plus(text), "URL-encoded"),
    ):
        found.setdefault(spelled.encode(), way)
    for order in ("le", "be"):
        found.setdefault(text.encode(f"utf-16-{order}"), "UTF-16")
    return found


def inside_base64(raw: bytes) -> Iterator[bytes]:
    """Give what `raw` is in any base64 that holds it: whatever stands around it, and wherever."""
    for before in range(3):
        encoded = b64encode(bytes(before) + raw)
        # What its neighbours have a part in is left out.
        yield encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def grouped(number: str) -> re.Pattern[bytes]:
    """Match the digits of a card in groups or in one, with up to three signs between groups."""
    sizes = {15: (4, 6, 5)}.get(len(number), (4, 4, 4, 4))
    groups, at = [], 0
    for size in sizes:
        groups.append(number[at : at + size].encode())
        at += size
    # A longer number is another number.
    return re.compile(rb"(?<![0-9])" + _BETWEEN.join(groups) + rb"(?![0-9])")
