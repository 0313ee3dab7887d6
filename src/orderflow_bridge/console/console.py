"""The console itself: from a request to an answer, without a server.

Every answer passes here: who it is, whether another site's page sent it, whether the role will do.
A page decides nothing of that.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from urllib.parse import quote

from msgspec.structs import replace

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import cookies, guard
from orderflow_bridge.console.assets import Assets
from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer, Request
from orderflow_bridge.console.operators import (
    Authentication,
    Identified,
    Identify,
    Operator,
    may,
)
from orderflow_bridge.console.pages import ROUTES
from orderflow_bridge.console.routes import MOST_BODY, Route, Routes
from orderflow_bridge.console.standalone import StandaloneAuth
from orderflow_bridge.console.trespasses import Trespasses
from orderflow_bridge.console.views import Views
from orderflow_bridge.console.zones import COOKIE, Zone
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.http import CODES
from orderflow_bridge.security.cards import is_card

__all__ = ["BridgeConsole"]

_STATIC = "/static/"
_SERVER_ERROR = 500
_LONGEST_ID = 64


class BridgeConsole:
    """The operators' pages of one bridge; safe to use from any thread.

    `identify` says whose a request is: an `Authentication`, or a function from a request to an
    `Operator` or None. Without one there is no console: raises `ConfigurationError` that says what
    to choose from. `trusted_origins` (`https://shop.example`) may send forms besides the console's
    own pages, for a proxy that rewrites both Host and Origin. `mount_of_bridge` is the path of the
    bridge itself inside the site, which the snippets for storefronts show. `csp_nonce` gives the
    nonce of a request where the site has a policy of its own that asks for one. `program` is how
    the command line of this bridge is started, for the commands that pages name: `flask bridge` in
    a Flask site.
    """

    def __init__(
        self,
        bridge: Bridge,
        *,
        identify: Authentication | Identify | None = None,
        trusted_origins: Collection[str] = (),
        mount_of_bridge: str = "/bridge",
        csp_nonce: Callable[[Request], str] | None = None,
        program: str = "orderflow-bridge",
    ) -> None:
        if identify is None:
            raise ConfigurationError(
                "The console lets nobody in until it is told whose a request is: pass"
                " identify=StandaloneAuth(bridge) for operators of its own, FlaskLoginAuth(),"
                " StarletteUserAuth(), ProxyHeaderAuth(...), or a function from a request to an"
                " Operator. Under Django, include orderflow_bridge_django.console.urls."
            )
        self._trusted_origins = frozenset(trusted_origins)
        self._assets = Assets()
        self._routes = Routes(ROUTES)
        self._trespasses = Trespasses()
        self._desk = Desk(
            bridge=bridge,
            views=Views(self._assets),
            authentication=Identified(identify) if callable(identify) else identify,
            signs_out=isinstance(identify, StandaloneAuth),
            mount_of_bridge=mount_of_bridge.rstrip("/"),
            csp_nonce=csp_nonce,
            program=program,
        )

    @cached_property
    def _key(self) -> bytes:
        return self._desk.bridge.keys.console_key()

    def most_body(self, method: str, path: str) -> int:
        """Tell how many bytes the body of a request may have; a shell reads no more."""
        route, _, _ = self._routes.find(method, path)
        return MOST_BODY if route is None else route.body

    def handle(self, request: Request) -> Answer:
        """Answer a request; may block."""
        return guard.guarded(self._answer(request))

    def _answer(self, request: Request) -> Answer:
        if request.path.startswith(_STATIC) and request.is_safe:
            asset = self._assets.find(request.path.removeprefix(_STATIC))
            if asset is not None:
                return asset
        if not request.path:
            # Relative references begin at a slash.
            name = quote(request.root.rpartition("/")[2])
            return Answer(status=303, headers=(("Location", f"./{name}/" if name else "/"),))
        session = cookies.session_of(request)
        fresh = () if session else (cookies.kept(request, session := guard.new_token()),)
        return self._visited(request, session).with_headers(*fresh)

    def _visited(self, request: Request, session: str) -> Answer:
        try:
            operator = self._desk.authentication.identify(request)
        except (BridgeError, ConfigurationError) as error:
            return self._unidentified(request, session, error)
        name = operator.name if operator else ""
        now = self._desk.bridge.clock.now()
        route, place, allowed = self._routes.find(request.method, request.path)
        visit = Visit(
            request=request,
            operator=operator,
            place=place,
            token=guard.form_token(self._key, session, name),
            session=session,
            now=now,
            zone=Zone(request.cookies.get(COOKIE, "")),
            confirmed=cookies.is_confirmed(request, self._key, f"{session}\0{name}", now),
        )
        if not request.is_safe and guard.is_foreign(request, self._trusted_origins):
            return self.refuse(visit, 403, "Another site's page sent this; nothing happened.")
        if operator is None and (route is None or route.role is not None):
            if not request.is_for_a_person:
                return self.refuse(visit, 401, "Nobody is signed in, so nothing happened.")
            return self._stranger(visit)
        if route is None:
            if allowed:
                answer = self.refuse(visit, 405, "This page cannot do that.")
                return answer.with_headers(("Allow", ", ".join(sorted(set(allowed)))))
            return self.refuse(visit, 404, "There is no such page.")
        return self._entered(route, visit)

    def _entered(self, route: Route, visit: Visit) -> Answer:
        operator, request = visit.operator, visit.request
        if route.writes and not guard.same_token(visit.token, request.form.first("csrf")):
            return self.refuse(
                visit, 403, "The form is too old, and nothing happened. Load the page again."
            )
        if operator is not None and route.role is not None and not may(operator, route.role):
            return self._not_allowed(operator, route, visit)
        try:
            return route.page(self._desk, visit)
        except (BridgeError, ConfigurationError) as error:
            return self._failed(visit, error)

    def _failed(self, visit: Visit, error: BridgeError | ConfigurationError) -> Answer:
        if isinstance(error, ConfigurationError):
            return self.refuse(visit, 503, str(error))
        status, _ = CODES.get(error.code, (_SERVER_ERROR, ""))
        return self.refuse(visit, status, error.detail or error.code)

    def _not_allowed(self, operator: Operator, route: Route, visit: Visit) -> Answer:
        """Refuse what the role does not allow, and tell the audit where it would have changed."""
        act = f"{route.method} {route.path}"
        if route.writes and self._trespasses.is_news(operator.name, act, visit.now):
            try:
                self._desk.bridge.audit.note(
                    "console.refused",
                    actor=operator.name,
                    subject=_named(visit.place),
                    details={"act": act, "role": operator.role},
                )
            except BridgeError as error:
                self._trespasses.forget(operator.name, act)
                return self._failed(visit, error)
        return self.refuse(visit, 403, f"That needs the role {route.role}; nothing happened.")

    def _unidentified(
        self, request: Request, session: str, error: BridgeError | ConfigurationError
    ) -> Answer:
        """Say why nobody can be recognised now; nobody is let in meanwhile."""
        visit = Visit(
            request=request,
            operator=None,
            place={},
            token="",
            session=session,
            now=self._desk.bridge.clock.now(),
            zone=Zone(request.cookies.get(COOKIE, "")),
        )
        return self._failed(visit, error)

    def _stranger(self, visit: Visit) -> Answer:
        """Show the way in; what a form wanted is not done later by itself."""
        asked = visit.request
        if not asked.is_safe:
            asked = replace(asked, form_page=self._routes.form_of(asked.path))
        url = self._desk.authentication.sign_in_url(asked)
        if url is not None and asked.is_safe:
            return Answer(status=303, headers=(("Location", url),))
        return self.refuse(visit, 401, "Nobody is signed in, so nothing happened.", sign_in=url)

    def refuse(self, visit: Visit, status: int, message: str, **values: object) -> Answer:
        """Answer with a page that says why not."""
        return self._desk.show(
            visit, "refused.html", status=status, message=message, code=status, **values
        )


def _named(place: Mapping[str, str]) -> str:
    """Give what an act was about, for the audit; whatever cannot be an id is not kept."""
    name = next(iter(place.values()), "")
    is_name = len(name) <= _LONGEST_ID and name.isascii() and name.isprintable()
    return name if is_name and not is_card(name) else ""
