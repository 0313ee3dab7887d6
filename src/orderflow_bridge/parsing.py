"""Steps 15–17: strict JSON, no card data, the action's typed schema (protocol §2).

A body that its typed schema accepts, and that cannot hold a card number, is read once. Only a body
that fails is decoded a second time without a schema, to find out which step it fails.
"""

import re
from typing import Any

import msgspec

from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.security.cards import find_card, is_card, may_hold_card

__all__ = ["parse"]

_DEEPEST = 32
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SHOWN = re.compile(r"\A[A-Za-z0-9_]{1,64}\Z")
_PLACE = re.compile(r" - at (?:`key` in )?`([^`]*)`\Z")
_UNKNOWN = re.compile(r"\AObject contains unknown field `(.*)`\Z", re.DOTALL)
_MISSING = re.compile(r"\AObject missing required field `(\w+)`\Z")
_ECHOES = re.compile(r"\AInvalid (enum|literal) value")


def parse(decoder: msgspec.json.Decoder[Any], body: bytes, *, key: str) -> Any:
    """Turn a body into the action's request; `key` is its Idempotency-Key or empty.

    Refuses `invalid_json`, `pan_detected` and `invalid_request`, in this order.
    """
    try:
        request = decoder.decode(body)
    except _UNREADABLE as error:
        document = _document(body)
        _refuse_card(document)
        _refuse_card_in_key(key)
        request = _last_named(decoder, document, error)
        _refuse_nul(document)
        return request
    if key:
        _refuse_card_in_key(key)
    if b"\\u0000" in body or may_hold_card(body):
        document = _document(body)
        _refuse_card(document)
        _refuse_nul(document)
    return request


def _last_named(
    decoder: msgspec.json.Decoder[Any], document: dict[str, Any], error: Exception
) -> Any:
    """Read once more what is left of repeated names: the last wins, whatever the others were."""
    try:
        return decoder.decode(msgspec.json.encode(document))
    except (*_UNREADABLE, OverflowError):
        raise _invalid(error, document) from None


def _refuse_nul(document: object) -> None:
    place = _find_nul(document, "")
    if place is not None:
        raise _invalid_at(place, "must not contain NUL")


def _refuse_card_in_key(key: str) -> None:
    if key and is_card(key):
        raise _card("Idempotency-Key")


def _card(path: str) -> BridgeError:
    return BridgeError(
        "pan_detected",
        "Send the payment provider's reference; card data must never reach this API.",
        {"path": path},
    )


def _refuse_card(document: object) -> None:
    place = find_card(document)
    if place is not None:
        raise _card(place)


def _document(body: bytes) -> dict[str, Any]:
    """Decode without a schema: any failure is `invalid_json`."""
    try:
        document = msgspec.json.decode(body)
    except _UNREADABLE:
        raise BridgeError(
            "invalid_json", "Send one JSON object in UTF-8 without a byte order mark."
        ) from None
    if not isinstance(document, dict):
        raise BridgeError("invalid_json", "Send a JSON object.")
    if _too_deep(document):
        raise BridgeError("invalid_json", f"Nest at most {_DEEPEST} levels.")
    return document


def _too_deep(document: object) -> bool:
    level: list[object] = [document]
    for _ in range(_DEEPEST):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
        level = [value for value in inner if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def _find_nul(value: object, place: str) -> str | None:
    if isinstance(value, str):
        return place if "\0" in value else None
    if isinstance(value, list):
        inner: list[tuple[object, object]] = list(enumerate(value))
    elif isinstance(value, dict):
        if any("\0" in key for key in value):
            return place
        inner = list(value.items())
    else:
        return None
    for name, part in inner:
        found = _find_nul(part, f"{place}/{_shown(str(name))}")
        if found is not None:
            return found
    return None


def _shown(name: str) -> str:
    """Give a field's name for a pointer; one that no schema could have is not repeated."""
    return name if _SHOWN.match(name) else "*"


def _invalid_at(path: str, message: str) -> BridgeError:
    return BridgeError(
        "invalid_request",
        "Correct what `errors` names.",
        {"errors": [{"path": path, "message": message}]},
    )


def _invalid(error: BaseException, document: dict[str, Any]) -> BridgeError:
    """Say where the schema refused the body, never with a value of it."""
    message = str(error)
    place = ""
    unknown = _UNKNOWN.match(message)
    # The name of a field may itself read like the end of a message, and tell another place.
    if unknown and unknown[1] in document:
        return _invalid_at(f"/{_shown(unknown[1])}", "is not a field here")
    found = _PLACE.search(message)
    if found:
        message = message[: found.start()]
        place = found[1].lstrip("$").replace("[...]", "/*").replace("[", "/").replace("]", "")
        place = place.replace(".", "/")
    unknown = _UNKNOWN.match(message)
    if unknown:
        return _invalid_at(f"{place}/{_shown(unknown[1])}", "is not a field here")
    missing = _MISSING.match(message)
    if missing:
        return _invalid_at(f"{place}/{missing[1]}", "is required")
    if _ECHOES.match(message):
        message = "is not one of the values allowed here"
    return _invalid_at(place, message)
