"""What the README tells people to paste does what it says."""

import json
import os
import subprocess
import sys

from tests.rig import RING

from readme import PARTS, README

USE = """
import shop
from models import Base, Parcel
from sqlalchemy.orm import Session

Base.metadata.create_all(shop.engine)
made = shop.bridge.connections.create("Tea blog", scopes=["carts:read"])
with Session(shop.engine) as session:
    session.add(Parcel(order_id="order_1"))
    session.commit()
told = []
list(shop.application(
    {"REQUEST_METHOD": "GET", "PATH_INFO": "/bridge/ofc_00000000000000000000/cart.get"},
    lambda status, headers: told.append(status),
))
print(len(shop.bridge.connections.all()), told[0])
"""


def run(folder, code: str) -> str:
    """Run Python where the site is; give what it printed."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
            "ORDERFLOW_BRIDGE_MASTER_KEYS": RING,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_site_with_the_readmes_two_files_serves(tmp_path):
    """Models, tables, a connection, and a request that is refused as a stranger's."""
    for name in ("models.py", "shop.py"):
        (tmp_path / name).write_text(PARTS[name])
    assert run(tmp_path, USE).split(maxsplit=1) == ["1", "405 Method Not Allowed\n"]
    assert (tmp_path / "shop.db").exists()


def test_own_orders_are_taken_where_the_readme_says(tmp_path):
    """The class it shows has every method of the port, and the unit uses it."""
    for name in ("models.py", "shop.py"):
        (tmp_path / name).write_text(PARTS[name])
    (tmp_path / "own.py").write_text("from shop import *\n" + PARTS["own orders"])
    code = """
import inspect, json
from own import Base, ShopOrders, engine, storage
from orderflow_bridge.ports import OrderRepository
Base.metadata.create_all(engine)
with storage.writing() as unit:
    used = type(unit.orders) is ShopOrders
public = lambda kind: sorted(name for name in vars(kind) if not name.startswith("_"))
print(json.dumps([used, public(ShopOrders), public(OrderRepository)]))
"""
    used, shown, asked = json.loads(run(tmp_path, code))
    assert used
    assert shown == asked


def test_its_lines_are_no_longer_than_the_projects():
    """Prose is wrapped at 120; tables and code are not prose."""
    prose = README.split("```")[::2]
    lines = [line for part in prose for line in part.splitlines() if not line.startswith("|")]
    assert max(map(len, lines)) <= 130
