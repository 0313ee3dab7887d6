"""The site that every server of these tests serves: one page, and the bridge of the environment."""

import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from orderflow_bridge import Bridge, BridgeASGI
from orderflow_bridge.cli.serving import site

__all__ = ["BODY_TIMEOUT", "asgi", "bridge", "wsgi"]

BODY_TIMEOUT = 2.0
"""After how many seconds a body that was held back is refused under ASGI."""

if os.environ.get("DJANGO_SETTINGS_MODULE"):
    import django

    django.setup()

bridge = Bridge.open()

_decisions = logging.getLogger("orderflow_bridge.requests")
_decisions.addHandler(logging.FileHandler(Path(bridge.settings.home) / "decisions.jsonl"))
_decisions.setLevel(logging.INFO)
_decisions.propagate = False

wsgi = site(bridge, with_console=False)


async def _page(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    """Answer as the page of the WSGI site does."""
    if scope["type"] != "http":
        raise NotImplementedError
    found = scope["path"] == "/"
    text = b"The bridge is mounted." if found else b"There is nothing here.\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else text})


asgi = BridgeASGI(_page, bridge=bridge, body_timeout=BODY_TIMEOUT)
