"""A real browser before the console: each page is watched while it is open."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from orderflow_bridge.cli.serving import DevelopmentServer
from tests.live import need

__all__ = ["Watched", "chromium", "served", "watched"]

_ENGLISH, _ZONE = "en-GB", "Europe/London"
_PATIENCE = 20_000
_REFUSED = 400


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Debian's Chromium without a window; what is missing skips, and fails in CI."""
    need("playwright")
    path = os.environ.get("OFB_TEST_CHROMIUM") or shutil.which("chromium")
    if path is None:
        tell = pytest.fail if os.environ.get("CI") else pytest.skip
        tell("chromium is not installed")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- an optional package

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--lang=en-GB"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(application: Any) -> Iterator[str]:
    """Serve a site on the loopback; gives its address."""
    server = DevelopmentServer(application, host="127.0.0.1", port=0, threads=4, quiet=True)
    with server.running():
        yield server.url


@dataclass
class Watched:
    """A page, and what went wrong in it that nobody sees."""

    page: Any
    wrong: list[str] = field(default_factory=list)

    def visit(self, address: str, *, status: int = 200) -> None:
        """Go to a page that answers with a status; of a refusal the browser says so, too."""
        answer = self.page.goto(address)
        assert answer.status == status, f"{address} answers {answer.status}"
        if status >= _REFUSED:
            self.forgive(status)

    def hear(self, said: Any) -> None:
        """Note what the browser says of a page, where it is an error."""
        if said.type == "error":
            self.wrong.append(f"{said.text} {said.location['url']}")

    def miss(self, asked: Any) -> None:
        """Note what did not come, unless the page was left meanwhile."""
        if asked.failure != "net::ERR_ABORTED":
            self.wrong.append(f"{asked.failure} {asked.url}")

    def forgive(self, status: int) -> None:
        """Let the browser have said, once, that a page was answered with a refusal."""
        said = [one for one in self.wrong if f"status of {status} " in one]
        self.wrong.remove(said[0])

    def hold(self) -> None:
        """Fail where the page broke its policy, said an error, or asked for what is not there."""
        assert self.wrong == []


@contextmanager
def watched(browser: Any, *, is_new: bool = False, **options: Any) -> Iterator[Watched]:
    """Open a page of its own; leaving it holds it to what it must not do.

    Unless the browser `is_new`, the console knows its zone, and no page is asked for once more.
    """
    chosen = {"locale": _ENGLISH, "timezone_id": _ZONE, "java_script_enabled": True} | options
    context = browser.new_context(**chosen)
    context.set_default_timeout(_PATIENCE)
    if chosen["java_script_enabled"] and not is_new:
        told = {"name": "ofb-zone", "value": chosen["timezone_id"]}
        context.add_cookies([told | {"domain": "127.0.0.1", "path": "/"}])
    try:
        seen = Watched(context.new_page())
        # A violation of the policy is said on the console, as an error.
        seen.page.on("console", seen.hear)
        seen.page.on("pageerror", lambda error: seen.wrong.append(str(error)))
        seen.page.on("requestfailed", seen.miss)
        yield seen
        seen.hold()
    finally:
        context.close()
