"""Bridges → Connections: the list, and New inbound."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

from msgspec import Struct

from orderflow_bridge.connections import warnings_of
from orderflow_bridge.console import allow_lists, grants
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.done import mark
from orderflow_bridge.console.for_sale import only_currency
from orderflow_bridge.console.forms import Fields
from orderflow_bridge.console.guard import new_token
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.replay_windows import read_window, window_problem
from orderflow_bridge.console.routes import Route
from orderflow_bridge.console.secret_age import age, issued_at
from orderflow_bridge.domain.connection import PRESETS, Connection, Status
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.money import CURRENCIES
from orderflow_bridge.journal.activity import Activities, Activity

__all__ = ["ROUTES"]

_UNPROCESSABLE = 422
_DAY = 86_400_000
_STATUSES: Mapping[str, str] = {
    "enabled": "Enabled: its requests are let in at once",
    "disabled": "Disabled: it is made, and nobody gets in yet",
}
_PRESETS: Mapping[str, str] = {
    "storefront": "Storefront: carts and orders",
    "reporting": "Reporting: read only",
}
_TEXTS = ("name", "status", "window", "currency", "channel")


class _Listed(Struct, frozen=True, kw_only=True):
    """A connection with what the list tells of it besides; `age` is its secret's."""

    connection: Connection
    scopes: str
    age: str | None
    warnings: Sequence[str]
    activity: Activity | None


def listed(desk: Desk, visit: Visit) -> Answer:
    """Show every connection."""
    every = desk.bridge.connections.all()
    activity = _activity(desk, visit, every)
    return desk.show(
        visit,
        "connections/list.html",
        since=None if activity is None else activity.since,
        is_whole_day=activity is not None and activity.since == visit.now - _DAY,
        connections=[
            _Listed(
                connection=connection,
                scopes=grants.summary(connection.scopes),
                age=_age(desk, visit, connection),
                warnings=warnings_of(desk.bridge.connections, connection),
                activity=None if activity is None else activity.of[connection.client_id],
            )
            for connection in every
        ],
    )


def _activity(desk: Desk, visit: Visit, every: Sequence[Connection]) -> Activities | None:
    """Tell how much each was used within a day; None where no requests are kept."""
    journal = desk.bridge.journal
    if not journal.is_kept:
        return None
    return journal.activities([one.client_id for one in every], since=visit.now - _DAY)


def _age(desk: Desk, visit: Visit, connection: Connection) -> str | None:
    issued = issued_at(desk.bridge, connection)
    return None if issued is None else age(issued, visit.now)


def new(desk: Desk, visit: Visit) -> Answer:
    """Show an empty form, or the one of a preset."""
    preset = visit.request.query.first("preset", "storefront")
    scopes = PRESETS.get(preset, PRESETS["storefront"])
    return _form(
        desk,
        visit,
        typed=_empty()
        | {"levels": grants.chosen(scopes), "currency": only_currency(desk.bridge) or ""},
        preset=preset,
    )


def create(desk: Desk, visit: Visit) -> Answer:
    """Make a connection; or give the form back: with what is wrong, or with one more address."""
    form = visit.request.form
    typed = _typed(form)
    preset = form.first("preset")
    if "add_address" in form:
        address = allow_lists.own_address(
            allow_lists.seen_address(desk.bridge.settings, visit.request)
        )
        if address:
            typed["allow"] = allow_lists.with_address(form.first("allow"), address)
        return _form(desk, visit, typed=typed, preset=preset, focus="allow")
    entries, problems = allow_lists.read_list(form.first("allow"))
    window = read_window(form.first("window"), most=desk.bridge.settings.max_window)
    scopes = grants.scopes_of(grants.chosen_in(form))
    errors: dict[str, Sequence[str]] = {"allow": problems} if problems else {}
    if not form.first("name"):
        errors["name"] = ["Give it a name."]
    if form.first("status") not in _STATUSES:
        errors["status"] = ["Choose whether it is enabled."]
    if window is None:
        errors["window"] = [window_problem(desk.bridge.settings.max_window)]
    if not scopes:
        errors["scopes"] = [grants.NONE_CHOSEN]
    if errors or window is None:
        return _form(desk, visit, typed=typed, preset=preset, errors=errors)
    try:
        credentials = desk.bridge.connections.create(
            form.first("name"),
            status=cast("Status", form.first("status")),
            scopes=scopes,
            allow=entries,
            window=window,
            currency=form.first("currency").upper() or None,
            channel=form.first("channel") or None,
            actor=visit.actor,
            once=_once(visit),
        )
    except BridgeError as refusal:
        field = _field_of(refusal)
        if field is None:
            raise
        errors = {field: [refusal.detail or refusal.code]}
        return _form(desk, visit, typed=typed, preset=preset, errors=errors)
    connection = credentials.connection
    done = mark(visit, "created", connection)
    return redirect(visit.request, f"/connections/{connection.client_id}?done={done}")


def _once(visit: Visit) -> str | None:
    """Name a form that was shown and how it was filled in: sent twice, it makes one connection.

    Gone back to and filled in another way, it makes another.
    """
    if not visit.request.form.first("shown"):
        return None
    return sha256(visit.request.body).hexdigest()


def _form(
    desk: Desk,
    visit: Visit,
    *,
    typed: Mapping[str, Any],
    errors: Mapping[str, Sequence[str]] | None = None,
    preset: str,
    focus: str = "",
) -> Answer:
    seen = allow_lists.seen_address(desk.bridge.settings, visit.request)
    return desk.show(
        visit,
        "connections/new.html",
        shown=new_token(),
        status=_UNPROCESSABLE if errors else 200,
        typed=typed,
        errors=errors or {},
        focus=focus,
        rows=grants.rows(typed["levels"]),
        preset=preset if preset in _PRESETS else "",
        presets=_PRESETS,
        statuses=_STATUSES,
        currencies=sorted(CURRENCIES),
        most_window=desk.bridge.settings.max_window,
        seen=seen,
        own_address=allow_lists.own_address(seen),
    )


def _empty() -> dict[str, Any]:
    return {
        "name": "",
        "status": "enabled",
        "allow": "",
        "window": "60",
        "currency": "",
        "channel": "",
    }


def _typed(form: Fields) -> dict[str, Any]:
    """Give back what was typed, but for what looks like a card number."""
    return {name: allow_lists.kept(form.first(name)) for name in (*_TEXTS, "allow")} | {
        "levels": grants.chosen_in(form)
    }


def _field_of(refusal: BridgeError) -> str | None:
    """Name the field that a refusal is about; None where it is about none of this form."""
    errors = cast("Sequence[Mapping[str, str]]", refusal.members.get("errors", ()))
    fields = [error["path"].removeprefix("/") for error in errors]
    return next((field for field in fields if field in _empty()), None)


ROUTES = (
    Route(method="GET", path="/connections", page=listed),
    Route(method="GET", path="/connections/new", page=new, role="admin"),
    Route(method="POST", path="/connections/new", page=create, role="admin"),
)
