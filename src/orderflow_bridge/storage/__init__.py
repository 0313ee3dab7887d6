"""Floor 5: where everything is kept — in memory, or in SQLite, PostgreSQL or MariaDB by Peewee.

`open_storage` chooses by the database URL. `memory.py` is the executable specification: read it
first. Both are used through the ports alone.
"""

from orderflow_bridge.storage.opening import open_storage

__all__ = ["open_storage"]
