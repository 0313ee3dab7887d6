"""Requests sent again: the same bytes, the same key, and keys of others."""

import pytest

from tests.rig import item, order_fields
from tests.security.attacks import Attack, Table
from tests.security.playing import rows
from tests.security.stage import CART

REPLAYED = "409 replayed_request"
REUSED = "422 idempotency_key_reused"
UNKNOWN_SKU = {"currency": "GBP", "items": [item("nothing-of-the-kind")]}
EUROS = {"currency": "EUR"}
ADDING = {"cart_id": CART, "items": [item("lamp")]}
BUYING = order_fields(CART, intent="pi_hostile_1")


def again(name: str, expect: str, first: str = "200", **sent: object) -> Attack:
    """Send a request twice, byte for byte."""
    return Attack(name, expect, earlier=(Attack("", first, **sent),), **sent)


def retried(name: str, expect: str = "200", **sent: object) -> Attack:
    """Send a request, and a second later the same key and body, signed anew."""
    earlier = (Attack("", expect, **sent),)
    return Attack(name, expect, earlier=earlier, wait=1, seconds=1, replayed=True, **sent)


def known(name: str, expect: str, *, key: str = "key-known", **now: object) -> Attack:
    """Send a request, and a second later its key with something else."""
    earlier = (Attack("", "200", key="key-known"),)
    return Attack(name, expect, earlier=earlier, wait=1, seconds=1, key=key, **now)


TABLE: Table = {
    "a write sent twice": [
        again("without a key", REPLAYED),
        again("with a key", REPLAYED, key="key-once"),
        again("items", REPLAYED, action="items.add", body=ADDING),
        again("an order", REPLAYED, action="convertToOrder", body=BUYING, key="key-order"),
        Attack("thrice", REPLAYED, earlier=(Attack("", "200"), Attack("", REPLAYED))),
        Attack("a minute later", REPLAYED, wait=60, earlier=(Attack("", "200"),)),
    ],
    "a refused write sent twice": [
        again("refused by the action", REPLAYED, "422 unknown_sku", body=UNKNOWN_SKU),
        again("the same with a key", REPLAYED, "422 unknown_sku", body=UNKNOWN_SKU, key="key-r"),
        again("refused by the schema", *["422 invalid_request"] * 2, body={"colour": "crimson"}),
        again("no JSON", *["400 invalid_json"] * 2, body=b"{", key="key-json"),
        again("a wrong secret", *["401 authentication_failed"] * 2, secret="ofs_" + "x" * 43),
        again("beyond its scopes", *["403 insufficient_scope"] * 2, by="reader"),
    ],
    "a retry with the same key, signed anew": [
        retried("a cart", key="key-cart"),
        retried("items", action="items.add", body=ADDING, key="key-items"),
        retried("an order", action="convertToOrder", body=BUYING, key="key-order"),
        retried("a refused action", "422 unknown_sku", body=UNKNOWN_SKU, key="key-refused"),
    ],
    "a known key with something else": [
        known("another body", REUSED, body=EUROS),
        known("one space more", REUSED, body=b'{"currency":  "GBP"}'),
        known("another action", "200", action="items.add", body=ADDING),
        known("another case", "200", key="KEY-KNOWN"),
    ],
    "a known key of another connection": [
        known("the same body", "200", by="another"),
        known("another body", "200", by="another", body=EUROS),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_a_request_acts_once(player, attack, level):
    """A copy is refused, a retry gets its stored answer, and a key is its connection's own."""
    player.play(attack, level)
