"""Who is signed in to the console, as it is kept."""

from typing import Literal

from msgspec import Struct

__all__ = ["Role", "Session"]

Role = Literal["viewer", "operator", "admin"]


class Session(Struct, frozen=True, kw_only=True):
    """A sign-in, or a link that signs in once; written once, never changed.

    `digest` is the SHA-256 of a random token, which is kept nowhere. `operator` has at most 255
    characters. Times in Unix milliseconds; from `expires_at` on it is worth nothing.
    """

    digest: bytes
    kind: Literal["session", "link"]
    operator: str
    role: Role
    created_at: int
    expires_at: int
