"""What a repository of connections promises."""

import pytest

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import Storage
from orderflow_bridge.testing.samples import NOW, OTHER, SHOP, add, connection
from orderflow_bridge.testing.storage.contract import Contract

__all__ = ["ConnectionsContract"]


class ConnectionsContract(Contract):
    """The port `ConnectionRepository`."""

    def test_connections_round_trip(self, storage: Storage) -> None:
        """A connection comes back as it was, in a reading and in a writing unit."""
        add(storage, connection())
        with storage.reading() as unit:
            assert unit.connections.find(SHOP) == connection()
        with storage.writing() as unit:
            assert unit.connections.find(SHOP) == connection()
            assert unit.connections.find("ofc_nobody") is None

    def test_connections_a_client_id_is_unique(self, storage: Storage) -> None:
        """A second connection with a client id conflicts and changes nothing."""
        add(storage, connection())
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.connections.add(connection(name="Another"))
        with storage.reading() as unit:
            assert unit.connections.all() == [connection()]

    def test_connections_save_replaces(self, storage: Storage) -> None:
        """The last save wins, also one that changes nothing."""
        add(storage, connection())
        changed = connection(status="disabled", updated_at=9, scopes=frozenset(), allow_list=())
        for _ in range(2):
            with storage.writing() as unit:
                assert unit.connections.find(SHOP)
                unit.connections.save(changed)
        with storage.reading() as unit:
            assert unit.connections.find(SHOP) == changed

    def test_connections_save_of_an_unknown_one_conflicts(self, storage: Storage) -> None:
        """Nothing is stored by saving what is not there."""
        with pytest.raises(Conflict), storage.writing() as unit:
            unit.connections.save(connection())

    def test_connections_all_are_given_oldest_first(self, storage: Storage) -> None:
        """The order is that of their making."""
        add(storage, connection(SHOP, created_at=2), connection(OTHER, created_at=1))
        with storage.reading() as unit:
            assert [one.client_id for one in unit.connections.all()] == [OTHER, SHOP]

    def test_connections_times_are_milliseconds(self, storage: Storage) -> None:
        """Times of today come back exactly, and one millisecond is enough to be older."""
        new = connection(SHOP, created_at=NOW, updated_at=NOW + 2, previous_until=NOW + 1)
        old = connection(OTHER, created_at=NOW - 1, updated_at=NOW)
        add(storage, new, old)
        with storage.reading() as unit:
            assert list(unit.connections.all()) == [old, new]

    def test_connections_client_ids_differ_by_case(self, storage: Storage) -> None:
        """Identifiers compare as bytes."""
        add(storage, connection("ofc_AAAAAAAA"), connection("ofc_aaaaaaaa"))
        with storage.reading() as unit:
            assert unit.connections.find("ofc_aAaaaaaa") is None
            assert len(unit.connections.all()) == 2
