"""Storages without a fault: what stands in breaks nothing by itself."""

from tests.testing.broken_storages.fault import Fault, open_sqlite


class TestMemory(Fault):
    pass


class TestSqlite(Fault):
    opens = staticmethod(open_sqlite)
