"""What a row of the tables is.

An `Attack` says how an honest request is signed, what an attacker then makes of it, and what the
answer must be. Where nothing is said, the honest request stays as it is: `cart.create` of a
storefront with every scope but `prices:write`, in time, with the right secret.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from tests.rig import NOW
from tests.security.stage import Stage

__all__ = ["SECOND", "THE_SITE_S_OWN", "Attack", "Sent", "Table"]

SECOND = NOW // 1000
"""The second, in Unix time, at which every row begins."""

THE_SITE_S_OWN = "404 of the site's own"
"""The expectation of a request that is not the bridge's."""

Value = str | bytes
Change = Value | Sequence[Value] | Callable[[str], str] | None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as it arrives: on the wire, and relative to the mount unless `url` says more."""

    method: str
    path: str
    url: str | None
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    peer: str | None


@dataclass(frozen=True)
class Attack:
    """One row: its name, the answer that is due, and what differs from the honest request.

    `expect` is a status and, unless it is 200, a code. `unlike` has what is due elsewhere, by kind
    of host (`core`, `wsgi`, `asgi`), where the host itself makes the difference; an empty text says
    that the input cannot exist there.
    """

    name: str
    expect: str
    _: KW_ONLY

    # What is signed. `seconds` are counted from the beginning, `secret` None is the right one.
    by: str = "storefront"
    action: str = "cart.create"
    body: Mapping[str, Any] | bytes = field(default_factory=lambda: {"currency": "GBP"})
    key: str | None = None
    seconds: int = 0
    secret: str | None = None

    # What becomes of it. A header that is None is left out, a list is sent line by line, and a
    # function is given the honest value.
    headers: Mapping[str, Change] = field(default_factory=dict)
    sent_body: bytes | None = None
    method: str = "POST"
    path: str | None = None
    url: str | None = None
    peer: str | None = "203.0.113.9"

    # What comes before it: requests, something that an operator does, seconds that pass.
    earlier: "tuple[Attack, ...]" = ()
    given: Callable[[Stage], object] | None = None
    wait: float = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    # What else is due: a text in the answer, or the stored answer of the request before.
    says: str = ""
    replayed: bool = False
    unlike: Mapping[str, str] = field(default_factory=dict)

    def expected_at(self, family: str) -> str:
        """Tell what is due on a kind of host; empty where the input cannot exist."""
        return self.unlike.get(family, self.expect)

    def sent(self, stage: Stage) -> Sent:
        """Sign as the storefront would, and change it."""
        front = stage.fronts[self.by]
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        signed = front.headers(
            self.action, body, key=self.key, timestamp=SECOND + self.seconds, secret=self.secret
        )
        lines: list[tuple[bytes, bytes]] = []
        for name in [*signed, *(name for name in self.headers if name not in signed)]:
            change = self.headers.get(name, signed.get(name))
            lines += [(name.encode(), line) for line in _lines(change, signed.get(name, ""))]
        return Sent(
            method=self.method,
            path=f"/{front.client_id}/{self.action}" if self.path is None else self.path,
            url=self.url,
            headers=tuple(lines),
            body=body if self.sent_body is None else self.sent_body,
            peer=self.peer,
        )


Table = Mapping[str, Sequence[Attack]]
"""The rows of a theme by the kind of attack, which is a name in `kinds.KINDS`."""


def _lines(change: Change, honest: str) -> Sequence[bytes]:
    if change is None:
        return []
    if callable(change):
        change = change(honest)
    several = [change] if isinstance(change, str | bytes) else change
    return [one if isinstance(one, bytes) else one.encode() for one in several]
