"""The secrets a request may have been signed with, and what is done to them by mistake."""

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64, unhexlify
from collections.abc import Iterator
from hashlib import sha256

from msgspec import Struct

from orderflow_bridge.diagnosis.finding import Finding

__all__ = ["Signer", "spoiled"]

_PREFIX = b"ofs_"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")

_AS_PRINTED = "Use the secret as it is printed, `ofs_` included, as ASCII text."
_TRIM = "Strip what stands around the secret where it is read: a file, a variable, a form."
_NOT_DECODED = "Key the HMAC with the text itself; it is not decoded, though it looks like base64."


class Signer(Struct, frozen=True, kw_only=True):
    """A connection's secrets in hand, for the time of one explanation.

    `previous` was live until `previous_until` (Unix ms). None is a secret that there is not, or
    whose master key is not in the ring. Neither `repr` nor an explanation shows one.
    """

    client_id: str
    name: str
    window: int
    current: bytes | None
    previous: bytes | None = None
    previous_until: int = 0

    def __repr__(self) -> str:
        """Show the client id only."""
        return f"Signer({self.client_id!r})"

    def secrets(self) -> Iterator[bytes]:
        """Give those that there are, the current one first."""
        if self.current is not None:
            yield self.current
        if self.previous is not None:
            yield self.previous


def spoiled(secret: bytes, client_id: bytes) -> Iterator[tuple[bytes, Finding]]:
    """Give what a secret becomes by mistake, and which mistake it is."""
    for around, what in (
        (b"%b\n", "a newline behind it"),
        (b"%b\r\n", "a Windows line end behind it"),
        (b"%b ", "a space behind it"),
        (b" %b", "a space before it"),
        (b"\xef\xbb\xbf%b", "a byte order mark before it"),
        (b"%b\0", "a NUL behind it"),
        (b'"%b"', "double quotes around it"),
        (b"'%b'", "single quotes around it"),
        (b"`%b`", "backquotes around it"),
        (b"<%b>", "angle brackets around it"),
    ):
        yield around % secret, Finding(f"The secret was used with {what}.", _TRIM)
    bare = secret.removeprefix(_PREFIX)
    yield bare, Finding("The secret was used without its `ofs_`.", _AS_PRINTED)
    yield secret.upper(), Finding("The secret was used in upper case.", _AS_PRINTED)
    yield secret.lower(), Finding("The secret was used in lower case.", _AS_PRINTED)
    for text, which in ((secret, "The secret"), (bare, "The secret without its `ofs_`")):
        yield from _decoded(text, which)
    yield b2a_base64(secret, newline=False), _not("base64-encoded")
    yield secret.hex().encode(), _not("written in hexadecimal")
    yield sha256(secret).digest(), _not("hashed with SHA-256")
    yield sha256(secret).hexdigest().encode(), _not("hashed with SHA-256, in hexadecimal,")
    yield secret.decode("ascii").encode("utf-16-le"), _not("written in UTF-16")
    yield b"Bearer " + secret, Finding("`Bearer ` stood before the secret.", _AS_PRINTED)
    yield client_id + b":" + secret, Finding("`clientId:` stood before the secret.", _AS_PRINTED)
    yield b"", Finding("The secret was empty.", "Look whether the storefront has its secret.")
    yield client_id, Finding("The client id was used as the secret.", _AS_PRINTED)


def _decoded(text: bytes, which: str) -> Iterator[tuple[bytes, Finding]]:
    finding = Finding(f"{which} was base64-decoded first.", _NOT_DECODED)
    padded = text + b"=" * (-len(text) % 4)
    yield _base64(padded.translate(_TO_STANDARD)), finding
    # A lenient decoder of the other alphabet drops `-` and `_`.
    kept = text.translate(None, b"-_")
    yield _base64(kept + b"=" * (-len(kept) % 4)), finding
    try:
        yield unhexlify(text), Finding(f"{which} was hex-decoded first.", _NOT_DECODED)
    except Base64Error:
        return


def _base64(text: bytes) -> bytes:
    try:
        return a2b_base64(text)
    except Base64Error:
        return text


def _not(how: str) -> Finding:
    return Finding(f"The secret was {how} first.", _AS_PRINTED)
