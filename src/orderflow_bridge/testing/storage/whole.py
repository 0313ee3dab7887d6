"""The contract that holds a storage to every promise there is."""

from orderflow_bridge.testing.storage.answers import AnswersContract
from orderflow_bridge.testing.storage.audit import AuditContract
from orderflow_bridge.testing.storage.carts import CartsContract
from orderflow_bridge.testing.storage.connections import ConnectionsContract
from orderflow_bridge.testing.storage.durability import DurabilityContract
from orderflow_bridge.testing.storage.intents import IntentsContract
from orderflow_bridge.testing.storage.journal import JournalContract
from orderflow_bridge.testing.storage.migrations import MigrationsContract
from orderflow_bridge.testing.storage.orders import OrdersContract
from orderflow_bridge.testing.storage.privacy import PrivacyContract
from orderflow_bridge.testing.storage.processes import ProcessesContract
from orderflow_bridge.testing.storage.products import ProductsContract
from orderflow_bridge.testing.storage.rates import RatesContract
from orderflow_bridge.testing.storage.replays import ReplaysContract
from orderflow_bridge.testing.storage.search import SearchContract
from orderflow_bridge.testing.storage.sessions import SessionsContract
from orderflow_bridge.testing.storage.stock import StockContract
from orderflow_bridge.testing.storage.threads import ThreadsContract
from orderflow_bridge.testing.storage.units import UnitsContract

__all__ = ["StorageContract"]


class StorageContract(
    ConnectionsContract,
    CartsContract,
    OrdersContract,
    ProductsContract,
    StockContract,
    IntentsContract,
    ReplaysContract,
    RatesContract,
    AnswersContract,
    AuditContract,
    PrivacyContract,
    SearchContract,
    JournalContract,
    SessionsContract,
    UnitsContract,
    ThreadsContract,
    ProcessesContract,
    DurabilityContract,
    MigrationsContract,
):
    """Hold a storage to every promise of the ports.

        class TestMyStorage(StorageContract):
            factory = staticmethod(open_mine)  # from a folder to the storage in it

    What the storage does not declare in its `capabilities` is skipped, and says so.
    """
