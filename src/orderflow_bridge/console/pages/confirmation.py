"""The operator shows again who they are, before a secret is shown."""

from orderflow_bridge.console import cookies
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer, redirect
from orderflow_bridge.console.onward import onward
from orderflow_bridge.console.operators import Operator
from orderflow_bridge.console.routes import Route
from orderflow_bridge.domain.errors import BridgeError

__all__ = ["ROUTES"]

_WORD = "confirm"


def asked(desk: Desk, visit: Visit) -> Answer:
    """Ask for the password, or for a word where nobody can tell it."""
    return _form(desk, visit, onward(visit.request.query.first("next")))


def confirmed(desk: Desk, visit: Visit) -> Answer:
    """Go on where the password is right, and remember it for ten minutes."""
    operator, form = visit.operator, visit.request.form
    assert operator is not None  # noqa: S101 -- the route lets nobody else in
    to = onward(form.first("next"))
    given = (form.all("password") or [""])[0]
    if _has_password(desk, visit, operator):
        if not given:
            return _form(desk, visit, to, "Type your password.")
        address = desk.address_of(visit.request)
        wait = desk.attempts.begin(operator.name, address, visit.now)
        if wait:
            answer = _form(desk, visit, to, f"Too many attempts. Wait {wait} seconds.", status=429)
            return answer.with_headers(("Retry-After", str(wait)))
        try:
            is_right = desk.authentication.confirm(visit.request, operator, given)
        except BridgeError:
            desk.attempts.undo(operator.name, address)
            raise
        if not is_right:
            return _form(desk, visit, to, "That is not your password.")
        desk.attempts.succeeded(operator.name, address)
    elif form.first("word").lower() != _WORD:
        return _form(desk, visit, to, f"Type the word {_WORD}.")
    key = desk.bridge.keys.console_key()
    who = f"{visit.session}\0{operator.name}"
    return redirect(visit.request, to, cookies.confirmation(visit.request, key, who, visit.now))


def _has_password(desk: Desk, visit: Visit, operator: Operator) -> bool:
    # An empty password is nobody's: it asks whether there is one at all.
    return desk.authentication.confirm(visit.request, operator, "") is not None


def _form(
    desk: Desk, visit: Visit, to: str, problem: str = "", *, status: int | None = None
) -> Answer:
    assert visit.operator is not None  # noqa: S101 -- the route lets nobody else in
    return desk.show(
        visit,
        "entry/confirm.html",
        status=status or (422 if problem else 200),
        next=to,
        problem=problem,
        has_password=_has_password(desk, visit, visit.operator),
        minutes=cookies.CONFIRMED_FOR // 60,
    )


ROUTES = (
    Route(method="GET", path="/confirm", page=asked),
    Route(method="POST", path="/confirm", page=confirmed),
)
