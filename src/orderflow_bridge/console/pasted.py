"""A request as an operator pastes it: headers and a body, read as they would have arrived."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.console.forms import Fields
from orderflow_bridge.console.zones import Zone
from orderflow_bridge.diagnosis import Received
from orderflow_bridge.security.cards import find_card, is_card, may_hold_card

__all__ = ["METHODS", "Pasted", "read_pasted"]

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")

_TEXTS = ("connection", "action", "method", "at", "headers", "body", "digest", "ends")
_ONCE: Mapping[str, str] = {
    "x-client-id": "X-Client-Id",
    "x-timestamp": "X-Timestamp",
    "x-signature": "X-Signature",
    "idempotency-key": "Idempotency-Key",
}
_REQUEST_LINE = re.compile(r"[A-Z]+ \S+ HTTP/[0-9.]+")
_SECRET = re.compile(r"ofs_[A-Za-z0-9_-]{20,}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_CARD = "It holds what looks like card data, so it is not shown again. Take that out."
_TOO_DEEP = "It is nested too deeply to be looked through, so it is not shown again."
_LEAKED = (
    "It holds a connection's secret, so it is not shown again. Nobody needs it here; rotate it if"
    " others have seen it."
)


class Pasted(Struct, frozen=True, kw_only=True):
    """What was typed, and the request it makes; None where `errors` say why it makes none.

    `typed` is without what may not be shown again. `at` is when it was sent, in Unix ms, None for
    now.
    """

    typed: Mapping[str, str]
    errors: Mapping[str, Sequence[str]]
    received: Received | None
    at: int | None


def read_pasted(form: Fields, zone: Zone, *, connections: Sequence[str], mount: str) -> Pasted:
    """Read the form; `connections` are the client ids that there are, `mount` the bridge's path."""
    typed = {name: _typed(form, name) for name in _TEXTS}
    errors: dict[str, Sequence[str]] = {}
    for name, text in typed.items():
        refusal = _unshowable(text.encode("utf-8", "replace"))
        if refusal is not None:
            typed[name] = ""
            errors[name] = [refusal]
    file = form.files.get("file") or b""
    refusal = _unshowable(file)
    if refusal is not None:
        errors["file"] = [refusal]
    headers, problems = _headers(typed["headers"])
    if problems and "headers" not in errors:
        errors["headers"] = problems
    at = zone.moment(typed["at"])
    for name, is_wrong, problem in (
        ("connection", typed["connection"] not in {"", *connections}, "Choose one of the list."),
        ("action", typed["action"] not in ACTIONS, "Choose the action that it was sent to."),
        ("method", typed["method"] not in METHODS, "Choose one of the list."),
        ("at", bool(typed["at"]) and at is None, "Write day and time, or leave it empty for now."),
        (
            "digest",
            bool(typed["digest"]) and _DIGEST.fullmatch(typed["digest"]) is None,
            "A SHA-256 is 64 lower-case hexadecimal digits.",
        ),
    ):
        if is_wrong:
            errors.setdefault(name, [problem])
    received = None if errors else _received(typed, headers, file, mount)
    return Pasted(typed=typed, errors=errors, received=received, at=at)


def _typed(form: Fields, name: str) -> str:
    """Give a field as it was typed; of a text its line ends as LF, whatever the browser sent."""
    if name != "body":
        return form.first(name).replace("\r\n", "\n")
    return "".join(form.all(name)[:1]).replace("\r\n", "\n")


def _unshowable(content: bytes) -> str | None:
    """Say why something is refused without being shown again; None where nothing is wrong."""
    text = content.decode("utf-8", "replace")
    if _SECRET.search(text) is not None:
        return _LEAKED
    if is_card(text):
        return _CARD
    if not may_hold_card(content):
        return None
    try:
        document: Any = json.loads(content)
        return _CARD if find_card(document) is not None else None
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        return None


def _headers(text: str) -> tuple[Mapping[str, bytes], Sequence[str]]:
    """Give the headers by their names in lower case, and a sentence for each wrong line."""
    headers: dict[str, bytes] = {}
    problems: list[str] = []
    if not text:
        return {}, ["Paste the headers as they were sent, a line each."]
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or (number == 1 and _REQUEST_LINE.fullmatch(line.strip())):
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            problems.append(f"Line {number} is no header: write it as `Name: value`.")
        elif name in headers and name in _ONCE:
            problems.append(
                f"{_ONCE[name]} stands there twice: the server refuses that as malformed."
            )
        else:
            headers[name] = value.strip().encode("utf-8", "surrogateescape")
    return headers, problems


def _received(
    typed: Mapping[str, str], headers: Mapping[str, bytes], file: bytes, mount: str
) -> Received:
    host = headers.get("host", b"").decode("utf-8", "replace")
    body, digest = _body(typed, file)
    return Received(
        method=typed["method"].encode("ascii"),
        action=typed["action"].encode("ascii"),
        path_client_id=typed["connection"].encode("ascii") or headers.get("x-client-id"),
        client_id=headers.get("x-client-id"),
        timestamp=headers.get("x-timestamp"),
        key=headers.get("idempotency-key"),
        signature=headers.get("x-signature"),
        body=body,
        body_sha256=digest,
        mount=mount.encode("utf-8", "surrogateescape"),
        host=host.encode("ascii") if _HOST.fullmatch(host) else None,
    )


def _body(typed: Mapping[str, str], file: bytes) -> tuple[bytes | None, bytes | None]:
    """Give the body, or the hash that stands in for one that is not at hand."""
    if file:
        return file, None
    text = typed["body"].rstrip("\n")
    if text or not typed["digest"]:
        return (text + ("\n" if typed["ends"] else "")).encode("utf-8", "surrogateescape"), None
    return None, typed["digest"].encode("ascii")
