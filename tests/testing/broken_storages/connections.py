"""Storages that are wrong about connections."""

from contextlib import suppress

from msgspec.structs import replace

from orderflow_bridge.domain.errors import Conflict
from tests.testing.broken_storages.fault import Fault


class TestForgetsTheAllowList(Fault):
    breaks = ("test_connections_round_trip",)

    def connections_find(self, unit, client_id):
        found = unit.connections.find(client_id)
        return found and replace(found, allow_list=())


class TestReplacesAConnectionByAddingOne(Fault):
    breaks = ("test_connections_a_client_id_is_unique",)

    def connections_add(self, unit, connection):
        if unit.connections.find(connection.client_id):
            unit.connections.save(connection)
        else:
            unit.connections.add(connection)


class TestDropsTheSecondSaveOfAConnection(Fault):
    breaks = ("test_connections_save_replaces",)

    def connections_save(self, unit, connection):
        if unit.connections.find(connection.client_id) == connection:
            raise Conflict("no row was changed")
        unit.connections.save(connection)


class TestSavesAConnectionThatIsNotThere(Fault):
    breaks = ("test_connections_save_of_an_unknown_one_conflicts",)

    def connections_save(self, unit, connection):
        with suppress(Conflict):
            unit.connections.add(connection)


class TestGivesConnectionsByName(Fault):
    breaks = ("test_connections_all_are_given_oldest_first",)

    def connections_all(self, unit):
        return sorted(unit.connections.all(), key=lambda one: one.client_id, reverse=True)


class TestFoldsTheCaseOfClientIds(Fault):
    breaks = ("test_connections_client_ids_differ_by_case",)

    def connections_find(self, unit, client_id):
        return next(
            (one for one in unit.connections.all() if one.client_id.lower() == client_id.lower()),
            None,
        )
