"""Which part of what was signed is another: every common mistake is tried by computing MACs."""

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import new
from itertools import groupby, islice
from typing import Any, Literal

from msgspec import Struct

from orderflow_bridge.diagnosis.finding import Finding, shown
from orderflow_bridge.diagnosis.mistakes import (
    Mistake,
    Parts,
    milliseconds_of,
    mistakes_of,
    right_parts,
)
from orderflow_bridge.diagnosis.received import Presented, Received, header_problems, presented
from orderflow_bridge.diagnosis.signers import Signer, spoiled
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.security.cards import find_card, is_card, may_hold_card

__all__ = [
    "MOST_MACS",
    "VERDICTS",
    "Explanation",
    "Verdict",
    "explain_signature",
    "secret_changed",
]

Verdict = Literal["right", "refused", "explained", "unexplained", "unreadable", "unknown"]
"""How an explanation ends.

- `right`: signature and headers are right.
- `refused`: the signature is right for what it should cover; `problems` say what refuses it.
- `explained`: `findings` say what was signed instead.
- `unexplained`: none of the common mistakes, nor two of them together, gives this signature.
- `unreadable`: the signature is no MAC, or a part of what is signed is not there.
- `unknown`: there is no connection, or no secret to compare with.
"""

VERDICTS: Mapping[Verdict, str] = {
    "right": "The signature is right.",
    "refused": "The signature covers what it should, and the request is refused all the same.",
    "explained": "The signature was made over something else, or with another secret.",
    "unexplained": "The signature is wrong, and no common mistake explains it.",
    "unreadable": "There is nothing to compare: a header or the body is missing or malformed.",
    "unknown": "There is no secret to compare with.",
}
"""Each verdict in an operator's words."""

MOST_MACS = 100_000
"""The most MACs that one explanation computes: all mistakes, and every two of them."""

_LONG = 4_096
"""A longer text (in bytes) is tried alone, and not with a second mistake."""

_MOST_OTHERS = 200
_CARD = "(not shown: the body holds what looks like a card number)"
_OLD_FIX = "Give the storefront the current secret: the connection's page shows it to who may."

_Try = tuple[Parts, tuple[Finding, ...]]


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a signature is refused; never a secret, and never a MAC.

    `string_to_sign` is what the server builds, None where a part of it did not arrive. `problems`
    are those of the headers alone, `findings` what the signature says was signed instead.
    """

    verdict: Verdict
    string_to_sign: str | None
    problems: tuple[Finding, ...]
    findings: tuple[Finding, ...]


def explain_signature(
    received: Received,
    signer: Signer | None,
    *,
    now: int,
    server_window: int,
    others: Sequence[Signer] = (),
) -> Explanation:
    """Tell which part of what was signed is another; pure, and never raises.

    `signer` is the connection that the request names, None where there is no such connection, and
    `others` are the shop's other connections. `now` is when the request arrived, in Unix ms. Every
    common mistake is tried, then every two of them, with the current and the previous secret: at
    most `MOST_MACS` MACs. A signature that was kept is known again by its first eight digits; no
    other part of a signature is compared, so that nobody can ask for one digit by digit.
    """
    problems = header_problems(
        received,
        now=now,
        window=signer.window if signer is not None else server_window,
        server_window=server_window,
    )
    right = right_parts(received)
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    macs = presented(received.signature) if received.signature is not None else ()
    if right is None or not macs:
        verdict = "unreadable"
    elif signer is None or not any(signer.secrets()):
        verdict, findings = "unknown", (_unknown(signer),)
    else:
        found = _first_same(_tries(received, right, signer, others, now), macs)
        if found is None:
            verdict, findings = "unexplained", (_UNEXPLAINED,)
        else:
            parts, findings = found
            live = parts.secret == signer.previous and now < signer.previous_until
            wrong = len(findings) > (1 if live else 0)
            verdict = "explained" if wrong else "refused" if problems else "right"
    return Explanation(
        verdict=verdict,
        string_to_sign=_shown(received, right),
        problems=problems,
        findings=findings,
    )


def secret_changed(at: int, *, ended: bool) -> Finding:
    """Say that the storefront may not know yet of a change of the secret at `at` (Unix ms).

    `ended` says that it was the end of an old secret, not a new one.
    """
    when = as_utc(at).isoformat(timespec="seconds")
    if ended:
        return Finding(
            f"This connection's old secret was ended at {when}; the storefront may still have it.",
            _OLD_FIX,
        )
    return Finding(
        f"This connection's secret was changed at {when}; the storefront may still have the old"
        " one.",
        _OLD_FIX,
    )


_UNEXPLAINED = Finding(
    "None of the common mistakes gives this signature: most likely the secret is another one.",
    "Compare the storefront's six lines with the string to sign, one by one; where they are the"
    " same, give it the secret anew.",
)


def _unknown(signer: Signer | None) -> Finding:
    if signer is None:
        return Finding(
            "There is no connection with this client id.",
            "Compare the client id with the connections there are; another shop, or a test shop,"
            " has others.",
        )
    return Finding(
        "The connection's master key is not in the ring.",
        "Put the key back into the ring, or rotate the connection.",
    )


def _first_same(tries: Iterator[_Try], macs: Sequence[Presented]) -> _Try | None:
    """Find the first that gives one of the MACs."""
    for parts, findings in islice(tries, MOST_MACS // len(macs)):
        text = parts.text()
        for one in macs:
            if _same(_made(parts, text, one.algorithm), one):
                return parts, findings
    return None


def _same(computed: bytes, one: Presented) -> bool:
    if one.whole:
        return hmac.compare_digest(computed, one.mac)
    return hmac.compare_digest(computed[: len(one.mac)], one.mac)


def _tries(
    received: Received, right: Parts, signer: Signer, others: Sequence[Signer], now: int
) -> Iterator[_Try]:
    """Give what may have been signed: as it should be, with one mistake, with two."""
    bases = [
        (right._replace(secret=secret), _about(secret, signer, now)) for secret in signer.secrets()
    ]
    yield from bases
    mistakes = _distinct(mistakes_of(received, right), right)
    client_id = signer.client_id.encode("ascii")
    spoilings = [_distinct(_spoilings(parts.secret, client_id), parts) for parts, _ in bases]
    for (parts, said), spoiling in zip(bases, spoilings, strict=True):
        yield from _with_one(parts, said, [*spoiling, *mistakes])
    yield from _of_others(right, others)
    for parts, said in bases:
        yield from _with_one(parts, said, milliseconds_of(right.timestamp))
    for (parts, said), spoiling in zip(bases, spoilings, strict=True):
        yield from _with_two(parts, said, [*spoiling, *mistakes])


def _about(secret: bytes, signer: Signer, now: int) -> tuple[Finding, ...]:
    """Say what there is to say about a secret of the connection; nothing about the current one."""
    if secret == signer.current:
        return ()
    until = as_utc(signer.previous_until).isoformat(timespec="seconds")
    if now < signer.previous_until:
        return (Finding(f"The previous secret was used; it is live until {until}.", _OLD_FIX),)
    return (Finding(f"The previous secret was used; it ended at {until}.", _OLD_FIX),)


def _spoilings(secret: bytes, client_id: bytes) -> Iterator[Mistake]:
    for spoilt, finding in spoiled(secret, client_id):
        yield Mistake("secret", spoilt, finding)


def _distinct(mistakes: Iterable[Mistake], right: Parts) -> list[Mistake]:
    """Leave out what is right, and what was there already."""
    seen: set[tuple[str, object]] = set()
    kept: list[Mistake] = []
    for one in mistakes:
        key = (one.part, one.value)
        if key not in seen and getattr(right, one.part) != one.value:
            seen.add(key)
            kept.append(one)
    return kept


def _with_one(
    parts: Parts, said: tuple[Finding, ...], mistakes: Iterable[Mistake]
) -> Iterator[_Try]:
    for one in mistakes:
        yield _spoil(parts, one), (*said, one.finding)


def _with_two(
    parts: Parts, said: tuple[Finding, ...], mistakes: Sequence[Mistake]
) -> Iterator[_Try]:
    short = [one for one in mistakes if not isinstance(one.value, bytes) or _is_short(one.value)]
    groups = [list(group) for _, group in groupby(short, key=lambda one: one.part)]
    for place, group in enumerate(groups):
        later = [
            one for others in groups[place + 1 :] for one in others if one.part != group[0].part
        ]
        for first in group:
            once = _spoil(parts, first)
            for second in later:
                yield _spoil(once, second), (*said, first.finding, second.finding)


def _is_short(value: bytes) -> bool:
    return len(value) <= _LONG


def _spoil(parts: Parts, mistake: Mistake) -> Parts:
    change: dict[str, Any] = {mistake.part: mistake.value}
    return parts._replace(**change)


def _of_others(right: Parts, others: Sequence[Signer]) -> Iterator[_Try]:
    """Give the secrets of the shop's other connections, with this client id and with theirs."""
    for other in others[:_MOST_OTHERS]:
        for secret in other.secrets():
            finding = Finding(
                f"It was signed with a secret of another connection: {other.name}"
                f" ({other.client_id}).",
                "Give the storefront the client id and the secret of one and the same connection.",
            )
            parts = right._replace(secret=secret)
            yield parts, (finding,)
            yield parts._replace(client_id=other.client_id.encode("ascii")), (finding,)


def _made(parts: Parts, text: bytes, algorithm: str) -> bytes:
    """Compute what was sent as a MAC, the right way or a wrong one."""
    secret = parts.secret
    match parts.made:
        case "hmac":
            return hmac.digest(secret, text, algorithm)
        case "exchanged":
            return hmac.digest(text, secret, algorithm)
        case "before":
            return _hash(secret + text, algorithm)
        case "behind":
            return _hash(text + secret, algorithm)
        case "lines before":
            return _hash(secret + b"\n" + text, algorithm)
        case "lines behind":
            return _hash(text + b"\n" + secret, algorithm)
        case "hashed":
            return hmac.digest(secret, _hash(text, algorithm), algorithm)
        case "hashed digits":
            return hmac.digest(secret, _hash(text, algorithm).hex().encode("ascii"), algorithm)
        case _:
            return _hash(text, algorithm)


def _hash(text: bytes, algorithm: str) -> bytes:
    return new(algorithm, text, usedforsecurity=False).digest()


def _shown(received: Received, right: Parts | None) -> str | None:
    """Write the string to sign as the server builds it, without anything that may be a card."""
    if right is None:
        return None
    digest = right.digest.decode("ascii")
    if received.body is not None and _holds_card(received.body):
        # Digits are few enough to be found again from a hash.
        digest = _CARD
    return "\n".join(
        (
            shown(right.first or b""),
            shown(right.timestamp),
            shown(right.client_id),
            f"{shown(received.method)} {shown(right.action)}",
            shown(right.key or b""),
            digest,
        )
    )


def _holds_card(body: bytes) -> bool:
    if not may_hold_card(body):
        return False
    try:
        return find_card(json.loads(body)) is not None
    except (ValueError, RecursionError):
        return is_card(body.decode("utf-8", "replace"))
