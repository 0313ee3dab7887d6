"""What a repository of carts promises."""

import pytest

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Storage
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP, add, cart, claimed, most
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["CartsContract"]


class CartsContract(Contract):
    """The port `CartRepository`."""

    def test_carts_round_trip(self, storage: Storage) -> None:
        """A cart comes back as it was, with its notices, addresses and metadata."""
        add(storage, cart())
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == cart()

    def test_carts_round_trip_of_a_claimed_and_of_an_empty_cart(self, storage: Storage) -> None:
        """A conversion with its draft, and a cart without anything, come back too."""
        bare = cart("cart_2", lines=(), customer=None, shipping_address=None, notices=())
        add(storage, claimed("cart_1", 50), bare)
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == claimed("cart_1", 50)
            assert unit.carts.find("cart_2", connection=SHOP) == bare

    def test_carts_a_big_cart_round_trips(self, storage: Storage) -> None:
        """Two thousand lines with long text are no more than one document."""
        big = cart(lines=cart().lines * 1_000, note="☕" * 2_000)
        add(storage, big)
        with storage.reading() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == big

    def test_carts_a_cart_does_not_exist_for_another_connection(self, storage: Storage) -> None:
        """Neither reading nor locking crosses connections."""
        add(storage, cart())
        with storage.writing() as unit:
            assert unit.carts.find("cart_1", connection=OTHER) is None
            assert unit.carts.lock("cart_1", connection=OTHER) is None
            assert unit.carts.lock("cart_1", connection=SHOP) == cart()

    def test_carts_a_cart_id_is_unique(self, storage: Storage) -> None:
        """A second cart with an id conflicts, of whichever connection it is."""
        add(storage, cart())
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.carts.add(cart(connection=OTHER))

    def test_carts_ids_differ_by_case_and_by_spaces(self, storage: Storage) -> None:
        """Identifiers compare as bytes, spaces at the end included."""
        add(storage, cart("cart_a"), cart("cart_A"), cart("cart_a "))
        with storage.reading() as unit:
            assert unit.carts.find("CART_A", connection=SHOP) is None
            assert unit.carts.find("cart_a", connection=SHOP.upper()) is None
            assert unit.carts.find("cart_A", connection=SHOP) == cart("cart_A")
            assert unit.carts.find("cart_a ", connection=SHOP) == cart("cart_a ")

    def test_carts_save_replaces_the_version_it_names(self, storage: Storage) -> None:
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

    def test_carts_an_unchanged_save_is_no_conflict(self, storage: Storage) -> None:
        """Saving a cart as it is stored succeeds: the version is what counts."""
        add(storage, cart())
        with storage.writing() as unit:
            unit.carts.save(cart(), replacing=1)

    def test_carts_crashed_conversions_are_those_whose_lease_is_over(
        self, storage: Storage
    ) -> None:
        """The earliest come first, up to the limit; unclaimed carts do not count."""
        add(storage, cart("cart_0"), *(claimed(f"cart_{lease}", lease) for lease in (30, 10, 20)))
        with storage.reading() as unit:
            ids = [one.cart_id for one in unit.carts.crashed(before=30, limit=5)]
            assert ids == ["cart_10", "cart_20"]
            assert [one.cart_id for one in unit.carts.crashed(before=99, limit=1)] == ["cart_10"]

    def test_carts_times_and_money_go_beyond_32_bits(self, storage: Storage) -> None:
        """Milliseconds of today and the largest amount come back exactly, and are compared so."""
        stale = cart("cart_1", totals=most(), created_at=NOW, updated_at=NOW, expires_at=NOW)
        crashed = claimed("cart_2", NOW, expires_at=NOW + 1)
        add(storage, stale, crashed)
        with storage.writing() as unit:
            assert unit.carts.find("cart_1", connection=SHOP) == stale
            assert list(unit.carts.crashed(before=NOW, limit=9)) == []
            assert list(unit.carts.crashed(before=NOW + 1, limit=9)) == [crashed]
            assert unit.carts.purge(before=NOW, limit=9) == 0
            assert unit.carts.purge(before=NOW + 1, limit=9) == 1

    def test_carts_purge_is_bounded_and_spares_what_is_needed(self, storage: Storage) -> None:
        """Only what expired before, unconverted and unclaimed, is gone, the earliest first."""
        add(
            storage,
            *(cart(f"cart_{expires_at}", expires_at=expires_at) for expires_at in (1, 2, 3, 10)),
            cart("cart_converted", expires_at=1, order_id="order_1"),
            claimed("cart_claimed", 50, expires_at=1),
        )
        with storage.writing() as unit:
            assert unit.carts.purge(before=10, limit=2) == 2
            assert unit.carts.find("cart_3", connection=SHOP)
            assert unit.carts.purge(before=10, limit=2) == 1
            assert unit.carts.purge(before=10, limit=2) == 0
        with storage.reading() as unit:
            left = [
                cart_id
                for cart_id in ("cart_1", "cart_2", "cart_10", "cart_converted", "cart_claimed")
                if unit.carts.find(cart_id, connection=SHOP)
            ]
        assert left == ["cart_10", "cart_converted", "cart_claimed"]
