"""A recent request, as it is kept for an operator who asks what came of it."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

__all__ = ["JournalEntry", "Verdict"]

Verdict = Literal["allowed", "refused"]


class JournalEntry(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One request and its answer; written once, never changed, never a secret or a body.

    The ids have at most 64 characters; no text has half of a surrogate pair.
    `at` is when it arrived, in Unix milliseconds, and `milliseconds` how long it took. `connection`
    is the client id of one that exists, None otherwise. `headers` are as an operator may see them.
    `verified` says that the signature was right, `string_to_sign` what it was over, and
    `body_bytes` how long the body was; None where it did not come to that. `detail` is the sentence
    that the caller got, empty where it was allowed. `replayed` says that the answer was a stored
    one. `order_id` and `cart_id` are what the request was about.

    There are many: they are encoded as an array, to which a later version adds at its end.
    """

    request_id: str
    at: int
    connection: str | None
    action: str | None
    verdict: Verdict
    code: str | None
    status: int
    replayed: bool
    address: str | None
    milliseconds: int
    verified: bool
    headers: Mapping[str, str]
    string_to_sign: str | None
    body_bytes: int | None
    detail: str
    order_id: str | None
    cart_id: str | None

    @property
    def refused(self) -> bool:
        """Tell whether the request was refused."""
        return self.verdict == "refused"

    @property
    def made(self) -> str | None:
        """Give the id of the order that this request made; None where it made none."""
        if self.refused or self.replayed or self.action != "convertToOrder":
            return None
        return self.order_id
