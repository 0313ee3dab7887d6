"""What the repositories of connections and carts promise on every storage."""

import pytest

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Storage
from tests.storage.samples import OTHER, SHOP, add, cart, claimed, connection, order


class TestConnections:
    """The port `ConnectionRepository`."""

    def test_round_trip(self, storage: Storage):
        """A connection comes back as it was, in a reading and in a writing unit."""
        add(storage, connection())
        with storage.reading() as unit:
            assert unit.connections.find(SHOP) == connection()
        with storage.writing() as unit:
            assert unit.connections.find(SHOP) == connection()
            assert unit.connections.find("ofc_nobody") is None

    def test_a_client_id_is_unique(self, storage: Storage):
        """A second connection with a client id conflicts and changes nothing."""
        add(storage, connection())
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.connections.add(connection(name="Another"))
        with storage.reading() as unit:
            assert unit.connections.all() == [connection()]

    def test_save_replaces(self, storage: Storage):
        """The last save wins, also one that changes nothing."""
        add(storage, connection())
        changed = connection(status="disabled", updated_at=9, scopes=frozenset(), allow_list=())
        for _ in range(2):
            with storage.writing() as unit:
                assert unit.connections.find(SHOP)
                unit.connections.save(changed)
        with storage.reading() as unit:
            assert unit.connections.find(SHOP) == changed

    def test_save_of_an_unknown_one_conflicts(self, storage: Storage):
        """Nothing is stored by saving what is not there."""
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.connections.save(connection())

    def test_all_are_given_oldest_first(self, storage: Storage):
        """The order is that of their making."""
        add(storage, connection(SHOP, created_at=2), connection(OTHER, created_at=1))
        with storage.reading() as unit:
            assert [one.client_id for one in unit.connections.all()] == [OTHER, SHOP]

    def test_client_ids_differ_by_case(self, storage: Storage):
        """Identifiers compare as bytes."""
        add(storage, connection("ofc_AAAAAAAA"), connection("ofc_aaaaaaaa"))
        with storage.reading() as unit:
            assert unit.connections.find("ofc_aAaaaaaa") is None
            assert len(unit.connections.all()) == 2


class TestCarts:
    """The port `CartRepository`."""

    def test_round_trip(self, storage: Storage):
        """A cart comes back as it was, with its notices, addresses and metadata."""
        add(storage, cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_round_trip_of_a_claimed_and_of_an_empty_cart(self, storage: Storage):
        """A conversion with its draft, and a cart without anything, come back too."""
        bare = cart("cart_2", lines=(), customer=None, shipping_address=None, notices=())
        add(storage, claimed("cart_1", 50), bare)
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == claimed("cart_1", 50)
            assert unit.carts.find("cart_2", connection=SHOP) == bare

    def test_a_big_cart_round_trips(self, storage: Storage):
        """Two thousand lines with long text are no more than one document."""
        big = cart(lines=cart().lines * 1_000, note="☕" * 2_000)
        add(storage, big)
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == big

    def test_a_cart_does_not_exist_for_another_connection(self, storage: Storage):
        """Neither reading nor locking crosses connections."""
        add(storage, cart())
        with storage.writing() as unit:
            assert unit.carts.find("cart_1", connection=OTHER) is None
            assert unit.carts.lock("cart_1", connection=OTHER) is None
            assert unit.carts.lock("cart_1", connection=SHOP) == cart()

    def test_a_cart_id_is_unique(self, storage: Storage):
        """A second cart with an id conflicts, of whichever connection it is."""
        add(storage, cart())
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.carts.add(cart(connection=OTHER))

    def test_ids_differ_by_case_and_by_spaces(self, storage: Storage):
        """Identifiers compare as bytes, spaces at the end included."""
        add(storage, cart("cart_a"), cart("cart_A"), cart("cart_a "))
        with storage.reading() as unit:
            assert unit.carts.find("CART_A", connection=SHOP) is None
            assert unit.carts.find("cart_a", connection=SHOP.upper()) is None
            assert unit.carts.find("cart_A", connection=SHOP) == cart("cart_A")
            assert unit.carts.find("cart_a ", connection=SHOP) == cart("cart_a ")

    def test_save_replaces_the_version_it_names(self, storage: Storage):
        """A save whose version moved meanwhile conflicts and changes nothing."""
        add(storage, cart())
        with storage.writing() as unit:
            unit.carts.save(cart(version=2, note="two"), replacing=1)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.carts.save(cart(version=2, note="late"), replacing=1)
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.carts.save(cart("cart_unknown"), replacing=1)
        with storage.reading() as unit:
            found = unit.carts.find("cart_1", connection=SHOP)
            assert found is not None
            assert (found.version, found.note) == (2, "two")

    def test_an_unchanged_save_is_no_conflict(self, storage: Storage):
        """Saving a cart as it is stored succeeds: the version is what counts."""
        add(storage, cart())
        with storage.writing() as unit:
            unit.carts.save(cart(), replacing=1)

    def test_crashed_conversions_are_those_whose_lease_is_over(self, storage: Storage):
        """The earliest come first, up to the limit; unclaimed carts do not count."""
        add(storage, cart("cart_0"), *(claimed(f"cart_{lease}", lease) for lease in (30, 10, 20)))
        with storage.reading() as unit:
            ids = [one.cart_id for one in unit.carts.crashed(before=30, limit=5)]
            assert ids == ["cart_10", "cart_20"]
            assert len(unit.carts.crashed(before=99, limit=1)) == 1

    def test_purge_is_bounded_and_spares_what_is_needed(self, storage: Storage):
        """Only carts that expired before, unconverted and unclaimed, up to the limit, are gone."""
        add(
            storage,
            *(cart(f"cart_{expires_at}", expires_at=expires_at) for expires_at in (1, 2, 3, 10)),
            cart("cart_converted", expires_at=1, order_id="order_1"),
            claimed("cart_claimed", 50, expires_at=1),
        )
        with storage.writing() as unit:
            assert unit.carts.purge(before=10, limit=2) == 2
            assert unit.carts.purge(before=10, limit=2) == 1
            assert unit.carts.purge(before=10, limit=2) == 0
        with storage.reading() as unit:
            left = [
                cart_id
                for cart_id in ("cart_1", "cart_2", "cart_10", "cart_converted", "cart_claimed")
                if unit.carts.find(cart_id, connection=SHOP)
            ]
        assert left == ["cart_10", "cart_converted", "cart_claimed"]


class TestOrderOfACart:
    """The way from a cart to its order."""

    def test_it_is_found_by_the_cart(self, storage: Storage):
        """A cart that became no order has none."""
        add(storage, order())
        with storage.reading() as unit:
            found = unit.orders.of_cart("cart_of_order_1")
            assert found is not None
            assert found.order_id == "order_1"
            assert unit.orders.of_cart("cart_of_order_2") is None
