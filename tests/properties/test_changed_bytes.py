"""A signed write with any byte of it changed is refused, and nothing is written (protocol §2)."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow_bridge.http import Head, Request
from orderflow_bridge.storage.memory import MemoryStorage
from tests.properties.examples import examples
from tests.published import assert_answered
from tests.rig import Storefront, TestShop, item, open_shop, order_fields

BEFORE_THE_ACTION = {
    *("authentication_failed", "malformed_auth_header", "client_id_mismatch"),
    *("timestamp_out_of_window", "not_found", "method_not_allowed"),
}
"""The codes of a request whose signature does not cover what was sent."""


def everything(shop: TestShop) -> Any:
    """Copy all that is kept, whatever keeps it."""
    storage = shop.bridge._storage
    if isinstance(storage, MemoryStorage):
        tables = vars(storage._published).items()
        return {name: dict(table.rows) for name, table in tables if hasattr(table, "rows")}
    path = shop.bridge.settings.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def fields_of(front: Storefront, action: str) -> dict[str, Any]:
    """Give a request that the shop would accept."""
    if action == "cart.create":
        return {"currency": "GBP", "items": [item("mug", 2)]}
    cart = front.cart(item("lamp"))
    if action == "items.add":
        return {"cart_id": cart["cart_id"], "items": [item("tea")]}
    if action == "cart.update":
        return {"cart_id": cart["cart_id"], "note": "Leave it at the door"}
    if action == "convertToOrder":
        return order_fields(cart["cart_id"])
    return {"order_id": front.order(cart["cart_id"])["order_id"]}


def edited(value: bytes) -> st.SearchStrategy[bytes]:
    """Change, drop or insert a byte anywhere, or take something else altogether."""
    place = st.integers(0, max(0, len(value) - 1))
    byte = st.integers(0, 255).map(lambda number: bytes([number]))
    return st.one_of(
        st.builds(lambda at, new: value[:at] + new + value[at + 1 :], place, byte),
        st.builds(lambda at: value[:at] + value[at + 1 :], place),
        st.builds(lambda at, new: value[:at] + new + value[at:], place, byte),
        st.binary(max_size=80),
    )


def sent(
    client_id: bytes, timestamp: bytes, signature: bytes, method: bytes, action: bytes, key: bytes
) -> Head:
    """Make a head that says one thing everywhere."""
    headers = {
        b"content-type": (b"application/json",),
        b"x-client-id": (client_id,),
        b"x-timestamp": (timestamp,),
        b"x-signature": (signature,),
    } | ({b"idempotency-key": (key,)} if key else {})
    return Head(
        method=method.decode("latin-1"),
        path=b"/" + client_id + b"/" + action,
        headers=headers,
        peer="203.0.113.9",
    )


@pytest.mark.parametrize("key", ["", "key-of-this-write"], ids=["without-key", "with-key"])
@pytest.mark.parametrize(
    "action", ["cart.create", "items.add", "cart.update", "convertToOrder", "orders.cancel"]
)
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_changed_byte_is_refused_and_leaves_nothing(fresh_url, kind, action, key) -> None:
    """Neither of what is covered nor of the signature; and unchanged the write is accepted."""
    shop = open_shop(fresh_url(kind))
    with shop.bridge:
        front = shop.storefront()
        body = json.dumps(fields_of(front, action)).encode()
        headers = front.headers(action, body, key=key or None)
        whole = {
            "client_id": front.client_id.encode(),
            "timestamp": headers["X-Timestamp"].encode(),
            "signature": headers["X-Signature"].encode(),
            "method": b"POST",
            "action": action.encode(),
            "key": key.encode(),
        }
        before = everything(shop)

        @examples(40)
        @given(st.sampled_from([*whole, "body", "body"]), st.data())
        def try_one(name: str, data: st.DataObject) -> None:
            right = whole | {"body": body}
            changed = right | {name: data.draw(edited(right[name]))}
            assume(changed != right)
            content = changed.pop("body")
            response = shop.bridge.handle(Request(head=sent(**changed), body=content))
            assert assert_answered(response)["code"] in BEFORE_THE_ACTION
            assert everything(shop) == before

        try_one()
        assert shop.bridge.handle(Request(head=sent(**whole), body=body)).status == 200
        assert everything(shop) != before
