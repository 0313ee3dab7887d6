"""What a repository of orders promises."""

from typing import Any

import pytest
from msgspec.structs import replace

from orderflow_bridge.domain.customer import Customer
from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.domain.order import Order, Payment
from orderflow_bridge.ports import OrderQuery, Storage
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP, add, most, order
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["OrdersContract"]


def search(storage: Storage, **query: Any) -> list[str]:
    """Give the ids of the orders that match."""
    with storage.reading() as unit:
        return [found.order_id for found in unit.orders.search(OrderQuery(**query))]


class OrdersContract(Contract):
    """The port `OrderRepository`."""

    def test_orders_round_trip_with_its_number(self, storage: Storage) -> None:
        """An order comes back as it was placed, and every way to read it tells its number."""
        with storage.writing() as unit:
            placed = unit.orders.place(order())
        assert placed.number.startswith("OF-")
        assert len(placed.number) >= 9
        assert replace(placed, number="") == order()
        with storage.reading() as unit:
            assert unit.orders.find("order_1", connection=SHOP) == placed
            assert unit.orders.of_cart(placed.cart_id) == placed
            assert list(unit.orders.search(OrderQuery())) == [placed]

    def test_orders_numbers_are_unique(self, storage: Storage) -> None:
        """No two orders share a number, whatever failed in between."""
        numbers = []
        for index in range(5):
            with storage.writing() as unit:
                numbers.append(unit.orders.place(order(f"order_{index}")).number)
            with pytest.raises(Conflict), storage.writing() as unit:
                unit.orders.place(order(f"order_{index}"))
        assert len(set(numbers)) == 5
        assert numbers == sorted(numbers)

    @pytest.mark.parametrize(
        "second",
        [
            order("order_2", cart_id="cart_of_order_1"),
            order("order_2", payment=Payment(intent="pi_order_1")),
            order("order_2", payment=Payment(intent="pi_order_1"), connection=OTHER),
            order("order_1", cart_id="cart_2", payment=Payment(intent="pi_2")),
        ],
        ids=["cart", "intent", "intent of another connection", "order id"],
    )
    def test_orders_one_cart_and_one_intent_make_one_order(
        self, storage: Storage, second: Order
    ) -> None:
        """A second order for a cart, an intent or an id conflicts."""
        add(storage, order())
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.orders.place(second)
        assert search(storage) == ["order_1"]

    def test_orders_intents_differ_by_case(self, storage: Storage) -> None:
        """Identifiers compare as bytes."""
        add(
            storage,
            order("order_1", payment=Payment(intent="pi_a")),
            order("order_2", payment=Payment(intent="pi_A")),
        )
        assert len(search(storage)) == 2

    def test_orders_many_lines(self, storage: Storage) -> None:
        """An order of two thousand lines is placed and read."""
        big = order(lines=order().lines * 1_000)
        add(storage, big)
        with storage.reading() as unit:
            found = unit.orders.find("order_1", connection=SHOP)
        assert found is not None
        assert found.lines == big.lines

    def test_orders_an_order_does_not_exist_for_another_connection(self, storage: Storage) -> None:
        """An operator sees it, its own connection sees it, another one does not."""
        add(storage, order())
        with storage.reading() as unit:
            assert unit.orders.find("order_1", connection=OTHER) is None
            assert unit.orders.find("order_1", connection=SHOP) is not None
            assert unit.orders.find("order_1", connection=None) is not None
            assert unit.orders.find("ORDER_1", connection=None) is None

    def test_orders_save_is_guarded_by_the_status(self, storage: Storage) -> None:
        """Of two moves from one status, one succeeds."""
        add(storage, order())
        paid = order(
            status="paid", updated_at=200, payment=Payment(intent="pi_order_1", state="paid")
        )
        with storage.writing() as unit:
            assert unit.orders.save(paid, expecting="pending_payment")
            assert not unit.orders.save(order(status="cancelled"), expecting="pending_payment")
            assert not unit.orders.save(order("order_2"), expecting="pending_payment")
        with storage.reading() as unit:
            found = unit.orders.find("order_1", connection=SHOP)
        assert found is not None
        assert found.number
        assert replace(found, number="") == paid

    def test_orders_a_save_that_changes_nothing_succeeds(self, storage: Storage) -> None:
        """The status is what counts."""
        add(storage, order())
        with storage.writing() as unit:
            assert unit.orders.save(order(), expecting="pending_payment")

    def test_orders_a_save_keeps_the_number(self, storage: Storage) -> None:
        """The number is the storage's, whatever the saved order says."""
        with storage.writing() as unit:
            number = unit.orders.place(order()).number
            unit.orders.save(order(number="OF-999999"), expecting="pending_payment")
        with storage.reading() as unit:
            found = unit.orders.find("order_1", connection=None)
        assert found is not None
        assert found.number == number

    def test_orders_newest_first_then_by_id(self, storage: Storage) -> None:
        """Orders of one millisecond come in descending order of their ids."""
        add(
            storage,
            order("order_b", placed_at=100),
            order("order_c", placed_at=50),
            order("order_a", placed_at=100),
            order("order_B", placed_at=100),
        )
        assert search(storage) == ["order_b", "order_a", "order_B", "order_c"]

    def test_orders_pages_meet_without_gap_or_overlap(self, storage: Storage) -> None:
        """Following `after` gives every order exactly once."""
        add(storage, *(order(f"order_{n:02d}", placed_at=100 + n // 3) for n in range(20)))
        seen: list[str] = []
        after: tuple[int, str] | None = None
        while len(seen) <= 20:
            with storage.reading() as unit:
                page = unit.orders.search(OrderQuery(connection=SHOP, after=after, limit=3))
            if not page:
                break
            seen += [found.order_id for found in page]
            after = (page[-1].placed_at, page[-1].order_id)
        assert seen == [f"order_{n:02d}" for n in reversed(range(20))]

    def test_orders_times_and_money_go_beyond_32_bits(self, storage: Storage) -> None:
        """Milliseconds of today and the largest amount come back exactly, and are compared so."""
        placed = order("order_1", totals=most(), placed_at=NOW, updated_at=NOW)
        add(storage, placed, order("order_2", placed_at=NOW + 1))
        with storage.reading() as unit:
            found = unit.orders.find("order_1", connection=SHOP)
        assert found is not None
        assert replace(found, number="") == placed
        assert search(storage) == ["order_2", "order_1"]
        assert search(storage, placed_after=NOW, placed_before=NOW + 1) == ["order_1"]
        assert search(storage, after=(NOW + 1, "order_2")) == ["order_1"]

    def test_orders_filters_join(self, storage: Storage) -> None:
        """Connection, status and time restrict together; the bounds are [after, before)."""
        add(
            storage,
            order("order_1", placed_at=10),
            order("order_2", placed_at=20, status="paid"),
            order("order_3", placed_at=30, status="paid", connection=OTHER),
            order("order_4", placed_at=40, status="paid"),
        )
        assert search(storage, connection=SHOP) == ["order_4", "order_2", "order_1"]
        assert search(storage, status="paid") == ["order_4", "order_3", "order_2"]
        assert search(storage, connection=SHOP, status="paid") == ["order_4", "order_2"]
        assert search(storage, placed_after=20, placed_before=40) == ["order_3", "order_2"]
        assert search(storage, connection=SHOP, status="paid", placed_before=40) == ["order_2"]
        assert search(storage, status="cancelled") == []
        assert search(storage, limit=1) == ["order_4"]

    def test_orders_email_compares_without_case(self, storage: Storage) -> None:
        """An address is found however it is written, and only as a whole."""
        add(
            storage,
            order("order_1", customer=Customer(email="Zoe@Example.COM")),
            order("order_2", customer=Customer(email="zoe@example.com")),
            order("order_3", customer=Customer(email="chloe@example.com")),
            order("order_4", customer=Customer(email="İ" * 100 + "@example.com")),
        )
        assert search(storage, email="ZOE@example.com") == ["order_2", "order_1"]
        assert search(storage, email="%@example.com") == []
        assert search(storage, email="İ" * 100 + "@example.com") == ["order_4"]

    def test_orders_it_is_found_by_the_cart(self, storage: Storage) -> None:
        """A cart that became no order has none."""
        add(storage, order())
        with storage.reading() as unit:
            found = unit.orders.of_cart("cart_of_order_1")
            assert found is not None
            assert found.order_id == "order_1"
            assert unit.orders.of_cart("cart_of_order_2") is None
