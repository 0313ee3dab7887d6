"""Requests: the recent ones as they come, and why one of them was refused."""

import re
from collections.abc import Mapping, Sequence

from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.links import query_of
from orderflow_bridge.console.remedies import remedy
from orderflow_bridge.console.routes import Route
from orderflow_bridge.diagnosis import VERDICTS
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.http import CODES

__all__ = ["ROUTES", "TITLES", "recent"]

TITLES: Mapping[str, str] = {code: title for code, (_, title) in CODES.items()}
"""Each code of the protocol in a few words."""

_ROWS = 50
_RECENT = 5
_REFUSED: Mapping[str, bool] = {"refused": True, "allowed": False}
_PLACE = re.compile(r"([0-9]{1,15})\.([A-Za-z0-9_-]{1,64})")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Where the headers and the signature decide; elsewhere an explanation of them says nothing.
_OF_SIGNING = frozenset(
    {
        "missing_auth_header",
        "malformed_auth_header",
        "client_id_mismatch",
        "timestamp_out_of_window",
        "authentication_failed",
    }
)


def listed(desk: Desk, visit: Visit) -> Answer:
    """Show the recent requests, newest first, or lead to the one whose id is asked for.

    A script shows new ones on the first page by itself.
    """
    asked = visit.request.query
    wanted = asked.first("request")
    if _is_kept(desk, wanted):
        return redirect(visit.request, f"/requests/{wanted}")
    kept = {"connection": asked.first("connection"), "verdict": asked.first("verdict")}
    if kept["verdict"] not in _REFUSED:
        kept["verdict"] = ""
    before = _place(asked.first("before"))
    names = desk.names()
    found: Sequence[JournalEntry] = ()
    if desk.bridge.journal.is_kept and kept["connection"] in {"", *names}:
        found = desk.bridge.journal.page(
            connection=kept["connection"] or None,
            refused=_REFUSED.get(kept["verdict"]),
            before=before,
            limit=_ROWS + 1,
        )
    entries = found[:_ROWS]
    return desk.show(
        visit,
        "requests/list.html",
        is_kept=desk.bridge.journal.is_kept,
        can_keep="journal" in desk.bridge.capabilities,
        storage=desk.bridge.storage_name,
        entries=entries,
        titles=TITLES,
        names=names,
        connection=desk.connection(kept["connection"]),
        kept=kept,
        tabs=[
            (word, query_of(kept | {"verdict": verdict}), verdict == kept["verdict"])
            for verdict, word in (("", "All"), ("refused", "Refused"), ("allowed", "Allowed"))
        ],
        is_missing=bool(wanted),
        is_first=before is None,
        here=query_of(kept),
        older=query_of(kept | {"before": _written(entries[-1])}) if len(found) > _ROWS else None,
        refusals=desk.refusals(),
    )


def shown(desk: Desk, visit: Visit) -> Answer:
    """Show one request: the check that failed, why, and what to do."""
    request_id = visit.place["request_id"]
    if _REQUEST_ID.fullmatch(request_id) is None:
        raise BridgeError("not_found", "There is no such request here.")
    inspected = desk.bridge.inspector.inspect(request_id)
    entry, explanation = inspected.entry, inspected.explanation
    connection = desk.connection(entry.connection or "")
    client_id = None if connection is None else connection.client_id
    return desk.show(
        visit,
        "requests/one.html",
        entry=entry,
        checks=inspected.checks,
        failed=next((check for check in inspected.checks if check.state == "failed"), None),
        was_compared=inspected.was_compared,
        remedy=remedy(entry.code, inspected.fix, client_id=client_id),
        title=TITLES.get(entry.code or "", ""),
        explanation=None if entry.verified or entry.code not in _OF_SIGNING else explanation,
        verdicts=VERDICTS,
        string_to_sign=entry.string_to_sign or explanation.string_to_sign,
        name=None if connection is None else connection.name,
    )


def recent(desk: Desk, client_id: str) -> Sequence[JournalEntry] | None:
    """Give the last requests of a connection; None where none are kept."""
    journal = desk.bridge.journal
    return journal.page(connection=client_id, limit=_RECENT) if journal.is_kept else None


def _is_kept(desk: Desk, request_id: str) -> bool:
    journal = desk.bridge.journal
    return (
        journal.is_kept
        and _REQUEST_ID.fullmatch(request_id) is not None
        and journal.find(request_id) is not None
    )


def _place(text: str) -> tuple[int, str] | None:
    """Read where a page begins; the newest where it says nothing that could be a place."""
    place = _PLACE.fullmatch(text)
    return (int(place[1]), place[2]) if place else None


def _written(entry: JournalEntry) -> str:
    return f"{entry.at}.{entry.request_id}"


ROUTES = (
    Route(method="GET", path="/requests", page=listed),
    Route(method="GET", path="/requests/{request_id}", page=shown),
)
