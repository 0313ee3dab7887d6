"""Card data that must never get in: numbers, track data and security codes (protocol §2, step 16).

Text is read as a person reads it: NFKC, every script's digits as ASCII, invisible characters
dropped. A candidate is a whole run of 14-19 digits, or digits grouped 4-4-4-4 (perhaps with a last
1-3), 4-6-4 or 4-6-5 by one repeated separator, tried with and without a group that follows. It is a
card number when issuer range, length and Luhn digit all agree. No window slides over other digits:
that flags most notes with a few product codes in them.

Letters beside a candidate do not hide it (`visa4111...`), except in the three forms of identifier
that would otherwise be mistaken for cards by chance: hyphenated UUIDs, hexadecimal digests of the
usual lengths (32, 40, 64, 96 and 128), and bank accounts whose IBAN check digits agree. An id of
the bridge may hold a run of 14 digits that looks like a card about once in 10^8 ids, and is then
refused. What a chip tells of a card is hexadecimal too, often of those very lengths: it is looked
for before digests are taken out.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["find_card", "is_card", "may_hold_card"]

# Up to three characters, the same wherever they are repeated; not those that mark tracks, and not
# the one that ends a JSON string.
_SEPARATOR = r"(?:[^\w\"^=]|_){1,3}"

_RUN = re.compile(r"(?<![0-9])[0-9]{14,19}(?![0-9])")
# Looking ahead only, so that every group starts a candidate of its own.
_GROUPED = re.compile(
    rf"(?<![0-9])(?=([0-9]{{4}})({_SEPARATOR})"
    r"(?:([0-9]{4})\2([0-9]{4})\2([0-9]{4})|([0-9]{6})\2([0-9]{4,5}))(?![0-9])"
    r"(?:\2([0-9]{1,3})(?![0-9]))?)"
)
# ISO/IEC 7813: format code or sentinel, the number and the separator that follows it.
_TRACK = re.compile(r"%?[A-Za-z][0-9]{12,19}\^|;[0-9]{12,19}=[0-9]{4}")
# EMV book 3, annex A, in hexadecimal: track 2 of the magnetic stripe with D as its separator and an
# expiry from 2010 to 2059 (tag 57), wherever in a dump of tags it stands; where digits precede the
# number, only with a service code. And the number alone, behind its tag and length (tag 5A).
_CHIP = re.compile(
    r"(?:(?<![0-9])|(?=[0-9]{14,19}[Dd][0-9]{4}[125-79][024][0-7]))"
    r"(?=([0-9]{14,19})[Dd][1-5][0-9](?:0[1-9]|1[0-2]))"
    r"|5[Aa](?=07([0-9]{14})|08([0-9]{15,16})|09([0-9]{17,18})|0[Aa]([0-9]{19}))"
)

_IDENTIFIER = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|(?:0x)?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}"
    r"|[0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{64}|[0-9A-F]{96}|[0-9A-F]{128})"
    r"|(?P<iban>[A-Z]{2}[0-9]{2}([ -]?)[0-9A-Z]{4}(?:\2[0-9A-Z]{4}){1,6}(?:\2[0-9A-Z]{1,3})?)"
    r")(?![0-9A-Za-z])"
)

_UP_TO_19 = frozenset({16, 17, 18, 19})
_FROM_14 = frozenset({14}) | _UP_TO_19
_SIXTEEN = frozenset({16})

# The first six digits, from and to, and the permitted lengths of 14 and more. Broad ranges that no
# scheme issues from as a whole (50, 56-58, 60, 63, 67) are left out for the sake of other numbers.
# In order and apart, so that a number is in one of them at most.
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (0, -1, frozenset()),
    (220000, 220599, _UP_TO_19),  # Mir, Borica
    (222100, 272099, _SIXTEEN),  # Mastercard
    (300000, 305999, _FROM_14),  # Diners Club
    (309500, 309599, _FROM_14),
    (340000, 349999, frozenset({15})),  # American Express
    (352800, 358999, _UP_TO_19),  # JCB
    (360000, 369999, _FROM_14 | {15}),  # Diners Club
    (370000, 379999, frozenset({15})),  # American Express
    (380000, 389999, _FROM_14),  # Diners Club
    (390000, 399999, _UP_TO_19),
    (400000, 499999, frozenset({16, 19})),  # Visa
    (501800, 501899, _FROM_14 | {15}),  # Maestro
    (501900, 501999, _SIXTEEN),  # Dankort
    (502000, 502099, _FROM_14 | {15}),  # Maestro
    (503800, 503899, _FROM_14 | {15}),
    (504175, 504175, _SIXTEEN),  # Elo
    (506099, 506198, _UP_TO_19),  # Verve
    (506699, 506778, _SIXTEEN),  # Elo
    (508500, 508999, _SIXTEEN),  # RuPay
    (509000, 509999, _SIXTEEN),  # Elo
    (510000, 559999, _SIXTEEN),  # Mastercard
    (561200, 561299, _FROM_14 | {15}),  # Maestro
    (589300, 589399, _FROM_14 | {15}),
    (601100, 601199, _UP_TO_19),  # Discover
    (606282, 606282, _SIXTEEN),  # Hipercard
    (606985, 608500, _SIXTEEN),  # RuPay
    (620000, 629999, _UP_TO_19),  # UnionPay
    (630400, 630499, _FROM_14 | {15}),  # Maestro
    (636000, 636999, _UP_TO_19),  # InterPayment, Elo
    (644000, 659999, _UP_TO_19),  # Discover, RuPay, Elo, Verve
    (675900, 675999, _FROM_14 | {15}),  # Maestro
    (676100, 676399, _FROM_14 | {15}),
    (810000, 817999, _UP_TO_19),  # UnionPay
    (820000, 829999, _SIXTEEN),  # RuPay
    (860000, 860099, _SIXTEEN),  # Uzcard
    (970400, 970499, frozenset({16, 19})),  # NAPAS
    (979200, 979299, _SIXTEEN),  # Troy
    (986000, 986099, _SIXTEEN),  # Humo
)

_FIRST = [low for low, _, _ in _ISSUERS]

# Luhn: a doubled digit counts as the sum of its own digits. As bytes, which are added up fastest: a
# body may have fifty thousand candidates.
_DIGITS = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))

# Names in lower case without separators. Such a name with any value is refused, whatever the value
# is: a storefront then learns it from its first request, not from the first that looks like a code.
# Left out for what else they name: `card_code` (a customer in SAP), `credit_card` (a way to pay).
_SECURITY_NAMES = frozenset(
    {
        *(
            "ccv",
            "cvv",
            "cvv2",
            "cvc",
            "cvc2",
            "cvn",
            "cvn2",
            "cvd",
            "cvd2",
            "cav",
            "cav2",
            "csc",
            "cid",
        ),
        *("cvvcode", "cvccode", "cvncode", "cvvnumber", "cvcnumber", "cvnumber", "cvvvalue"),
        *("cardcvv", "cardcvv2", "cardcvc", "cardcvc2", "cardcsc", "cardcid", "cccvv", "cccvc"),
        *("cardsecuritycode", "securitycode", "cardsecurity", "cardpin", "pinblock"),
        *("cardverificationcode", "cardverificationvalue", "cardverificationnumber"),
        *("cardverification", "cardidentificationnumber"),
        *("cardnumber", "cardno", "cardnum", "cardnr", "cardpan", "creditcardno"),
        *("creditcardnumber", "creditcardnum", "debitcardnumber", "paymentcardnumber"),
        *("ccnumber", "ccnum", "ccno", "primaryaccountnumber"),
        *("track1", "track2", "track3", "track1data", "track2data", "track3data"),
        *("trackdata", "trackone", "tracktwo", "trackthree", "magstripe", "magneticstripe"),
        *("magstripedata", "magneticstripedata"),
    }
)

# Text is folded before the cheap tests: digits become 0, letters lower case, and what may stand
# between the digits of a card or the letters of a name falls away.
_FOLD = bytes.maketrans(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0000000000abcdefghijklmnopqrstuvwxyz"
)
_KEPT = frozenset(b'"^=')
_DROP = bytes(byte for byte in range(256) if byte not in _KEPT and not bytes([byte]).isalnum())
_DROP_FROM_NAMES = str.maketrans("", "", _DROP.decode("ascii", "ignore"))
_FOURTEEN = b"0" * 14
_TRACK_2 = b"0" * 12 + b"=0000"
# What the security names begin with: spelling them all out takes ten times as long.
_NAMES = re.compile(
    rb'"(?:c(?:ard|av|c[cnv]|id"|reditc|sc"|v)|debitc|magn|mags|paymentc|pinb|primarya|securityc'
    rb"|track[0dot])"
)
# The same for numbers with an exponent: whatever may precede one becomes a colon.
_FOLD_NUMBERS = bytes.maketrans(b"0123456789E,[", b"0000000000e::")
_DROP_FROM_NUMBERS = b" \t\n\r+-."
_EXPONENT = re.compile(rb":0+e0")

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
# Hangul fillers: letters that show nothing.
_FILLERS = "\u115f\u1160"
_SHORTEST = 14
_LONGEST_SIGN = 6
_SHOWN = 64


def find_card(document: object) -> str | None:
    """Find the first card data in a decoded JSON value, and answer its JSON Pointer.

    Looks at every string, number and key, in order. A key that holds card data is shown as `*`, of
    any other the first 64 characters; a pointer that would spell a card number is all `*`. Values
    under the names of card numbers, security codes and tracks count whatever they are, unless they
    are empty or a boolean. Answers None for a clean document, and the empty pointer where the
    document itself is card data. Its nesting is bounded by step 15.
    """
    path = _search(document)
    if path is None:
        return None
    pointer = "".join(
        "/" + token[:_SHOWN].replace("~", "~0").replace("/", "~1") for token in reversed(path)
    )
    return "/*" * len(path) if is_card(pointer) else pointer


def is_card(text: str) -> bool:
    """Tell whether a text holds a card number or track data."""
    if text.isascii():
        if len(text) < _SHORTEST:
            return False
        plain = text
    else:
        plain = _plain(text)
    folded = plain.encode(errors="replace").translate(_FOLD, _DROP)
    if not _crowded(folded):
        return False
    plain = _CONTROLS.sub("", plain)
    if _TRACK.search(plain):
        return True
    if any(_issued(next(filter(None, chip.groups()))) for chip in _CHIP.finditer(plain)):
        return True
    return any(map(_issued, _candidates(_IDENTIFIER.sub(_masked, plain))))


def may_hold_card(body: bytes) -> bool:
    """Tell cheaply whether a raw JSON body can hold card data at all.

    False is a promise: `find_card` finds nothing in the decoded body. True means no more than that
    the body has to be walked: it has an escape, a byte outside ASCII, many digits in a row, or the
    name of a security code.
    """
    if b"\\" in body or not body.isascii():
        return True
    folded = body.translate(_FOLD, _DROP)
    if _crowded(folded) or _NAMES.search(folded) is not None:
        return True
    if b"0e0" not in folded:
        return False
    numbers = b":" + body.translate(_FOLD_NUMBERS, _DROP_FROM_NUMBERS)
    return _EXPONENT.search(numbers) is not None


def _crowded(folded: bytes) -> bool:
    """Tell whether folded text has the digits of a candidate, or the marks of a track."""
    return _FOURTEEN in folded or b"^" in folded or (b"=" in folded and _TRACK_2 in folded)


def _search(value: object) -> list[str] | None:
    """Answer the pointer's tokens, the innermost first, or None."""
    if isinstance(value, str):
        return [] if is_card(value) else None
    if isinstance(value, dict):
        return _search_members(value)
    if isinstance(value, list):
        for index, inner in enumerate(value):
            path = _search(inner)
            if path is not None:
                path.append(str(index))
                return path
        return None
    if isinstance(value, int | float) and 10**13 <= abs(value) < 10**19 and value == int(value):
        # A fraction is no card number, but a whole number may be written with point and exponent.
        return [] if is_card(str(abs(int(value)))) else None
    return None


def _search_members(members: dict[str, object]) -> list[str] | None:
    for key, value in members.items():
        if is_card(key):
            return ["*"]
        if _is_security_name(key) and not _is_empty(value):
            return [key]
        path = _search(value)
        if path is not None:
            path.append(key)
            return path
    return None


def _is_security_name(key: str) -> bool:
    plain = key if key.isascii() else _plain(key)
    return plain.lower().translate(_DROP_FROM_NAMES) in _SECURITY_NAMES


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, bool) or value in (None, [], {})


def _plain(text: str) -> str:
    # Character by character: over a long run of combining marks NFKC takes quadratic time, and
    # composed letters are no digits.
    return _FOREIGN.sub(_shown_as, text)


def _shown_as(character: re.Match[str]) -> str:
    return _read_as(character[0])


# A text repeats its characters, and a flood one of them.
@lru_cache(maxsize=1024)
def _read_as(character: str) -> str:
    shown = unicodedata.normalize("NFKC", character)
    # U+FDFA stands for a phrase of 18 letters: a body of them would grow sixfold. No sign of so
    # many has a digit, and its first letter separates as well as all of them.
    return _FOREIGN.sub(_as_ascii, shown if len(shown) <= _LONGEST_SIGN else shown[0])


def _as_ascii(character: re.Match[str]) -> str:
    """Write a digit of any script in ASCII, and drop what is not to be seen."""
    mark = character[0]
    if mark.isdigit():
        return str(unicodedata.digit(mark))
    if mark in _FILLERS or (
        not mark.isalpha() and unicodedata.category(mark) in {"Cf", "Mn", "Me"}
    ):
        return ""
    return mark


def _masked(identifier: re.Match[str]) -> str:
    """Take an identifier out of the text, an IBAN only with the right check digits (ISO 13616)."""
    iban = identifier["iban"]
    if iban is None:
        return "x"
    account = iban.replace(" ", "").replace("-", "")
    number = "".join(str(int(character, 36)) for character in account[4:] + account[:4])
    return "x" if int(number) % 97 == 1 else iban


def _candidates(text: str) -> Iterator[str]:
    for run in _RUN.finditer(text):
        yield run[0]
    for grouped in _GROUPED.finditer(text):
        first, _, *rest, trailing = grouped.groups()
        number = first + "".join(group for group in rest if group)
        yield number
        if trailing:
            yield number + trailing


def _issued(number: str) -> bool:
    """Tell whether issuer range, length and Luhn digit (ISO/IEC 7812-1) all agree."""
    issuer = int(number[:6])
    _, high, lengths = _ISSUERS[bisect_right(_FIRST, issuer) - 1]
    if issuer > high or len(number) not in lengths:
        return False
    digits = number.encode("ascii")
    added = sum(digits[-1::-2].translate(_DIGITS)) + sum(digits[-2::-2].translate(_DOUBLED))
    return not added % 10
