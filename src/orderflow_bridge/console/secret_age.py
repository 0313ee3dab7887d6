"""How old a secret is: no storage keeps when it was issued, but the audit says so."""

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.domain.connection import Connection

__all__ = ["age", "issued_at"]

_ISSUES = frozenset({"connection.created", "connection.rotated"})
_PAGE = 100
_PAGES = 5
_DAY = 86_400_000
# An act is written down in the transaction of the change, which may wait for others.
_SLACK = 60_000


def issued_at(bridge: Bridge, connection: Connection) -> int | None:
    """Tell when the current secret was issued (Unix ms); None where nobody wrote it down.

    Looks at the last 500 entries about the connection up to its last change, whatever came later,
    and at none where it was never changed.
    """
    if connection.updated_at == connection.created_at:
        return connection.created_at
    if not bridge.audit.is_kept:
        return None
    before = (connection.updated_at + _SLACK, "")
    for _ in range(_PAGES):
        page = bridge.audit.page(subject=connection.client_id, before=before, limit=_PAGE)
        for entry in page:
            if entry.event in _ISSUES:
                return entry.at
        if len(page) < _PAGE:
            return None
        before = (page[-1].at, page[-1].entry_id)
    return None


def age(since: int, now: int) -> str:
    """Write how long ago something was (both in Unix ms), in whole days."""
    days = max(0, now - since) // _DAY
    if days == 0:
        return "less than a day"
    return "1 day" if days == 1 else f"{days:,} days"
