"""What arrived, and what is wrong with its headers before any MAC is computed (protocol §3)."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, unhexlify
from collections.abc import Iterator

from msgspec import Struct

from orderflow_bridge.diagnosis.finding import Finding
from orderflow_bridge.security.signing import CLIENT_ID, IDEMPOTENCY_KEY, SIGNATURE, TIMESTAMP
from orderflow_bridge.security.window import inside, looks_like_milliseconds, skew

__all__ = ["KEPT_DIGITS", "Presented", "Received", "header_problems", "malformed", "presented"]

KEPT_DIGITS = 8
"""How much of a signature is kept: enough to know it again, and nothing to use."""

_LONGEST = 512
_MOST_SIGNATURES = 4
_SHORTEST_ID, _LONGEST_ID, _LONGEST_KEY = 8, 64, 128
_KEPT = re.compile(rb"v1=([0-9a-f]{%d})\xe2\x80\xa6" % KEPT_DIGITS)
_LABEL = re.compile(rb"([A-Za-z][A-Za-z0-9_-]{0,15})[=:] ?(?=[^=])")
_HEX = re.compile(rb"(?:0x)?([0-9A-Fa-f]+)")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_ALGORITHMS = {16: "MD5", 20: "SHA-1", 28: "SHA-224", 32: "SHA-256", 48: "SHA-384", 64: "SHA-512"}
_RIGHT_BYTES = 32
_SPACE = re.compile(rb"\s")

_WRITE = "Send `X-Signature: v1=` and the 64 lower-case hexadecimal digits of the HMAC-SHA256."
_SECONDS = "Send Unix time in whole seconds, ten digits, and sign that very text."
_CLOCK = "Set the storefront's clock (NTP), and sign each attempt anew."


class Received(Struct, frozen=True, kw_only=True):
    """A request as it arrived; None is a header that did not, or a body that is not known.

    `body_sha256` (64 lower-case hexadecimal digits) stands in for a body that was not kept.
    `path_client_id` is None where the path is not known. `mount` and `host` are where it was sent,
    for who signed an address in place of an action.
    """

    method: bytes = b"POST"
    action: bytes
    path_client_id: bytes | None = None
    client_id: bytes | None
    timestamp: bytes | None
    key: bytes | None = None
    signature: bytes | None
    body: bytes | None = None
    body_sha256: bytes | None = None
    mount: bytes = b"/bridge"
    host: bytes | None = None


class Presented(Struct, frozen=True):
    """A MAC as it was read off a signature, with the name of its hash.

    `whole` is False for the digits that a kept signature shows.
    """

    mac: bytes
    algorithm: str
    whole: bool = True


def presented(signature: bytes) -> tuple[Presented, ...]:
    """Read the MACs that a signature may mean, however it is written; none where it means none.

    A part of a MAC is never one: whoever could try parts would find the whole, digit by digit. The
    eight digits that are kept of a signature are all that can be asked about.
    """
    if (kept := _KEPT.fullmatch(signature)) is not None:
        return (Presented(unhexlify(kept[1]), "sha256", whole=False),)
    found = []
    for part in signature[:_LONGEST].split(b",")[:_MOST_SIGNATURES]:
        written = part.strip().strip(b"\"'").strip()
        label = _LABEL.match(written)
        mac = _raw(written[label.end() :] if label else written)
        if mac is not None:
            name = _ALGORITHMS[len(mac)].replace("-", "").lower()
            found.append(Presented(mac, name))
    return tuple(found)


def _raw(written: bytes) -> bytes | None:
    """Give the bytes of a MAC written in hexadecimal or base64; None for another length."""
    digits = _HEX.fullmatch(written)
    if digits is not None and len(digits[1]) % 2 == 0 and len(digits[1]) // 2 in _ALGORITHMS:
        return unhexlify(digits[1])
    padded = written.rstrip(b"=").translate(_TO_STANDARD)
    try:
        raw = a2b_base64(padded + b"=" * (-len(padded) % 4), strict_mode=True)
    except Base64Error:
        return None
    digits = _HEX.fullmatch(raw)
    if digits is not None and len(digits[1]) % 2 == 0 and len(digits[1]) // 2 in _ALGORITHMS:
        # The base64 of hexadecimal digits.
        return unhexlify(digits[1])
    return raw if len(raw) in _ALGORITHMS else None


def header_problems(
    received: Received, *, now: int, window: int, server_window: int
) -> tuple[Finding, ...]:
    """Tell what is wrong with the headers; `now` in Unix ms, the windows in seconds."""
    return tuple(_problems(received, now, window, server_window))


def _problems(received: Received, now: int, window: int, server_window: int) -> Iterator[Finding]:
    if received.method != b"POST":
        yield Finding("The method is not POST.", "Send every action as a POST.")
    if received.client_id is None:
        yield _missing("X-Client-Id")
    else:
        yield from _client_id_problems(received.client_id, received.path_client_id)
    if received.timestamp is None:
        yield _missing("X-Timestamp")
    else:
        yield from _timestamp_problems(received.timestamp, now, window, server_window)
    if received.signature is None:
        yield _missing("X-Signature")
    else:
        yield from _signature_problems(received.signature)
    if received.key is not None:
        yield from _key_problems(received.key)


def _missing(name: str) -> Finding:
    return Finding(
        f"{name} is missing.",
        f"Send {name}; look whether a proxy or a client library drops it on the way.",
    )


def malformed(name: str, value: bytes) -> str:
    """Say why a header that its grammar does not match is malformed; never repeat it."""
    if name == "X-Signature":
        return " ".join(finding.title for finding in _signature_problems(value)) or "malformed"
    what = _look(value)
    if what is not None:
        return f"malformed: it {what}"
    match name:
        case "X-Timestamp":
            return f"malformed: it {_malformed_time(value)}"
        case "Idempotency-Key" if len(value) > _LONGEST_KEY:
            return f"malformed: it has more than {_LONGEST_KEY} characters"
        case "X-Client-Id" if not _SHORTEST_ID <= len(value) <= _LONGEST_ID:
            return f"malformed: it has {len(value)} characters"
        case _:
            return "malformed: it has a character that it may not have"


def _client_id_problems(client_id: bytes, in_path: bytes | None) -> Iterator[Finding]:
    if CLIENT_ID.fullmatch(client_id) is None:
        yield Finding(
            f"X-Client-Id is {malformed('X-Client-Id', client_id)}.",
            "Send the client id as it was issued: 8 to 64 of A-Z, a-z, 0-9, `_` and `-`.",
        )
    elif in_path is not None and client_id != in_path:
        yield Finding(
            "X-Client-Id is not the client id of the path.", "Send one client id in both places."
        )


def _timestamp_problems(
    timestamp: bytes, now: int, window: int, server_window: int
) -> Iterator[Finding]:
    if TIMESTAMP.fullmatch(timestamp) is None:
        yield Finding(f"X-Timestamp is {malformed('X-Timestamp', timestamp)}.", _SECONDS)
        return
    seconds = skew(now, timestamp)
    if not inside(seconds, server_window):
        # It is asked first, before anybody knows whose request it is.
        refusing = f"the server's largest window is {server_window} seconds"
    elif not inside(seconds, window):
        refusing = f"the connection's own window is {window} seconds"
    else:
        return
    way = "behind" if seconds > 0 else "ahead of"
    yield Finding(
        f"The timestamp is {abs(seconds)} seconds {way} the server's clock; {refusing}.", _CLOCK
    )


_TIMES = (
    (re.compile(rb"[1-9][0-9]{15}"), "is in microseconds"),
    (re.compile(rb"[1-9][0-9]{18}"), "is in nanoseconds"),
    (re.compile(rb"[0-9]+\.[0-9]*"), "has a fraction"),
    (re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}.*", re.DOTALL), "is a date, not Unix time"),
    (re.compile(rb"[A-Z][a-z]{2}, .*", re.DOTALL), "is a date, not Unix time"),
    (re.compile(rb"[+-][0-9]+"), "has a sign"),
    (re.compile(rb"0[0-9]+"), "begins with a zero"),
    (re.compile(rb"[0-9]+[eE][+-]?[0-9]+"), "is written with an exponent"),
    (re.compile(rb"0x[0-9A-Fa-f]+"), "is hexadecimal"),
    (re.compile(rb"[0-9]+(?:[_,' ][0-9]+)+"), "has its digits grouped"),
)


def _malformed_time(timestamp: bytes) -> str:
    if looks_like_milliseconds(timestamp):
        return "is in milliseconds"
    for pattern, said in _TIMES:
        if pattern.fullmatch(timestamp) is not None:
            return said
    if timestamp.isdigit():
        return f"has {len(timestamp)} digits in place of 10"
    return "is no number of seconds"


def _signature_problems(signature: bytes) -> Iterator[Finding]:
    if SIGNATURE.fullmatch(signature) is not None or _KEPT.fullmatch(signature) is not None:
        return
    what = _look(signature)
    if what is not None:
        yield Finding(f"X-Signature is malformed: it {what}.", _WRITE)
        if not signature.strip():
            return
    if b"," in signature:
        yield Finding("X-Signature holds a list; one signature is allowed.", _WRITE)
        return
    written = signature.strip().strip(b"\"'").strip()
    label = _LABEL.match(written)
    if label is None:
        if written != b"v1=":
            yield Finding("X-Signature does not begin with `v1=`.", _WRITE)
    elif label[0] != b"v1=":
        yield Finding(f"X-Signature begins with `{label[1].decode()}` in place of `v1`.", _WRITE)
    yield from _digest_problems(written[label.end() :] if label else written.removeprefix(b"v1="))


def _digest_problems(written: bytes) -> Iterator[Finding]:
    digits = _HEX.fullmatch(written)
    mac = _raw(written)
    if mac is None:
        if digits is not None:
            said = f"it has {len(digits[1])} hexadecimal digits in place of 64"
        elif not written:
            said = "there is nothing behind `v1=`"
        else:
            said = "it is neither hexadecimal nor base64 of a MAC"
        yield Finding(f"X-Signature is malformed: {said}.", _WRITE)
        return
    if digits is None:
        yield Finding("The MAC is written in base64.", _WRITE)
    elif written.startswith(b"0x"):
        yield Finding("The MAC is written with `0x` before it.", _WRITE)
    elif written != written.lower():
        yield Finding("The MAC is written in upper-case hexadecimal digits.", _WRITE)
    if len(mac) != _RIGHT_BYTES:
        yield Finding(
            f"The MAC is as long as one of {_ALGORITHMS[len(mac)]}.", "Use HMAC with SHA-256."
        )


def _key_problems(key: bytes) -> Iterator[Finding]:
    if IDEMPOTENCY_KEY.fullmatch(key) is None:
        yield Finding(
            f"Idempotency-Key is {malformed('Idempotency-Key', key)}.",
            "Send 1 to 128 of A-Z, a-z, 0-9, `_` and `-`, such as a UUID, or no such header.",
        )


def _look(value: bytes) -> str | None:
    """Say what may happen to any header."""
    if not value.strip():
        return "is empty"
    if value != value.strip():
        return "has white space around it"
    if _SPACE.search(value):
        return "has white space in it"
    if not value.isascii():
        return "has characters outside of ASCII"
    if value[:1] in b"\"'" and value[:1] == value[-1:]:
        return "has quotes around it"
    if b"," in value and len(set(value.split(b","))) == 1:
        return "came twice"
    return None
