"""Which bounds a page of a list needs: a range of an index has room for one on each side.

A database takes one of two that stand on the same side, and looks at every row up to the other.
"""

from msgspec.structs import replace

from orderflow_bridge.ports import CartQuery, OrderQuery

__all__ = ["needs_now", "newer_bounds", "older_bounds"]


def older_bounds(query: OrderQuery) -> OrderQuery:
    """Keep that of `placed_before` and `after` which restricts more."""
    if query.after is None or query.placed_before is None:
        return query
    if query.after[0] < query.placed_before:
        return replace(query, placed_before=None)
    return replace(query, after=None)


def newer_bounds(
    query: OrderQuery, than: tuple[int, str]
) -> tuple[OrderQuery, tuple[int, str] | None]:
    """Keep that of `placed_after` and `than` which restricts more."""
    if query.placed_after is None:
        return query, than
    if than[0] >= query.placed_after:
        return replace(query, placed_after=None), than
    return query, None


def needs_now(
    query: CartQuery, edge: tuple[int, str] | None, *, newer: bool
) -> tuple[bool, tuple[int, str] | None]:
    """Tell whether the expiry is compared with now, and with which edge of a page besides.

    For open and expired carts, whose edge is an `expires_at` and a cart id.
    """
    if edge is None or query.status != ("open" if newer else "expired"):
        return True, edge
    is_within = edge[0] > query.now if newer else edge[0] <= query.now
    return (False, edge) if is_within else (True, None)
