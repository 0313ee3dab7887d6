"""The log of decisions: one line of JSON for each answer, and nothing of what was said.

The line is ASCII without controls, whatever a stranger sent: every text in it has a grammar, or is
in a table of this package. A client id is shown where its form is valid and no card number, which
does not say that it was proven; an action is shown where there is such an action.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal

import msgspec
from msgspec import Struct

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.http import CODES, Response
from orderflow_bridge.ports import Clock
from orderflow_bridge.security.cards import is_card

__all__ = ["Asked", "Decisions"]

_log = logging.getLogger("orderflow_bridge.requests")
_encode = msgspec.json.Encoder().encode
_REFUSED, _FAULT = 400, 500
_FAULTY = "internal_error"
_REPLAYED = ("Idempotent-Replayed", "true")


class Asked(Struct, kw_only=True, frozen=True, gc=False):
    """What is known of a request, however it ends; `arrived` is when its head did, in Unix ms.

    `client_id` and `action` match their grammars, or are empty. `address` is what `ClientAddress`
    found: an address in its normal form, or a word of its own. `headers` are as the shell gave
    them: anything may stand there.
    """

    request_id: str
    client_id: bytes
    action: bytes
    address: str | None
    arrived: int
    headers: Mapping[bytes, Sequence[bytes]]


class _Decision(Struct, kw_only=True, frozen=True, gc=False):
    request_id: str
    connection: str | None
    action: str | None
    verdict: Literal["allowed", "refused"]
    code: str | None
    status: int
    replayed: bool
    address: str | None
    milliseconds: int


class _Problem(Struct, gc=False):
    code: str


_code_of = msgspec.json.Decoder(_Problem).decode


class Decisions:
    """Write a line for each answer on the logger `orderflow_bridge.requests`.

    What is allowed and what is refused is INFO, which Python's default shows to nobody: a flood of
    refusals fills no terminal. A fault (5xx) is WARNING. Nothing is computed where the logger is
    off. Milliseconds are those of `clock`, from the head to the answer, the body's arrival
    included; a clock that was set back counts as 0.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def refused(self, asked: Asked, code: str) -> None:
        """Log a refusal with its code."""
        status, _ = CODES[code]
        level = logging.WARNING if status >= _FAULT else logging.INFO
        if _log.isEnabledFor(level):
            self._write(level, asked, status, code, replayed=False)

    def answered(self, asked: Asked, response: Response) -> None:
        """Log an answer that an action gave, now or under the same key before."""
        if _log.isEnabledFor(logging.INFO):
            status = response.status
            code = _code_in(response.body) if status >= _REFUSED else None
            self._write(logging.INFO, asked, status, code, replayed=_REPLAYED in response.headers)

    def _write(
        self, level: int, asked: Asked, status: int, code: str | None, *, replayed: bool
    ) -> None:
        action, client_id = asked.action.decode("ascii"), asked.client_id.decode("ascii")
        line = _Decision(
            request_id=asked.request_id,
            # Until it is proven, anyone may have written anything there that fits the grammar.
            connection=client_id if client_id and not is_card(client_id) else None,
            action=action if action in ACTIONS else None,
            verdict="refused" if code else "allowed",
            code=code,
            status=status,
            replayed=replayed,
            address=asked.address,
            milliseconds=max(0, self._clock.now() - asked.arrived),
        )
        _log.log(level, _encode(line).decode("ascii"))


def _code_in(body: bytes) -> str:
    """Read the code of a refusal that was kept; what a storage made of it may be anything."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        code = _code_of(body).code
        if code in CODES:
            return code
    return _FAULTY
