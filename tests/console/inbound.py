"""An operator at the pages of connections, and what the bridge says behind their back."""

from dataclasses import dataclass
from typing import Any

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.console import BridgeConsole
from orderflow_bridge.domain.connection import Connection
from tests.console.stage import browser, by_header, form_token_of, open_bridge

__all__ = ["AT", "Operating", "operating", "told"]

AT = "/bridge-console"


@dataclass
class Operating:
    """One operator's browser."""

    bridge: Bridge
    app: Any

    def get(self, path: str, **options: Any) -> Any:
        return self.app.get(AT + path, **options)

    def post(self, path: str, expect: int = 303, /, **fields: str) -> Any:
        """Send a form as a page of this session would, whether or not a page offers it."""
        token = form_token_of(self.get("/confirm"))
        return self.app.post(AT + path, fields | {"csrf": token}, status=expect)

    def confirm(self) -> None:
        """Show just now who they are."""
        form = self.get("/confirm").form
        form["word"] = "confirm"
        form.submit(status=303)

    def connection(self) -> Connection:
        """Give the one connection that there is, as the Python face says it."""
        [connection] = self.bridge.connections.all()
        return connection

    def acts(self) -> list[tuple[str, str]]:
        """Give who did what, as the audit says it."""
        return [(entry.actor, entry.event) for entry in self.bridge.audit.page()]


def operating(who: str = "ada admin", bridge: Bridge | None = None, **settings: Any) -> Operating:
    """Sit somebody down; `who` is `name role`."""
    bridge = bridge or open_bridge(**settings)
    app = browser(BridgeConsole(bridge, identify=by_header), who)
    return Operating(bridge, app)


def told(page: Any, field: str) -> list[str]:
    """Give the messages that stand at a field."""
    return [
        text.get_text()
        for text in page.html.find_all(class_="error")
        if str(text["id"]).startswith(f"{field}-error")
    ]
