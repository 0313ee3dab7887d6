"""Card numbers, security codes and track data, wherever text can stand (protocol §2, step 16).

A card number is an issuer's range, one of its lengths and a right check digit (Luhn), all three, in
digits that stand together or in the groups that cards are written in. Windows slid over any digits
would refuse honest notes with article numbers, phone numbers and tracking numbers.
"""

import re
import unicodedata

__all__ = ["find_card", "is_card", "may_hold_card"]

_RUN = re.compile(r"(?<![0-9])[0-9]{14,19}(?![0-9])")
# Every start is tried, so that a group before a number does not hide it.
_GROUPED = re.compile(
    r"(?<![0-9])(?=([0-9]{4}([^0-9A-Za-z]{1,3})[0-9]{4}\2[0-9]{4}\2[0-9]{4})(?:\2([0-9]{1,3}))?(?![0-9]))"
)
_SHORT_GROUPED = re.compile(r"(?<![0-9])(?=([0-9]{4}([^0-9A-Za-z]{1,3})[0-9]{6}\2[0-9]{4,5})(?![0-9]))")
_TRACK = re.compile(r"%?[Bb][0-9]{12,19}\^|;[0-9]{12,19}=[0-9]{4}")
_SECURITY_NAMES = frozenset(
    {
        "cardcvc", "cardcvv", "cardnumber", "cardpan", "cardsecuritycode", "cardverificationcode",
        "cardverificationvalue", "ccnumber", "cid", "creditcardnumber", "csc", "cvc", "cvc2",
        "cvn", "cvn2", "cvv", "cvv2", "magstripe", "securitycode", "track1", "track1data",
        "track2", "track2data", "trackdata",
    }
)  # fmt: skip
_SEPARATORS = re.compile(r"[^a-z0-9]")

# Issuer identification ranges: prefix digits, first, last, and the lengths that exist.
_SIXTEEN = frozenset({16})
_LONG = frozenset({16, 17, 18, 19})
_ISSUERS: tuple[tuple[int, int, int, frozenset[int]], ...] = (
    (1, 4, 4, frozenset({16, 18, 19})),  # Visa
    (2, 51, 55, _SIXTEEN),  # Mastercard
    (4, 2221, 2720, _SIXTEEN),  # Mastercard, 2-series
    (2, 34, 34, frozenset({15})),  # American Express
    (2, 37, 37, frozenset({15})),
    (3, 300, 305, frozenset({14, 16, 17, 18, 19})),  # Diners Club
    (3, 309, 309, frozenset({14, 16, 17, 18, 19})),
    (2, 36, 36, frozenset({14, 15, 16, 17, 18, 19})),
    (2, 38, 39, frozenset({14, 16, 17, 18, 19})),
    (4, 3528, 3589, _LONG),  # JCB
    (4, 6011, 6011, _LONG),  # Discover
    (3, 644, 649, _LONG),
    (2, 65, 65, _LONG),
    (2, 62, 62, _LONG),  # UnionPay
    (2, 81, 81, _LONG),
    (4, 2200, 2204, _LONG),  # Mir
    (4, 5018, 5018, _LONG),  # Maestro
    (4, 5020, 5020, _LONG),
    (4, 5038, 5038, _LONG),
    (4, 5893, 5893, _LONG),
    (4, 6304, 6304, _LONG),
    (4, 6759, 6759, _LONG),
    (4, 6761, 6763, _LONG),
    (3, 508, 508, _SIXTEEN),  # RuPay
    (3, 606, 608, _SIXTEEN),
    (2, 82, 82, _SIXTEEN),
    (4, 9792, 9792, _SIXTEEN),  # Troy
)


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2  # noqa: PLR2004 -- Luhn's own number
        total += value
    return total % 10 == 0


def _is_number(digits: str) -> bool:
    return any(
        first <= int(digits[:length]) <= last and len(digits) in lengths
        for length, first, last, lengths in _ISSUERS
    ) and _passes_luhn(digits)


def _plain(text: str) -> str:
    """Write text as a reader sees it: compatibility forms, ASCII digits, nothing invisible."""
    if text.isascii():
        return text
    shown: list[str] = []
    for character in unicodedata.normalize("NFKC", text):
        digit = unicodedata.digit(character, None)
        if digit is not None:
            shown.append(str(digit))
        elif unicodedata.category(character) not in ("Cf", "Mn"):
            shown.append(character)
    return "".join(shown)


def is_card(text: str) -> bool:
    """Tell whether `text` holds a card number or track data anywhere."""
    text = _plain(text)
    if _TRACK.search(text) is not None:
        return True
    for found in _RUN.finditer(text):
        if _is_number(found[0]):
            return True
    for found in _GROUPED.finditer(text):
        digits = found[1].replace(found[2], "")
        if _is_number(digits) or (found[3] and _is_number(digits + found[3])):
            return True
    return any(
        _is_number(found[1].replace(found[2], "")) for found in _SHORT_GROUPED.finditer(text)
    )


def _is_security_name(name: str) -> bool:
    return _SEPARATORS.sub("", _plain(name).lower()) in _SECURITY_NAMES


def _pointer_part(name: str) -> str:
    return "*" if is_card(name) else name.replace("~", "~0").replace("/", "~1")[:64]


def find_card(document: object) -> str | None:
    """Give the JSON Pointer of the first card data in a decoded JSON value, or None.

    Strings, numbers and names are looked at; a name that holds a card number is shown as `*`.
    Non-empty values under the names of security codes and track data count too. The depth of
    `document` must be bounded by the caller's decoder.
    """
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            inner: list[tuple[str, object]] = []
            for name, part in value.items():
                below = f"{place}/{_pointer_part(name)}"
                if is_card(name) or (_is_security_name(name) and _says_something(part)):
                    return below
                inner.append((below, part))
            waiting.extend(reversed(inner))
        elif isinstance(value, list):
            waiting.extend((f"{place}/{at}", part) for at, part in reversed([*enumerate(value)]))
        elif _holds_card(value):
            return place
    return None


def _says_something(value: object) -> bool:
    return value not in (None, "", [], {}) and not isinstance(value, bool)


def _holds_card(value: object) -> bool:
    if isinstance(value, str):
        return is_card(value)
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return is_card(str(abs(value))) if abs(value) < 10**19 else False
    return isinstance(value, float) and value.is_integer() and is_card(f"{abs(value):.0f}")


# Every digit becomes a 0 and everything between the letters falls away, so that any number a card
# could be written as is a run of zeros.
_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_BETWEEN = bytes(
    code for code in range(128) if not (chr(code).isalnum() or chr(code) in '\\"')
)
_FEWEST_DIGITS = b"0" * 12
_NAMES = re.compile(rb'"([^"]*)"[ \t\r\n]*:')
_PROTOCOL_NAMES = frozenset(
    b"billing_address cart_id city company country cursor customer currency email expected_total"
    b" expected_version external_id items limit line1 line2 line_id line_ids metadata name note"
    b" options order_id payment_intent phone placed_after placed_before postal_code"
    b" purchase_order quantity reason region shipping_address shipping_method sku status"
    b" unit_price".split()
)


def may_hold_card(body: bytes) -> bool:
    """Tell whether a JSON body could hold card data; False is certain, and cheap.

    For bodies without fractions and exponents, as every schema here has them.
    """
    if not body.isascii() or b"\\" in body:
        return True
    if _FEWEST_DIGITS in body.translate(_AS_ZEROS, _BETWEEN):
        return True
    names = _NAMES.findall(body)
    return not _PROTOCOL_NAMES.issuperset(names) and any(
        _is_security_name(name.decode("ascii")) for name in names if name not in _PROTOCOL_NAMES
    )
