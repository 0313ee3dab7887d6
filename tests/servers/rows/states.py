"""Valid bytes: it is what came before, or what an operator did, that decides."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.rig import order_fields
from tests.servers.cast import INTENT_OF_ANOTHER
from tests.servers.rows.row import (
    DISABLED,
    FAILED,
    INVALID,
    NO_CART,
    NO_SCOPE,
    NO_SKU,
    OK,
    REPLAYED,
    REUSED,
    USED,
    Fronts,
    Row,
    several,
)
from tests.servers.wire import Front, Request

_GUESSED = "ofs_" + "x" * 43


def _unknown_sku(front: Front) -> bytes:
    return front.body.replace(b"mug", b"nothing-of-the-kind")


def _own_price(front: Front) -> bytes:
    return front.body.replace(b'"quantity"', b'"unit_price": 1, "quantity"')


def _note(front: Front) -> bytes:
    return json.dumps({"cart_id": front.cart_id, "note": "by a known key"}).encode()


def _twice(name: str, *decisions: str, make: Callable[[Front, Fronts], Request]) -> Row:
    """Send a request, and the same bytes again."""
    return several(name, *decisions, make=lambda front, fronts: [make(front, fronts)] * 2)


def _retried(name: str, decision: str, body: Callable[[Front], bytes]) -> Row:
    """Send a request that was signed a second ago, and its key and body, signed now."""

    def make(front: Front, _: Fronts) -> list[Request]:
        sent: dict[str, Any] = {"body": body(front), "key": uuid4().hex}
        return [front.request(age=1, **sent), front.request(**sent)]

    return several(name, decision, f"{decision} stored", make=make)


def _known(name: str, decision: str, then: Callable[[Front, Fronts, str], Request]) -> Row:
    """Send a request, and its key with something else."""

    def make(front: Front, fronts: Fronts) -> list[Request]:
        key = uuid4().hex
        return [front.request(key=key), then(front, fronts, key)]

    return several(name, OK, decision, make=make)


def _by(name: str, decision: str, who: str, action: str = "items.add", **sent: Any) -> Row:
    """Send a request of another storefront of the shop."""
    return Row(name, decision, lambda _, fronts: fronts[who].request(action, **sent))


def _buying(name: str, decision: str, intent: str) -> Row:
    return Row(
        name,
        decision,
        lambda front, _: front.request(
            "convertToOrder", body=json.dumps(order_fields(front.cart_id, intent=intent)).encode()
        ),
    )


STATES = (
    _twice("a write sent twice", OK, REPLAYED, make=lambda front, _: front.request()),
    _twice(
        "a write without a key sent twice",
        OK,
        REPLAYED,
        make=lambda front, _: front.request(key=None),
    ),
    _twice(
        "a refused write sent twice",
        NO_SKU,
        REPLAYED,
        make=lambda front, _: front.request(body=_unknown_sku(front)),
    ),
    _twice(
        "a write of a wrong form sent twice",
        INVALID,
        INVALID,
        make=lambda front, _: front.request(body=b"{}"),
    ),
    _twice(
        "a write beyond its scopes sent twice",
        NO_SCOPE,
        NO_SCOPE,
        make=lambda _, fronts: fronts["reader"].request(),
    ),
    _retried("a write and its retry", OK, lambda front: front.body),
    _retried("a refused write and its retry", NO_SKU, _unknown_sku),
    _known(
        "a known key with another body",
        REUSED,
        lambda front, _, key: front.request(body=front.body + b" ", key=key),
    ),
    _known(
        "a known key with another action",
        OK,
        lambda front, _, key: front.request("cart.update", body=_note(front), key=key),
    ),
    _known(
        "another storefront's key",
        OK,
        lambda _, fronts, key: fronts["another"].request(key=key),
    ),
    _known(
        "another storefront's key and body",
        NO_CART,
        lambda front, fronts, key: fronts["another"].request(body=front.body, key=key),
    ),
    _by("a disabled connection", DISABLED, "disabled"),
    _by("a disabled connection, an unknown action", DISABLED, "disabled", "no.such"),
    _by("a disabled connection, not signed", FAILED, "disabled", secret=_GUESSED),
    _by("a secret in its grace", OK, "in grace"),
    _by("a secret past its grace", FAILED, "past grace"),
    _by("a revoked secret", FAILED, "revoked"),
    _by("a write with carts:read", NO_SCOPE, "reader"),
    _by("a list of orders with carts:read", NO_SCOPE, "reader", "orders.list", body=b"{}"),
    _by("beyond its scopes, not signed", FAILED, "reader", secret=_GUESSED),
    Row(
        "an own price without prices:write",
        NO_SCOPE,
        lambda front, _: front.request(body=_own_price(front)),
    ),
    _buying("a payment intent of digits alone", INVALID, "123456789012"),
    _buying("a payment intent of another order", USED, INTENT_OF_ANOTHER),
)
