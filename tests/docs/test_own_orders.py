"""docs/own-orders.md: its repository passes the contract, and a shop runs on its table."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import import_module

import pytest

from tests.docs.blocks import command_of, file_of
from tests.rig import item, open_shop, order_fields

PAGE = "own-orders.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder with the page's files, and import its module from there."""
    for name in ("shop_orders.py", "test_shop_orders.py"):
        (tmp_path / name).write_text(file_of(PAGE, name), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shop_orders", raising=False)
    yield tmp_path
    sys.modules.pop("shop_orders", None)


def run(*words):
    """Run Python in the current folder, in a process; give what it printed."""
    ended = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_repository_passes_the_kit(folder, monkeypatch):
    """The test file of the page is all it takes."""
    monkeypatch.chdir(folder)
    shown = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop_orders.py")
    assert int(re.search(r"(\d+) passed", shown)[1]) > 20


def test_the_check_is_green(folder, monkeypatch):
    """The units around the repository keep their rules, with threads and with processes."""
    pytest.importorskip("click")
    monkeypatch.chdir(folder)
    _, *words = command_of(PAGE, "check").split()
    ports = "orders or units or threads or durability"
    verdict = json.loads(run("-m", "orderflow_bridge", *words, "-k", ports, "--json", "-q"))
    assert verdict["broken"] == 0
    assert verdict["kept"] > 30
    assert verdict["missing"] == []


def test_a_shop_runs_on_the_sites_table(folder):
    """Placed, found, paid: the row is the site's, and its number is the order's."""
    shop = open_shop(storage=import_module("shop_orders").open_shop(folder))
    store = shop.storefront()
    order = store.order(store.cart(item("lamp", 2))["cart_id"])
    assert shop.stock("lamp") == 1
    shop.bridge.settle("pi_0001", amount=order["totals"]["total"], currency="GBP")
    assert store.ok("orders.get", order_id=order["order_id"])["status"] == "paid"
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        rows = database.execute(
            "SELECT id, reference, state, total_minor, shipped_at FROM shop_orders"
        ).fetchall()
        assert database.execute("SELECT count(*) FROM ofb_orders").fetchone() == (0,)
    total = order["totals"]["total"]
    assert rows == [(int(order["number"][3:]), order["order_id"], "paid", total, None)]
    shop.bridge.close()


def test_an_order_and_its_stock_are_one_transaction(folder):
    """An insert that the site's table refuses takes nothing from the shelf."""
    shop = open_shop(storage=import_module("shop_orders").open_shop(folder))
    store = shop.storefront()
    cart = store.cart(item("lamp", 2))
    with closing(sqlite3.connect(folder / "shop.db")) as database, database:
        database.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON shop_orders"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    reply = store.call("convertToOrder", **order_fields(cart["cart_id"]))
    assert reply.status == 500
    assert shop.stock("lamp") == 3
    assert store.ok("cart.get", cart_id=cart["cart_id"])["status"] == "open"
    shop.bridge.close()
