"""A site's own order table keeps the promises of the ports, in the bridge's transaction."""

from pathlib import Path

import pytest

from orderflow_bridge.ports import OrderQuery
from orderflow_bridge.testing import (
    CartsContract,
    OrdersContract,
    PrivacyContract,
    SearchContract,
    ThreadsContract,
    UnitsContract,
)
from orderflow_bridge.testing.samples import SHOP, add, cart, order
from tests.databases import SHARED, Databases
from tests.rig import item, open_shop, order_fields
from tests.storage import own_orders


class OwnOrders(OrdersContract, CartsContract, SearchContract, UnitsContract, ThreadsContract):
    """What the site's rows and the bridge's promise together."""


class OnServer(OwnOrders):
    """The site's table on a server: `kind` says which."""

    kind: str
    factory = staticmethod(own_orders.open_on_server)

    @pytest.fixture(autouse=True)
    def _database(self, databases: Databases, tmp_path: Path) -> None:
        own_orders.move_in(databases, self.kind, self.place(tmp_path))


class TestSqlite(OwnOrders, PrivacyContract):
    """One writer at a time; and a customer is erased from the site's rows too."""

    factory = staticmethod(own_orders.open_sqlite)


class TestPostgres(OnServer):
    """A server, with units that do run at once."""

    kind = "postgres"


class TestMariaDB(OnServer):
    """Another one, that compares without case unless it is told."""

    kind = "mariadb"


@pytest.fixture(params=SHARED)
def storage(request, tmp_path):
    """Give a storage with the site's table, of each kind."""
    if request.param == "sqlite":
        opened = own_orders.open_sqlite(tmp_path)
    else:
        own_orders.move_in(request.getfixturevalue("databases"), request.param, tmp_path)
        opened = own_orders.open_on_server(tmp_path)
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
