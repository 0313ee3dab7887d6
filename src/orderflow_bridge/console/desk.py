"""What a page has at hand: the bridge, the templates, and the visit that it answers."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct, field

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console.attempts import Attempts
from orderflow_bridge.console.http import Answer, Request
from orderflow_bridge.console.operators import Authentication, Operator, may
from orderflow_bridge.console.views import Views
from orderflow_bridge.console.zones import Zone
from orderflow_bridge.domain.connection import Connection
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.protocol import client_address

__all__ = ["Desk", "Visit"]

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Visit(Struct, frozen=True, kw_only=True):
    """One request of one operator; None where nobody is signed in.

    `place` is what stood in the braces of the route, `token` what a form must send back, `now` in
    Unix ms, `confirmed` says that the operator showed within ten minutes who they are.
    """

    request: Request
    operator: Operator | None
    place: Mapping[str, str]
    token: str
    session: str
    now: int
    zone: Zone
    confirmed: bool = False

    @property
    def actor(self) -> str:
        """Name the operator for the audit."""
        return self.operator.name if self.operator else "nobody"


class Desk(Struct, frozen=True, kw_only=True):
    """What every page of one console shares; `signs_out` where the sign-ins are its own.

    `program` is how the command line is started, where the request does not say.
    """

    bridge: Bridge
    views: Views
    authentication: Authentication
    mount_of_bridge: str
    csp_nonce: Callable[[Request], str] | None = None
    program: str = "orderflow-bridge"
    signs_out: bool = False
    attempts: Attempts = field(default_factory=Attempts)

    def address_of(self, request: Request) -> str:
        """Tell the client's address, as the bridge tells that of a storefront."""
        where = client_address(self.bridge.settings)
        name = where.header.decode("ascii")
        sent = request.headers.get(name)
        headers = {} if sent is None else {where.header: [sent.encode("latin-1", "replace")]}
        return where.find(request.peer, headers, aliased=request.aliased) or "unix"

    def bridge_path(self, request: Request) -> str:
        """Give the path of the bridge as a browser sees it: under what the site runs under."""
        return quote(request.site.rstrip("/")) + self.mount_of_bridge

    def program_of(self, request: Request) -> str:
        """Tell how an operator starts the command line of this bridge, on the server."""
        return request.program or self.program

    def names(self) -> Mapping[str, str]:
        """Name every connection by its client id, oldest first."""
        return {one.client_id: one.name for one in self.bridge.connections.all()}

    def connection(self, client_id: str) -> Connection | None:
        """Give the connection with a client id; None where there is none."""
        if _CLIENT_ID.fullmatch(client_id) is None:
            return None
        try:
            return self.bridge.connections.find(client_id)
        except BridgeError as refusal:
            if refusal.code != "not_found":
                raise
            return None

    def refusals(self) -> Sequence[tuple[str, int]]:
        """Count what this process refused by code, the most frequent first."""
        found: Counter[str] = Counter()
        for (code, _), times in self.bridge.refusals().items():
            found[code] += times
        return found.most_common()

    def show(self, visit: Visit, template: str, *, status: int = 200, **values: Any) -> Answer:
        """Answer with a page."""
        return self.views.show(template, status=status, values=self._known(visit, values))

    def stream(self, visit: Visit, template: str, **values: Any) -> Iterator[bytes]:
        """Make a page piece by piece, as its values come."""
        return self.views.stream(template, values=self._known(visit, values))

    def _known(self, visit: Visit, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add what every template is given."""
        return {
            **values,
            "visit": visit,
            "operator": visit.operator,
            "up": visit.request.up,
            "token": visit.token,
            "zone": visit.zone,
            "now": visit.now,
            "signs_out": self.signs_out,
            "nonce": "" if self.csp_nonce is None else self.csp_nonce(visit.request),
            "program": self.program_of(visit.request),
            "may": lambda role: visit.operator is not None and may(visit.operator, role),
        }
