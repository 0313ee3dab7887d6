"""What is signed and how its parts are spelled (protocol §1)."""

import hmac
import re

__all__ = [
    "ACTION",
    "CLIENT_ID",
    "IDEMPOTENCY_KEY",
    "SCHEME",
    "SIGNATURE",
    "TIMESTAMP",
    "mac",
    "string_to_sign",
]

SCHEME = "OFB1-HMAC-SHA256"
"""The first line of every string to sign, and the challenge of a 401."""

# Grammars of raw header and path bytes. Always `fullmatch`: `$` would let a final LF through, and
# text instead of bytes would let other scripts' digits through. None of them goes back.
CLIENT_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
ACTION = re.compile(rb"[A-Za-z]+(?:\.[A-Za-z]+)?")
TIMESTAMP = re.compile(rb"[1-9][0-9]{9}")
SIGNATURE = re.compile(rb"v1=[0-9a-f]{64}")
IDEMPOTENCY_KEY = re.compile(rb"[A-Za-z0-9_-]{1,128}")

_LINES = SCHEME.encode() + b"\n%b\n%b\n%b %b\n%b\n%b"


def string_to_sign(  # noqa: PLR0917 -- the lines, in their order
    timestamp: bytes,
    client_id: bytes,
    method: bytes,
    action: bytes,
    idempotency_key: bytes,
    body_sha256: bytes,
) -> bytes:
    """Join the six lines that a signature covers, as they were sent (protocol §1).

    `idempotency_key` is empty where the header is absent; `body_sha256` is 64 lower-case hex
    digits. No two requests share a string, provided that each part matches its grammar.
    """
    return _LINES % (timestamp, client_id, method, action, idempotency_key, body_sha256)


def mac(secret: bytes, text: bytes) -> bytes:
    """Compute the 32 raw bytes of HMAC-SHA256 keyed with the printed secret's ASCII bytes."""
    return hmac.digest(secret, text, "sha256")
