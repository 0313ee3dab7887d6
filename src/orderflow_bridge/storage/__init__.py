"""Floor 5: where everything is kept — in memory, or in SQLite, PostgreSQL or MariaDB by Peewee.

`open_storage` chooses by the database URL; `open_rate_ledger` opens the optional count of writes in
Redis. `memory.py` is the executable specification: read it
first. Both are used through the ports alone.
"""

from orderflow_bridge.storage.opening import open_rate_ledger, open_storage

__all__ = ["open_rate_ledger", "open_storage"]
