"""What an admin changes of a connection: each form one thing, so that nobody undoes another's."""

from collections.abc import Mapping, Sequence
from typing import Any

from orderflow_bridge.console import allow_lists, grants
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.done import mark
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.pages.inspector import OVERLAPS, found, open_until, show
from orderflow_bridge.console.replay_windows import read_window, window_problem
from orderflow_bridge.console.routes import Page, Route
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError

__all__ = ["ROUTES"]

_UNPROCESSABLE, _CONFLICT = 422, 409
_EVERYONE = "The list is empty, so every address could use it. Say that you mean it."


def enable(desk: Desk, visit: Visit) -> Answer:
    """Let it in again."""
    connection = found(desk, visit)
    desk.bridge.connections.enable(connection.client_id, actor=visit.actor)
    return _done(desk, visit, connection, "enabled")


def disable(desk: Desk, visit: Visit) -> Answer:
    """Shut it out."""
    connection = found(desk, visit)
    desk.bridge.connections.disable(connection.client_id, actor=visit.actor)
    return _done(desk, visit, connection, "disabled")


def rotate(desk: Desk, visit: Visit) -> Answer:
    """Issue a new secret; the page has it masked, as any other."""
    connection, form = found(desk, visit), visit.request.form
    overlap = form.first("overlap")
    if overlap not in OVERLAPS:
        problem = "Choose how long the old secret still works."
        return _refused(desk, visit, connection, {}, {"overlap": [problem]})
    replaces = "replace" in form
    try:
        desk.bridge.connections.rotate(
            connection.client_id,
            grace=int(overlap),
            replace_open_grace=replaces,
            actor=visit.actor,
        )
    except BridgeError as refusal:
        now = desk.bridge.connections.find(connection.client_id)
        if replaces or open_until(now, visit.now) is None:
            raise
        return show(
            desk,
            visit,
            now,
            status=_CONFLICT,
            typed={"overlap": overlap},
            errors={"replace": [f"{refusal.detail} Nothing happened."]},
        )
    return _done(desk, visit, connection, "rotated")


def revoke(desk: Desk, visit: Visit) -> Answer:
    """End the old secret now."""
    connection = found(desk, visit)
    desk.bridge.connections.revoke_previous(connection.client_id, actor=visit.actor)
    return _done(desk, visit, connection, "revoked")


def allow(desk: Desk, visit: Visit) -> Answer:
    """Replace the allow-list; or give the form back with the operator's own address in it."""
    connection, form = found(desk, visit), visit.request.form
    text = form.first("allow")
    if "add_address" in form:
        address = allow_lists.own_address(
            allow_lists.seen_address(desk.bridge.settings, visit.request)
        )
        typed = allow_lists.with_address(text, address) if address else allow_lists.kept(text)
        return show(desk, visit, connection, typed={"allow": typed}, focus="allow")
    entries, problems = allow_lists.read_list(text)
    errors: dict[str, Sequence[str]] = {}
    if problems:
        errors["allow"] = problems
    elif not entries and connection.allow_list and "everyone" not in form:
        errors["everyone"] = [_EVERYONE]
    if errors:
        typed = allow_lists.kept(text)
        return _refused(desk, visit, connection, {"allow": typed}, errors)
    desk.bridge.connections.allow(connection.client_id, entries, actor=visit.actor)
    return _done(desk, visit, connection, "allowed")


def set_scopes(desk: Desk, visit: Visit) -> Answer:
    """Replace what it may do."""
    connection = found(desk, visit)
    levels = grants.chosen_in(visit.request.form)
    scopes = grants.scopes_of(levels)
    if not scopes:
        return _refused(
            desk, visit, connection, {"levels": levels}, {"scopes": [grants.NONE_CHOSEN]}
        )
    desk.bridge.connections.set_scopes(connection.client_id, scopes, actor=visit.actor)
    return _done(desk, visit, connection, "scoped")


def set_window(desk: Desk, visit: Visit) -> Answer:
    """Replace the replay window."""
    connection, text = found(desk, visit), visit.request.form.first("window")
    seconds = read_window(text, most=desk.bridge.settings.max_window)
    if seconds is None:
        problem = window_problem(desk.bridge.settings.max_window)
        typed = {"window": allow_lists.kept(text)}
        return _refused(desk, visit, connection, typed, {"window": [problem]})
    desk.bridge.connections.set_window(connection.client_id, seconds, actor=visit.actor)
    return _done(desk, visit, connection, "windowed")


def _refused(
    desk: Desk,
    visit: Visit,
    connection: Connection,
    typed: Mapping[str, Any],
    errors: Mapping[str, Sequence[str]],
) -> Answer:
    return show(desk, visit, connection, status=_UNPROCESSABLE, typed=typed, errors=errors)


def _done(desk: Desk, visit: Visit, before: Connection, word: str) -> Answer:
    connection = desk.bridge.connections.find(before.client_id)
    done = mark(visit, word, connection)
    return redirect(visit.request, f"/connections/{connection.client_id}?done={done}")


def _act(path: str, page: Page) -> Route:
    return Route(method="POST", path=f"/connections/{{client_id}}/{path}", page=page, role="admin")


ROUTES = (
    _act("enable", enable),
    _act("disable", disable),
    _act("rotate", rotate),
    _act("revoke", revoke),
    _act("allow", allow),
    _act("scopes", set_scopes),
    _act("window", set_window),
)
