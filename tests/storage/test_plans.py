"""No request gets slower with the number of orders, carts and keys that are kept."""

import sqlite3
from itertools import product

import pytest

from orderflow_bridge.ports import Answer, AnswerKey, OrderQuery, Storage
from orderflow_bridge.storage.peewee.session import Session
from orderflow_bridge.testing.samples import SHOP, add, cart, connection

FILTERS = {
    "connection": SHOP,
    "status": "paid",
    "email": "zoe@example.com",
    "placed_after": 1,
    "placed_before": 9,
    "after": (5, "order_1"),
}
QUERIES = [
    OrderQuery(**{name: FILTERS[name] for name, used in zip(FILTERS, mask, strict=True) if used})
    for mask in product((False, True), repeat=len(FILTERS))
]


@pytest.fixture
def plans(fresh_url, open_at, monkeypatch):
    """Give a SQLite storage, and the plan of each statement it then runs by its text."""
    url = fresh_url("sqlite")
    storage = open_at(url)
    add(storage, connection(), cart())
    found: dict[str, str] = {}
    explainer = sqlite3.connect(url.removeprefix("sqlite:///"))

    def explained(method):
        def run(self, statement, parameters):
            rows = explainer.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            found[statement] = "; ".join(row[3] for row in rows)
            return method(self, statement, parameters)

        return run

    for name in ("one", "all", "count"):
        monkeypatch.setattr(Session, name, explained(getattr(Session, name)))
    yield storage, found
    explainer.close()


def test_no_search_walks_or_sorts_every_order(plans: tuple[Storage, dict[str, str]]):
    """Every combination of filters is a range of an index, already in the order asked for."""
    storage, found = plans
    with storage.reading() as unit:
        for query in QUERIES:
            unit.orders.search(query)
    assert len(found) == len(QUERIES)
    for statement, plan in found.items():
        assert "TEMP B-TREE" not in plan, (statement, plan)
        if "WHERE" in statement:
            assert plan.startswith("SEARCH ofb_orders"), (statement, plan)
        if "email" in statement:
            assert "ofb_orders_of_email" in plan, (statement, plan)


def test_no_statement_of_a_request_walks_a_table(plans: tuple[Storage, dict[str, str]]):
    """Carts, keys, signatures and stock are found by their keys, and purged by their times."""
    storage, found = plans
    key = AnswerKey(SHOP, "cart.create", "k")
    with storage.writing() as unit:
        unit.connections.find(SHOP)
        unit.connections.lock(SHOP)
        unit.carts.lock("cart_1", connection=SHOP)
        unit.carts.save(cart(version=2), replacing=1)
        unit.carts.crashed(before=5, limit=5)
        unit.carts.purge(before=5, limit=5)
        unit.replays.spend(b"m", connection=SHOP, until=5)
        unit.replays.purge(before=5, limit=5)
        unit.replays.spent_after(5, connection=SHOP, limit=5)
        unit.answers.kept_after(5, connection=SHOP, limit=5)
        unit.answers.page(connection=SHOP, after=("a", "k"), limit=5)
        unit.answers.rewrite(key, Answer(200, b""), replacing=Answer(200, b"a"))
        for _ in range(2):
            unit.answers.claim(key, fingerprint=b"f", now=1, running_until=2, until=3)
        unit.answers.release(key, running_until=2)
        unit.answers.purge(before=5, limit=5)
        unit.orders.of_cart("cart_1")
        unit.orders.find("order_1", connection=SHOP)
        unit.intents.find("pi_1")
        unit.products.find(["A", "B"], "GBP")
        unit.products.page(after="A", limit=5)
        unit.stock.available(["A", "B"])
        unit.stock.give_back({"A": 1})
    assert len(found) > 15
    for statement, plan in found.items():
        assert "SCAN ofb_" not in plan, (statement, plan)
        if "COUNT" in statement:
            assert "_of_connection (connection=? AND kept_until>?)" in plan, (statement, plan)
