"""The master keys, and the secrets that are derived from them (protocol §1, Secrets)."""

import hmac
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64, unhexlify
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Self

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.security.signing import SCHEME, mac

__all__ = ["KEY_BYTES", "NONCE_BYTES", "MasterKeyRing", "matching", "new_master_key"]

KEY_BYTES = 32
"""The least a master key has."""

NONCE_BYTES = 16
"""What each issue of a secret keeps."""

_FIX = (
    "run `orderflow-bridge init`, or give at least 32 random bytes as unpadded base64url "
    "(a ring is `id:key,id:key`, the first key issues)"
)

# SHA-256 of each master key that was ever published as an example: everyone knows them.
_PUBLISHED = frozenset(
    {
        "0a3dfd0d1a7385650d421220c86688c94cf841d300947a0d6e9430eed86b7a8e",
        "48044bfd390213879fe8a5d1f8c46203829f283023b8c31f13cf332ccaed960c",
        "4dbdc2b2b62cb00749785bc84202236dbc3777d74660611b8e58812f0cfde6c3",
        "52c1c56096bf9ee40aa31ad7945b1d0ae291f3327895d29635d4d4b6297a3c1e",
        "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
        "91912551f40a85c3ba887658abac94412df9ecf908e612c97dd17c1a29af58e9",
        "ae216c2ef5247a3782c135efa279a3e4cdc61094270f5d2be58c6204b7a612c9",
        "c600dbd722ad58df59029cf8f283df79d1645ad83022134a0466aba400bd7140",
    }
)

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_SECRET = re.compile(r"ofs_[A-Za-z0-9_-]{43}")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URL = bytes.maketrans(b"+/", b"-_")

_DISTINCT_BYTES = 16
_DISTINCT_STEPS = 8

_SALT = SCHEME.encode()
_LAST_BLOCK = b"\x01"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class MasterKeyRing:
    """Derive the secrets of connections from the master keys that `parse` read.

    `issuing` is the id of the key that new secrets come from. Neither `repr` nor any error shows
    a key, and a ring cannot be pickled.
    """

    issuing: str
    _expands: Mapping[str, hmac.HMAC]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a ring written `id:key,id:key`; white space around an entry is ignored.

        Raises `ConfigurationError` that names the fix: for an empty or malformed ring, an id given
        twice, and a key that is short, guessable or published as an example. Entries are named by
        their place, because a misplaced colon would put a key where the id belongs.
        """
        if not text.strip():
            raise ConfigurationError(f"There is no master key: {_FIX}.")
        expands: dict[str, hmac.HMAC] = {}
        for place, entry in enumerate(text.split(","), start=1):
            key_id, colon, written = entry.strip().partition(":")
            if not colon or _KEY_ID.fullmatch(key_id) is None:
                raise _refused(place, "is not written `id:key`, with an id of [A-Za-z0-9_-]{1,32}")
            if is_card(key_id):
                raise _refused(place, "has an id that looks like a card number; give it another")
            if key_id in expands:
                raise _refused(place, "repeats the id of an earlier one")
            expands[key_id] = _expand(_decoded(written, place))
        return cls(next(iter(expands)), expands)

    @property
    def ids(self) -> tuple[str, ...]:
        """Name the keys, the one that issues first."""
        return tuple(self._expands)

    def derive(self, key_id: str, client_id: str, nonce: bytes) -> bytes | None:
        """Derive the printed secret's ASCII bytes, or None for a key that is not in the ring.

        Raises `ValueError` where `nonce` is not 16 bytes: a fixed length is what keeps two issues
        from ever sharing a secret.
        """
        expand = self._expands.get(key_id)
        if expand is None:
            return None
        if len(nonce) != NONCE_BYTES:
            raise ValueError(f"a nonce is {NONCE_BYTES} bytes")
        return _printed(expand, b"ofb1-secret\0" + client_id.encode("ascii") + b"\0" + nonce)

    def decoy(self, client_id: str) -> bytes:
        """Derive a secret that is issued to nobody, at the price of a real one.

        It stands in where a connection, a previous secret or a key is missing, so that every
        attempt costs the same (protocol §1, Secrets).
        """
        return _printed(self._expands[self.issuing], b"ofb1-decoy\0" + client_id.encode("ascii"))

    def __repr__(self) -> str:
        """Show the ids only."""
        return f"MasterKeyRing({', '.join(self._expands)})"


def new_master_key(random: bytes) -> str:
    """Write at least 32 random bytes as a master key.

    Raises `ValueError` for bytes that `MasterKeyRing.parse` would refuse.
    """
    written = _base64url(random)
    weakness = _weakness(random, written)
    if weakness is not None:
        raise ValueError(f"this is no master key: it {weakness}")
    return written


def matching(
    presented: bytes, text: bytes, secrets: tuple[bytes, bytes]
) -> tuple[int | None, bytes]:
    """Find which of exactly two secrets signed `text`, the current one first.

    `presented` are the 64 hex digits of a signature that matched its grammar. Answers the index
    and the MAC as computed here (never as presented: protocol §2, Replays), or `(None, b"")`. Both
    MACs are computed and compared in constant time, whichever matches.
    """
    claimed = unhexlify(presented)
    current = mac(secrets[0], text)
    previous = mac(secrets[1], text)
    is_current = hmac.compare_digest(current, claimed)
    is_previous = hmac.compare_digest(previous, claimed)
    if is_current:
        return 0, current
    if is_previous:
        return 1, previous
    return None, b""


def _expand(key: bytes) -> hmac.HMAC:
    """Key the expand step of HKDF once: RFC 5869 §2.2, and the HMAC of §2.3."""
    return hmac.new(mac(_SALT, key), digestmod="sha256")


def _printed(expand: hmac.HMAC, info: bytes) -> bytes:
    """Finish HKDF; 32 bytes are one block of SHA-256 (RFC 5869 §2.3)."""
    block = expand.copy()
    block.update(info + _LAST_BLOCK)
    return b"ofs_" + b2a_base64(block.digest(), newline=False).translate(_TO_URL, b"=")


def _base64url(key: bytes) -> str:
    return b2a_base64(key, newline=False).translate(_TO_URL, b"=").decode()


def _decoded(written: str, place: int) -> bytes:
    if _SECRET.fullmatch(written):
        raise _refused(place, "is the secret of a connection, not a master key")
    if _BASE64URL.fullmatch(written) is None:
        raise _refused(place, "is not unpadded base64url")
    try:
        key = a2b_base64(written.encode().translate(_TO_STANDARD) + b"=" * (-len(written) % 4))
    except Base64Error:
        raise _refused(place, "is not unpadded base64url") from None
    if _base64url(key) != written:
        raise _refused(place, "is not unpadded base64url in its one spelling")
    weakness = _weakness(key, written)
    if weakness is not None:
        raise _refused(place, weakness)
    return key


def _weakness(key: bytes, written: str) -> str | None:
    """Say what makes a key guessable; random bytes meet none of it but once in 10^9 keys."""
    if len(key) < KEY_BYTES:
        return f"has fewer than {KEY_BYTES} bytes"
    if sha256(key).hexdigest() in _PUBLISHED:
        return "is published as an example"
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(set(key)) < _DISTINCT_BYTES or len(steps) < _DISTINCT_STEPS or key in (key + key)[1:-1]:
        return "repeats or counts instead of being random"
    if key.isascii() and key.decode().isprintable():
        return "is text instead of random bytes"
    if written in (written.lower(), written.upper()):
        return "looks typed or hexadecimal instead of random"
    return None


def _refused(place: int, reason: str) -> ConfigurationError:
    return ConfigurationError(f"Master key {place} of the ring {reason}: {_FIX}.")
