"""Auth headers that are missing, misspelt, doubled or dressed up."""

import base64

import pytest

from tests.rig import NOW
from tests.security.attacks import SECOND, Attack, Table
from tests.security.playing import rows
from tests.security.stage import CLIENT, OTHER

MISSING = "401 missing_auth_header"
MALFORMED = "401 malformed_auth_header"
MISMATCH = "401 client_id_mismatch"
FAILED = "401 authentication_failed"
NOWHERE = "404 not_found"
RUBBISH = {"X-Client-Id": "!", "X-Timestamp": "!", "X-Signature": "!", "Idempotency-Key": "!"}


def timestamp(name: str, value: str | bytes, expect: str = MALFORMED) -> Attack:
    return Attack(name, expect, headers={"X-Timestamp": value})


def signature(name: str, value: object, expect: str = MALFORMED) -> Attack:
    return Attack(name, expect, headers={"X-Signature": value})


def both_ids(name: str, written: str, on_the_wire: str, expect: str) -> Attack:
    path = f"/{on_the_wire}/cart.create"
    return Attack(name, expect, path=path, headers={"X-Client-Id": written})


def digits_of(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("v1="))


TABLE: Table = {
    "an auth header is missing": [
        Attack("no X-Client-Id", MISSING, headers={"X-Client-Id": None}),
        Attack("no X-Timestamp", MISSING, headers={"X-Timestamp": None}),
        Attack("no X-Signature", MISSING, headers={"X-Signature": None}),
        Attack("all others malformed", MISSING, headers=RUBBISH | {"X-Signature": None}),
    ],
    "a timestamp in another script's digits": [
        timestamp("full-width", "１７６７２２５６００"),
        timestamp("Arabic-Indic", "١٧٦٧٢٢٥٦٠٠"),
        timestamp("Devanagari", "१७६७२२५६००"),
    ],
    "a timestamp that int() would read": [
        timestamp("plus", "+767225600"),
        timestamp("minus", "-767225600"),
        timestamp("underscores", "1_767_225_600"),
        timestamp("leading zero", "0767225600"),
        timestamp("leading zero, one digit more", f"0{SECOND}"),
    ],
    "a timestamp with white space": [
        timestamp("space in front", f" {SECOND}"),
        timestamp("space inside", "17672 25600"),
        timestamp("space behind", f"{SECOND} "),
        timestamp("tab behind", f"{SECOND}\t"),
        timestamp("line feed behind", f"{SECOND}\n"),
        timestamp("carriage return behind", f"{SECOND}\r"),
        timestamp("NUL behind", f"{SECOND}\0"),
        timestamp("empty", ""),
    ],
    "a timestamp that is no integer": [
        timestamp("exponent", "1.7672e9"),
        timestamp("exponent, whole", "1767e00006"),
        timestamp("not a number", "nan"),
        timestamp("infinity", "infinity"),
        timestamp("hexadecimal", "0x69544b80"),
        timestamp("fraction", "17672256.0"),
        timestamp("a date", "2026-01-01T00:00:00Z"),
    ],
    "a timestamp in milliseconds": [
        Attack(
            "13 digits",
            MALFORMED,
            headers={"X-Timestamp": str(NOW)},
            says="looks like milliseconds",
        ),
    ],
    "a timestamp of very many digits": [
        timestamp("11", f"{SECOND}0"),
        timestamp("400", "9" * 400),
        timestamp("5,000", "9" * 5_000),
    ],
    "an auth header sent twice": [
        Attack("one timestamp twice", MALFORMED, headers={"X-Timestamp": [str(SECOND)] * 2}),
        Attack("two timestamps", MALFORMED, headers={"X-Timestamp": [str(SECOND), "1"]}),
        Attack("joined timestamps", MALFORMED, headers={"X-Timestamp": f"{SECOND},{SECOND}"}),
        Attack("one client id twice", MALFORMED, headers={"X-Client-Id": [CLIENT] * 2}),
        Attack("two client ids", MALFORMED, headers={"X-Client-Id": [CLIENT, OTHER]}),
        Attack("joined client ids", MALFORMED, headers={"X-Client-Id": f"{CLIENT}, {OTHER}"}),
        signature("an empty signature behind", lambda honest: f"{honest},"),
        Attack("two signatures", MALFORMED, headers={"X-Signature": ["v1=" + "0" * 64] * 2}),
        Attack("a key twice", MALFORMED, key="k", headers={"Idempotency-Key": ["k", "k"]}),
        Attack("two keys", MALFORMED, key="k", headers={"Idempotency-Key": ["k", "l"]}),
        Attack("joined keys", MALFORMED, key="k", headers={"Idempotency-Key": "k, l"}),
    ],
    "an alias with an underscore": [
        Attack(
            "X_Signature beside the right one",
            "200",
            headers={"X_Signature": "v1=" + "0" * 64},
            unlike={"wsgi": MALFORMED},
        ),
        Attack(
            "X_Signature in its place",
            MISSING,
            headers={"X-Signature": None, "X_Signature": "v1=" + "0" * 64},
            unlike={"wsgi": FAILED},
        ),
        Attack(
            "X_Client_Id beside the right one",
            "200",
            headers={"X_Client_Id": OTHER},
            unlike={"wsgi": MALFORMED},
        ),
    ],
    "another client id in the header than in the path": [
        Attack("header", MISMATCH, headers={"X-Client-Id": OTHER}),
        Attack("path", MISMATCH, path=f"/{OTHER}/cart.create"),
        Attack("case", MISMATCH, headers={"X-Client-Id": CLIENT.upper()}),
    ],
    "a client id that nobody issues": [
        both_ids("upper case", CLIENT.upper(), CLIENT.upper(), FAILED),
        both_ids("NUL", "ofc_\0aaaaaaa", "ofc_%00aaaaaaa", NOWHERE),
        both_ids("dot segments", "../../../etc", "../../../etc", NOWHERE),
        both_ids("emoji", "😀" * 8, "%F0%9F%98%80" * 8, NOWHERE),
        both_ids("10 kB", "a" * 10_000, "a" * 10_000, NOWHERE),
        both_ids("short", "abcdefg", "abcdefg", NOWHERE),
        Attack("NUL in the header", MALFORMED, headers={"X-Client-Id": "ofc_\0aaaaaaa"}),
        Attack("dot segments in the header", MALFORMED, headers={"X-Client-Id": "../../../etc"}),
        Attack("emoji in the header", MALFORMED, headers={"X-Client-Id": "😀" * 8}),
        Attack("10 kB in the header", MALFORMED, headers={"X-Client-Id": "a" * 10_000}),
        Attack("line feed in the header", MALFORMED, headers={"X-Client-Id": f"{CLIENT}\n"}),
    ],
    "a signature in upper case": [
        signature("all of it", lambda honest: honest.upper().replace("V", "v")),
        signature("one digit", "v1=" + "a" * 63 + "A"),
        signature("the version", lambda honest: "V" + honest[1:]),
    ],
    "a signature of another length": [
        signature("63 digits", lambda honest: honest[:-1]),
        signature("65 digits", lambda honest: honest + "0"),
        signature("the version alone", "v1="),
        signature("empty", ""),
        signature("twice as long", lambda honest: honest + honest[3:]),
    ],
    "a signature that is no ASCII": [
        signature("bytes above 127", b"v1=" + b"\xff" * 64),
        signature("full-width digits", "v1=" + "０" * 64),
        signature("one sharp s", lambda honest: honest[:-1] + "ß"),
    ],
    "a signature of another version": [
        signature("v0", lambda honest: f"v0={honest[3:]}"),
        signature("v2", lambda honest: f"v2={honest[3:]}"),
        signature("sha256", lambda honest: f"sha256={honest[3:]}"),
        signature("none", lambda honest: honest[3:]),
        signature("SHA-1's length", lambda honest: honest[:43]),
    ],
    "the right MAC in another encoding": [
        signature("base64", lambda honest: f"v1={base64.b64encode(digits_of(honest)).decode()}"),
        signature(
            "base64url", lambda honest: f"v1={base64.urlsafe_b64encode(digits_of(honest)).decode()}"
        ),
        signature("0x in front", lambda honest: f"v1=0x{honest[3:]}"),
    ],
    "a list of signatures": [
        signature("wrong, right", lambda honest: f"v1={'0' * 64},{honest}"),
        signature("right, wrong", lambda honest: f"{honest},v1={'0' * 64}"),
        signature("wrong right", lambda honest: f"v1={'0' * 64} {honest}"),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_a_header_is_read_in_its_one_spelling_or_refused(player, attack, level):
    """401 in the published form, on every host, and nothing happened."""
    player.play(attack, level)
