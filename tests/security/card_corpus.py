"""Texts with and without cards, made from a seed; no number in it belongs to anyone.

Only what the schemes publish is used: issuer ranges, lengths and the check digit. A sort of texts
is one of four: `CARDS` (each must be found), `INNOCENT` (none may be), `DOUBTFUL` (honest texts
that may be taken for cards by chance) and `UNSEEN` (cards that are written so that they are not
looked for). docs/card-data.md tells how many of each are found.
"""

import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random

__all__ = [
    "CARDS",
    "DOUBTFUL",
    "INNOCENT",
    "SCHEMES",
    "UNSEEN",
    "Scheme",
    "grouped",
    "issue",
    "luhn",
    "samples",
]

Maker = Callable[[Random], object]
Writing = Callable[[Random, str], object]


def samples(name: str, make: Maker, count: int, *, seed: int = 1) -> Iterator[object]:
    """Give `count` JSON documents of a sort, the same ones for the same seed."""
    random = Random(f"{seed}:{name}")
    for _ in range(count):
        yield make(random)


# Numbers, as ISO/IEC 7812 has them.


@dataclass(frozen=True)
class Scheme:
    """Who issues: ranges of leading digits, from and to, and the lengths of the numbers."""

    name: str
    ranges: tuple[tuple[str, str], ...]
    lengths: tuple[int, ...]


_SIXTEEN = 16
_LONG = (16, 17, 18, 19)

SCHEMES = (
    Scheme("American Express", (("34", "34"), ("37", "37")), (15,)),
    Scheme("Borica", (("2205", "2205"),), (16,)),
    Scheme("Dankort", (("5019", "5019"),), (16,)),
    Scheme("Diners Club 14", (("300", "305"), ("3095", "3095"), ("36", "36"), ("38", "38")), (14,)),
    Scheme("Diners Club", (("300", "305"), ("3095", "3095"), ("36", "36"), ("38", "39")), _LONG),
    Scheme("Discover", (("6011", "6011"), ("644", "649"), ("65", "65")), _LONG),
    Scheme("Elo", (("506699", "506778"), ("509000", "509999"), ("650031", "650033")), (16,)),
    Scheme("Hipercard", (("606282", "606282"),), (16,)),
    Scheme("Humo", (("9860", "9860"),), (16,)),
    Scheme("InterPayment", (("636", "636"),), _LONG),
    Scheme("JCB", (("3528", "3589"),), _LONG),
    Scheme("Maestro", (("5018", "5018"), ("5020", "5020"), ("5038", "5038"), ("5893", "5893"),
                       ("6304", "6304"), ("6759", "6759"), ("6761", "6763")),
           (14, 15, 16, 17, 18, 19)),
    Scheme("Mastercard", (("51", "55"),), (16,)),
    Scheme("Mastercard, 2-series", (("2221", "2720"),), (16,)),
    Scheme("Mir", (("2200", "2204"),), _LONG),
    Scheme("NAPAS", (("9704", "9704"),), (16, 19)),
    Scheme("RuPay", (("5085", "5089"), ("607", "607"), ("6521", "6522"), ("820", "820")), (16,)),
    Scheme("Troy", (("9792", "9792"),), (16,)),
    Scheme("UnionPay", (("62", "62"), ("8100", "8171")), _LONG),
    Scheme("Uzcard", (("8600", "8600"),), (16,)),
    Scheme("Verve", (("506099", "506198"), ("650002", "650027")), (16, 18, 19)),
    Scheme("Visa", (("4", "4"),), (16, 19)),
)  # fmt: skip


def luhn(digits: str) -> str:
    """Append the check digit, written apart from the code under test."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def digits_of(random: Random, length: int) -> str:
    return f"{random.randrange(10**length):0{length}}"


def issue(random: Random, scheme: Scheme, length: int) -> str:
    """Make a number that a scheme could issue."""
    low, high = random.choice(scheme.ranges)
    prefix = str(random.randint(int(low), int(high)))
    return luhn(prefix + digits_of(random, length - len(prefix) - 1))


def any_card(random: Random) -> str:
    scheme = random.choice(SCHEMES)
    return issue(random, scheme, random.choice(scheme.lengths))


def visa(random: Random) -> str:
    return luhn("4" + digits_of(random, 14))


def grouped(number: str, separator: str) -> str:
    """Group as cards are embossed: 4-6-4, 4-6-5, or in fours with a rest."""
    cuts = {14: (4, 10), 15: (4, 10)}.get(len(number), (4, 8, 12, 16))
    edges = (0, *(cut for cut in cuts if cut < len(number)), len(number))
    return separator.join(number[start:end] for start, end in pairwise(edges))


def in_script(number: str, zero: int) -> str:
    """Write digits of another script, by the code point of its zero."""
    return "".join(chr(zero + int(digit)) for digit in number)


def expiry(random: Random) -> tuple[str, str]:
    """Give the two digits of a month and of a year."""
    return f"{random.randint(1, 12):02}", f"{random.randint(20, 40):02}"


# How a card is written: each must be found, for every scheme and length.

SEPARATORS = {
    "spaces": " ",
    "dashes": "-",
    "dots": ".",
    "no-break spaces": "\u00a0",
    "narrow no-break spaces": "\u202f",
    "thin spaces": "\u2009",
    "ideographic spaces": "\u3000",
    "no-break hyphens": "\u2011",
    "en dashes": "\u2013",
    "minus signs": "\u2212",
    "slashes": "/",
    "underscores": "_",
    "tabs": "\t",
    "two spaces": "  ",
    "spaced dashes": " - ",
    "commas and spaces": ", ",
    "line ends": "\r\n",
}

ZERO_WIDTH = {
    "zero-width spaces": "\u200b",
    "zero-width joiners": "\u200d",
    "word joiners": "\u2060",
    "byte order marks": "\ufeff",
    "soft hyphens": "\u00ad",
    "marks of direction": "\u202e",
    "variation selectors": "\ufe0f",
}

SCRIPTS = {
    "full-width": 0xFF10,
    "Arabic-Indic": 0x0660,
    "Persian": 0x06F0,
    "Devanagari": 0x0966,
    "Bengali": 0x09E6,
    "Thai": 0x0E50,
    "Khmer": 0x17E0,
    "mathematical bold": 0x1D7CE,
    "mathematical monospace": 0x1D7F6,
}

NEIGHBOURS = {
    "in a sentence": "please charge {} for it",
    "at the end of a sentence": "my card is {}.",
    "in quotes": 'card "{}"',
    "in brackets": "card ({})",
    "behind a word": "visa{}",
    "before a word": "{}visa",
    "as an assignment": "card={};",
    "in a URL's query": "https://pay.example/p?card={}&locale=en",
    "in a URL's path": "https://pay.example/cards/{}/edit",
    "in a reference": "pi_{}",
    "in an e-mail address": "{}@example.com",
    "in HTML": "<td>{}</td>",
    "behind other groups": "ref 2026 {}",
}


def _separated(separator: str) -> Writing:
    return lambda _random, number: {"note": grouped(number, separator)}


def _beside(pattern: str) -> Writing:
    return lambda _random, number: {"note": pattern.format(number)}


def _in_digits(zero: int) -> Writing:
    def write(random: Random, number: str) -> object:
        written = in_script(number, zero)
        return {"note": random.choice([written, grouped(written, " ")])}

    return write


def _hidden(mark: str) -> Writing:
    def write(random: Random, number: str) -> object:
        return {"note": random.choice([grouped(number, mark), mark.join(number)])}

    return write


def _expiring(pattern: str) -> Writing:
    def write(random: Random, number: str) -> object:
        month, year = expiry(random)
        written = random.choice([number, grouped(number, " "), grouped(number, "-")])
        return {"note": pattern.format(written, month=month, year=year, code=digits_of(random, 3))}

    return write


def _track_1(random: Random, number: str) -> object:
    month, year = expiry(random)
    return {"note": f"%B{number}^DOE/JANE^{year}{month}101{digits_of(random, 13)}?"}


def _track_2(random: Random, number: str) -> object:
    month, year = expiry(random)
    return {"note": f";{number}={year}{month}101{digits_of(random, 8)}?"}


def _chip_track(random: Random, number: str) -> str:
    month, year = expiry(random)
    track = f"{number}D{year}{month}{random.choice(['101', '201', '221', '601'])}"
    track += digits_of(random, random.randint(0, 37 - len(track)))
    return track + "F" * (len(track) % 2)


def _chip(random: Random, number: str) -> object:
    track = _chip_track(random, number)
    return {"emv": random.choice([track, track.lower()])}


def _chip_as_long_as_a_digest(random: Random, number: str) -> object:
    track = _chip_track(random, number)
    length = min(one for one in (32, 40, 64) if one >= len(track))
    track = track.ljust(length, random.choice("0F"))
    return {"emv": random.choice([track, track.lower()])}


def _chip_dump(random: Random, number: str) -> object:
    track = _chip_track(random, number)
    dump = (
        f"9F2608{random.randbytes(8).hex().upper()}57{len(track) // 2:02X}{track}5F3401019F1A020826"
    )
    return {"emv": random.choice([dump, dump.lower()])}


def _chip_number(random: Random, number: str) -> object:
    month, year = expiry(random)
    filled = number + "F" * (len(number) % 2)
    dump = f"9F2701805A{len(filled) // 2:02X}{filled}5F2403{year}{month}31"
    return {"emv": random.choice([dump, dump.lower()])}


CARDS: Mapping[str, Writing] = {
    "bare": lambda _random, number: {"note": number},
    **{f"grouped by {name}": _separated(mark) for name, mark in SEPARATORS.items()},
    **{f"with {name} inside": _hidden(mark) for name, mark in ZERO_WIDTH.items()},
    **{f"in {name} digits": _in_digits(zero) for name, zero in SCRIPTS.items()},
    **{name: _beside(pattern) for name, pattern in NEIGHBOURS.items()},
    "followed by its expiry": _expiring("{} {month}/{year}"),
    "followed by expiry and code": _expiring("{} {month}/{year} {code}"),
    "followed by its code": _expiring("{} {code}"),
    "followed by a long expiry": _expiring("{}, exp {month}-20{year}"),
    "as a JSON number": lambda _random, number: {"metadata": {"n": int(number)}},
    "as a negative JSON number": lambda _random, number: {"metadata": {"n": -int(number)}},
    "as a name": lambda _random, number: {"metadata": {number: "x"}},
    "as a grouped name": lambda _random, number: {"metadata": {grouped(number, "-"): True}},
    "deep inside": lambda _random, number: {"items": [{"sku": "a"}, {"options": {"k": number}}]},
    "on track 1": _track_1,
    "on track 2": _track_2,
    "on a chip's track 2": _chip,
    "on a chip's track 2, as long as a digest": _chip_as_long_as_a_digest,
    "on a chip's track 2, among other tags": _chip_dump,
    "as a chip's number, among other tags": _chip_number,
}
"""A writing's name → the document that holds a number so written."""


# Honest texts that are never taken for cards.


def _ean_13(random: Random) -> str:
    digits = random.choice(["978", digits_of(random, 3)]) + digits_of(random, 9)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def _list_of(make: Callable[[Random], str]) -> Maker:
    def write(random: Random) -> object:
        joint = random.choice([" ", ", ", "; ", " / ", "\n", "-"])
        return {"note": joint.join(make(random) for _ in range(random.randint(1, 5)))}

    return write


def _phone(random: Random) -> str:
    country = random.choice(["1", "44", "49", "353", "380", "86", "91"])
    local = digits_of(random, random.randint(9, 10))
    written = [
        f"+{country}{local}",
        f"+{country} {local[:3]} {local[3:6]} {local[6:]}",
        f"+{country} ({local[:3]}) {local[3:6]}-{local[6:]}",
        f"00{country} {local[:2]} {local[2:]}",
    ]
    return random.choice(written)


def _date(random: Random) -> str:
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(2020, 2035)
    written = [
        f"{year}-{month:02}-{day:02}",
        f"{day:02}.{month:02}.{year}",
        f"{month:02}/{day:02}/{year}",
        f"{year}{month:02}{day:02}",
        f"{year}-{month:02}-{day:02}T{random.randrange(24):02}:{random.randrange(60):02}:00.000Z",
    ]
    return random.choice(written)


def _phone_and_date(random: Random) -> object:
    return {"note": f"call {_phone(random)} on {_date(random)}, or {_phone(random)}"}


def _timestamp(random: Random) -> object:
    seconds = random.randint(1_600_000_000, 2_100_000_000)
    scale = random.choice([1, 10**3, 10**6, 10**9])
    value = seconds * scale + random.randrange(scale)
    return {"metadata": {"at": random.choice([value, str(value)]), "then": str(value + 1)}}


def _tracking(random: Random) -> object:
    made = [
        random.choice(["94", "92", "93", "42"]) + digits_of(random, 20),
        "1Z" + "".join(random.choices("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", k=16)),
        digits_of(random, 12),
        "00" + digits_of(random, 18),
        digits_of(random, 34),
        f"{random.choice(['RR', 'LX', 'CP'])}{digits_of(random, 9)}GB",
    ]
    return {"note": f"parcel {random.choice(made)}"}


def _order_number(random: Random) -> object:
    made = [
        f"OF-{digits_of(random, 6)}",
        f"{digits_of(random, 3)}-{digits_of(random, 7)}-{digits_of(random, 7)}",
        f"{digits_of(random, 2)}-{digits_of(random, 5)}-{digits_of(random, 5)}",
        f"#{random.randint(1000, 99_999_999)}",
        f"PO{digits_of(random, 10)}",
        str(random.randint(4 * 10**12, 7 * 10**12)),
        str(random.randint(40_000_000_000_000, 45_000_000_000_000)),
    ]
    return {"metadata": {"order": random.choice(made), "also": random.choice(made)}}


def _uuid(random: Random) -> object:
    made = str(uuid.UUID(bytes=random.randbytes(16), version=4))
    return {"metadata": {"id": random.choice([made, made.upper(), f"urn:uuid:{made}"])}}


def _digest(random: Random) -> object:
    made = random.randbytes(random.choice([16, 20, 32, 48, 64])).hex()
    return {"note": random.choice([made, made.upper(), f"sha:{made}", f"0x{made}", f'"{made}"'])}


def with_check_digits(country: str, account: str) -> str:
    """Write an IBAN (ISO 13616)."""
    rest = int("".join(str(int(one, 36)) for one in f"{account}{country}00")) % 97
    return f"{country}{98 - rest:02}{account}"


def _iban(random: Random) -> object:
    country, length = random.choice(
        [("AT", 16), ("BE", 12), ("CH", 17), ("CZ", 20), ("DE", 18), ("DK", 14), ("ES", 20),
         ("FI", 14), ("HU", 24), ("LT", 16), ("NO", 11), ("PL", 24), ("PT", 21), ("SE", 20)]
    )  # fmt: skip
    iban = with_check_digits(country, digits_of(random, length))
    fours = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    return {"note": f"refund to {random.choice([iban, fours, fours.replace(' ', '-')])}, please"}


def _tax_id(random: Random) -> object:
    one, two, three = (digits_of(random, 3) for _ in range(3))
    made = [
        f"DE{digits_of(random, 9)}",
        f"GB{digits_of(random, 9)}",
        f"FR{digits_of(random, 2)}{digits_of(random, 9)}",
        f"IT{digits_of(random, 11)}",
        f"NL{digits_of(random, 9)}B{digits_of(random, 2)}",
        f"SE{digits_of(random, 10)}01",
        f"{digits_of(random, 2)}-{digits_of(random, 7)}",
        f"{digits_of(random, 3)}-{digits_of(random, 2)}-{digits_of(random, 4)}",
        f"{one}.{two}.{three}-{digits_of(random, 2)}",
        f"FR {one} {two} {three} {digits_of(random, 5)}",
    ]
    return {"metadata": {"vat_id": random.choice(made)}}


def _masked(random: Random) -> object:
    number = any_card(random)
    star = random.choice("*xX•#")
    hidden = star * (len(number) - 4)
    made = [
        f"{hidden}{number[-4:]}",
        f"{number[:6]}{star * (len(number) - 10)}{number[-4:]}",
        f"{number[:4]} {star * 4} {star * 4} {number[-4:]}",
        f"{number[:4]} {number[4:6]}{star * 2} {star * 4} {number[-4:]}",
        f"card ending in {number[-4:]}",
        f"{number[:6]}...{number[-4:]}",
        f"{number[:8]}{star * (len(number) - 12)}{number[-4:]}",
    ]
    return {"note": random.choice(made)}


def _off_by_some(random: Random) -> object:
    scheme = random.choice([one for one in SCHEMES if one.lengths[0] <= _SIXTEEN])
    number = issue(random, scheme, scheme.lengths[0])
    wrong = number[:-1] + str((int(number[-1]) + random.randint(1, 9)) % 10)
    return {"note": random.choice([wrong, grouped(wrong, " "), grouped(wrong, "-")])}


def _invoice(random: Random) -> object:
    year = random.randint(2020, 2035)
    lines = [
        f"Invoice {year}-{digits_of(random, 6)}",
        f"{random.randint(1, 12)} x {random.randint(1, 999)}.{digits_of(random, 2)} GBP",
        f"due {_date(random)}, net {random.randint(7, 60)} days",
        f"VAT {random.choice(['DE', 'GB'])}{digits_of(random, 9)}, tel. {_phone(random)}",
        f"customer {digits_of(random, 8)}, flat {random.randint(1, 99)}, LS{year % 9 + 1} 1AA",
        f"total {random.randint(1, 99)},{digits_of(random, 3)}.{digits_of(random, 2)}",
    ]
    random.shuffle(lines)
    return {"note": random.choice(["; ", "\n", ". "]).join(lines)}


def _device(random: Random) -> object:
    imei = luhn(random.choice(["35", "86", "01"]) + digits_of(random, 12))
    iccid = luhn("89" + digits_of(random, 16))
    return {"metadata": {"imei": imei, "iccid": iccid, "both": f"{imei} / {iccid}"}}


def _address(random: Random) -> object:
    dotted = ".".join(str(random.randrange(256)) for _ in range(4))
    return {"metadata": {"ip": dotted, "hops": f"{dotted}, 192.168.100.100, 10.100.200.250"}}


def _years(random: Random) -> object:
    first = random.randint(1950, 2030)
    years = range(first, first + random.randint(3, 8))
    return {"note": random.choice([" ", ", ", "-", "/"]).join(map(str, years))}


def _money(random: Random) -> object:
    price = random.randrange(10**9)
    return {
        "unit_price": price,
        "note": f"{price // 100}.{price % 100:02} or {random.randrange(10**6):,}.00",
        "metadata": {
            "lat": f"{random.uniform(-90, 90):.7f}",
            "long": f"{random.uniform(-180, 180):.7f}",
            "weight": f"{random.random():.12f}",
        },
        "rates": [random.random(), random.randrange(10**6) + 0.25],
    }


INNOCENT: Mapping[str, Maker] = {
    "EAN-13 and ISBN-13, one to five of them": _list_of(_ean_13),
    "phone numbers and dates": _phone_and_date,
    "timestamps in s, ms, µs, ns": _timestamp,
    "tracking numbers of 12, 20, 22 and 34 digits, and with letters": _tracking,
    "order numbers": _order_number,
    "UUIDs": _uuid,
    "digests (MD5 to SHA-512)": _digest,
    "IBANs": _iban,
    "tax numbers": _tax_id,
    "masked card numbers": _masked,
    "14 to 16 digits with a wrong check digit": _off_by_some,
    "notes like invoices": _invoice,
    "IMEI and ICCID": _device,
    "IPv4 addresses": _address,
    "lists of years": _years,
    "prices, coordinates, fractions": _money,
}
"""A sort's name → what makes one."""


# Honest texts that a card number could be, digit for digit.


def _run(length: int) -> Maker:
    return lambda random: {"note": f"ref {random.randrange(10 ** (length - 1), 10**length)}"}


def _fours(random: Random) -> object:
    return {"note": " ".join(digits_of(random, 4) for _ in range(4))}


def _grouped_tracking(random: Random) -> object:
    return {"note": grouped_in_fours("94" + digits_of(random, 20))}


def grouped_in_fours(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _gtin_14(random: Random) -> object:
    digits = str(random.randint(1, 8)) + _ean_13(random)[:12]
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(digits))
    return {"sku": digits + str(-total % 10)}


def _fraction(random: Random) -> object:
    return {"metadata": {"factor": str(random.random())}}


def _long_and_wrong(random: Random) -> object:
    scheme = random.choice([one for one in SCHEMES if one.lengths[-1] > _SIXTEEN])
    number = issue(random, scheme, scheme.lengths[-1])
    wrong = number[:-1] + str((int(number[-1]) + random.randint(1, 9)) % 10)
    return {"note": grouped(wrong, " ")}


def _dhl(random: Random) -> object:
    return {"note": "parcel JJD" + digits_of(random, 18)}


def _sscc(random: Random) -> object:
    digits = str(random.randrange(10)) + _ean_13(random)[:7] + digits_of(random, 9)
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(digits))
    return {"note": digits + str(-total % 10)}


def _ipv6(random: Random) -> object:
    begin = random.choice(["2001", "2003", "2400", "2600", "2607", "2620", "2a00", "2a02"])
    parts = [begin, *(f"{random.randrange(65536):x}" for _ in range(7))]
    return {"metadata": {"ip": ":".join(parts)}}


def _snowflake(random: Random) -> object:
    return {"metadata": {"id": str(random.randint(1_000 * 10**15, 2_300 * 10**15))}}


def _imei_with_version(random: Random) -> object:
    return {"metadata": {"imeisv": "35" + digits_of(random, 14)}}


def _base_36(random: Random) -> object:
    made = "".join(random.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=26))
    return {"metadata": {"id": made}}


def _bare_hex(random: Random) -> object:
    return {"metadata": {"id": random.randbytes(12).hex()}}


DOUBTFUL: Mapping[str, Maker] = {
    **{f"any {length} digits in a row": _run(length) for length in range(14, 20)},
    "any four groups of four digits": _fours,
    "22-digit tracking numbers in groups of four": _grouped_tracking,
    "19 digits with a wrong check digit, in groups of four": _long_and_wrong,
    "JJD and 18 digits (DHL)": _dhl,
    "fractions of a computer, as text": _fraction,
    "GTIN-14": _gtin_14,
    "SSCC-18": _sscc,
    "IPv6 addresses, written in full": _ipv6,
    "IMEISV": _imei_with_version,
    "19-digit ids made from time": _snowflake,
    "ids of 26 letters and digits": _base_36,
    "24 hexadecimal digits": _bare_hex,
}
"""A sort's name → what makes one."""


# Cards that are not looked for, because what finds them finds too much else.


def _of_two_fields(random: Random) -> object:
    number = visa(random)
    return {"metadata": {"first": number[:8], "second": number[8:]}}


def _spelled_out(random: Random) -> object:
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return {"note": " ".join(words[int(digit)] for digit in visa(random))}


def _mixed_separators(random: Random) -> object:
    number = visa(random)
    return {"note": f"{number[:4]} {number[4:8]}-{number[8:12]} {number[12:]}"}


def _cut_every(size: int) -> Maker:
    def write(random: Random) -> object:
        number = visa(random)
        return {"note": " ".join(number[at : at + size] for at in range(0, 16, size))}

    return write


def _like_a_digest(random: Random) -> object:
    return {"note": visa(random) + "".join(random.choices("abcf", k=16))}


def _with_letters_between(random: Random) -> object:
    return {"note": grouped(visa(random), "x")}


UNSEEN: Mapping[str, Maker] = {
    "half in one field, half in another": _of_two_fields,
    "in base64": lambda random: {"note": b64encode(visa(random).encode()).decode()},
    "spelled out": _spelled_out,
    "backwards": lambda random: {"note": visa(random)[::-1]},
    "in two different separators": _mixed_separators,
    "one digit at a time": _cut_every(1),
    "in groups of two": _cut_every(2),
    "in groups of eight": _cut_every(8),
    "with letters between the groups": _with_letters_between,
    "in what looks like a digest": _like_a_digest,
    "among more digits": lambda random: {"note": f"00{visa(random)}00"},
    "of 12 and 13 digits": lambda random: {"note": luhn("4" + digits_of(random, 11))},
}
"""A sort's name → what makes one."""
