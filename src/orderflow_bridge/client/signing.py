"""Sign requests to an Orderflow bridge. One file, standard library only: copy it if you like.

    import json, time, urllib.request, uuid

    body = json.dumps({"currency": "GBP"}).encode()
    headers = sign(
        client_id="ofc_...", secret="ofs_...", action="cart.create", body=body,
        timestamp=int(time.time()), idempotency_key=str(uuid.uuid4()),
    )
    url = "https://shop.example/bridge/ofc_.../cart.create"
    urllib.request.urlopen(urllib.request.Request(url, body, headers))

Send exactly the bytes that were signed. Keep the secret on a server, never in a browser. For a
retry sign again with a new timestamp and the same key and bytes.
"""

import hashlib
import hmac
import re

__all__ = ["sign", "string_to_sign"]

_SCHEME = "OFB1-HMAC-SHA256"
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SECRET = re.compile(r"ofs_[A-Za-z0-9_-]{43}")
_ACTION = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)?")
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_FIRST_SECOND, _LAST_SECOND = 1_000_000_000, 9_999_999_999


def sign(
    *,
    client_id: str,
    secret: str,
    action: str,
    body: bytes,
    timestamp: int,
    idempotency_key: str | None = None,
) -> dict[str, str]:
    """Make the headers of one request: POST {mount}/{client_id}/{action} with `body`.

    `timestamp` is Unix time in whole seconds. Give an `idempotency_key`, such as a UUID, with every
    action that changes something. Raises `ValueError` that names the malformed piece and never
    quotes the secret. Source: protocol §1.
    """
    if _SECRET.fullmatch(secret) is None:
        raise ValueError("secret must be `ofs_` and 43 characters of base64url, as it was shown")
    text = string_to_sign(
        client_id=client_id,
        action=action,
        body=body,
        timestamp=timestamp,
        idempotency_key=idempotency_key,
    )
    headers = {
        "Content-Type": "application/json",
        "X-Client-Id": client_id,
        "X-Timestamp": str(timestamp),
        "X-Signature": "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest(),
    }
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    return headers


def string_to_sign(
    *,
    client_id: str,
    action: str,
    body: bytes,
    timestamp: int,
    idempotency_key: str | None = None,
) -> bytes:
    """Join the six lines that the signature of a POST covers; compare them when one is refused.

    Raises `ValueError` that names the malformed piece. Source: protocol §1.
    """
    _check("client_id", client_id, _CLIENT_ID)
    _check("action", action, _ACTION)
    if idempotency_key is not None:
        _check("idempotency_key", idempotency_key, _IDEMPOTENCY_KEY)
    if type(body) is not bytes:
        raise ValueError("body must be the bytes that are sent: json.dumps(...).encode()")
    if type(timestamp) is not int or not _FIRST_SECOND <= timestamp <= _LAST_SECOND:
        raise ValueError("timestamp must be Unix time in whole seconds: int(time.time())")
    lines = (
        _SCHEME,
        str(timestamp),
        client_id,
        f"POST {action}",
        idempotency_key or "",
        hashlib.sha256(body).hexdigest(),
    )
    return "\n".join(lines).encode("ascii")


def _check(name: str, value: str, grammar: re.Pattern[str]) -> None:
    if grammar.fullmatch(value) is None:
        raise ValueError(f"{name} must match {grammar.pattern}")
