"""The detector of card data against texts with and without cards (docs/card-data.md)."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow_bridge.security.cards import find_card, is_card, may_hold_card
from tests.rig import ADDRESS, CUSTOMER, Storefront
from tests.security.card_corpus import (
    CARDS,
    DOUBTFUL,
    INNOCENT,
    SCHEMES,
    UNSEEN,
    Scheme,
    any_card,
    grouped,
    issue,
    luhn,
    samples,
)

EACH = 3
MANY = 1_000

# How many in a thousand may be flagged at most; the page tells the rates of a larger sample.
FLAGGED = {
    "any 14 digits in a row": 6,
    "any 15 digits in a row": 6,
    "any 16 digits in a row": 45,
    "any 17 digits in a row": 14,
    "any 18 digits in a row": 14,
    "any 19 digits in a row": 25,
    "any four groups of four digits": 45,
    "22-digit tracking numbers in groups of four": 55,
    "19 digits with a wrong check digit, in groups of four": 120,
    "JJD and 18 digits (DHL)": 14,
    "fractions of a computer, as text": 40,
    "GTIN-14": 6,
    "SSCC-18": 20,
    "IPv6 addresses, written in full": 2,
    "IMEISV": 80,
    "19-digit ids made from time": 3,
    "ids of 26 letters and digits": 0,
    "24 hexadecimal digits": 1,
}

# What is taken for a card besides: ranges that are read as a whole, and lengths that a few have.
BESIDES = (
    Scheme("between the ranges of RuPay", (("606985", "606999"), ("608000", "608500")), (16,)),
    Scheme("Borica as long as Mir", (("2205", "2205"),), (17, 18, 19)),
    Scheme("Diners Club 15", (("36", "36"),), (15,)),
    Scheme("Elo, a single issuer", (("504175", "504175"),), (16,)),
    Scheme("Maestro, 5612", (("5612", "5612"),), (14, 15, 16, 17, 18, 19)),
    Scheme("RuPay, all of 82", (("821", "829"),), (16,)),
    Scheme("UnionPay up to 8179", (("8172", "8179"),), (16, 17, 18, 19)),
    Scheme("Verve 17", (("506099", "506198"),), (17,)),
)


def body_of(document: object) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("writing", CARDS)
def test_what_is_promised_holds_for_every_text(writing):
    """Every scheme's numbers, of every length, are found in each of these writings: all of them."""
    missed = []
    for scheme in SCHEMES:
        for length in scheme.lengths:
            random = Random(f"{writing}:{scheme.name}:{length}")
            for _ in range(EACH):
                document = CARDS[writing](random, issue(random, scheme, length))
                if find_card(document) is None or not may_hold_card(body_of(document)):
                    missed.append((scheme.name, document))
    assert missed == []


def test_the_ranges_and_lengths_end_where_the_schemes_end():
    """The first and the last issuer of each range, its neighbours, and every length."""
    read = [(low, high, one.lengths) for one in (*SCHEMES, *BESIDES) for low, high in one.ranges]
    firsts = {int(low.ljust(6, "0")) for low, _, _ in read}
    lasts = {int(high.ljust(6, "9")) for _, high, _ in read}
    issuers = firsts | lasts | {one - 1 for one in firsts} | {one + 1 for one in lasts}
    numbers = {luhn(f"{issuer:0<{length - 1}}") for issuer in issuers for length in range(13, 21)}
    assert {number for number in numbers if is_card(number)} == {
        number
        for number in numbers
        for low, high, lengths in read
        if len(number) in lengths and low <= number[: len(low)] <= high
    }


@pytest.mark.parametrize("sort", INNOCENT)
def test_these_honest_texts_are_never_taken_for_cards(sort):
    """No false alarm at all among what shops send every day."""
    flagged = [one for one in samples(sort, INNOCENT[sort], MANY) if find_card(one) is not None]
    assert flagged == []


@pytest.mark.parametrize("sort", DOUBTFUL)
def test_what_could_be_a_card_is_taken_for_one_no_more_often_than_the_page_says(sort):
    """Range, length and check digit leave few of the numbers that nobody can tell from cards."""
    flagged = sum(find_card(one) is not None for one in samples(sort, DOUBTFUL[sort], MANY))
    assert flagged <= FLAGGED[sort] * MANY // 1_000


def test_every_doubtful_sort_has_its_bound():
    """A new sort is bounded, and a bound is of a sort."""
    assert list(FLAGGED) == list(DOUBTFUL)


@pytest.mark.parametrize("sort", UNSEEN)
def test_what_the_page_says_is_not_seen_is_not_promised(sort):
    """If one of these is found one day, the page is out of date."""
    found = sum(find_card(one) is not None for one in samples(sort, UNSEEN[sort], 200))
    assert found < 20


def chance_of_a_card(length: int) -> float:
    """Tell how many of all digit strings of a length are cards: every third range is asked."""
    issuers = range(1, 10_000, 3)
    issued = sum(is_card(luhn(f"{issuer:04}{'0' * (length - 5)}")) for issuer in issuers)
    return issued / len(issuers) / 10


@pytest.fixture(scope="module")
def chances() -> dict[int, float]:
    """Give the chance that random digits are a card, by their number."""
    return {length: chance_of_a_card(length) for length in range(14, 20)}


@pytest.mark.parametrize("size", [16, 20, 32, 48, 64])
def test_a_random_digest_is_a_chip_less_than_once_in_a_million(chances, size):
    """The sum over all places where the digits, the D and the expiry would have to stand."""
    digits = 2 * size
    expiry = (10 / 16) ** 4 * 50 / 100 * 12 / 100
    service = (10 / 16) ** 3 * 6 / 10 * 3 / 10 * 8 / 10
    chance = 0.0
    for length in range(14, 20):
        whole = (10 / 16) ** length * chances[length] / 16 * expiry
        places = digits - length - 5
        # At the beginning or behind a letter; or behind a digit, and then with a service code.
        chance += whole * (1 + places * (6 / 16 + 10 / 16 * service))
        # The number alone, behind its tag and its length.
        chance += (10 / 16) ** length * chances[length] / 16**4 * (places + 2)
    assert chance < 1e-6


schemes = st.sampled_from(SCHEMES)
writings = st.sampled_from(sorted(CARDS))


@settings(max_examples=200, deadline=None)  # no time is asserted
@given(
    schemes, writings, st.randoms(use_true_random=False), st.booleans(), st.sampled_from([None, 1])
)
def test_the_cheap_test_never_says_no_to_a_card(
    scheme: Scheme, writing, random, ascii_only, indent
):
    """`may_hold_card` False is a promise, for each scheme, writing, and way to write JSON."""
    number = issue(random, scheme, random.choice(scheme.lengths))
    document = {"cart_id": "cart_1", "part": [CARDS[writing](random, number)]}
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assert find_card(document) is not None
    assert may_hold_card(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)  # no time is asserted
@given(
    st.sampled_from([*INNOCENT.items(), *DOUBTFUL.items(), *UNSEEN.items()]),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_where_the_cheap_test_says_no_nothing_is_found(sort, random, ascii_only):
    """For honest texts too, so that most bodies are never walked."""
    document = sort[1](random)
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    if not may_hold_card(body):
        assert find_card(document) is None


PLACES = {
    "note": lambda text: ("cart.update", {"note": text}, "/note"),
    "metadata": lambda text: ("cart.update", {"metadata": {"k": text}}, "/metadata/k"),
    "a name in metadata": lambda text: ("cart.update", {"metadata": {text: "x"}}, "/metadata/*"),
    "sku": lambda text: ("items.add", {"items": [{"sku": text, "quantity": 1}]}, "/items/0/sku"),
    "option": lambda text: (
        "items.add",
        {"items": [{"sku": "mug", "quantity": 1, "options": {"engraving": text}}]},
        "/items/0/options/engraving",
    ),
    "name": lambda text: (
        "items.add",
        {"items": [{"sku": "x", "name": text, "quantity": 1, "unit_price": 1}]},
        "/items/0/name",
    ),
    "customer": lambda text: (
        "cart.update",
        {"customer": CUSTOMER | {"name": text}},
        "/customer/name",
    ),
    "address": lambda text: (
        "cart.update",
        {"shipping_address": ADDRESS | {"line2": text}},
        "/shipping_address/line2",
    ),
    "payment_intent": lambda text: (
        "convertToOrder",
        {"customer": CUSTOMER, "shipping_address": ADDRESS, "payment_intent": text},
        "/payment_intent",
    ),
    "purchase_order": lambda text: (
        "convertToOrder",
        {"payment_intent": "pi_1", "purchase_order": text},
        "/purchase_order",
    ),
    "an unknown field": lambda text: ("cart.update", {"card": text}, "/card"),
    "cart_id": lambda text: ("cart.get", {"cart_id": text}, "/cart_id"),
    "reason": lambda text: ("orders.cancel", {"order_id": "order_1", "reason": text}, "/reason"),
    "cursor": lambda text: ("orders.list", {"cursor": text}, "/cursor"),
    "e-mail": lambda text: ("orders.list", {"email": f"{text}@example.com"}, "/email"),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_action_takes_a_card_anywhere(storefront: Storefront, caplog, place):
    """Wherever text can stand it is refused, told by its place, and neither shown nor logged."""
    caplog.set_level(0)
    cart = storefront.cart({"sku": "mug", "quantity": 1})
    random = Random(place)
    for _ in range(5):
        number = any_card(random)
        text = random.choice([number, grouped(number, "-"), grouped(number, " ")])
        action, fields, path = PLACES[place](text)
        if "order_id" not in fields and action != "orders.list":
            fields = {"cart_id": cart["cart_id"]} | fields
        reply = storefront.call(action, **fields)
        assert (reply.status, reply.code, reply.json["path"]) == (422, "pan_detected", path)
        assert text not in reply.body.decode()
        assert text not in caplog.text
    assert storefront.ok("cart.get", cart_id=cart["cart_id"]) == cart


def test_no_idempotency_key_is_a_card(storefront: Storefront, caplog):
    """The header is text that would be stored: it is refused like the body, whatever that is."""
    caplog.set_level(0)
    random = Random("keys")
    for _ in range(20):
        number = any_card(random)
        key = random.choice([number, grouped(number, "-"), grouped(number, "_"), f"k-{number}"])
        reply = storefront.call("cart.create", key=key, currency="GBP")
        assert (reply.code, reply.json["path"]) == ("pan_detected", "Idempotency-Key")
        assert key not in reply.body.decode()
        assert number not in caplog.text
