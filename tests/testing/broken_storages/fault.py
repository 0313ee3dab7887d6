"""A storage with one fault, and the contract that must notice it.

A subclass says in `breaks` which tests of `StorageContract` must fail. A method of it that is named
like `carts_save` stands in for `unit.carts.save`, with the true unit before the arguments;
`reading`, `writing`, `close`, `migrate` and `pending_migrations` stand in for the storage's own,
with the true storage before them. All the rest does what it should.
"""

from contextlib import contextmanager
from functools import partial

from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.storage.peewee import PeeweeStorage
from orderflow_bridge.testing import StorageContract

PORTS = (
    "connections", "carts", "orders", "products", "stock", "intents", "replays", "answers", "audit",
    "journal", "sessions",
)  # fmt: skip


def open_memory(_folder):
    return MemoryStorage()


def open_sqlite(folder):
    return PeeweeStorage(f"sqlite:///{folder}/shop.db", pool_timeout=60)


class Fault(StorageContract):
    """The contract of a storage with a fault.

    Each storage that is opened has an instance to itself: `true` is the storage underneath,
    `folder` its folder, and `remember` sets what the fault remembers besides.
    """

    breaks: tuple[str, ...] = ()
    opens = staticmethod(open_memory)

    def remember(self):
        """Remember nothing."""

    def __init_subclass__(cls):
        cls.factory = staticmethod(partial(open_broken, cls))


def open_broken(kind, folder):
    """Open the broken storage of a folder, also in another process."""
    fault = kind()
    fault.true = kind.opens(folder)
    fault.folder = folder
    fault.remember()
    return BrokenStorage(fault)


class BrokenStorage:
    def __init__(self, fault):
        self._fault = fault

    def __getattr__(self, name):
        return self._stand_in(name)

    @contextmanager
    def reading(self):
        with self._stand_in("reading")() as unit:
            yield BrokenUnit(self._fault, unit)

    @contextmanager
    def writing(self):
        with self._stand_in("writing")() as unit:
            yield BrokenUnit(self._fault, unit)

    def _stand_in(self, name):
        found = getattr(type(self._fault), name, None)
        true = self._fault.true
        return getattr(true, name) if found is None else partial(found, self._fault, true)


class BrokenUnit:
    def __init__(self, fault, unit):
        for port in PORTS:
            setattr(self, port, BrokenPort(fault, unit, port))


class BrokenPort:
    def __init__(self, fault, unit, port):
        self._fault = fault
        self._unit = unit
        self._port = port

    def __getattr__(self, name):
        found = getattr(type(self._fault), f"{self._port}_{name}", None)
        if found is not None:
            return partial(found, self._fault, self._unit)
        return getattr(getattr(self._unit, self._port), name)
