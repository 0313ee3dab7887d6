"""The operator shows again who they are, before a secret is shown."""

from collections.abc import Callable
from urllib.parse import quote

from orderflow_bridge.console import cookies
from orderflow_bridge.console.closed_doors import Closed, told
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.onward import onward
from orderflow_bridge.console.operators import Operator
from orderflow_bridge.console.routes import Route
from orderflow_bridge.domain.errors import BridgeError

__all__ = ["ROUTES", "once_confirmed"]

_WORD = "confirm"
_SENT = "confirming"


def once_confirmed(
    desk: Desk, visit: Visit, act: Callable[[], Answer], *, back: str, what: str
) -> Answer:
    """Do an act where the operator showed within ten minutes who they are; ask first, elsewhere.

    The form that asks is sent to the act's own address, so that what was wanted follows at once,
    and whatever guards the act guards it then, too. `what` says on it what is going to happen,
    `back` is the page for who would rather not.
    """
    if visit.confirmed:
        return act()
    if _SENT not in visit.request.form:
        return _form(desk, visit, back, what=what)
    refused = _refused(desk, visit, back, what=what)
    return refused or act().with_headers(_remembered(desk, visit))


def asked(desk: Desk, visit: Visit) -> Answer:
    """Ask for the password, or for a word where nobody can tell it."""
    return _form(desk, visit, onward(visit.request.query.first("next")))


def confirmed(desk: Desk, visit: Visit) -> Answer:
    """Go on where the password is right, and remember it for ten minutes."""
    to = onward(visit.request.form.first("next"))
    refused = _refused(desk, visit, to)
    return refused or redirect(visit.request, to, _remembered(desk, visit))


def _refused(desk: Desk, visit: Visit, back: str, *, what: str = "") -> Answer | None:
    """Give the form again where it does not show who it is; None where it does."""
    operator, form = visit.operator, visit.request.form
    assert operator is not None  # noqa: S101 -- the route lets nobody else in
    given = (form.all("password") or [""])[0]
    if not _has_password(desk, visit, operator):
        if form.first("word").lower() == _WORD:
            return None
        return _form(desk, visit, back, f"Type the word {_WORD}.", what=what)
    if not given:
        return _form(desk, visit, back, "Type your password.", what=what)
    name, address = operator.name, desk.address_of(visit.request)
    wait = desk.attempts.begin(name, address, visit.now)
    if wait:
        told(Closed(act="confirm", reason="waits", operator=name, address=address, wait=wait))
        problem = f"Too many attempts. Wait {wait} seconds."
        answer = _form(desk, visit, back, problem, what=what, status=429)
        return answer.with_headers(("Retry-After", str(wait)))
    try:
        is_right = desk.authentication.confirm(visit.request, operator, given)
    except BridgeError as error:
        desk.attempts.undo(name, address)
        if error.code == "rate_limited":
            told(Closed(act="confirm", reason="busy", operator=name, address=address))
        raise
    if not is_right:
        told(Closed(act="confirm", reason="wrong", operator=name, address=address))
        return _form(desk, visit, back, "That is not your password.", what=what)
    desk.attempts.succeeded(name, address)
    return None


def _remembered(desk: Desk, visit: Visit) -> tuple[str, str]:
    key = desk.bridge.keys.console_key()
    who = f"{visit.session}\0{visit.actor}"
    return cookies.confirmation(visit.request, key, who, visit.now)


def _has_password(desk: Desk, visit: Visit, operator: Operator) -> bool:
    # An empty password is nobody's: it asks whether there is one at all.
    return desk.authentication.confirm(visit.request, operator, "") is not None


def _form(
    desk: Desk,
    visit: Visit,
    back: str,
    problem: str = "",
    *,
    what: str = "",
    status: int | None = None,
) -> Answer:
    assert visit.operator is not None  # noqa: S101 -- the route lets nobody else in
    return desk.show(
        visit,
        "entry/confirm.html",
        status=status or (422 if problem else 200),
        action=quote(visit.request.path.lstrip("/")),
        back=back,
        what=what,
        problem=problem,
        has_password=_has_password(desk, visit, visit.operator),
        minutes=cookies.CONFIRMED_FOR // 60,
    )


ROUTES = (
    Route(method="GET", path="/confirm", page=asked),
    Route(method="POST", path="/confirm", page=confirmed),
)
