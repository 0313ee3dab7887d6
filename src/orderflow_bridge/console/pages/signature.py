"""Test a signature: what is wrong with a request that is pasted, and how to put it right."""

import re
from collections.abc import Mapping, Sequence

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer
from orderflow_bridge.console.pasted import METHODS, read_pasted
from orderflow_bridge.console.routes import Route
from orderflow_bridge.diagnosis import VERDICTS, Explanation
from orderflow_bridge.domain.journal import JournalEntry

__all__ = ["ROUTES"]

_UNPROCESSABLE = 422
_MOST_BODY = 1024 * 1024
_SIGNED = ("X-Client-Id", "X-Timestamp", "X-Signature", "Idempotency-Key")
_EMPTY: Mapping[str, str] = {
    "connection": "",
    "action": "",
    "method": "POST",
    "at": "",
    "headers": "",
    "body": "",
    "digest": "",
    "ends": "",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def asked(desk: Desk, visit: Visit) -> Answer:
    """Show an empty form, or one with what is kept of a request."""
    query = visit.request.query
    typed = dict(_EMPTY)
    if query.first("connection") in desk.names():
        typed["connection"] = query.first("connection")
    entry = _kept(desk, query.first("request"))
    return _form(desk, visit, typed=typed if entry is None else _of(entry, visit), of=entry)


def tried(desk: Desk, visit: Visit) -> Answer:
    """Say what is wrong with what was pasted; nothing is changed, and nothing is kept."""
    pasted = read_pasted(
        visit.request.form,
        visit.zone,
        connections=list(desk.names()),
        mount=desk.bridge_path(visit.request),
    )
    if pasted.received is None:
        return _form(desk, visit, typed=pasted.typed, errors=pasted.errors)
    explanation = desk.bridge.inspector.explain(pasted.received, now=pasted.at)
    return _form(desk, visit, typed=pasted.typed, explanation=explanation)


def _form(
    desk: Desk,
    visit: Visit,
    *,
    typed: Mapping[str, str],
    errors: Mapping[str, Sequence[str]] | None = None,
    explanation: Explanation | None = None,
    of: JournalEntry | None = None,
) -> Answer:
    return desk.show(
        visit,
        "requests/signature.html",
        status=_UNPROCESSABLE if errors else 200,
        typed=typed,
        errors=errors or {},
        explanation=explanation,
        verdicts=VERDICTS,
        names=desk.names(),
        connection=desk.connection(visit.request.query.first("connection")),
        actions=list(ACTIONS),
        methods=METHODS,
        of=of,
        most=_MOST_BODY // 1024**2,
    )


def _kept(desk: Desk, request_id: str) -> JournalEntry | None:
    if _REQUEST_ID.fullmatch(request_id) is None or not desk.bridge.journal.is_kept:
        return None
    return desk.bridge.journal.find(request_id)


def _of(entry: JournalEntry, visit: Visit) -> Mapping[str, str]:
    """Fill the form with what is kept; what came malformed was not, and is to be pasted."""
    digest = (entry.string_to_sign or "").rpartition("\n")[2]
    return {
        **_EMPTY,
        "connection": entry.connection or "",
        "action": entry.action or "",
        "at": visit.zone.field(entry.at),
        "headers": "\n".join(
            f"{name}: {entry.headers[name]}"
            for name in _SIGNED
            if name in entry.headers and not entry.headers[name].startswith("(")
        ),
        "digest": digest,
    }


ROUTES = (
    Route(method="GET", path="/signature", page=asked),
    Route(method="POST", path="/signature", page=tried, body=_MOST_BODY + 64 * 1024),
)
