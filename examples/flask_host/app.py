"""Kiln & Leaf, a small Flask shop: its own pages and products, and a bridge for storefronts."""

import hmac
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalogue import CURRENCY, Base, ShopCatalogue
from flask import Flask, Response, jsonify, render_template, request
from orderflow_bridge_sqlalchemy import SQLAlchemyStorage
from sqlalchemy import Engine, create_engine

from orderflow_bridge import Bridge, BridgeError, BridgeWSGI
from orderflow_bridge.console import BridgeConsole, ConsoleWSGI
from orderflow_bridge.console.standalone import StandaloneAuth
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.http import CODES
from orderflow_bridge.ports import OrderQuery

HERE = Path(__file__).resolve().parent
NEWEST = 50
INTENT = re.compile(r"[A-Za-z0-9_.:-]{4,255}")
STATUSES = {"pending_payment": "Pending payment", "paid": "Paid", "cancelled": "Cancelled"}


def create_app() -> Flask:
    """Make the site, as `ORDERFLOW_BRIDGE_HOME`, `SHOP_DATABASE` and `SHOP_PAYMENT_TOKEN` say."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
    engine = app.extensions["engine"] = open_engine(os.environ.get("SHOP_DATABASE", "shop.db"))
    catalogue = ShopCatalogue(engine)
    # Where carts and orders are kept: swapping the storage is this line.
    storage = SQLAlchemyStorage(engine, metadata=Base.metadata)
    home = os.environ.get("ORDERFLOW_BRIDGE_HOME", HERE)
    bridge = Bridge.open(home=home, storage=storage, catalogue=catalogue)
    catalogue.prepare()
    app.extensions["orderflow_bridge"] = bridge
    # The shop has no log-in of its own: operators come by a link, `flask bridge console link`.
    console = BridgeConsole(bridge, identify=StandaloneAuth(bridge), program="flask bridge")
    pages = ConsoleWSGI(app.wsgi_app, console=console)
    app.wsgi_app = BridgeWSGI(pages, bridge=bridge)  # type: ignore[method-assign]

    app.jinja_env.filters |= {"money": money, "utc": as_utc}
    app.add_url_rule("/", "products", lambda: products_page(catalogue))
    app.add_url_rule("/orders", "orders", lambda: orders_page(bridge))
    app.add_url_rule(
        "/payments/callback", "payment", payment_callback(bridge, _token()), methods=["POST"]
    )
    return app


def open_engine(database: str) -> Engine:
    """Open the shop's database: a URL of SQLAlchemy, or a SQLite file, by its path from here."""
    if "://" in database:
        return create_engine(database, pool_pre_ping=True)
    engine = create_engine(f"sqlite:///{HERE / database}", connect_args={"timeout": 10})
    with engine.connect() as connection:
        # It stays in the file: pages are read while an order is written.
        connection.exec_driver_sql("PRAGMA journal_mode = wal")
    return engine


def _token() -> str:
    return os.environ.get("SHOP_PAYMENT_TOKEN", "")


def money(amount: int, currency: str = CURRENCY) -> str:
    """Write an amount as the shop's customers do."""
    price = format_price(amount, currency)
    return f"£{price}" if currency == CURRENCY else f"{price} {currency}"


def products_page(catalogue: ShopCatalogue) -> str:
    """Show what is for sale."""
    return render_template("products.html", items=catalogue.items())


def orders_page(bridge: Bridge) -> str:
    """Show the newest orders: what and how much, and nothing about whom."""
    orders = bridge.orders.search(OrderQuery(limit=NEWEST))
    return render_template("orders.html", orders=orders, statuses=STATUSES)


def payment_callback(bridge: Bridge, token: str) -> Callable[[], tuple[Response, int]]:
    """Make the route that the payment provider calls when money has arrived.

    It is called from outside, so it believes only those who know the shared token.
    """

    def answer(status: int, /, **members: Any) -> tuple[Response, int]:
        return jsonify(members), status

    def payment() -> tuple[Response, int]:
        if not token:
            return answer(503, error="Set SHOP_PAYMENT_TOKEN to take payments.")
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return answer(401, error="This is for the payment provider.")
        match request.get_json(silent=True):
            case {"intent": str(intent), "amount": int(amount), "currency": str(currency)} if (
                INTENT.fullmatch(intent) and not isinstance(amount, bool)
            ):
                pass
            case _:
                return answer(400, error="Send intent, amount in minor units, and currency.")
        try:
            order = bridge.settle(intent, amount=amount, currency=currency)
        except BridgeError as refusal:
            return answer(CODES[refusal.code][0], error=refusal.code, detail=refusal.detail)
        if order is None:
            # The money was quicker than the order, which will be paid when it comes.
            return answer(202, order=None)
        return answer(200, order=order.number, status=order.status)

    return payment
