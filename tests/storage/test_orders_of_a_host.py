"""A site's own order table keeps the promises of the ports, in the bridge's transaction."""

from pathlib import Path

import pytest

from orderflow_bridge.ports import OrderQuery
from orderflow_bridge.testing import OrdersContract, ThreadsContract, UnitsContract
from orderflow_bridge.testing.samples import SHOP, add, cart, order
from tests.databases import Databases
from tests.rig import item, open_shop, order_fields
from tests.storage import own_orders


class OnPostgres:
    """The site's table on a server."""

    factory = staticmethod(own_orders.open_postgres)

    @pytest.fixture(autouse=True)
    def _database(self, databases: Databases, tmp_path: Path) -> None:
        mark_postgres(databases, self.place(tmp_path))


class TestOrdersOnPostgres(OnPostgres, OrdersContract):
    """SQLite is held to this by the page's own test file."""


class TestUnitsOnPostgres(OnPostgres, UnitsContract):
    """The site's rows and the bridge's are one unit."""


class TestThreadsOnSqlite(ThreadsContract):
    """Races for one order are won once on the site's table too."""

    factory = staticmethod(own_orders.open_sqlite)


class TestThreadsOnPostgres(OnPostgres, ThreadsContract):
    """On a server, with units that do run at once."""


def mark_postgres(databases: Databases, folder: Path) -> None:
    url = databases.fresh("postgres")
    own_orders.make_table(url)
    (folder / own_orders.MARK).write_text(url, encoding="utf-8")


@pytest.fixture(params=["sqlite", "postgres"])
def storage(request, tmp_path):
    """Give a storage with the site's table, of each kind."""
    if request.param == "postgres":
        mark_postgres(request.getfixturevalue("databases"), tmp_path)
        opened = own_orders.open_postgres(tmp_path)
    else:
        opened = own_orders.open_sqlite(tmp_path)
    yield opened
    opened.close()


def test_the_sites_row_and_the_cart_roll_back_together(storage):
    """A unit that fails after both were written leaves neither, and the next one does both."""
    add(storage, cart())

    def convert(*, fails: bool) -> None:
        with storage.writing() as unit:
            placed = unit.orders.place(order(cart_id="cart_1"))
            unit.carts.save(cart(version=2, order_id=placed.order_id), replacing=1)
            if fails:
                raise ValueError("fault")

    with pytest.raises(ValueError, match="fault"):
        convert(fails=True)
    with storage.reading() as unit:
        assert unit.orders.search(OrderQuery()) == []
        assert unit.carts.find("cart_1", connection=SHOP) == cart()
    convert(fails=False)
    with storage.reading() as unit:
        assert unit.orders.of_cart("cart_1") is not None
        assert unit.carts.find("cart_1", connection=SHOP).order_id == "order_1"


def test_a_whole_purchase(storage):
    """Bought, paid, found by the operator; the same payment buys nothing else."""
    shop = open_shop(storage=storage)
    store = shop.storefront()
    bought = store.order(store.cart(item("lamp", 2))["cart_id"])
    assert shop.stock("lamp") == 1
    shop.bridge.settle("pi_0001", amount=bought["totals"]["total"], currency="GBP")
    assert store.ok("orders.get", order_id=bought["order_id"])["status"] == "paid"
    again = store.call("convertToOrder", **order_fields(store.cart(item("mug"))["cart_id"]))
    assert (again.status, again.code) == (409, "payment_intent_used")
    listed = store.ok("orders.list", email=bought["customer"]["email"].upper())
    assert [one["order_id"] for one in listed["orders"]] == [bought["order_id"]]
