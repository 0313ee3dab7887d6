"""What says who sends and when: the signature, its time, the client id, the key."""

import base64
from collections.abc import Callable
from dataclasses import replace

from tests.servers.rows.row import (
    FAILED,
    MALFORMED,
    MISMATCH,
    MISSING,
    OK,
    WINDOW,
    Row,
    added,
    always,
    changed,
    header,
    replaced,
    twice,
    wide,
)

_TO_2200 = 5_490_892_800
"""The seconds from 2026 to 2200."""


def _with_time(shape: str) -> Callable[[bytes], bytes]:
    return lambda value: shape.replace("T", value.decode()).encode()


def _flipped(value: bytes) -> bytes:
    return value[:-1] + (b"0" if value[-1:] != b"0" else b"1")


def _base64(value: bytes) -> bytes:
    return b"v1=" + base64.b64encode(bytes.fromhex(value[3:].decode()))


HEADERS = (
    changed("no X-Client-Id", MISSING, lambda one: one.without("X-Client-Id")),
    changed("no X-Timestamp", MISSING, lambda one: one.without("X-Timestamp")),
    changed("no X-Signature", MISSING, lambda one: one.without("X-Signature")),
    changed(
        "one missing, one malformed",
        MISSING,
        lambda one: one.without("X-Client-Id").but("X-Timestamp", "now"),
    ),
    header("timestamp in full-width digits", MALFORMED, "X-Timestamp", wide),
    header("timestamp with a plus", MALFORMED, "X-Timestamp", _with_time("+T")),
    header("timestamp with a minus", MALFORMED, "X-Timestamp", _with_time("-T")),
    header("timestamp with a leading zero", MALFORMED, "X-Timestamp", _with_time("0T")),
    header("timestamp with a fraction", MALFORMED, "X-Timestamp", _with_time("T.0")),
    header("timestamp in milliseconds", MALFORMED, "X-Timestamp", _with_time("T000")),
    header("timestamp with an underscore", MALFORMED, "X-Timestamp", replaced(b"1", b"1_")),
    header("timestamp with a space inside", MALFORMED, "X-Timestamp", replaced(b"1", b"1 ")),
    header("timestamp of 5,000 digits", MALFORMED, "X-Timestamp", always("1" * 5000)),
    header("timestamp as a date", MALFORMED, "X-Timestamp", always("2026-01-01T00:00:00Z")),
    header("timestamp 1e9", MALFORMED, "X-Timestamp", always("1e9")),
    header("timestamp between spaces and a tab", OK, "X-Timestamp", _with_time("  T \t")),
    Row("signed 50 seconds ago", OK, lambda front, _: front.request(age=50)),
    Row("signed 75 seconds ago", WINDOW, lambda front, _: front.request(age=75)),
    Row("signed in 50 seconds", OK, lambda front, _: front.request(age=-50)),
    Row("signed in 75 seconds", WINDOW, lambda front, _: front.request(age=-75)),
    Row("signed in the year 2200", WINDOW, lambda front, _: front.request(age=-_TO_2200)),
    Row("signed 400 seconds ago", WINDOW, lambda front, _: front.request(age=400)),
    Row("signed in 400 seconds", WINDOW, lambda front, _: front.request(age=-400)),
    header("timestamp one second on", FAILED, "X-Timestamp", lambda t: b"%d" % (int(t) + 1)),
    changed("X-Client-Id twice", MALFORMED, twice("X-Client-Id")),
    changed("X-Timestamp twice", MALFORMED, twice("X-Timestamp")),
    changed("X-Signature twice, the same", MALFORMED, twice("X-Signature")),
    changed("X-Signature twice, the second bad", MALFORMED, twice("X-Signature", second=_flipped)),
    changed("Idempotency-Key twice", MALFORMED, twice("Idempotency-Key")),
    header("X-Signature joined by a comma", MALFORMED, "X-Signature", lambda s: s + b"," + s),
    header("X-Client-Id joined by a comma", MALFORMED, "X-Client-Id", lambda s: s + b", " + s),
    changed(
        "X_Signature in place of X-Signature",
        MISSING,
        lambda one: one.without("X-Signature").also("X_Signature", one.value("X-Signature")),
    ),
    added("a bad X_Signature after a good X-Signature", OK, "X_Signature", "v1=" + "0" * 64),
    changed(
        "a bad X_Signature before a good X-Signature",
        OK,
        lambda one: replace(one, headers=((b"X_Signature", b"v1=" + b"0" * 64), *one.headers)),
    ),
    changed("X-Client-Id of another", MISMATCH, lambda one: one.but("X-Client-Id", "ofc_other000")),
    header("X-Client-Id in capitals", MISMATCH, "X-Client-Id", bytes.upper),
    header("X-Client-Id with ../", MALFORMED, "X-Client-Id", lambda c: b"../" + c),
    header("X-Client-Id with a NUL", MALFORMED, "X-Client-Id", lambda c: c + b"\0"),
    header("X-Client-Id with an emoji", MALFORMED, "X-Client-Id", always("ofc_\N{SKULL}\ufe0f")),
    header("X-Client-Id of 10 kB", MALFORMED, "X-Client-Id", always("o" * 10_000)),
    changed(
        "an unknown client id",
        FAILED,
        lambda one: one.but("X-Client-Id", "ofc_other000").to("/bridge/ofc_other000/items.add"),
    ),
    Row(
        "a wrong secret",
        FAILED,
        lambda front, fronts: front.request(secret=fronts["another"].secret),
    ),
    Row(
        "signed by another storefront",
        FAILED,
        lambda front, fronts: (
            fronts["another"]
            .request(body=front.body)
            .but("X-Client-Id", front.client_id)
            .to(front.request().target)
        ),
    ),
    header("X-Signature in capitals", MALFORMED, "X-Signature", lambda s: b"v1=" + s[3:].upper()),
    header("X-Signature of 63 digits", MALFORMED, "X-Signature", lambda s: s[:-1]),
    header("X-Signature of 65 digits", MALFORMED, "X-Signature", lambda s: s + b"0"),
    header("X-Signature without digits", MALFORMED, "X-Signature", always("v1=")),
    header("X-Signature empty", MALFORMED, "X-Signature", always("")),
    header("X-Signature in Latin-1", MALFORMED, "X-Signature", lambda s: s[:-1] + b"\xe9"),
    header("X-Signature of v0", MALFORMED, "X-Signature", replaced(b"v1", b"v0")),
    header("X-Signature of sha256", MALFORMED, "X-Signature", replaced(b"v1", b"sha256")),
    header("X-Signature without its prefix", MALFORMED, "X-Signature", replaced(b"v1=", b"")),
    header("X-Signature in base64", MALFORMED, "X-Signature", _base64),
    header("X-Signature with one digit changed", FAILED, "X-Signature", _flipped),
    header("Idempotency-Key empty", MALFORMED, "Idempotency-Key", always("")),
    header("Idempotency-Key changed", FAILED, "Idempotency-Key", _flipped),
    changed("Idempotency-Key removed", FAILED, lambda one: one.without("Idempotency-Key")),
    Row(
        "Idempotency-Key added",
        FAILED,
        lambda front, _: front.request(key=None).also("Idempotency-Key", "k"),
    ),
    added("X-Forwarded-For that nobody asked for", OK, "X-Forwarded-For", "10.0.0.1"),
    added("Forwarded that nobody asked for", OK, "Forwarded", "for=10.0.0.1"),
)
