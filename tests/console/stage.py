"""A console on a bridge in memory, and a browser of an operator."""

import re
from typing import Any

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import BridgeConsole, ConsoleWSGI, Operator, Request
from orderflow_bridge.console.operators import ROLES
from orderflow_bridge.domain.operator import SettledOperator
from orderflow_bridge.ports import ProductCatalog, Storage
from orderflow_bridge.settings import Settings
from orderflow_bridge.storage.memory import MemoryStorage
from orderflow_bridge.testing.clock import SetClock
from orderflow_bridge.testing.entropy import CountedEntropy
from tests.hosts.hosts import optional
from tests.rig import RING

__all__ = [
    "AT",
    "GUARDS",
    "PASSWORD",
    "WHO",
    "browser",
    "by_header",
    "form_of",
    "form_token_of",
    "open_bridge",
    "settled",
]

AT = "/bridge-console"
WHO = "X-Test-Operator"
GUARDS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every answer with a page has."""
PASSWORD = "correct horse battery"
_HASHED = "scrypt$32768$8$1$AAAAAAAAAAAAAAAAAAAAAA$4_I690p0UHcxLaZAUmb4X-jg64YqVgkQRn0ju1HA01E"


def open_bridge(
    storage: Storage | None = None, *, catalogue: ProductCatalog | None = None, **settings: Any
) -> Bridge:
    return Bridge(
        storage=storage or MemoryStorage(),
        master_keys=RING,
        settings=Settings(database="memory://", **settings),
        clock=SetClock(),
        entropy=CountedEntropy(),
        catalogue=catalogue,
    )


def settled(name: str, role: Any) -> SettledOperator:
    """Write an operator into the settings, whose password is PASSWORD."""
    return SettledOperator(name=name, role=role, password=_HASHED)


def by_header(request: Request) -> Operator | None:
    """Believe a header `name role`; only a test's browser can be believed so."""
    name, _, role = request.headers.get(WHO.lower(), "").rpartition(" ")
    return Operator(name=name, role=role) if role in ROLES else None


def browser(console: BridgeConsole, who: str = "", **environ: str) -> Any:
    """Open a browser; `who` is `name role` for a console that believes `by_header`."""
    webtest = optional("webtest")
    extra = {"REMOTE_ADDR": "203.0.113.9", **environ}
    if who:
        extra["HTTP_X_TEST_OPERATOR"] = who
    return webtest.TestApp(ConsoleWSGI(console=console), extra_environ=extra)


def form_of(page: Any, act: str) -> Any:
    """Find the form of a page that does `act`."""
    return next(one for one in page.forms.values() if one.action.endswith(f"/{act}"))


def form_token_of(page: Any) -> str:
    """Read the token that a page's forms send back."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]
