"""How many statements an action takes, whatever the cart's size: what docs/performance.md says."""

from collections.abc import Iterator

import pytest

from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.storage.peewee.session import Session
from tests.rig import Storefront, TestShop, item, open_shop, order_fields

ADDED, READ, CONVERTED = 11, 2, 15
SIZES = (1, 10, 100)
# The rows of all lines are one call of `many`.
SPOKEN = ("one", "all", "listed", "count", "many", "begin", "commit", "rollback")


@pytest.fixture
def shop(tmp_path) -> Iterator[TestShop]:
    """Give a shop on SQLite with two hundred products, every second of which is tracked."""
    made = open_shop(f"sqlite:///{tmp_path}/shop.db", sqlite_synchronous="NORMAL")
    with made.bridge:
        made.bridge.catalogue.put(
            [
                CatalogueEntry(
                    sku=f"sku-{number}",
                    name="Ware",
                    prices={"GBP": 100},
                    stock=9 if number % 2 else None,
                )
                for number in range(200)
            ]
        )
        yield made


@pytest.fixture
def spoken(monkeypatch) -> list[str]:
    """Give what is said to the database from now on."""
    said: list[str] = []

    def heard(name: str):
        method = getattr(Session, name)

        def say(self, *given):
            said.append(f"{name} {given[0] if given else ''}")
            return method(self, *given)

        return say

    for name in SPOKEN:
        monkeypatch.setattr(Session, name, heard(name))
    return said


def filled(shop: TestShop, size: int, *, tracked: bool) -> tuple[Storefront, str]:
    """Give a storefront, and a cart of so many products."""
    front = shop.storefront()
    items = [item(f"sku-{2 * number + tracked}") for number in range(size)]
    return front, front.cart(*items)["cart_id"]


@pytest.mark.parametrize("size", SIZES)
def test_an_item_and_a_read_take_as_many_in_a_cart_of_any_size(
    shop: TestShop, spoken: list[str], size: int
) -> None:
    """Also where the item is a new line."""
    front, cart_id = filled(shop, size, tracked=True)
    for action, fields, statements in (
        ("items.add", {"items": [item("sku-1")]}, ADDED),
        ("items.add", {"items": [item("sku-0")]}, ADDED),
        ("cart.get", {}, READ),
    ):
        spoken.clear()
        front.ok(action, cart_id=cart_id, **fields)
        assert len(spoken) == statements, spoken


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tracked", [False, True], ids=["untracked", "tracked"])
def test_a_conversion_takes_one_more_for_each_tracked_product(
    shop: TestShop, spoken: list[str], size: int, tracked: bool
) -> None:
    """And as many in a cart of any size otherwise."""
    front, cart_id = filled(shop, size, tracked=tracked)
    spoken.clear()
    front.ok("convertToOrder", **order_fields(cart_id))
    assert len(spoken) == CONVERTED + (size if tracked else 0), spoken
