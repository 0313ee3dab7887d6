"""What is signed by mistake in place of each part of the string to sign (protocol §2)."""

import re
from binascii import b2a_base64
from collections.abc import Iterator
from hashlib import new, sha256
from itertools import combinations
from typing import NamedTuple

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.diagnosis.bodies import other_bodies
from orderflow_bridge.diagnosis.finding import Finding, shown
from orderflow_bridge.diagnosis.received import Received
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.security.signing import SCHEME, TIMESTAMP

__all__ = ["Mistake", "Parts", "milliseconds_of", "mistakes_of", "right_parts"]

_SIX = "Sign exactly the six lines of the protocol, joined by a line feed."
_LAST_MILLISECOND = 1000
_SECOND_DIGITS = 10
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_NEAR = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5)
_ROUNDED = ((10, "10 seconds"), (60, "the minute"), (3600, "the hour"))
_LINE_NAMES = ("first line", "timestamp", "client id", "method and action", "key", "body's digest")
_YEAR_9999 = 253_402_300_799


class Parts(NamedTuple):
    """What is joined and keyed: the parts of a string to sign, and how they are joined.

    `verb` is the method with what stands behind it. None is a line that is left out.
    """

    secret: bytes
    made: str
    first: bytes | None
    timestamp: bytes
    client_id: bytes
    verb: bytes
    action: bytes
    key: bytes | None
    digest: bytes
    joint: bytes = b"\n"
    tail: bytes = b""
    exchanged: tuple[int, int] | None = None

    def text(self) -> bytes:
        """Join the lines."""
        lines = [
            self.first,
            self.timestamp,
            self.client_id,
            self.verb + self.action,
            self.key,
            self.digest,
        ]
        if self.exchanged is not None:
            one, other = self.exchanged
            lines[one], lines[other] = lines[other], lines[one]
        return self.joint.join([line for line in lines if line is not None]) + self.tail


class Mistake(NamedTuple):
    """One part that is another, and what to say where this explains a signature."""

    part: str
    value: object
    finding: Finding


def right_parts(received: Received) -> Parts | None:
    """Give what should have been signed, without the secret; None where a part did not arrive."""
    digest = received.body_sha256
    if digest is not None and _DIGEST.fullmatch(digest) is None:
        digest = None
    if received.body is not None:
        digest = sha256(received.body).hexdigest().encode("ascii")
    if received.client_id is None or received.timestamp is None or digest is None:
        return None
    return Parts(
        secret=b"",
        made="hmac",
        first=SCHEME.encode("ascii"),
        timestamp=received.timestamp,
        client_id=received.client_id,
        verb=received.method + b" ",
        action=received.action,
        key=received.key or b"",
        digest=digest,
    )


def mistakes_of(received: Received, right: Parts) -> Iterator[Mistake]:
    """Give every mistake that is tried, secrets apart; likely ones first within a part."""
    yield from _with_body(received)
    yield from _with_digest(received, right)
    yield from _with_key(received)
    yield from _with_timestamp(right.timestamp)
    yield from _with_method(received)
    yield from _with_action(received)
    yield from _with_client_id(received)
    yield from _with_lines()
    yield from _with_mac()


def milliseconds_of(timestamp: bytes) -> Iterator[Mistake]:
    """Give every time in milliseconds that is within the second of a timestamp."""
    if TIMESTAMP.fullmatch(timestamp) is not None:
        for milliseconds in range(1, _LAST_MILLISECOND):
            yield _in_milliseconds(b"%b%03d" % (timestamp, milliseconds))


def _in_milliseconds(value: bytes) -> Mistake:
    return Mistake(
        "timestamp",
        value,
        Finding(
            "The timestamp was signed in milliseconds, and sent in seconds.",
            "Sign X-Timestamp exactly as it is sent: whole seconds.",
        ),
    )


def _with_body(received: Received) -> Iterator[Mistake]:
    for body, finding in other_bodies(received.body):
        yield Mistake("digest", sha256(body).hexdigest().encode("ascii"), finding)


def _with_digest(received: Received, right: Parts) -> Iterator[Mistake]:
    fix = "Put the SHA-256 of the body into the last line: 64 lower-case hexadecimal digits."

    def said(value: bytes, how: str) -> Mistake:
        return Mistake("digest", value, Finding(f"The last line was {how}.", fix))

    raw = bytes.fromhex(right.digest.decode("ascii"))
    yield said(right.digest.upper(), "the body's SHA-256 in upper-case digits")
    yield said(_base64(raw), "the body's SHA-256 in base64")
    yield said(_base64(raw).rstrip(b"="), "the body's SHA-256 in base64 without `=`")
    yield said(_base64(raw).translate(_TO_URL).rstrip(b"="), "the body's SHA-256 in base64url")
    yield said(raw, "the body's SHA-256 in raw bytes")
    yield said(b"sha256=" + right.digest, "`sha256=` and the body's SHA-256")
    yield said(sha256(right.digest).hexdigest().encode("ascii"), "the SHA-256 of a SHA-256")
    yield said(b"", "empty")
    if received.body is not None:
        yield said(received.body, "the body itself, not its SHA-256")
        yield said(received.body.strip(), "the body itself, not its SHA-256, without white space")
        for name in ("sha1", "sha512", "md5"):
            digest = _hashed(name, received.body).encode("ascii")
            yield said(digest, f"the {name.upper()} of the body, not its SHA-256")


def _with_key(received: Received) -> Iterator[Mistake]:
    fix = "Sign the Idempotency-Key exactly as it is sent; without one its line stays empty."

    def said(value: bytes | None, what: str) -> Mistake:
        return Mistake("key", value, Finding(what, fix))

    yield said(None, "The line of the Idempotency-Key was left out.")
    if received.key:
        yield said(b"", "The Idempotency-Key was sent and not signed.")
        yield said(received.key.lower(), "The Idempotency-Key was signed in lower case.")
        yield said(received.key.upper(), "The Idempotency-Key was signed in upper case.")
        yield said(received.key.strip(), "The Idempotency-Key was signed without white space.")
        yield said(b'"%b"' % received.key, "The Idempotency-Key was signed in quotes.")
        yield said(received.key.replace(b"-", b""), "The Idempotency-Key was signed without `-`.")
    else:
        for word in (b"null", b"undefined", b"None", b"nil", b"-"):
            yield said(word, f"`{word.decode()}` was signed in place of no Idempotency-Key.")


def _with_timestamp(timestamp: bytes) -> Iterator[Mistake]:
    fix = "Take the time once: sign the very text that X-Timestamp sends."

    def said(value: bytes, what: str) -> Mistake:
        return Mistake("timestamp", value, Finding(what, fix))

    yield said(b"", "The line of the timestamp was empty.")
    yield said(timestamp.strip(), "The timestamp was signed without white space.")
    if TIMESTAMP.fullmatch(timestamp) is None:
        if len(timestamp) > _SECOND_DIGITS and timestamp.isdigit():
            yield said(
                timestamp[:_SECOND_DIGITS], "The timestamp was signed in seconds, not as sent."
            )
        return
    seconds = int(timestamp)
    for step in _NEAR:
        way = "later" if step > 0 else "earlier"
        unit = "second" if abs(step) == 1 else "seconds"
        yield said(
            b"%d" % (seconds + step),
            f"The timestamp that was signed is {abs(step)} {unit} {way} than X-Timestamp.",
        )
    for size, name in _ROUNDED:
        for value in (seconds - seconds % size, seconds - seconds % size + size):
            yield said(b"%d" % value, f"The timestamp was signed rounded to {name}.")
    yield _in_milliseconds(b"%b000" % timestamp)
    yield said(b"%b.0" % timestamp, "The timestamp was signed with a fraction.")
    for spelled in _spelled_out(seconds):
        yield said(spelled, "The timestamp was signed as a date.")


def _spelled_out(seconds: int) -> Iterator[bytes]:
    if seconds <= _YEAR_9999:
        moment = as_utc(seconds * 1000)
        for form in (
            "%Y-%m-%dT%H:%M:%SZ",
            "%Y-%m-%dT%H:%M:%S+00:00",
            "%Y-%m-%dT%H:%M:%S.000Z",
            "%Y%m%dT%H%M%SZ",
        ):
            yield moment.strftime(form).encode("ascii")


def _with_method(received: Received) -> Iterator[Mistake]:
    fix = "The fourth line is `POST`, a space and the action."
    method = received.method
    for verb, what in (
        (method.lower() + b" ", "The method was signed in lower case."),
        (method.title() + b" ", f"The method was signed as `{shown(method.title())}`."),
        (method.upper() + b" ", "The method was signed in upper case."),
        (b"POST ", "The method was signed as `POST`."),
        (b"GET ", "The method was signed as `GET`."),
        (b"PUT ", "The method was signed as `PUT`."),
        (b"", "The method was left out of the fourth line."),
        (b" ", "The method was left out of the fourth line, and its space was not."),
        (method, "The space between method and action was left out."),
        (method + b"\n", "Method and action were signed in two lines."),
        (method + b":", "Method and action were joined by `:`."),
        (method + b"  ", "Method and action were joined by two spaces."),
    ):
        yield Mistake("verb", verb, Finding(what, fix))


def _with_action(received: Received) -> Iterator[Mistake]:
    fix = "Sign the action alone, exactly as it stands at the end of the path."

    def said(value: bytes, what: str) -> Mistake:
        return Mistake("action", value, Finding(what, fix))

    action, mount = received.action, received.mount.rstrip(b"/")
    client_id = received.path_client_id or received.client_id or b""
    path = b"/%b/%b" % (client_id, action)
    yield said(mount + path, "The path was signed in place of the action.")
    yield said(path, "The path without its mount was signed in place of the action.")
    yield said(path[1:], "`clientId/action` was signed in place of the action.")
    yield said(b"/" + action, "The action was signed with a slash before it.")
    yield said(mount + b"/" + action, "The mount and the action were signed, not the action alone.")
    if received.host:
        for scheme in (b"https://", b"http://", b""):
            address = scheme + received.host + mount + path
            yield said(address, "The whole address was signed in place of the action.")
            yield said(address + b"/", "The whole address was signed in place of the action.")
    yield said(mount + path + b"/", "The path was signed in place of the action, with a slash.")
    yield said(mount + path + b"?", "The path was signed in place of the action, with a `?`.")
    yield said(action.lower(), "The action was signed in lower case.")
    yield said(action.upper(), "The action was signed in upper case.")
    yield said(action.replace(b".", b"/"), "The action was signed with `/` for its dot.")
    yield said(action.replace(b".", b"_"), "The action was signed with `_` for its dot.")
    yield said(b"", "The action was left out.")
    for name in ACTIONS:
        yield said(name.encode("ascii"), f"The signature is for the action `{name}`.")


def _with_client_id(received: Received) -> Iterator[Mistake]:
    fix = "Sign X-Client-Id exactly as it is sent, which is the client id of the path."

    def said(value: bytes, what: str) -> Mistake:
        return Mistake("client_id", value, Finding(what, fix))

    sent = received.client_id or b""
    if received.path_client_id is not None:
        yield said(
            received.path_client_id, "The client id of the path was signed, not X-Client-Id."
        )
    yield said(b"", "The line of the client id was empty.")
    yield said(sent.strip(), "The client id was signed without white space.")
    yield said(sent.lower(), "The client id was signed in lower case.")
    yield said(sent.upper(), "The client id was signed in upper case.")
    yield said(sent.removeprefix(b"ofc_"), "The client id was signed without its `ofc_`.")


def _with_lines() -> Iterator[Mistake]:
    def said(part: str, value: object, what: str) -> Mistake:
        return Mistake(part, value, Finding(what, _SIX))

    yield said("first", None, f"The first line, `{SCHEME}`, was left out.")
    yield said("first", b"OFB1", "The first line was `OFB1`.")
    yield said("first", b"HMAC-SHA256", "The first line was `HMAC-SHA256`.")
    yield said("first", b"v1", "The first line was `v1`.")
    yield said("first", SCHEME.lower().encode("ascii"), "The first line was in lower case.")
    for joint, what in (
        (b"\r\n", "CRLF"),
        (b"\\n", r"a backslash and an `n`: `\n` in single quotes is no line feed"),
        (b"", "nothing"),
        (b".", "dots"),
        (b":", "colons"),
        (b"|", "bars"),
        (b"&", "ampersands"),
        (b" ", "spaces"),
        (b"\r", "CR"),
        (b"\n\n", "empty lines"),
    ):
        yield said("joint", joint, f"The lines were joined by {what}, not by a line feed.")
    for tail, what in (
        (b"\n", "a line feed"),
        (b"\r\n", "a Windows line end"),
        (b" ", "a space"),
        (b"\0", "a NUL"),
    ):
        yield said("tail", tail, f"There was {what} behind the last line.")
    for one, other in combinations(range(len(_LINE_NAMES)), 2):
        yield said(
            "exchanged",
            (one, other),
            f"The {_LINE_NAMES[one]} and the {_LINE_NAMES[other]} stood in each other's line.",
        )


def _with_mac() -> Iterator[Mistake]:
    fix = "Use HMAC as every library has it: the secret is the key, the six lines the message."
    for made, what in (
        ("exchanged", "Secret and text were given to HMAC in each other's place."),
        ("before", "It is a plain hash of secret and text, not an HMAC."),
        ("behind", "It is a plain hash of text and secret, not an HMAC."),
        ("lines before", "It is a plain hash of secret and text in lines, not an HMAC."),
        ("lines behind", "It is a plain hash of text and secret in lines, not an HMAC."),
        ("hash", "It is a plain hash of the text, without any secret."),
        ("hashed", "The text was hashed before it was given to HMAC."),
        ("hashed digits", "The text was hashed to digits before it was given to HMAC."),
    ):
        yield Mistake("made", made, Finding(what, fix))


def _base64(raw: bytes) -> bytes:
    return b2a_base64(raw, newline=False)


def _hashed(name: str, body: bytes) -> str:
    return new(name, body, usedforsecurity=False).hexdigest()
