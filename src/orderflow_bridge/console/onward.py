"""Where a visit goes on after the operator showed who they are: a path under the mount only."""

import re
from urllib.parse import quote

from orderflow_bridge.console.http import Request

__all__ = ["onward", "way_back"]

_LONGEST = 2_000
# Printable ASCII without a blank and a backslash, which browsers read as a slash.
_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")
_ENDS = re.compile(r"[?#]")
_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)


def onward(text: str) -> str:
    """Give the path of a page of the console, with its query; `/` for anything else.

    A scheme, a host, a backslash, a control character and a step upwards are anything else: a link
    that somebody sends leads nowhere but to the console itself.
    """
    path = _ENDS.split(text, maxsplit=1)[0]
    if (
        len(text) > _LONGEST
        or _PATH.fullmatch(text) is None
        or any(_DOTS.fullmatch(part) for part in path.split("/"))
    ):
        return "/"
    return text


def way_back(request: Request) -> str:
    """Write the page to come back to as the value of `next` in a query string."""
    return quote(request.page, safe="")
