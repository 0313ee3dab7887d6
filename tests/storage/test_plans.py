"""No request gets slower with the number of orders, carts and keys that are kept."""

import sqlite3
from itertools import product

import pytest

from orderflow_bridge.ports import Answer, AnswerKey, CartQuery, OrderQuery, Storage
from orderflow_bridge.storage.peewee.session import Session
from orderflow_bridge.testing.samples import SHOP, add, cart, connection
from orderflow_bridge.testing.storage.journal import append, request

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

    for name in ("one", "all", "listed", "count"):
        monkeypatch.setattr(Session, name, explained(getattr(Session, name)))
    yield storage, found
    explainer.close()


def test_no_search_walks_or_sorts_every_order(plans: tuple[Storage, dict[str, str]]):
    """Every combination of filters is a range of an index, already in the order asked for."""
    storage, found = plans
    with storage.reading() as unit:
        for query in QUERIES:
            unit.orders.search(query)
    # Of `placed_before` and `after` only the nearer is said: an index has room for one.
    assert len(found) == len(QUERIES) * 3 // 4
    for statement, plan in found.items():
        assert "TEMP B-TREE" not in plan, (statement, plan)
        if "WHERE" in statement:
            assert plan.startswith("SEARCH ofb_orders"), (statement, plan)
        if "email" in statement:
            assert "ofb_orders_of_email" in plan, (statement, plan)


def test_no_page_back_walks_or_sorts_every_order(plans: tuple[Storage, dict[str, str]]):
    """The other way too, from where the page before is, and never from the end of a time."""
    storage, found = plans
    with storage.reading() as unit:
        for query in QUERIES:
            unit.orders.newer(query, than=(5, "order_1"))
            unit.orders.newer(query, than=(0, ""))
    for statement, plan in found.items():
        assert "TEMP B-TREE" not in plan, (statement, plan)
        assert statement.count("placed_at >=") <= 1, statement
        if "WHERE" in statement:
            assert plan.startswith("SEARCH ofb_orders"), (statement, plan)


@pytest.mark.parametrize("after", [None, (5, "cart_1"), (15, "cart_1")])
def test_no_list_walks_every_cart(plans: tuple[Storage, dict[str, str]], after):
    """Each is a range of an index; what sorts it is at most the carts of one moment or buyer."""
    storage, found = plans
    shops, emails = (None, SHOP), (None, "zoe@example.com")
    with storage.reading() as unit:
        for status, shop, email in product((None, "open", "expired", "converted"), shops, emails):
            query = CartQuery(status=status, connection=shop, email=email, now=10, after=after)
            unit.carts.search(query)
            unit.carts.newer(query, than=after or (0, ""))
        unit.carts.find_any("cart_1")
    for statement, plan in found.items():
        if "email" in statement:
            assert "ofb_carts_of_email" in plan, (statement, plan)
            continue
        if "WHERE" in statement:
            assert plan.startswith("SEARCH ofb_carts") or "_converted" in plan, (statement, plan)
        if "connection" in statement and "order_id IS NULL" in statement:
            assert "ofb_carts_unconverted (connection=? AND expires_at" in plan, (statement, plan)
        if "TEMP B-TREE" in plan:
            assert "ofb_carts_expires_at" in plan, (statement, plan)
            assert "RIGHT PART" in plan or "LAST TERM" in plan, (statement, plan)


def test_takings_are_summed_in_an_index(plans: tuple[Storage, dict[str, str]]):
    """No order is read for them."""
    storage, found = plans
    with storage.reading() as unit:
        unit.orders.takings(connection=None, placed_after=1, placed_before=9)
        unit.orders.takings(connection=SHOP, placed_after=1, placed_before=9)
        unit.orders.of_number("OF-000001")
        unit.orders.of_intent("pi_1")
    sums = [plan for statement, plan in found.items() if "SUM" in statement]
    assert len(sums) == 2
    assert all("USING COVERING INDEX" in plan for plan in sums), sums
    assert not [plan for plan in found.values() if "SCAN" in plan]


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


def test_no_page_of_the_journal_walks_or_sorts_every_request(plans: tuple[Storage, dict[str, str]]):
    """Every combination of filters is a range of an index, already in the order asked for.

    Those that were allowed are told apart in the index, without a look at the row.
    """
    storage, found = plans
    ways = {
        (None, None): "newest",
        (None, True): "of_verdict",
        (None, False): "newest",
        (SHOP, None): "of_connection",
        (SHOP, True): "of_both",
        (SHOP, False): "of_connection",
    }
    for (owner, refused), index in ways.items():
        found.clear()
        with storage.reading() as unit:
            unit.journal.page(connection=owner, refused=refused, before=(5, "req_1"), limit=9)
        [plan] = found.values()
        assert plan.startswith(f"SEARCH ofb_journal USING INDEX ofb_journal_{index} "), plan
        assert "arrived_at<?" in plan
        assert "TEMP B-TREE" not in plan


def test_no_statement_of_the_console_walks_a_table(plans: tuple[Storage, dict[str, str]]):
    """Requests and sign-ins are found, ended, purged and trimmed by an index."""
    storage, found = plans
    append(storage, request("req_1"), request("req_2"))
    with storage.writing() as unit:
        unit.journal.find("req_1")
        unit.journal.of_order("ord_1")
        unit.journal.trim(SHOP, keep=1, limit=5)
        unit.journal.purge(before=5, limit=5)
        unit.sessions.find(b"d" * 32)
        unit.sessions.end(b"d" * 32)
        unit.sessions.end_all("zoe")
        unit.sessions.purge(before=5, limit=5)
    assert len(found) == 10
    for statement, plan in found.items():
        assert "SCAN ofb_" not in plan, (statement, plan)
        assert "TEMP B-TREE" not in plan, (statement, plan)
