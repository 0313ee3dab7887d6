"""Operators' passwords: kept as scrypt (RFC 7914), compared in constant time."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import scrypt
from unicodedata import normalize

__all__ = ["LONGEST", "NOBODYS", "SALT_BYTES", "SHORTEST", "hashed", "is_password"]

SHORTEST = 12
"""The fewest characters of a new password."""

LONGEST = 200

SALT_BYTES = 16

_COST, _BLOCK, _LANES = 2**15, 8, 1
_BYTES = 32


def hashed(password: str, salt: bytes) -> str:
    """Write a password as it is kept: `scrypt$32768$8$1$salt$hash`, in unpadded base64url.

    `salt` is 16 random bytes. Takes about a tenth of a second and 32 MiB, on purpose.
    """
    digest = _digest(password, salt, _COST, _BLOCK, _LANES)
    return f"scrypt${_COST}${_BLOCK}${_LANES}${_written(salt)}${_written(digest)}"


def is_password(password: str, kept: str) -> bool:
    """Tell whether `kept` was made of this password; takes as long for a wrong one.

    Letters that Unicode can write in two ways are the same (NFC; RFC 8265, section 4.2).
    """
    _, cost, block, lanes, salt, digest = kept.split("$")
    if len(password) > LONGEST:
        return False
    given = _digest(password, _read(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(given, _read(digest))


def _digest(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return scrypt(
        normalize("NFC", password).encode("utf-8", "replace"),
        salt=salt,
        n=cost,
        r=block,
        p=lanes,
        # As much as it takes, and a little for OpenSSL's own.
        maxmem=128 * block * (cost + lanes) + 2**20,
        dklen=_BYTES,
    )


def _written(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes:
    # More padding than is needed is ignored.
    return urlsafe_b64decode(text + "==")


NOBODYS = "$".join(
    ("scrypt", f"{_COST}${_BLOCK}${_LANES}", _written(bytes(SALT_BYTES)), _written(bytes(_BYTES)))
)
"""What no password is: a name that is not known costs as much as one that is."""
