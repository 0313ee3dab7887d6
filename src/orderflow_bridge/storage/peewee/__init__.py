"""The default storage: SQLite, PostgreSQL and MariaDB through Peewee.

Peewee is the schema, the dialects and the connections. The statements of a request are rendered
once when a storage is made and executed as text on the driver's own connection: Peewee's query
builder costs several times the query.

Read `storage.py` first, then `unit.py`, then one repository (`carts.py`).
"""

from orderflow_bridge.storage.peewee.session import Session
from orderflow_bridge.storage.peewee.storage import PeeweeStorage, open_storage

__all__ = ["PeeweeStorage", "Session", "open_storage"]
