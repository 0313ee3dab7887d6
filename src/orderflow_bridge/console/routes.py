"""From method and path to a page: each module of pages lists its own routes."""

import re
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from orderflow_bridge.console.desk import Desk, Visit
from orderflow_bridge.console.http import Answer
from orderflow_bridge.console.operators import Role

__all__ = ["MOST_BODY", "Page", "Route", "Routes"]

MOST_BODY = 64 * 1024
"""How many bytes the body of a form may have, but for the route that says otherwise."""

Page = Callable[[Desk, Visit], Answer]

_PART = re.compile(r"\{(\w+)\}")


class Route(Struct, frozen=True, kw_only=True):
    """One page or one act: what is in braces in `path` is handed over in `Visit.place`.

    `role` is the least that it needs; None lets in who is not signed in. `body` is how many bytes
    the body may have.
    """

    method: str
    path: str
    page: Page
    role: Role | None = "viewer"
    body: int = MOST_BODY

    @property
    def writes(self) -> bool:
        """Tell whether it may change something."""
        return self.method != "GET"


class Routes:
    """All routes of a console."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all: tuple[Route, ...] = tuple(routes)
        self._patterns = [(_pattern(route.path), route) for route in self.all]

    def find(self, method: str, path: str) -> tuple[Route | None, Mapping[str, str], list[str]]:
        """Give the route, what stood in its braces, and the methods that the path has."""
        method = "GET" if method == "HEAD" else method
        allowed = []
        for pattern, route in self._patterns:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if route.method == method:
                return route, found.groupdict(), []
            allowed.append(route.method)
        return None, {}, allowed

    def form_of(self, path: str) -> str:
        """Give the path of the page that has the form of an act: its own, or one above it."""
        while path.strip("/"):
            if self.find("GET", path)[0] is not None:
                return path
            path = path.rpartition("/")[0]
        return "/"


def _pattern(path: str) -> re.Pattern[str]:
    pieces = _PART.split(path)
    return re.compile(
        "".join(
            f"(?P<{piece}>[^/]+)" if place % 2 else re.escape(piece)
            for place, piece in enumerate(pieces)
        )
    )
