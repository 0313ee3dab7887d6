"""Each common mistake of a storefront is named, alone and with another one."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.diagnosis import Explanation, Received, Signer, explain_signature

SECRET = b"ofs_RVhBTVBMRS1PTkxZLU5FVkVSLUlOLVBST0RVQ1RJT04"
PREVIOUS = b"ofs_" + b"Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1iYXNlNjQ"
OTHER = b"ofs_" + b"YW5vdGhlci1jb25uZWN0aW9uLW9mLXRoZS1zYW1lLXM"
CLIENT_ID = b"ofc_7fk2mq9xt4b8c3d5e6g7"
SECONDS = 1_767_225_600
NOW = SECONDS * 1000
ACTION = b"cart.create"
KEY = b"Key-00-f"
DOCUMENT = {"note": "Größe/2 <b> & so", "items": [{"sku": "mug", "quantity": 2}], "currency": "GBP"}
BODY = json.dumps(DOCUMENT, ensure_ascii=False, separators=(", ", ":")).encode()
SIGNER = Signer(
    client_id=CLIENT_ID.decode(),
    name="Storefront",
    window=60,
    current=SECRET,
    previous=PREVIOUS,
    previous_until=NOW - 1,
)
OTHERS = (Signer(client_id="ofc_another0another0abc", name="Other", window=60, current=OTHER),)


def lines(**changed: Any) -> bytes:
    """Join six lines, some of them changed; `body` is hashed unless `digest` is given."""
    parts = {
        "first": b"OFB1-HMAC-SHA256",
        "timestamp": b"%d" % SECONDS,
        "client_id": CLIENT_ID,
        "request": b"POST " + ACTION,
        "key": KEY,
        "body": BODY,
        "joint": b"\n",
        "tail": b"",
    } | changed
    digest = parts.get("digest", hashlib.sha256(parts["body"]).hexdigest().encode())
    text = [parts[name] for name in ("first", "timestamp", "client_id", "request", "key")]
    return parts["joint"].join([one for one in (*text, digest) if one is not None]) + parts["tail"]


def mac(text: bytes, secret: bytes = SECRET, algorithm: str = "sha256") -> bytes:
    return hmac.digest(secret, text, algorithm)


def v1(text: bytes, secret: bytes = SECRET) -> bytes:
    return b"v1=" + mac(text, secret).hex().encode()


def explain(signature: bytes | None, *, now: int = NOW, **changed: Any) -> Explanation:
    fields: dict[str, Any] = {
        "action": ACTION,
        "path_client_id": CLIENT_ID,
        "client_id": CLIENT_ID,
        "timestamp": b"%d" % SECONDS,
        "key": KEY,
        "signature": signature,
        "body": BODY,
        "host": b"shop.example",
    }
    signer = changed.pop("signer", SIGNER)
    return explain_signature(
        Received(**fields | changed), signer, now=now, server_window=300, others=OTHERS
    )


def said(found: Explanation) -> str:
    return " ".join(one.title for one in (*found.problems, *found.findings))


def dumps(**options: Any) -> bytes:
    return json.dumps(DOCUMENT, **{"ensure_ascii": False} | options).encode()


DIGEST = hashlib.sha256(BODY).digest()
COMPACT = (",", ":")

SIGNED_INSTEAD = {
    # The secret.
    "newline": (v1(lines(), SECRET + b"\n"), "newline behind it"),
    "crlf": (v1(lines(), SECRET + b"\r\n"), "Windows line end behind it"),
    "space": (v1(lines(), SECRET + b" "), "space behind it"),
    "space before": (v1(lines(), b" " + SECRET), "space before it"),
    "quotes": (v1(lines(), b'"' + SECRET + b'"'), "double quotes around it"),
    "single quotes": (v1(lines(), b"'" + SECRET + b"'"), "single quotes around it"),
    "no prefix": (v1(lines(), SECRET[4:]), "without its `ofs_`"),
    "lower secret": (v1(lines(), SECRET.lower()), "lower case"),
    "decoded": (
        v1(lines(), base64.urlsafe_b64decode(SECRET + b"=")),
        "base64-decoded first",
    ),
    "bare decoded": (
        v1(lines(), base64.urlsafe_b64decode(SECRET[4:] + b"=")),
        "without its `ofs_` was base64-decoded first",
    ),
    "encoded": (v1(lines(), base64.b64encode(SECRET)), "base64-encoded first"),
    "hex secret": (v1(lines(), SECRET.hex().encode()), "written in hexadecimal first"),
    "hashed secret": (v1(lines(), hashlib.sha256(SECRET).digest()), "hashed with SHA-256"),
    "utf-16 secret": (v1(lines(), SECRET.decode().encode("utf-16-le")), "in UTF-16"),
    "empty secret": (v1(lines(), b""), "secret was empty"),
    "client id": (v1(lines(), CLIENT_ID), "client id was used as the secret"),
    "old": (v1(lines(), PREVIOUS), "previous secret was used; it ended at 2025-12-31T23:59:59"),
    "old newline": (v1(lines(), PREVIOUS + b"\n"), "previous secret was used; it ended"),
    "other connection": (v1(lines(), OTHER), "another connection: Other (ofc_another0"),
    "other client": (
        v1(lines(client_id=b"ofc_another0another0abc"), OTHER),
        "another connection: Other",
    ),
    # The body.
    "empty body": (v1(lines(body=b"")), "over an empty body"),
    "braces": (v1(lines(body=b"{}")), "over the body `{}`"),
    "object": (v1(lines(body=b"[object Object]")), "an object was turned into text"),
    "line feed added": (v1(lines(body=BODY + b"\n")), "a newline at its end, which was not sent"),
    "crlf added": (v1(lines(body=BODY + b"\r\n")), "Windows line end at its end"),
    "bom added": (v1(lines(body=b"\xef\xbb\xbf" + BODY)), "a byte order mark, which was not sent"),
    "latin-1": (v1(lines(body=BODY.decode().encode("latin-1"))), "in Latin-1"),
    "twice utf-8": (v1(lines(body=BODY.decode("latin-1").encode())), "to UTF-8 twice"),
    "compact": (v1(lines(body=dumps(separators=COMPACT))), "without spaces"),
    "spaced": (v1(lines(body=dumps())), "with a space behind `,` and `:`"),
    "indented": (v1(lines(body=dumps(indent=2))), "indented by 2"),
    "indented by 4": (v1(lines(body=dumps(indent=4))), "indented by 4"),
    "tabs": (v1(lines(body=dumps(indent="\t"))), "indented by tabs"),
    "sorted": (
        v1(lines(body=dumps(separators=COMPACT, sort_keys=True))),
        "without spaces, with its names sorted",
    ),
    "escaped": (
        v1(lines(body=dumps(separators=COMPACT, ensure_ascii=True))),
        r"without spaces, with \u escapes",
    ),
    "php": (
        v1(lines(body=dumps(separators=COMPACT, ensure_ascii=True).replace(b"/", b"\\/"))),
        "as PHP writes it",
    ),
    "go": (
        v1(
            lines(
                body=dumps(separators=COMPACT)
                .replace(b"&", b"\\u0026")
                .replace(b"<", b"\\u003c")
                .replace(b">", b"\\u003e")
            )
        ),
        "as Go writes it",
    ),
    "twice": (v1(lines(body=json.dumps(BODY.decode()).encode())), "serialised twice"),
    # The digest.
    "body itself": (v1(lines(digest=BODY)), "the body itself, not its SHA-256"),
    "upper digest": (v1(lines(digest=DIGEST.hex().upper().encode())), "SHA-256 in upper-case"),
    "base64 digest": (v1(lines(digest=base64.b64encode(DIGEST))), "SHA-256 in base64."),
    "base64url digest": (
        v1(lines(digest=base64.urlsafe_b64encode(DIGEST).rstrip(b"="))),
        "SHA-256 in base64",
    ),
    "raw digest": (v1(lines(digest=DIGEST)), "SHA-256 in raw bytes"),
    "md5": (v1(lines(digest=hashlib.md5(BODY).hexdigest().encode())), "the MD5 of the body"),
    "no digest": (v1(lines(digest=b"")), "The last line was empty."),
    # The key.
    "no key line": (v1(lines(key=None)), "line of the Idempotency-Key was left out"),
    "unsigned key": (v1(lines(key=b"")), "Idempotency-Key was sent and not signed"),
    "lower key": (v1(lines(key=KEY.lower())), "Idempotency-Key was signed in lower case"),
    # The time.
    **{
        f"time {step}": (
            v1(lines(timestamp=b"%d" % (SECONDS + step))),
            (
                f"is {abs(step)} second{'' if abs(step) == 1 else 's'}"
                f" {'later' if step > 0 else 'earlier'} than X-Timestamp"
            ),
        )
        for step in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
    },
    "milliseconds": (v1(lines(timestamp=b"%d000" % SECONDS)), "signed in milliseconds"),
    "any millisecond": (v1(lines(timestamp=b"%d617" % SECONDS)), "signed in milliseconds"),
    "date": (v1(lines(timestamp=b"2026-01-01T00:00:00Z")), "signed as a date"),
    "fraction": (v1(lines(timestamp=b"%d.0" % SECONDS)), "signed with a fraction"),
    # Method and action.
    "lower method": (v1(lines(request=b"post " + ACTION)), "method was signed in lower case"),
    "get": (v1(lines(request=b"GET " + ACTION)), "method was signed as `GET`"),
    "no method": (v1(lines(request=ACTION)), "method was left out"),
    "two lines": (v1(lines(request=b"POST\n" + ACTION)), "signed in two lines"),
    **{
        name: (
            v1(lines(request=b"POST " + name.encode())),
            f"The signature is for the action `{name}`",
        )
        for name in ACTIONS
        if name.encode() != ACTION
    },
    "path": (
        v1(lines(request=b"POST /bridge/" + CLIENT_ID + b"/" + ACTION)),
        "The path was signed in place of the action",
    ),
    "bare path": (
        v1(lines(request=b"POST /" + CLIENT_ID + b"/" + ACTION)),
        "path without its mount was signed",
    ),
    "address": (
        v1(lines(request=b"POST https://shop.example/bridge/" + CLIENT_ID + b"/" + ACTION)),
        "whole address was signed",
    ),
    "slashed": (v1(lines(request=b"POST /" + ACTION)), "a slash before it"),
    # The client id.
    "no client": (v1(lines(client_id=b"")), "line of the client id was empty"),
    "bare client": (v1(lines(client_id=CLIENT_ID[4:])), "without its `ofc_`"),
    # The lines.
    "no first line": (v1(lines(first=None)), "first line, `OFB1-HMAC-SHA256`, was left out"),
    "windows lines": (v1(lines(joint=b"\r\n")), "joined by CRLF"),
    "dots": (v1(lines(joint=b".")), "joined by dots"),
    "nothing": (v1(lines(joint=b"")), "joined by nothing"),
    "backslash": (v1(lines(joint=b"\\n")), "a backslash and an `n`"),
    "tail": (v1(lines(tail=b"\n")), "a line feed behind the last line"),
    "exchanged lines": (
        v1(lines(timestamp=CLIENT_ID, client_id=b"%d" % SECONDS)),
        "The timestamp and the client id stood in each other's line",
    ),
    # The MAC.
    "arguments": (
        b"v1=" + mac(SECRET, lines()).hex().encode(),
        "given to HMAC in each other's place",
    ),
    "plain hash": (
        b"v1=" + hashlib.sha256(SECRET + lines()).hexdigest().encode(),
        "a plain hash of secret and text",
    ),
    "hash behind": (
        b"v1=" + hashlib.sha256(lines() + SECRET).hexdigest().encode(),
        "a plain hash of text and secret",
    ),
    "no secret": (
        b"v1=" + hashlib.sha256(lines()).hexdigest().encode(),
        "a plain hash of the text",
    ),
    "hashed text": (v1(hashlib.sha256(lines()).digest()), "hashed before it was given to HMAC"),
}


@pytest.mark.parametrize(("signature", "title"), SIGNED_INSTEAD.values(), ids=SIGNED_INSTEAD)
def test_a_mistake_is_named_with_its_fix(signature, title):
    """One thing is another, and it is said which."""
    found = explain(signature)
    assert found.verdict == "explained"
    assert title in said(found)
    assert all(one.fix for one in found.findings)


RECEIVED_OTHERWISE = {
    "trimmed": (b" " + BODY + b" ", "without the white space around it"),
    "newline removed": (BODY + b"\n", "without the white space around it"),
    "bom removed": (b"\xef\xbb\xbf" + BODY, "without the byte order mark that was sent"),
    "one line": (BODY.replace(b" ", b"\n"), None),
}


@pytest.mark.parametrize("case", RECEIVED_OTHERWISE)
def test_what_was_added_on_the_way_is_named(case):
    """The body was signed as it was made, and something changed it afterwards."""
    body, title = RECEIVED_OTHERWISE[case]
    found = explain(v1(lines()), body=body)
    if title is not None:
        assert title in said(found)
    else:
        assert found.verdict == "unexplained"


def test_line_ends_that_changed_on_the_way_are_named():
    """In both directions."""
    unix = b'{\n  "currency": "GBP"\n}'
    windows = unix.replace(b"\n", b"\r\n")
    assert "with LF line ends" in said(explain(v1(lines(body=unix)), body=windows))
    assert "with CRLF line ends" in said(explain(v1(lines(body=windows)), body=unix))


def test_a_form_that_was_signed_is_named():
    """Some libraries encode a document as a form where they sign it."""
    found = explain(
        v1(lines(body=b"cart_id=crt_1&note=a+b")), body=b'{"cart_id":"crt_1","note":"a b"}'
    )
    assert "form-encoded" in said(found)


def test_a_key_that_was_signed_and_not_sent_is_named():
    """What stands for nothing in another language is tried."""
    assert "`null` was signed in place of no" in said(explain(v1(lines(key=b"null")), key=None))
    assert "left out" in said(explain(v1(lines(key=None)), key=None))


def test_a_client_id_of_the_path_that_was_signed_is_named():
    """Where header and path differ, both the header and the signature tell it."""
    found = explain(v1(lines()), client_id=b"ofc_something0else00000")
    assert "X-Client-Id is not the client id of the path" in said(found)
    assert "The client id of the path was signed" in said(found)


WRITTEN = {
    "upper": (v1(lines())[:3] + mac(lines()).hex().upper().encode(), "upper-case hexadecimal"),
    "no v1": (mac(lines()).hex().encode(), "does not begin with `v1=`"),
    "sha256": (b"sha256=" + mac(lines()).hex().encode(), "begins with `sha256` in place of `v1`"),
    "v0": (b"v0=" + mac(lines()).hex().encode(), "begins with `v0` in place of `v1`"),
    "base64": (b"v1=" + base64.b64encode(mac(lines())), "in base64"),
    "base64url": (b"v1=" + base64.urlsafe_b64encode(mac(lines())).rstrip(b"="), "in base64"),
    "base64 of hex": (b"v1=" + base64.b64encode(mac(lines()).hex().encode()), "in base64"),
    "0x": (b"v1=0x" + mac(lines()).hex().encode(), "`0x` before it"),
    "sha1": (b"v1=" + mac(lines(), algorithm="sha1").hex().encode(), "one of SHA-1."),
    "sha512": (b"v1=" + mac(lines(), algorithm="sha512").hex().encode(), "one of SHA-512."),
    "spaces": (v1(lines()) + b" ", "white space around it"),
    "quotes": (b'"' + v1(lines()) + b'"', "quotes around it"),
    "list": (b"v1=" + b"0" * 64 + b"," + v1(lines()), "holds a list"),
}


@pytest.mark.parametrize(("signature", "title"), WRITTEN.values(), ids=WRITTEN)
def test_a_right_signature_that_is_written_wrong_is_known(signature, title):
    """Everything that is signed is right, and the header alone is not."""
    found = explain(signature)
    assert found.verdict == "refused"
    assert title in said(found)
    assert found.findings == ()


@pytest.mark.parametrize(
    ("signature", "title"),
    [
        (b"v1=" + b"0" * 63, "63 hexadecimal digits in place of 64"),
        (b"v1=" + b"0" * 65, "65 hexadecimal digits in place of 64"),
        (b"v1=", "nothing behind `v1=`"),
        (b"", "is empty"),
        (b"secret!", "neither hexadecimal nor base64"),
        ("v1=é".encode(), "outside of ASCII"),
        (None, "X-Signature is missing"),
    ],
)
def test_a_signature_that_is_none_is_said_so(signature, title):
    """Nothing can be compared, and nothing is tried."""
    found = explain(signature)
    assert found.verdict == "unreadable"
    assert title in said(found)


PAIRS = {
    "body and action": (
        v1(lines(body=dumps(separators=COMPACT), request=b"POST cart.get")),
        ("without spaces", "for the action `cart.get`"),
    ),
    "secret and lines": (
        v1(lines(joint=b"\r\n"), SECRET + b"\n"),
        ("newline behind it", "joined by CRLF"),
    ),
    "method and key": (
        v1(lines(request=b"post " + ACTION, key=b"")),
        ("not signed", "lower case"),
    ),
    "tail and first": (v1(lines(first=None, tail=b"\n")), ("left out", "behind the last line")),
}


@pytest.mark.parametrize(("signature", "titles"), PAIRS.values(), ids=PAIRS)
def test_two_mistakes_at_once_are_both_named(signature, titles):
    """A storefront's first attempt is seldom wrong in one place only."""
    found = explain(signature)
    assert found.verdict == "explained"
    assert len(found.findings) == 2
    assert all(title in said(found) for title in titles)


def test_three_mistakes_are_too_many():
    """The work is bounded, and what is not found is said to be not found."""
    found = explain(v1(lines(first=None, tail=b"\n", request=b"post " + ACTION)))
    assert found.verdict == "unexplained"
    assert "Compare the storefront's six lines" in found.findings[0].fix


def test_a_right_request_is_right():
    """With the current secret, and with the previous one in its grace, which is said."""
    assert explain(v1(lines())).verdict == "right"
    live = explain(v1(lines(), PREVIOUS), now=NOW - 2)
    assert live.verdict == "right"
    assert "it is live until 2025-12-31T23:59:59" in said(live)


def test_the_string_to_sign_is_the_servers():
    """It is shown whole, so that it can be compared line by line."""
    assert explain(v1(b"nothing")).string_to_sign == lines().decode()


def test_a_client_id_that_nobody_has_is_said_so():
    """There is no secret to compare with."""
    assert "no connection with this client id" in said(explain(v1(lines()), signer=None))
    lost = Signer(client_id=CLIENT_ID.decode(), name="Storefront", window=60, current=None)
    assert "not in the ring" in said(explain(v1(lines()), signer=lost))


def test_the_eight_digits_that_are_kept_are_enough():
    """A kept request is explained by them and by the digest, though its body is gone."""
    kept = v1(lines(request=b"POST cart.get"))[:11] + "…".encode()
    found = explain(kept, body=None, body_sha256=hashlib.sha256(BODY).hexdigest().encode())
    assert found.verdict == "explained"
    assert "for the action `cart.get`" in said(found)


@pytest.mark.parametrize("digits", [*range(1, 8), 9, 16, 63])
def test_no_other_part_of_a_signature_is_compared(digits):
    """Who could ask for one digit after the other would find a signature that they may not have."""
    right = v1(lines())
    for text in (right[: 3 + digits], right[: 3 + digits] + "…".encode()):
        assert explain(text).verdict == "unreadable"


@pytest.mark.parametrize(
    ("timestamp", "title"),
    [
        (b"%d000" % SECONDS, "in milliseconds"),
        (b"%d000000" % SECONDS, "in microseconds"),
        (b"%d000000000" % SECONDS, "in nanoseconds"),
        (b"%d.5" % SECONDS, "has a fraction"),
        (b"2026-01-01T00:00:00Z", "is a date"),
        (b"Thu, 01 Jan 2026 00:00:00 GMT", "white space in it"),
        (b"+%d" % SECONDS, "has a sign"),
        (b"0%d" % SECONDS, "begins with a zero"),
        (b"1.7e9", "is no number of seconds"),
        (b"17e8", "with an exponent"),
        (b"0x69", "hexadecimal"),
        (b"1_767_225_600", "grouped"),
        (b"176722560", "9 digits in place of 10"),
        (b"", "is empty"),
        ("１７６７２２５６００".encode(), "outside of ASCII"),
        (b"now", "no number of seconds"),
        (None, "X-Timestamp is missing"),
        (b"%d" % (SECONDS - 61), "61 seconds behind the server's clock; the connection's own"),
        (b"%d" % (SECONDS - 301), "clock; the server's largest window is 300 seconds"),
        (b"%d" % (SECONDS + 61), "61 seconds ahead of the server's clock"),
    ],
)
def test_a_timestamp_is_refused_with_the_reason(timestamp, title):
    """How it is written, or how far the clock is off."""
    assert title in said(explain(v1(lines()), timestamp=timestamp))


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"client_id": None}, "X-Client-Id is missing"),
        ({"client_id": b"short"}, "it has 5 characters"),
        ({"client_id": CLIENT_ID + b"," + CLIENT_ID}, "came twice"),
        ({"key": b""}, "Idempotency-Key is malformed: it is empty"),
        ({"key": b"a" * 129}, "more than 128 characters"),
        ({"key": b"a/b"}, "a character that it may not have"),
        ({"method": b"GET"}, "The method is not POST"),
    ],
)
def test_a_header_is_refused_with_the_reason(fields, title):
    """Before any MAC is computed."""
    assert title in said(explain(v1(lines()), **fields))


def test_a_digest_that_is_none_is_no_digest():
    """Without body and digest there is no string to sign."""
    found = explain(v1(lines()), body=None, body_sha256=b"0")
    assert found.string_to_sign is None
    assert found.verdict == "unreadable"


def test_a_body_nested_without_end_breaks_nothing():
    """What cannot be looked through as JSON is looked at as text."""
    body = b'{"a":' * 600 + b'"\\u0034"' + b"}" * 600
    assert explain(v1(lines(body=body)), body=body).verdict == "right"
