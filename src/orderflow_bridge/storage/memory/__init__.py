"""The executable specification of a storage: plain dictionaries in one process.

A writing unit works on drafts and holds one lock; leaving it publishes every draft at once. A
reading unit sees what was published and waits for nobody. Everything is lost with the process, so
this serves tests, demos and readers who want to know what a storage must do.

Read `storage.py` first, then `unit.py`, then one repository (`carts.py`). The files have the names
of those in `storage/peewee/`.
"""

from orderflow_bridge.storage.memory.storage import MemoryStorage, open_storage

__all__ = ["MemoryStorage", "open_storage"]
