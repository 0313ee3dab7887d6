"""Card data, wherever text can stand (protocol §2, step 16)."""

import json
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orderflow_bridge.security import cards
from orderflow_bridge.security.cards import find_card, is_card, may_hold_card

VISA = "4111111111111111"
GROUPED = "4111 1111 1111 1111"


def luhn(digits: str) -> str:
    """Append the check digit (ISO/IEC 7812-1), written apart from the code under test."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


numbers = st.sampled_from(
    [("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15),
     ("37", 15), ("36", 14), ("3528", 16), ("6011", 16), ("65", 16), ("62", 16), ("62", 19)]
).flatmap(
    lambda kind: st.text("0123456789", min_size=(left := kind[1] - len(kind[0]) - 1), max_size=left)
    .map(lambda middle: luhn(kind[0] + middle))
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        VISA, "5555555555554444", "2223003122003222", "2720994326581252", "378282246310005",
        "371449635398431", "6011111111111117", "3530111333300000", "30569309025904",
        "6212345678900000003", "6250947000000014", "4000000000000000006", "2200123456789019",
    ],
)  # fmt: skip
def test_numbers_of_the_schemes_are_found(text):
    """Attack rows 73 and 75: old and new ranges, 14 to 19 digits."""
    assert is_card(text)
    assert find_card({"note": text}) == "/note"


@pytest.mark.parametrize(
    "text",
    [
        GROUPED, "4111-1111-1111-1111", "4111.1111.1111.1111", "4111\u00a01111\u00a01111\u00a01111",
        "4111\u200b1111\u200b1111\u200b1111", "41\u200d11111111111111",
        "4111\u20111111\u20111111\u20111111",
        "4111\u20131111\u20131111\u20131111", "\uff14\uff11\uff11\uff11 1111 1111 1111",
        "\u0664\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661",
        "4111 1111 1111 1111 12/26", "4111 1111 1111 1111 123", "pay with 4111111111111111 please",
        "visa4111111111111111", "4111111111111111x", "4111  1111  1111  1111",
        "4111\t1111\t1111\t1111",
        "3782 822463 10005", "3782-822463-10005", "3056 930902 5904", "1234 4111 1111 1111 1111",
        "№4111111111111111", "a\u202e4111111111111111", "4111\u00ad1111\u00ad1111\u00ad1111",
        "\U0001d7d2\U0001d7cf11111111111111",
        "41\u034f11\u030111\u20dd1111111111", "41\u115f11\u1160111111111111",
        "4111111111111111\u201312", "41\x0011\x1f1\x7f11111111111", "\ud8004111111111111111",
    ],
)  # fmt: skip
def test_a_number_is_found_however_it_is_written(text):
    """Attack row 74: separators, foreign digits, invisible characters and neighbours."""
    assert is_card(text)


@pytest.mark.parametrize("sign", "\u203b\u2042\u2e3a\u20bf")
def test_a_sign_between_digits_is_seen(sign):
    """It separates: a number is found where it stands between its groups, and only there."""
    assert is_card(sign.join(("4111", "1111", "1111", "1111")))
    assert not is_card(f"4111111{sign}111111111")


@pytest.mark.parametrize(
    "text",
    [
        "5012345678900 4006381333931 9780201379624",
        "5012345678900, 4006381333931, 9780201379624",
        "+442079460958 on 2026-01-31",
        "+1 (212) 555-0123, 31.01.2026 12:30",
        "1767225600000",
        "1767225600123 1767225600456",
        "9400110200881234567890",
        "9400111899223197428490",
        "OF-000123, OF-000124",
        "114-3941689-8772232",
        "4111 **** **** 1111",
        "4111********1111",
        "4111111111111112",
        "4111ж1111ж1111ж1111",
        "4111    1111    1111    1111",
        "4111 111111 111111",
        "3600 000000 0000 0008",
        "4242424242424241",
        "1234567812345678",
        "0000000000000000",
        "3f2b8c1e-5d47-4a90-b6e8-0c9d7f5a1b24",
        "41111111-1111-4111-8111-111111111111",
        "10.0.0.1 192.168.100.100",
        "",
        "no digits at all",
        "2026-01-31T12:30:00.000Z",
    ],
)
def test_what_only_looks_long_is_accepted(text):
    """Attack rows 76 and 77: honest notes pass."""
    assert not is_card(text)
    assert find_card({"note": text, "items": [text]}) is None


@given(numbers, st.sampled_from(["", " ", "-", ".", "\u00a0", "\u2009", "\u200b"]))
def test_every_issued_number_is_found_however_it_is_grouped(number, separator):
    """Range, length and check digit right: found alone, in text, and in fours."""
    assert is_card(number)
    assert is_card(f"my card: {number}.")
    if len(number) == 16:
        fours = separator.join(number[at : at + 4] for at in range(0, 16, 4))
        assert is_card(fours)
        assert is_card(f"{fours} 12/26")


def test_the_last_group_may_be_one_digit():
    """Seventeen digits in fours."""
    assert is_card("6212 3456 7890 1234 7")


def test_no_two_ranges_overlap():
    """The ranges are in order and apart: a number is looked up in the only one it can be in."""
    bounds = [bound for low, high, _ in cards._ISSUERS[1:] for bound in (low, high + 1)]
    assert bounds == sorted(bounds)


@given(numbers, st.integers(1, 9))
def test_a_wrong_check_digit_is_no_card(number, off):
    """One digit further is an ordinary number."""
    assert not is_card(number[:-1] + str((int(number[-1]) + off) % 10))


@pytest.mark.parametrize(
    "text",
    [
        "%B4111111111111111^DOE/JANE^26121011000000000000",
        "%b4111111111111112^DOE/JANE^2612",
        ";4111111111111111=26121011000000000000?",
        ";411111111111=2612",
        "%B411111111111^DOE/JANE^2612",
    ],
)
def test_track_data_is_found(text):
    """Attack row 75: a magnetic stripe is card data, whatever its number."""
    assert is_card(text)


@pytest.mark.parametrize("digits", ["1" * 11, "1" * 20])
def test_a_track_has_a_number_of_twelve_to_nineteen_digits(digits):
    """Other lengths between the marks are no magnetic stripe (ISO/IEC 7813)."""
    assert not is_card(f"%B{digits}^DOE/JANE^2612")
    assert not is_card(f";{digits}=2612")


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"card_number": "x"}, "/card_number"),
        ({"cvv": "123"}, "/cvv"),
        ({"CVC": 123}, "/CVC"),
        ({"card-security-code": ["1"]}, "/card-security-code"),
        ({"ＣＶＶ": "123"}, "/ＣＶＶ"),
        ({"cid": "1234"}, "/cid"),
        ({"track1": "x"}, "/track1"),
        ({"metadata": {"cvv2": 0}}, "/metadata/cvv2"),
        ({"a": [{"b": 1}, {"cvc": "999"}]}, "/a/1/cvc"),
    ],
)  # fmt: skip
def test_a_value_under_the_name_of_a_security_code_is_found(document, pointer):
    """Attack row 75: the name is enough."""
    assert find_card(document) == pointer


@pytest.mark.parametrize("value", ["", " ", None, [], {}])
def test_an_empty_value_under_such_a_name_is_nothing(value):
    """A form's empty field is no card data."""
    assert find_card({"cvv": value}) is None


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (VISA, ""),
        ({"note": VISA}, "/note"),
        ({"customer": {"name": f"Zoë {GROUPED}"}}, "/customer/name"),
        ({"items": [{}, {"metadata": {"k": VISA}}]}, "/items/1/metadata/k"),
        ({VISA: 1}, "/*"),
        ({"metadata": {GROUPED: "x"}}, "/metadata/*"),
        ({"n": int(VISA)}, "/n"),
        ({"n": -int(VISA)}, "/n"),
        ({"n": float(VISA)}, "/n"),
        ({"a/b": {"c~d": VISA}}, "/a~1b/c~0d"),
        ({"n": 378282246310005}, "/n"),
        ({"n": 30569309025904}, "/n"),
    ],
)
def test_the_place_is_a_json_pointer_that_never_shows_the_number(document, pointer):
    """Attack row 73: in a value, a number or a name; a name is shown as a star."""
    assert find_card(document) == pointer
    assert VISA[:8] not in (find_card(document) or "")


def test_a_number_spread_over_a_path_is_not_spelled_out():
    """Names that together make a number are not put together in an answer."""
    assert find_card({"4111": {"1111": {"1111": {"1111": VISA}}}}) == "/*/*/*/*"


@pytest.mark.parametrize(
    "value",
    [True, False, None, 0, 1.5, 411111111111111.5, 4111111111111112, 10**30, -1, 1e999, 10**5000],
    ids=lambda value: "long" if isinstance(value, int) and value > 10**30 else str(value),
)
def test_other_values_are_no_cards(value):
    """Booleans, fractions, numbers of other lengths, endless ones, and a wrong check digit."""
    assert find_card({"a": value, "b": [value]}) is None


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | numbers.map(int)
    | numbers
    | st.text(max_size=24)
    | st.text("0123456789 -./", max_size=30)
    | numbers.map(lambda number: " ".join(number[at : at + 4] for at in range(0, len(number), 4)))
    | st.sampled_from(
        ["", " ", "cvv", ";411111111111=2612", "%B411111111111^", "4\x7f111111111111111"]
    )
)
names = st.text(max_size=8) | numbers | st.sampled_from(
    ["cvv", "C.V.V", "card number", "Card_Number", "ＣＶＣ", "cid", "note", "track-1"]
)  # fmt: skip
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(
    documents,
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",\n", ":\t")]),
    st.sampled_from([None, 0, 2]),
)
@example({"cvv": 5}, True, (",", ":"), None)
@example({"C V V": "x"}, True, (" , ", " : "), None)
@example([int(VISA)], True, (",", ":"), None)
@example({"a": [4, 111111111111111]}, True, (", ", ": "), None)
@example({"note": "4\x7f111111111111111"}, False, (",", ":"), None)
def test_what_is_found_could_always_be_held(document, ascii_only, separators, indent):
    """`may_hold_card` is False only where `find_card` finds nothing, however JSON is written."""
    text = json.dumps(document, ensure_ascii=ascii_only, separators=separators, indent=indent)
    body = text.encode("utf-8", "surrogatepass")
    if find_card(document) is not None:
        assert may_hold_card(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"currency":"GBP","items":[{"sku":"85123A","quantity":6,"unit_price":255}]}',
        b'{"cart_id":"cart_01KJQ0YQ6M4T8V2X5Z7B9D1F3H","note":"please ring"}',
        b'{"payment_intent":"pi_3Q7xkT2eZvKYlo2C"}',
        b'{"note":"https://shop.example/mugs?colour=blue&size=2"}',
        b"{}",
    ],
)
def test_ordinary_bodies_are_not_walked(body):
    """The cheap answer is enough for what storefronts usually send."""
    assert not may_hold_card(body)


@pytest.mark.parametrize(
    "body",
    [
        rb'{"note":"\u0034111111111111111"}',
        rb'{"note":"4111\/1111\/1111\/1111"}',
        rb'{"\u0063vv":"1"}',
        '{"note":"\uff14\uff11\uff11\uff11 1111 1111 1111"}'.encode(),
        '{"ＣＶＶ":"1"}'.encode(),
    ],
)
def test_a_body_that_hides_its_text_is_walked(body):
    """Escapes in ASCII, and letters and digits outside of it, without an escape."""
    assert find_card(json.loads(body)) is not None
    assert may_hold_card(body)


@pytest.mark.parametrize(
    "number", ["6212345678900000003", "6250947000000014", "4000000000000000006"]
)
def test_a_last_group_of_up_to_three_digits_counts(number):
    """A number of 17 to 19 digits is written 4-4-4-4 and a rest."""
    for separator in (" ", "-", ", ", " / "):
        assert is_card(separator.join(number[at : at + 4] for at in range(0, len(number), 4)))


def with_check_digits(country: str, account: str) -> str:
    """Write an IBAN (ISO 13616)."""
    rest = int("".join(str(int(one, 36)) for one in f"{account}{country}00")) % 97
    return f"{country}{98 - rest:02}{account}"


def test_a_bank_account_is_no_card():
    """An IBAN whose check digits agree passes, grouped or not, whatever is in it."""
    digits = VISA + "00"
    iban = with_check_digits("DE", digits)
    assert is_card(f"IBAN XX00 {GROUPED} 00")
    assert not is_card(f"pay to {iban}")
    for separator in (" ", "-"):
        fours = separator.join(iban[at : at + 4] for at in range(0, len(iban), 4))
        assert not is_card(f"pay to {fours}, please")
        assert is_card(f"{fours} {GROUPED}")


@pytest.mark.parametrize("more", range(14))
def test_a_bank_account_may_have_thirty_four_signs(more):
    """In one or in fours with a rest; a longer one is read as any text is."""
    iban = with_check_digits("MT", f"X{VISA}".ljust(17 + more, "X"))
    assert len(iban) <= 34
    assert not is_card(iban)
    assert not is_card(" ".join(iban[at : at + 4] for at in range(0, len(iban), 4)))
    assert is_card(with_check_digits("MT", f"X{VISA}".ljust(32 + more, "X")))


@pytest.mark.parametrize(
    "text",
    [
        "a4111111111111111bcdef0123456789",
        "0xa4111111111111111bcdef0123456789",
        "A4111111111111111BCDEF0123456789" * 2,
        "pi_a4111111111111111bcdef0123456789abcdefab",
    ],
)
def test_a_hexadecimal_digest_is_no_card(text):
    """Digests of the usual lengths hold long runs of digits by chance."""
    assert not is_card(text)
    assert is_card(f"{text} {VISA}")


@pytest.mark.parametrize("length", [32, 40, 64, 96, 128])
@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_a_digest_has_one_of_the_usual_lengths_and_one_case(length, spelled):
    """Alone or behind 0x; one digit more or less, or another case, and it is read as text."""
    digest = spelled(f"a{VISA}b".ljust(length, "e"))
    assert not is_card(f"<{digest}> 0x{digest}")
    assert is_card(digest[:-1])
    assert is_card(digest + "E")
    assert is_card(digest[:-1] + digest[-1].swapcase())


UUIDS = [
    "abcf4111-1111-1111-1111-abcdefabcdef",
    "ABCF4111-1111-1111-1111-ABCDEFABCDEF",
    "0a0b0c0d-4111-1111-1111-1111abcdefab",
]


@pytest.mark.parametrize("uuid", UUIDS)
def test_a_uuid_is_no_card(uuid):
    """Four groups of digits in it are chance; it stands alone, between other signs than these."""
    assert not is_card(uuid)
    assert not is_card(f"urn:uuid:{uuid}; {{{uuid}}}")
    for neighbour in "gG7":
        assert is_card(neighbour + uuid)
        assert is_card(uuid + neighbour)


CHIP = [
    VISA + "D26121010000000F",
    VISA + "d2612201000000000000000f",
    VISA + "D26122010000000000000000",
    VISA + "D2612".ljust(24, "0"),
    "5713" + VISA + "D26122010000000000000F",
    "9F2608A1B2C3D4E5F60718" + "5712" + VISA + "D2612201000000000F5F2A020826",
    "371449635398431D26121010000000F0",
    "6250947000000014D27015210000000F",
    "5A08" + VISA + "5F24032612315F340101",
    "9f260801020304050607085a08" + VISA + "5f34010182021980",
    "5a08371449635398431f5f2403261231",
    "5A0730569309025904",
    "5A0962123456789012347F5F3401015F2403261231",
    "5A096212345678901234575F340101",
    "5A0A6212345678900000003F",
    "5A0A6212345678900000003F5F340101",
]  # fmt: skip


@pytest.mark.parametrize("text", CHIP)
def test_what_a_chip_tells_is_found(text):
    """EMV's track 2 (tag 57) and number (tag 5A) in hexadecimal, also as long as a digest is."""
    assert is_card(text)
    assert is_card(f'"{text}"')
    assert may_hold_card(json.dumps({"emv": text}).encode())


@given(numbers, st.integers(10, 59), st.integers(1, 12), st.sampled_from(["101", "201", "620"]))
def test_every_issued_number_is_found_in_what_a_chip_tells(number, year, month, service):
    """Filled to the length of a digest, with the tag before it or without, in either case."""
    track = f"{number}D{year:02}{month:02}{service}"
    for text in (
        track.ljust(40, "0"),
        (track + "123").ljust(64, "F"),
        f"5713{track}".ljust(64, "0"),
    ):
        assert is_card(text)
        assert is_card(text.lower())


@pytest.mark.parametrize(
    "text",
    [
        VISA[:-1] + "2D26121010000000F",
        VISA + "D26131010000000F",
        VISA + "D26001010000000F",
        VISA + "D99121010000000F",
        VISA + "E26121010000000F",
        "5A09" + VISA + "5F2403261231",
    ],
)
def test_a_digest_that_resembles_a_chip_is_a_digest(text):
    """Check digit, separator, expiry and length have to agree."""
    assert not is_card(text)


@pytest.mark.parametrize("text", ["4111111111111111deadbeef", "beef4111111111111111", "0x" + VISA])
def test_hexadecimal_letters_beside_a_number_do_not_hide_it(text):
    """Other lengths are read as any text is."""
    assert is_card(text)


@pytest.mark.parametrize(
    "number", ["42e14", "42E+14", "4.2e15", "0.42e16", "-4.2E15", "4200000000000000.0"]
)
@pytest.mark.parametrize("body", ['{"a":%s}', "[true, %s]", "[1,%s]", "%s", '{"a": [[\n%s]]}'])
def test_a_number_with_point_or_exponent_is_read_as_its_value(body, number):
    """Attack row 73: a JSON number is found however it is spelled."""
    assert find_card(json.loads(body % number)) is not None
    assert may_hold_card((body % number).encode())


def test_an_exponent_in_a_text_is_no_number():
    """Only what may be a JSON number has the body walked."""
    assert not may_hold_card(b'{"sku":"85123E","a":"3e8b","b":1.5}')
    assert not may_hold_card(b'{"key":"8e03978e-40d5-43e8-bc93-6894a57f9324"}')


@pytest.mark.parametrize("name", sorted(cards._SECURITY_NAMES))
def test_every_security_name_has_the_body_walked(name):
    """The cheap test knows every name, in any case and with any separators."""
    for written in (name, name.upper(), "_".join(name), f" {name}-", f"#{name}:"):
        document = {"a": [{written: "x"}]}
        assert find_card(document) == "/a/0/" + written
        assert may_hold_card(json.dumps(document).encode())


@pytest.mark.parametrize(
    "name", ["cart_id", "gift_card_number", "card_code", "tracking", "discard"]
)
def test_other_names_are_no_security_names(name):
    """A name counts as a whole, not for what is in it."""
    assert find_card({name: "x"}) is None


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_under_such_a_name_is_nothing(value):
    """Whether there was a code is no code."""
    assert find_card({"cvv": value}) is None


def test_a_pointer_is_bounded():
    """A long name cannot swell an answer or a log line."""
    assert find_card({"n" * 1000: VISA}) == "/" + "n" * 64
    assert find_card({"n" * 48 + VISA + "9" * 10: {"cvv": "1"}}) == "/*/*"


@pytest.mark.parametrize(
    "text",
    ["\ufdfa" * 1000, "4111 1111 1111 1112 " * 1000, "1" * 20_000, "a" * 20_000 + "1" * 14,
     "AT61 1234 1234 1234 1234 1234 1234 1234 " * 500, "^" + "a1" * 10_000],
)  # fmt: skip
def test_long_text_is_read_once(text):
    """No pattern goes back over what it has read."""
    assert not is_card(text)


def test_no_text_grows_while_it_is_read():
    """A sign that stands for a whole phrase is read as one letter, also beside a card number."""
    assert len(cards._plain("\ufdfa" * 100)) == 100
    assert is_card("\ufdfa4111 1111 1111 1111\ufdfb")
    assert not is_card("4111\ufdfa1111\ufdfa1111\ufdfa1111")


def test_what_is_read_as_one_letter_has_no_digit():
    """Of all characters there are, those that are cut short are words in letters."""
    signs = [unicodedata.normalize("NFKC", chr(code)) for code in range(sys.maxunicode + 1)]
    long = [sign for sign in signs if len(sign) > cards._LONGEST_SIGN]
    assert long
    assert all(sign.replace(" ", "").isalpha() and not sign.isascii() for sign in long)
