"""One connection: what it is, its secret for who may see it, and who changed it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from orderflow_bridge.connections import warnings_of
from orderflow_bridge.console import allow_lists, grants
from orderflow_bridge.console.cookies import came_by_tls
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.done import said
from orderflow_bridge.console.for_sale import sample
from orderflow_bridge.console.http import Answer, Request
from orderflow_bridge.console.pages.confirmation import once_confirmed
from orderflow_bridge.console.pages.requests import TITLES, recent
from orderflow_bridge.console.routes import Route
from orderflow_bridge.console.secret_age import issued_at
from orderflow_bridge.console.snippets import env_block, snippets
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.connection import SCOPES, Connection
from orderflow_bridge.domain.errors import BridgeError

__all__ = ["MASK", "OVERLAPS", "ROUTES", "found", "open_until", "show"]

MASK = "ofs_••••"
OVERLAPS: Mapping[str, str] = {
    "0": "None: the old secret is over at once",
    "3600": "1 hour",
    "86400": "24 hours",
    "604800": "7 days",
}
"""How long both secrets may verify, in seconds as a form sends them."""

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_PAGE = 50
_PLACE = re.compile(r"([0-9]{1,15})\.([A-Za-z0-9_]{1,64})")

_DONE: Mapping[str, str] = {
    "created": "The connection is made. Reveal its secret, and give both to the storefront.",
    "enabled": "It is enabled: its requests are let in again.",
    "disabled": "It is disabled: its requests are refused from now on.",
    "rotated": "There is a new secret. Reveal it, and give it to the storefront.",
    "revoked": "The old secret is over.",
    "allowed": "The allowed addresses are saved.",
    "scoped": "What it may do is saved.",
    "windowed": "The replay window is saved.",
}

_EVENTS: Mapping[str, str] = {
    "connection.created": "Made it",
    "connection.enabled": "Enabled it",
    "connection.disabled": "Disabled it",
    "connection.allow_list_changed": "Changed the allow-list",
    "connection.window_changed": "Changed the replay window",
    "connection.scopes_changed": "Changed what it may do",
    "connection.rotated": "Rotated the secret",
    "connection.previous_secret_revoked": "Ended the old secret",
    "secret.revealed": "Looked at the secret",
    "console.refused": "Was refused in the console",
}


class Change(Struct, frozen=True, kw_only=True):
    """One field of an entry of the audit; `before` is None where there was nothing to change."""

    name: str
    before: str | None
    after: str


def found(desk: Desk, visit: Visit) -> Connection:
    """Give the connection that a page is about; raises `BridgeError` `not_found`."""
    connection = desk.connection(visit.place["client_id"])
    if connection is None:
        raise BridgeError("not_found", "There is no connection with that client id.")
    return connection


def open_until(connection: Connection, now: int) -> int | None:
    """Tell until when (Unix ms) the old secret verifies too; None where it does not."""
    overlaps = connection.previous is not None and now < connection.previous_until
    return connection.previous_until if overlaps else None


def show(
    desk: Desk,
    visit: Visit,
    connection: Connection,
    *,
    status: int = 200,
    secret: str | None = None,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
    focus: str = "",
) -> Answer:
    """Answer with the inspector.

    `typed` and `errors` are of the one form that was sent, if any; `focus` is the field where the
    page begins.
    """
    kept = {
        "allow": "\n".join(connection.allow_list),
        "window": str(connection.window),
        "levels": grants.chosen(connection.scopes),
        "overlap": "86400",
    } | dict(typed or {})
    url = _url(visit.request, desk.bridge_path(visit.request))
    product = sample(desk.bridge, connection.default_currency)
    return desk.show(
        visit,
        "connections/inspector.html",
        status=status,
        connection=connection,
        scopes=[scope for scope in SCOPES if scope in connection.scopes],
        warnings=warnings_of(desk.bridge.connections, connection),
        open_until=open_until(connection, visit.now),
        issued_at=issued_at(desk.bridge, connection),
        secret=secret,
        mask=MASK,
        typed=kept,
        errors=errors or {},
        focus=focus,
        rows=grants.rows(kept["levels"]),
        overlaps=OVERLAPS,
        most_window=desk.bridge.settings.max_window,
        seen=(seen := allow_lists.seen_address(desk.bridge.settings, visit.request)),
        own_address=allow_lists.own_address(seen),
        url=url,
        env=env_block(connection.client_id, secret or MASK),
        snippets=snippets(
            url=url,
            client_id=connection.client_id,
            scopes=connection.scopes,
            currency=product.currency if product else connection.default_currency,
            sku=product.sku if product else None,
        ),
        fills=product is not None,
        buys=connection.scopes >= {"carts:write", "orders:write"},
        recent=recent(desk, connection.client_id),
        titles=TITLES,
        done=said(visit, _DONE, connection),
        tab="details",
    )


def inspect(desk: Desk, visit: Visit) -> Answer:
    """Show one connection, its secret masked."""
    return show(desk, visit, found(desk, visit))


def reveal(desk: Desk, visit: Visit) -> Answer:
    """Show the secret to who has shown lately who they are; the audit has it first."""
    connection = found(desk, visit)

    def act() -> Answer:
        credentials = desk.bridge.connections.reveal(connection.client_id, actor=visit.actor)
        return show(desk, visit, credentials.connection, secret=credentials.secret)

    return once_confirmed(
        desk,
        visit,
        act,
        back=f"/connections/{connection.client_id}",
        what=f"The secret of {connection.name} is about to be shown.",
    )


def audit(desk: Desk, visit: Visit) -> Answer:
    """Show who changed it, newest first."""
    connection = found(desk, visit)
    kept = desk.bridge.audit.is_kept
    before = _place(visit.request.query.first("before"))
    entries: Sequence[AuditEntry] = (
        desk.bridge.audit.page(subject=connection.client_id, before=before, limit=_PAGE + 1)
        if kept
        else ()
    )
    page = entries[:_PAGE]
    return desk.show(
        visit,
        "connections/audit.html",
        connection=connection,
        is_kept=kept,
        entries=[
            (entry, _EVENTS.get(entry.event, entry.event), _changes(entry, visit)) for entry in page
        ],
        is_first=before is None,
        older=f"{page[-1].at}.{page[-1].entry_id}" if len(entries) > _PAGE else None,
        tab="audit",
    )


def _place(text: str) -> tuple[int, str] | None:
    """Read where a page begins; the newest where it says nothing that could be a place."""
    place = _PLACE.fullmatch(text)
    return (int(place[1]), place[2]) if place else None


def _changes(entry: AuditEntry, visit: Visit) -> Sequence[Change]:
    changes = []
    for name, detail in entry.details.items():
        words = name.replace("_", " ")
        if isinstance(detail, dict) and detail.keys() == {"from", "to"}:
            before = None if _is_new(entry) else _written(name, detail["from"], visit)
            changes.append(
                Change(name=words, before=before, after=_written(name, detail["to"], visit))
            )
        else:
            changes.append(Change(name=words, before=None, after=_written(name, detail, visit)))
    return changes


def _is_new(entry: AuditEntry) -> bool:
    return entry.event == "connection.created"


def _written(name: str, value: Any, visit: Visit) -> str:
    if value is None or value == []:
        return "any address" if name == "allow_list" else "none"
    if name == "previous_secret_until" and isinstance(value, int):
        return visit.zone.full(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _url(request: Request, mount: str) -> str:
    """Give the address of the bridge as the operator's browser reached the console."""
    host = request.headers.get("host", "")
    if _HOST.fullmatch(host) is None:
        host = "shop.example"
    return f"{'https' if came_by_tls(request) else 'http'}://{host}{mount}"


ROUTES = (
    Route(method="GET", path="/connections/{client_id}", page=inspect),
    Route(method="POST", path="/connections/{client_id}/reveal", page=reveal, role="admin"),
    Route(method="GET", path="/connections/{client_id}/audit", page=audit),
)
