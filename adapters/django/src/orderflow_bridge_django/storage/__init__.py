"""The bridge's storage in the site's own database, through Django's ORM.

Read `storage.py` first, then `unit.py`, then one repository (`carts.py`). Nothing here touches a
model before Django is set up, so that `open_storage` can set it up.
"""

from typing import TYPE_CHECKING, Any

from orderflow_bridge_django.storage.opening import open_storage

if TYPE_CHECKING:
    from orderflow_bridge_django.storage.storage import DjangoStorage

__all__ = ["DjangoStorage", "open_storage"]


def __getattr__(name: str) -> Any:
    if name == "DjangoStorage":
        from orderflow_bridge_django.storage.storage import (  # noqa: PLC0415 -- needs the models
            DjangoStorage,
        )

        return DjangoStorage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
