"""A customer is exported whole and erased for good, and nothing that was sold changes."""

import json

import msgspec
import pytest

from tests.rig import ADDRESS, item, open_shop


def test_smoke():
    shop = open_shop()
    front = shop.storefront()
    cart = front.cart(item("mug", 2, options={"text": "For Zoë"}))
    first = front.call("convertToOrder", key="conv", cart_id=cart["cart_id"], customer={"email": "Zoe@Example.com", "name": "Zoë"}, shipping_address=ADDRESS, payment_intent="pi_0001", note="hi")
    print(first.json)
    print(shop.bridge.customers.look("zoe@example.com"))
    shop.bridge.settle("pi_0001", amount=first.json["totals"]["total"], currency="GBP")
    print(msgspec.json.format(msgspec.json.encode(shop.bridge.customers.export("zoe@example.com"))).decode())
    print(shop.bridge.customers.look("zoe@example.com"))
    print(shop.bridge.customers.erase("zoe@example.com", actor="me"))
    print(shop.bridge.customers.erase("zoe@example.com", actor="me"))
    shop.clock.advance(1000) if hasattr(shop.clock, "advance") else None
    print(front.ok("orders.get", order_id=first.json["order_id"]))
    print(front.ok("cart.get", cart_id=cart["cart_id"]))
    print(shop.bridge.audit.page())
    assert 0
