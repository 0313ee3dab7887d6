"""Deleting a bounded number of rows without waiting for anyone."""

from typing import Any

from django.db import connections
from django.db.models import QuerySet

__all__ = ["delete_first"]

# Within what one statement takes everywhere.
_BATCH = 500


def delete_first(stale: "QuerySet[Any]", limit: int) -> int:
    """Delete up to `limit` of the ordered rows `stale`; tell how many.

    Rows that another unit is deleting right now are left to it where the database can skip them.
    """
    skips = connections[stale.db].features.has_select_for_update_skip_locked
    locked = stale.select_for_update(skip_locked=True) if skips else stale.select_for_update()
    keys = list(locked.values_list("pk", flat=True)[:limit])
    # By their keys alone: the rows are locked, and MariaDB would look for others by a condition.
    rows = stale.model._default_manager.using(stale.db)  # noqa: SLF001 -- Django's documented name
    return sum(
        rows.filter(pk__in=keys[start : start + _BATCH]).delete()[0]
        for start in range(0, len(keys), _BATCH)
    )
