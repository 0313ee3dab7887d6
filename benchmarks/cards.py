"""Measure the detector of card data: how much it finds, how often it errs, and what it costs.

python benchmarks/cards.py [--quick] [--json] [--count N] [--digests N]
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the corpus is the tests'

from orderflow_bridge.security.cards import find_card, is_card, may_hold_card
from tests.security.card_corpus import (
    CARDS,
    DOUBTFUL,
    INNOCENT,
    SCHEMES,
    UNSEEN,
    issue,
    samples,
)

SEED = 2026
QUICK, FULL = 200, 100_000
ROUNDS = 5
DIGESTS_IN_A_TEXT = 50
SIZES = {"MD5": 16, "SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64}


# How much is found


def found_of(documents: Iterable[object]) -> dict[str, int]:
    seen = found = walked = 0
    for document in documents:
        seen += 1
        found += find_card(document) is not None
        walked += may_hold_card(json.dumps(document).encode())
    return {"seen": seen, "found": found, "walked": walked}


def written(writing: str, count: int) -> Iterable[object]:
    """Write as many numbers of each scheme and length, about `count` in all."""
    kinds = [(scheme, length) for scheme in SCHEMES for length in scheme.lengths]
    random = Random(f"{SEED}:{writing}")
    for scheme, length in kinds:
        for _ in range(max(1, count // len(kinds))):
            yield CARDS[writing](random, issue(random, scheme, length))


def rates(count: int) -> dict[str, dict[str, dict[str, int]]]:
    return {
        "cards": {writing: found_of(written(writing, count // 10)) for writing in CARDS},
        **{
            title: {
                sort: found_of(samples(sort, make, count, seed=SEED))
                for sort, make in sorts.items()
            }
            for title, sorts in (("innocent", INNOCENT), ("doubtful", DOUBTFUL), ("unseen", UNSEEN))
        },
    }


def by_window(count: int) -> dict[str, dict[str, int]]:
    """Flag what a window over all the digits of a text would flag: the way not taken."""
    rows = {}
    for sort, make in INNOCENT.items():
        found = 0
        for document in samples(sort, make, count, seed=SEED):
            digits = "".join(filter(str.isdigit, json.dumps(document)))
            found += any(
                is_card(digits[start : start + length])
                for length in range(14, 20)
                for start in range(len(digits) - length + 1)
            )
        rows[sort] = {"seen": count, "found": found}
    return rows


def digests(count: int) -> dict[str, dict[str, int]]:
    """Look at random digests, many in one text: a flagged text counts as one."""
    rows = {}
    for name, size in SIZES.items():
        random = Random(f"{SEED}:{name}")
        found = 0
        for _ in range(count // DIGESTS_IN_A_TEXT):
            drawn = random.randbytes(size * DIGESTS_IN_A_TEXT).hex(",", size)
            found += is_card(drawn)
        rows[name] = {"seen": count // DIGESTS_IN_A_TEXT * DIGESTS_IN_A_TEXT, "found": found}
    return rows


# What it costs


def bodies() -> dict[str, bytes]:
    lines = [
        {"sku": f"8512{n:04}A", "quantity": n % 9 + 1, "options": {"size": "M", "colour": "red"}}
        for n in range(2_000)
    ]
    address = {
        "name": "Zoë Ærø",
        "line1": "1 High Street",
        "city": "Leeds",
        "postal_code": "LS1 1AA",
        "country": "GB",
    }
    order = {
        "cart_id": "cart_01KJQ0YQ6M4T8V2X5Z7B9D1F3H",
        "customer": {"email": "zoe@example.com", "name": "Zoë", "phone": "+44 20 7946 0958"},
        "shipping_address": address,
        "payment_intent": "pi_3Q7xkT2eZvKYlo2C0abcDEF",
        "note": "please ring on 2026-01-31, EAN 4006381333931",
    }
    note = ("EAN 4006381333931, tel. +44 20 7946 0958 on 2026-01-31; " * 40)[:2_000]
    worst = "4111 1111 1111 1112 "
    return {
        "cart.create, 3 lines": encoded({"currency": "GBP", "items": lines[:3]}),
        "items.add, 100 lines": encoded({"cart_id": order["cart_id"], "items": lines[:100]}),
        "items.add, 2,000 lines": encoded({"cart_id": order["cart_id"], "items": lines}),
        "convertToOrder, in ASCII": encoded(
            order | {"customer": {"email": "zoe@example.com"}, "shipping_address": None}
        ),
        "convertToOrder, with other letters": encoded(order),
        "a note of 2,000 characters, full of numbers": encoded({"note": note}),
        "256 KiB of what is nearly a card": encoded({"note": worst * (262_000 // len(worst))}),
        "256 KiB of digits": encoded({"note": "1" * 262_000}),
    }


def encoded(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def costs(rounds: int) -> dict[str, dict[str, float]]:
    """Give microseconds of processor time, the median of some rounds."""
    rows = {}
    for name, body in bodies().items():
        document = json.loads(body)
        rows[name] = {
            "bytes": len(body),
            "asked_us": timed(lambda body=body: may_hold_card(body), rounds),
            "walked": may_hold_card(body),
            "walk_us": timed(lambda document=document: find_card(document), rounds),
        }
    return rows


def timed(act, rounds: int) -> float:
    took = []
    for _ in range(rounds):
        times, began = 0, time.process_time_ns()
        while (spent := time.process_time_ns() - began) < 20_000_000:
            act()
            times += 1
        took.append(spent / times / 1_000)
    return statistics.median(took)


# What is printed


def share(row: dict[str, int]) -> str:
    return f"{row['found'] / row['seen']:>8.3%} ({row['found']:,} of {row['seen']:,})"


def show(found: dict) -> None:
    print(found["machine"])
    cards = found["rates"]["cards"]
    whole = {key: sum(row[key] for row in cards.values()) for key in ("seen", "found")}
    print(f"\nCards, {len(SCHEMES)} schemes, {len(cards)} writings: found {share(whole)}")
    for writing, row in cards.items():
        if row["found"] != row["seen"]:
            print(f"  MISSED {writing}: {share(row)}")
    for title, says in (
        ("innocent", "Honest texts, promised never to be flagged"),
        ("doubtful", "Honest texts that could be cards, digit for digit"),
        ("unseen", "Cards that are not looked for: found"),
    ):
        print(f"\n{says}")
        for sort, row in found["rates"][title].items():
            print(f"  {sort:68}{share(row)}")
    print("\nWhat a window over all digits would flag of the honest texts")
    for sort, row in found["window"].items():
        print(f"  {sort:68}{share(row)}")
    print("\nRandom digests, flagged")
    for name, row in found["digests"].items():
        print(f"  {name:68}{row['found']:,} of {row['seen']:,}")
    print(f"\n{'Processor time':48}{'bytes':>9}{'asked':>12}{'walked':>12}")
    for name, row in found["costs"].items():
        walk = f"{row['walk_us']:,.1f} µs" if row["walked"] else "not needed"
        asked = f"{row['asked_us']:,.1f} µs"
        print(f"  {name:46}{row['bytes']:>9,}{asked:>12}{walk:>14}")


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds: does it still run?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--count", type=int, help="texts of each sort")
    parser.add_argument("--digests", type=int, help="digests of each size")
    options = parser.parse_args(words)
    count = options.count or (QUICK if options.quick else FULL)
    found = {
        "machine": f"Python {platform.python_version()}, {os.cpu_count()} processors",
        "rates": rates(count),
        "window": by_window(max(count // 100, 10)),
        "digests": digests(options.digests or 10 * count),
        "costs": costs(1 if options.quick else ROUNDS),
    }
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main(sys.argv[1:])
