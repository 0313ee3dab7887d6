"""What a storage promises that lists carts and orders for an operator."""

from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from orderflow_bridge.capabilities import listed_carts, searchable_orders
from orderflow_bridge.domain.cart import Cart, CartStatus
from orderflow_bridge.domain.customer import Customer
from orderflow_bridge.domain.order import Order, Payment
from orderflow_bridge.ports import Capability, CartQuery, OrderQuery, Storage, Taking
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP, add, cart, most, order
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["SearchContract"]

_ZOE, _CHLOE = "zoe@example.com", "chloe@example.com"
_STATUSES: tuple[CartStatus | None, ...] = (None, "open", "expired", "converted")
_MOST_PAGES = 40
"""A storage that goes round in a circle ends too."""


def _carts(storage: Storage, **query: Any) -> list[str]:
    """Give the ids of the carts that match at 100."""
    with storage.reading() as unit:
        return [
            one.cart_id for one in listed_carts(unit).search(CartQuery(**({"now": 100} | query)))
        ]


def _place(cart: Cart) -> tuple[int, str]:
    return (cart.expires_at, cart.cart_id)


def _walk_carts(storage: Storage, query: CartQuery) -> tuple[list[str], list[str]]:
    """Read page by page to the end, and back again from there; give the ids of both ways."""
    older: list[Cart] = []
    for _ in range(_MOST_PAGES):
        after = _place(older[-1]) if older else None
        with storage.reading() as unit:
            page = listed_carts(unit).search(replace(query, after=after))
        assert len(page) <= query.limit
        if not page:
            break
        older += page
    newer: list[Cart] = []
    than = (-1, "")
    for _ in range(_MOST_PAGES):
        with storage.reading() as unit:
            page = listed_carts(unit).newer(query, than=than)
        assert len(page) <= query.limit
        if not page:
            break
        newer = [*page, *newer]
        than = _place(newer[0])
    return [one.cart_id for one in older], [one.cart_id for one in newer]


def _walk_back(storage: Storage, query: OrderQuery) -> list[str]:
    """Read every page from the oldest order on; give the ids, newest first."""
    found: list[Order] = []
    than = (-1, "")
    for _ in range(_MOST_PAGES):
        with storage.reading() as unit:
            page = searchable_orders(unit).newer(query, than=than)
        assert len(page) <= query.limit
        if not page:
            break
        found = [*page, *found]
        than = (found[0].placed_at, found[0].order_id)
    return [one.order_id for one in found]


def _numbered(storage: Storage, number: str) -> Order | None:
    with storage.reading() as unit:
        return searchable_orders(unit).of_number(number)


def _takings(storage: Storage, **asked: Any) -> list[Taking]:
    with storage.reading() as unit:
        return list(searchable_orders(unit).takings(**({"connection": None} | asked)))


def _of_each_status() -> list[Cart]:
    """Make carts that are open, expired and converted at 100, with ties and two connections."""
    return [
        cart(
            f"cart_{n:02d}",
            connection=SHOP if n % 3 else OTHER,
            expires_at=90 + n // 4,
            order_id=f"order_{n}" if n % 5 == 0 else None,
            customer=(None, Customer(email="Zoe@Example.COM"), Customer(email=_CHLOE))[n % 4 % 3],
        )
        for n in range(80)
    ]


class SearchContract(Contract):
    """The capability `search`: `ListedCartRepository` and `SearchableOrderRepository`."""

    needs: ClassVar[Capability | None] = "search"

    def test_search_a_cart_of_any_connection_is_found(self, storage: Storage) -> None:
        """By its id, as bytes; there is none with another."""
        add(storage, cart("cart_1"), cart("cart_2", connection=OTHER))
        with storage.reading() as unit:
            carts = listed_carts(unit)
            assert carts.find_any("cart_1") == cart("cart_1")
            assert carts.find_any("cart_2") == cart("cart_2", connection=OTHER)
            assert carts.find_any("CART_1") is None
            assert carts.find_any("cart_") is None

    def test_search_carts_have_the_status_of_the_moment(self, storage: Storage) -> None:
        """What expires now is expired; what was converted never is."""
        add(
            storage,
            cart("cart_1", expires_at=99),
            cart("cart_2", expires_at=100),
            cart("cart_3", expires_at=101),
            cart("cart_4", expires_at=99, order_id="order_4"),
            cart("cart_5", expires_at=101, order_id="order_5"),
        )
        assert _carts(storage) == ["cart_5", "cart_4", "cart_3", "cart_2", "cart_1"]
        assert _carts(storage, status="open") == ["cart_3"]
        assert _carts(storage, status="expired") == ["cart_2", "cart_1"]
        assert _carts(storage, status="converted") == ["cart_5", "cart_4"]
        assert _carts(storage, status="open", now=99) == ["cart_3", "cart_2"]
        assert _carts(storage, status="expired", now=NOW) == ["cart_3", "cart_2", "cart_1"]

    def test_search_carts_are_found_by_connection_and_email(self, storage: Storage) -> None:
        """The address without case and as a whole; every filter restricts besides the others."""
        zoe, odd = Customer(email="Zoe@Example.COM"), "İ" * 100 + "@example.com"
        add(
            storage,
            cart("cart_1", customer=zoe),
            cart("cart_2", customer=zoe, connection=OTHER),
            cart("cart_3", customer=Customer(email=_CHLOE)),
            cart("cart_4", customer=None),
            cart("cart_5", customer=Customer(email=odd)),
            cart("cart_6", customer=zoe, order_id="order_6"),
            cart("cart_7", customer=zoe, expires_at=9),
        )
        assert _carts(storage, email="zoe@EXAMPLE.com") == ["cart_7", "cart_6", "cart_2", "cart_1"]
        assert _carts(storage, email="oe@example.com") == []
        assert _carts(storage, email="%@example.com") == []
        assert _carts(storage, email=odd) == ["cart_5"]
        assert _carts(storage, connection=OTHER) == ["cart_2"]
        assert _carts(storage, connection=OTHER.upper()) == []
        assert _carts(storage, connection=SHOP, email=_ZOE, status="open") == ["cart_1"]
        assert _carts(storage, connection=SHOP, email=_ZOE, status="expired") == ["cart_7"]
        assert _carts(storage, connection=SHOP, email=_ZOE, status="converted") == ["cart_6"]
        assert _carts(storage, connection=SHOP, status="expired") == ["cart_7"]
        assert _carts(storage, connection=OTHER, status="open") == ["cart_2"]
        with storage.writing() as unit:
            unit.carts.save(cart("cart_1", customer=None, version=2), replacing=1)
        assert _carts(storage, email=_ZOE) == ["cart_7", "cart_6", "cart_2"]

    def test_search_carts_come_newest_first(self, storage: Storage) -> None:
        """By id, in bytes; open and expired ones by when they were used last, and then by id."""
        times = {"cart_a": 300, "cart_B": 200, "cart_b": 200, "cart_c": 100, "cart_d": 50}
        add(storage, *(cart(one, expires_at=at) for one, at in times.items()))
        by_id = sorted(times, reverse=True)
        assert _carts(storage) == by_id
        assert _carts(storage, limit=2) == by_id[:2]
        assert _carts(storage, status="open") == ["cart_a", "cart_b", "cart_B"]
        assert _carts(storage, status="expired") == ["cart_c", "cart_d"]
        with storage.writing() as unit:
            for one, at in times.items():
                done = cart(one, expires_at=at, order_id=f"order_of_{one}", version=2)
                unit.carts.save(done, replacing=1)
        assert _carts(storage, status="converted") == by_id

    @pytest.mark.parametrize("status", _STATUSES)
    @pytest.mark.parametrize("connection", [None, SHOP])
    @pytest.mark.parametrize("email", [None, _ZOE])
    def test_search_pages_of_carts_meet_both_ways(
        self,
        storage: Storage,
        status: CartStatus | None,
        connection: str | None,
        email: str | None,
    ) -> None:
        """Every cart that matches comes once, also of those that expire together; and back."""
        made = _of_each_status()
        add(storage, *made)
        by_time = status in ("open", "expired")
        expected = [
            one.cart_id
            for one in sorted(
                made,
                key=lambda one: (one.expires_at if by_time else 0, one.cart_id),
                reverse=True,
            )
            if status in (None, one.status(100))
            and connection in (None, one.connection)
            and (email is None or (one.customer and one.customer.email.lower() == email))
        ]
        query = CartQuery(status=status, connection=connection, email=email, now=100, limit=3)
        assert _walk_carts(storage, query) == (expected, expected)
        assert len(expected) > 2

    def test_search_back_from_a_cart_is_the_page_before_it(self, storage: Storage) -> None:
        """The nearest ones, not the newest; `after` plays no part."""
        add(storage, *(cart(f"cart_{n}", expires_at=200 + n) for n in range(8)))
        for status in (None, "open"):
            query = CartQuery(status=status, now=100, limit=2, after=(201, "cart_1"))
            with storage.reading() as unit:
                found = listed_carts(unit).newer(query, than=(203, "cart_3"))
                assert [one.cart_id for one in found] == ["cart_5", "cart_4"]
                assert not listed_carts(unit).newer(query, than=(207, "cart_7"))

    def test_search_a_cart_that_changes_leaves_its_list(self, storage: Storage) -> None:
        """Between two pages: what is converted meanwhile is skipped, and nothing else."""
        add(storage, *(cart(f"cart_{n}", expires_at=200 + n) for n in range(6)))
        query = CartQuery(status="open", now=100, limit=2)
        with storage.reading() as unit:
            first = listed_carts(unit).search(query)
        with storage.writing() as unit:
            for cart_id, expires_at in (("cart_4", 204), ("cart_3", 203)):
                done = cart(cart_id, expires_at=expires_at, order_id=f"order_{cart_id}", version=2)
                unit.carts.save(done, replacing=1)
        assert [one.cart_id for one in first] == ["cart_5", "cart_4"]
        after = _place(first[-1])
        assert _carts(storage, status="open", limit=2, after=after) == ["cart_2", "cart_1"]
        assert _carts(storage, status="converted") == ["cart_4", "cart_3"]

    def test_search_an_order_is_found_by_its_number(self, storage: Storage) -> None:
        """Exactly as it is written; any other text is the number of none."""
        with storage.writing() as unit:
            placed = unit.orders.place(order())
            other = unit.orders.place(order("order_2", connection=OTHER))
        assert _numbered(storage, placed.number) == placed
        assert _numbered(storage, other.number) == other
        digits = placed.number.removeprefix("OF-")
        for text in (
            "", "OF-", "OF-0", digits, f"of-{digits}", f"OF{digits}", f"OF-0{digits}",
            f" {placed.number}", f"{placed.number}\n", f"{placed.number}x", f"OF--{digits}",
            f"OF-+{digits}", f"OF-{digits[:-1]}_{digits[-1]}", "OF-٠٠٠٠٠١", "OF-000000",
            "OF--00001", f"OF-{2**63 - 1}", f"OF-{2**63}", f"OF-{'9' * 400}", "OF-%", "OF-'--",
            "order_1", f"OF-{int(digits)}",
        ):  # fmt: skip
            assert _numbered(storage, text) is None, text

    def test_search_an_order_is_found_by_its_payment(self, storage: Storage) -> None:
        """By its intent as a whole, in bytes."""
        add(
            storage,
            order("order_1", payment=Payment(intent="pi_a")),
            order("order_2", payment=Payment(intent="pi_A"), connection=OTHER),
        )
        with storage.reading() as unit:
            orders = searchable_orders(unit)
            found = [orders.of_intent(one) for one in ("pi_a", "pi_A", "pi_", "", "order_1")]
            assert found[0] == unit.orders.find("order_1", connection=None)
        assert [one and one.order_id for one in found] == ["order_1", "order_2", None, None, None]

    def test_search_pages_back_meet_every_order_once(self, storage: Storage) -> None:
        """Those of one millisecond too, and with every filter."""
        made = [
            order(
                f"order_{n:02d}",
                placed_at=NOW + n // 4,
                connection=SHOP if n % 3 else OTHER,
                status="paid" if n % 2 else "cancelled",
                customer=Customer(email="Zoe@Example.COM" if n % 5 else _CHLOE),
            )
            for n in range(24)
        ]
        add(storage, *made)
        filters: dict[str, Any] = {
            "connection": SHOP,
            "status": "paid",
            "email": _ZOE,
            "placed_after": NOW + 1,
            "placed_before": NOW + 5,
        }
        queries = [OrderQuery(limit=3), OrderQuery(limit=3, **filters)]
        queries += [OrderQuery(limit=3, **{name: value}) for name, value in filters.items()]
        for query in queries:
            with storage.reading() as unit:
                expected = unit.orders.search(replace(query, limit=99))
            assert _walk_back(storage, query) == [one.order_id for one in expected], query

    def test_search_back_from_an_order_is_the_page_before_it(self, storage: Storage) -> None:
        """The nearest ones, not the newest; `after` plays no part."""
        add(storage, *(order(f"order_{n}", placed_at=100 + n) for n in range(8)))
        query = OrderQuery(limit=2, after=(101, "order_1"))
        with storage.reading() as unit:
            found = searchable_orders(unit).newer(query, than=(103, "order_3"))
            assert [one.order_id for one in found] == ["order_5", "order_4"]
            assert found[0] == unit.orders.find("order_5", connection=None)
            assert not searchable_orders(unit).newer(query, than=(107, "order_7"))

    def test_search_an_order_that_changes_leaves_its_list(self, storage: Storage) -> None:
        """Between two pages, in both directions: it is skipped, and nothing else."""
        add(storage, *(order(f"order_{n}", placed_at=100 + n) for n in range(6)))
        with storage.writing() as unit:
            for n in (1, 3):
                paid = order(f"order_{n}", placed_at=100 + n, status="paid")
                assert unit.orders.save(paid, expecting="pending_payment")
        pending = OrderQuery(status="pending_payment", limit=2)
        with storage.reading() as unit:
            orders = searchable_orders(unit)
            older = orders.search(replace(pending, after=(103, "order_3")))
            newer = orders.newer(pending, than=(101, "order_1"))
            paid_ones = orders.newer(replace(pending, status="paid"), than=(0, ""))
        assert [one.order_id for one in older] == ["order_2", "order_0"]
        assert [one.order_id for one in newer] == ["order_4", "order_2"]
        assert [one.order_id for one in paid_ones] == ["order_3", "order_1"]

    def test_search_takings_by_status_and_currency(self, storage: Storage) -> None:
        """Of the orders placed from the first moment on, and before the last one."""
        add(
            storage,
            order("order_1", placed_at=NOW - 1),
            order("order_2", placed_at=NOW),
            order("order_3", placed_at=NOW + 9),
            order("order_4", placed_at=NOW + 9, status="paid"),
            order("order_5", placed_at=NOW + 9, status="paid", currency="EUR", connection=OTHER),
            order("order_6", placed_at=NOW + 9, status="cancelled"),
            order("order_7", placed_at=NOW + 10),
        )
        times = {"placed_after": NOW, "placed_before": NOW + 10}
        gone = Taking(status="cancelled", currency="GBP", orders=1, total=750)
        eur = Taking(status="paid", currency="EUR", orders=1, total=750)
        gbp = Taking(status="paid", currency="GBP", orders=1, total=750)
        pending = Taking(status="pending_payment", currency="GBP", orders=2, total=1_500)
        assert _takings(storage, **times) == [gone, eur, gbp, pending]
        assert _takings(storage, connection=OTHER, **times) == [eur]
        assert _takings(storage, placed_after=0, placed_before=9) == []
        with storage.writing() as unit:
            paid = order("order_2", placed_at=NOW, status="paid")
            assert unit.orders.save(paid, expecting="pending_payment")
        changed = [replace(one, orders=n, total=n * 750) for one, n in ((gbp, 2), (pending, 1))]
        assert _takings(storage, **times) == [gone, eur, *changed]

    def test_search_takings_are_exact(self, storage: Storage) -> None:
        """The largest amounts sum beyond what a float holds."""
        add(storage, *(order(f"order_{n}", totals=most()) for n in range(3)), order("order_3"))
        [found] = _takings(storage, placed_after=100, placed_before=101)
        assert (found.orders, found.total) == (4, 3 * (2**53 - 1) + 750)
