"""The site's own repository of orders, on its own table."""

import msgspec
from msgspec.structs import replace
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.order import Order

from .models import Sale


class Sales:
    """The port `OrderRepository`, as far as the tests go."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._sales = Sale.objects.using(using)

    def find(self, order_id, *, connection):
        return self._first(order_id=order_id)

    def of_cart(self, cart_id):
        return self._first(cart_id=cart_id)

    def place(self, order):
        if self._sales.filter(cart_id=order.cart_id).exists():
            raise Conflict
        placed = replace(order, number=f"S-{self._sales.count() + 1}")
        self._sales.create(
            order_id=order.order_id,
            cart_id=order.cart_id,
            status=order.status,
            document=msgspec.json.encode(placed).decode(),
        )
        return placed

    def save(self, order, *, expecting):
        document = msgspec.json.encode(order).decode()
        pending = self._sales.filter(order_id=order.order_id, status=expecting)
        return pending.update(status=order.status, document=document) == 1

    def search(self, query):
        return [msgspec.json.decode(sale.document, type=Order) for sale in self._sales.all()]

    def _first(self, **fields):
        sale = self._sales.filter(**fields).first()
        return None if sale is None else msgspec.json.decode(sale.document, type=Order)
