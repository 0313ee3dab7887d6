"""The public kit for tests: contracts that plugins and mounts are held to, and what tests need.

    from orderflow_bridge.testing import CatalogueContract

A subclass named `Test...` in a test file is all that a contract needs. `pip install
'orderflow-bridge[testing]'` brings what the kit is built on. The names are loaded when they are
first used: the clock, the entropy and the faults need neither pytest nor WebTest.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orderflow_bridge.testing.catalogue import CatalogueContract as CatalogueContract
    from orderflow_bridge.testing.clock import SetClock as SetClock
    from orderflow_bridge.testing.entropy import CountedEntropy as CountedEntropy
    from orderflow_bridge.testing.faults import Fault as Fault
    from orderflow_bridge.testing.faults import FaultyStorage as FaultyStorage
    from orderflow_bridge.testing.host import HostContract as HostContract
    from orderflow_bridge.testing.payments import PaymentsContract as PaymentsContract
    from orderflow_bridge.testing.storage.answers import AnswersContract as AnswersContract
    from orderflow_bridge.testing.storage.audit import AuditContract as AuditContract
    from orderflow_bridge.testing.storage.carts import CartsContract as CartsContract
    from orderflow_bridge.testing.storage.connections import (
        ConnectionsContract as ConnectionsContract,
    )
    from orderflow_bridge.testing.storage.durability import DurabilityContract as DurabilityContract
    from orderflow_bridge.testing.storage.intents import IntentsContract as IntentsContract
    from orderflow_bridge.testing.storage.journal import JournalContract as JournalContract
    from orderflow_bridge.testing.storage.migrations import MigrationsContract as MigrationsContract
    from orderflow_bridge.testing.storage.orders import OrdersContract as OrdersContract
    from orderflow_bridge.testing.storage.privacy import PrivacyContract as PrivacyContract
    from orderflow_bridge.testing.storage.processes import ProcessesContract as ProcessesContract
    from orderflow_bridge.testing.storage.products import ProductsContract as ProductsContract
    from orderflow_bridge.testing.storage.rates import RatesContract as RatesContract
    from orderflow_bridge.testing.storage.replays import ReplaysContract as ReplaysContract
    from orderflow_bridge.testing.storage.search import SearchContract as SearchContract
    from orderflow_bridge.testing.storage.sessions import SessionsContract as SessionsContract
    from orderflow_bridge.testing.storage.stock import StockContract as StockContract
    from orderflow_bridge.testing.storage.threads import ThreadsContract as ThreadsContract
    from orderflow_bridge.testing.storage.units import UnitsContract as UnitsContract
    from orderflow_bridge.testing.storage.whole import StorageContract as StorageContract
    from orderflow_bridge.testing.webtest import SigningApp as SigningApp

__all__ = [
    "AnswersContract",
    "AuditContract",
    "CartsContract",
    "CatalogueContract",
    "ConnectionsContract",
    "CountedEntropy",
    "DurabilityContract",
    "Fault",
    "FaultyStorage",
    "HostContract",
    "IntentsContract",
    "JournalContract",
    "MigrationsContract",
    "OrdersContract",
    "PaymentsContract",
    "PrivacyContract",
    "ProcessesContract",
    "ProductsContract",
    "RatesContract",
    "ReplaysContract",
    "SearchContract",
    "SessionsContract",
    "SetClock",
    "SigningApp",
    "StockContract",
    "StorageContract",
    "ThreadsContract",
    "UnitsContract",
]

_HOMES = {
    "AnswersContract": "storage.answers",
    "AuditContract": "storage.audit",
    "CartsContract": "storage.carts",
    "CatalogueContract": "catalogue",
    "ConnectionsContract": "storage.connections",
    "CountedEntropy": "entropy",
    "DurabilityContract": "storage.durability",
    "Fault": "faults",
    "FaultyStorage": "faults",
    "HostContract": "host",
    "IntentsContract": "storage.intents",
    "JournalContract": "storage.journal",
    "MigrationsContract": "storage.migrations",
    "OrdersContract": "storage.orders",
    "PaymentsContract": "payments",
    "PrivacyContract": "storage.privacy",
    "ProcessesContract": "storage.processes",
    "ProductsContract": "storage.products",
    "RatesContract": "storage.rates",
    "ReplaysContract": "storage.replays",
    "SearchContract": "storage.search",
    "SessionsContract": "storage.sessions",
    "SetClock": "clock",
    "SigningApp": "webtest",
    "StockContract": "storage.stock",
    "StorageContract": "storage.whole",
    "ThreadsContract": "storage.threads",
    "UnitsContract": "storage.units",
}

if sys.modules.get("pytest") is not None:
    # A contract's assertion then shows the values that it compared.
    sys.modules["pytest"].register_assert_rewrite(
        *(f"{__name__}.{home.partition('.')[0]}" for home in set(_HOMES.values()))
    )


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
