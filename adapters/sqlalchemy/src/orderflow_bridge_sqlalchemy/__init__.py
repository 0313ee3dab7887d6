"""orderflow-bridge on SQLAlchemy: a storage on the engine, and in the `MetaData`, of a site.

Read `storage.py` first, then `unit.py`, then one repository (`carts.py`).
"""

from orderflow_bridge_sqlalchemy.autogenerate import render_item
from orderflow_bridge_sqlalchemy.opening import open_storage
from orderflow_bridge_sqlalchemy.storage import SQLAlchemyStorage
from orderflow_bridge_sqlalchemy.tables import Tables, tables_in

__all__ = ["SQLAlchemyStorage", "Tables", "open_storage", "render_item", "tables_in"]
