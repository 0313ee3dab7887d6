"""Signing in by a password or by a link that is good once, and signing out.

There only where the console has operators of its own.
"""

from orderflow_bridge.console import cookies
from orderflow_bridge.console.allow_lists import kept
from orderflow_bridge.console.closed_doors import Closed, told
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.onward import onward
from orderflow_bridge.console.routes import Route
from orderflow_bridge.console.standalone import StandaloneAuth
from orderflow_bridge.domain.errors import BridgeError

__all__ = ["ROUTES"]

# What a name that anybody has is not longer than.
_LONGEST = 64


def asked(desk: Desk, visit: Visit) -> Answer:
    """Ask for name and password."""
    _standalone(desk)
    return _form(desk, visit, onward(visit.request.query.first("next")))


def signed_in(desk: Desk, visit: Visit) -> Answer:
    """Begin a session of a new token where name and password belong together."""
    authentication = _standalone(desk)
    form = visit.request.form
    to = onward(form.first("next"))
    name, password = form.first("name"), (form.all("password") or [""])[0]
    if not name or not password:
        return _form(desk, visit, to, "Type your name and your password.")
    address = desk.address_of(visit.request)
    known = name if authentication.knows(name) else None
    wait = desk.attempts.begin(name, address, visit.now)
    if wait:
        told(Closed(act="sign_in", reason="waits", operator=known, address=address, wait=wait))
        answer = _form(
            desk,
            visit,
            to,
            f"Too many attempts. Wait {wait} seconds, or sign in with a link.",
            status=429,
        )
        return answer.with_headers(("Retry-After", str(wait)))
    try:
        token = authentication.sign_in(name, password, replacing=visit.session)
    except BridgeError as error:
        desk.attempts.undo(name, address)
        if error.code == "rate_limited":
            told(Closed(act="sign_in", reason="busy", operator=known, address=address))
        raise
    if token is None:
        told(Closed(act="sign_in", reason="wrong", operator=known, address=address))
        return _form(desk, visit, to, "Name and password do not belong together.")
    desk.attempts.succeeded(name, address)
    return redirect(visit.request, to, cookies.kept(visit.request, token))


def link_shown(desk: Desk, visit: Visit) -> Answer:
    """Show the button of a link; whoever only looks, as a mail filter does, uses nothing up."""
    _standalone(desk)
    return desk.show(visit, "entry/link.html", link=visit.request.query.first("token"), spent=False)


def link_used(desk: Desk, visit: Visit) -> Answer:
    """Begin a session where the link was not used yet and is not too old."""
    authentication = _standalone(desk)
    token = authentication.redeem(visit.request.form.first("token"), replacing=visit.session)
    if token is None:
        told(Closed(act="link", reason="spent", address=desk.address_of(visit.request)))
        return desk.show(visit, "entry/link.html", status=422, link="", spent=True)
    return redirect(visit.request, "/", cookies.kept(visit.request, token))


def signed_out(desk: Desk, visit: Visit) -> Answer:
    """End the session, in every process."""
    _standalone(desk).sign_out(visit.session)
    return redirect(visit.request, "/sign-in", cookies.dropped(visit.request))


def _standalone(desk: Desk) -> StandaloneAuth:
    """Give the console's own operators; there is no such page where it has none."""
    if isinstance(desk.authentication, StandaloneAuth):
        return desk.authentication
    raise BridgeError("not_found", "There is no such page.")


def _form(
    desk: Desk, visit: Visit, to: str, problem: str = "", *, status: int | None = None
) -> Answer:
    return desk.show(
        visit,
        "entry/sign_in.html",
        status=status or (422 if problem else 200),
        next=to,
        problem=problem,
        name=kept(visit.request.form.first("name"))[:_LONGEST],
    )


ROUTES = (
    Route(method="GET", path="/sign-in", page=asked, role=None),
    Route(method="POST", path="/sign-in", page=signed_in, role=None),
    Route(method="GET", path="/sign-in/link", page=link_shown, role=None),
    Route(method="POST", path="/sign-in/link", page=link_used, role=None),
    Route(method="POST", path="/sign-out", page=signed_out),
)
