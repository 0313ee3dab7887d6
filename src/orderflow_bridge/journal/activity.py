"""How much connections are used, as far as their recent requests tell: in a bounded read."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from orderflow_bridge.ports import Journal

__all__ = ["Activities", "Activity", "activities"]

ROWS = 1_000
"""How many of the newest requests are counted."""

LOOKED_UP = 100
"""How many connections that are not among those are looked up by themselves."""


class Activity(Struct, kw_only=True):
    """What a connection did: when its last allowed request arrived (Unix ms), and how many did.

    `used_at` is None where none is kept, and where nobody looked, since there were too many;
    `is_known` tells which. `at_least` says that the journal keeps no more of it than was counted.
    """

    used_at: int | None = None
    is_known: bool = True
    allowed: int = 0
    refused: int = 0
    at_least: bool = False


class Activities(Struct, frozen=True, kw_only=True):
    """The activity of each connection, by client id, counted from `since` (Unix ms) on."""

    since: int
    of: Mapping[str, Activity]


def activities(
    journal: Journal, connections: Collection[str], *, since: int, kept: int
) -> Activities:
    """Count from `since` on, or from the oldest of the newest thousand where that is later.

    `kept` is how many requests the journal keeps of each connection.
    """
    newest = journal.page(connection=None, refused=None, before=None, limit=ROWS)
    found = {client_id: Activity() for client_id in connections}
    for entry in newest:
        one = found.get(entry.connection or "")
        if one is None:
            continue
        if one.used_at is None and not entry.refused:
            one.used_at = entry.at
        if entry.at >= since:
            one.allowed += not entry.refused
            one.refused += entry.refused
            one.at_least = one.allowed + one.refused >= kept
    if len(newest) == ROWS:
        since = max(since, newest[-1].at)
        unseen = [client_id for client_id, one in found.items() if one.used_at is None]
        for client_id in unseen[:LOOKED_UP]:
            last = journal.page(connection=client_id, refused=False, before=None, limit=1)
            found[client_id].used_at = last[0].at if last else None
        for client_id in unseen[LOOKED_UP:]:
            found[client_id].is_known = False
    return Activities(since=since, of=found)
