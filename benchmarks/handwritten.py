"""The same endpoint as most people write it: Flask, Peewee models, a query for each thing."""

import hashlib
import hmac
import json
import os
import time
import uuid

import peewee
from flask import Flask, g, jsonify, request
from shop import PRICE, SCOPES, SKUS, WINDOW

CLIENT_ID = "ofc_00000000000000000000"
SECRET = "ofs_" + "h" * 43

database = peewee.SqliteDatabase(
    os.environ.get("BENCHMARK_FILE"),
    pragmas={"journal_mode": "wal", "synchronous": "full", "cache_size": -16_000},
    timeout=30,
)


class Table(peewee.Model):
    class Meta:
        database = database


class Client(Table):
    client_id = peewee.CharField(primary_key=True)
    secret = peewee.CharField()
    enabled = peewee.BooleanField(default=True)
    scopes = peewee.CharField()


class Product(Table):
    sku = peewee.CharField(primary_key=True)
    name = peewee.CharField()
    price = peewee.IntegerField()
    stock = peewee.IntegerField()


class Cart(Table):
    cart_id = peewee.CharField(primary_key=True)
    client = peewee.ForeignKeyField(Client)
    currency = peewee.CharField()
    total = peewee.IntegerField(default=0)
    version = peewee.IntegerField(default=1)
    status = peewee.CharField(default="open")
    updated_at = peewee.FloatField(default=time.time)


class CartLine(Table):
    line_id = peewee.CharField(primary_key=True)
    cart = peewee.ForeignKeyField(Cart, backref="lines")
    product = peewee.ForeignKeyField(Product)
    quantity = peewee.IntegerField()
    unit_price = peewee.IntegerField()


class Order(Table):
    order_id = peewee.CharField(primary_key=True)
    cart = peewee.ForeignKeyField(Cart, unique=True)
    email = peewee.CharField()
    address = peewee.TextField()
    intent = peewee.CharField(unique=True)
    total = peewee.IntegerField()


class OrderLine(Table):
    order = peewee.ForeignKeyField(Order, backref="lines")
    sku = peewee.CharField()
    quantity = peewee.IntegerField()
    unit_price = peewee.IntegerField()


class Replay(Table):
    signature = peewee.CharField(primary_key=True)
    seen_at = peewee.FloatField()


class StoredAnswer(Table):
    key = peewee.CharField(primary_key=True)
    body = peewee.TextField()


TABLES = [Client, Product, Cart, CartLine, Order, OrderLine, Replay, StoredAnswer]

application = Flask(__name__)


def set_up() -> None:
    """Make the shop in a new file."""
    with database:
        database.create_tables(TABLES)
        Client.create(client_id=CLIENT_ID, secret=SECRET, scopes=",".join(SCOPES))
        for sku in SKUS:
            Product.create(sku=sku, name=f"Product {sku}", price=PRICE, stock=10**9)


@application.before_request
def connect():
    database.connect()


@application.teardown_request
def disconnect(_error):
    if not database.is_closed():
        database.close()


def verify(client_id: str, action: str, body: bytes) -> None:
    timestamp = request.headers["X-Timestamp"]
    if abs(time.time() - int(timestamp)) > WINDOW:
        raise PermissionError("too old")
    client = Client.get_by_id(client_id)
    digest = hashlib.sha256(body).hexdigest()
    key = request.headers.get("Idempotency-Key", "")
    text = f"OFB1-HMAC-SHA256\n{timestamp}\n{client_id}\nPOST {action}\n{key}\n{digest}"
    expected = "v1=" + hmac.new(client.secret.encode(), text.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected, request.headers["X-Signature"]):
        raise PermissionError("wrong signature")
    if not client.enabled or "carts:write" not in client.scopes.split(","):
        raise PermissionError("not allowed")
    g.client, g.key, g.signature = client, key, expected


def shown(cart: Cart) -> dict:
    lines = []
    for line in cart.lines:
        total = line.quantity * line.unit_price
        lines.append(
            {
                "line_id": line.line_id,
                "sku": line.product.sku,
                "name": line.product.name,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "total": total,
            }
        )
    return {
        "cart_id": cart.cart_id,
        "status": cart.status,
        "version": cart.version,
        "currency": cart.currency,
        "lines": lines,
        "totals": {"total": sum(line["total"] for line in lines)},
        "updated_at": cart.updated_at,
    }


def put_items(cart: Cart, items: list) -> None:
    for item in items:
        product = Product.get_by_id(item["sku"])
        line = CartLine.get_or_none(CartLine.cart == cart, CartLine.product == product)
        if line is None:
            CartLine.create(
                line_id=uuid.uuid4().hex,
                cart=cart,
                product=product,
                quantity=item["quantity"],
                unit_price=product.price,
            )
        else:
            line.quantity += item["quantity"]
            line.unit_price = product.price
            line.save()


def create(fields: dict) -> dict:
    cart = Cart.create(cart_id=uuid.uuid4().hex, client=g.client, currency=fields["currency"])
    put_items(cart, fields.get("items", []))
    return changed(cart)


def changed(cart: Cart) -> dict:
    cart.version += 1
    cart.updated_at = time.time()
    answer = shown(cart)
    cart.total = answer["totals"]["total"]
    cart.save()
    return answer


def own_cart(fields: dict) -> Cart:
    return Cart.get(Cart.cart_id == fields["cart_id"], Cart.client == g.client)


def add(fields: dict) -> dict:
    cart = own_cart(fields)
    put_items(cart, fields["items"])
    return changed(cart)


def convert(fields: dict) -> dict:
    cart = own_cart(fields)
    answer = shown(cart)
    order = Order.create(
        order_id=uuid.uuid4().hex,
        cart=cart,
        email=fields["customer"]["email"],
        address=json.dumps(fields["shipping_address"]),
        intent=fields["payment_intent"],
        total=answer["totals"]["total"],
    )
    for line in cart.lines:
        taken = (
            Product.update(stock=Product.stock - line.quantity)
            .where(Product.sku == line.product_id, Product.stock >= line.quantity)
            .execute()
        )
        if not taken:
            raise ValueError("out of stock")
        OrderLine.create(
            order=order,
            sku=line.product_id,
            quantity=line.quantity,
            unit_price=line.unit_price,
        )
    cart.status = "converted"
    cart.save()
    return {**answer, "order_id": order.order_id}


WRITES = {"cart.create": create, "items.add": add, "convertToOrder": convert}


@application.post("/bridge/<client_id>/<action>")
def endpoint(client_id: str, action: str):
    verify(client_id, action, request.get_data())
    fields = request.get_json()
    if action == "cart.get":
        return jsonify(shown(own_cart(fields)))
    with database.atomic("IMMEDIATE"):
        Replay.create(signature=g.signature, seen_at=time.time())
        stored = StoredAnswer.get_or_none(StoredAnswer.key == g.key)
        if stored is not None:
            return json.loads(stored.body)
        answer = WRITES[action](fields)
        StoredAnswer.create(key=g.key, body=json.dumps(answer))
    return jsonify(answer)
