"""Requests and answers as the console's pages see them, whatever server is in front."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from orderflow_bridge.console.forms import Fields, read_form, read_query

__all__ = ["SAFE", "Answer", "Request", "redirect"]

# What a reference is written with (RFC 3986), escapes included; a line's end is escaped.
_WRITTEN = "!#$%&'()*+,/:;=?@[]~"

SAFE = frozenset({"GET", "HEAD"})
"""The methods that change nothing (RFC 9110, section 9.2.1)."""


class Request(Struct, frozen=True, kw_only=True, dict=True):
    """A whole request under the place where the console is mounted.

    `path` is decoded and begins with a slash; it is empty for the mount itself without a slash.
    `root` is the mount as a browser sees it (`/shop/bridge-console`), `headers` have names in lower
    case, `peer` is the address of the socket. `aliased` says that a header cannot be told from its
    alias with underscores, as in WSGI. `native` is the host's own request: a WSGI environ,
    an ASGI scope, or a framework's object. `site` is the part of `root` that the whole site runs
    under, empty where that cannot be told. `form_page` is the path of the page that has the form,
    where it is one that acts. `home` is the address of the site's own administration, empty where
    there is none to go back to. `program` is how the host starts the command line
    (`flask bridge`); empty where the shell does not know.
    """

    method: str
    path: str
    root: str
    query_string: str = ""
    headers: Mapping[str, str]
    body: bytes = b""
    scheme: str = "http"
    peer: str | None = None
    aliased: bool = False
    native: Any = None
    site: str = ""
    form_page: str | None = None
    home: str = ""
    program: str = ""

    @cached_property
    def query(self) -> Fields:
        """Read the query string."""
        return read_query(self.query_string)

    @cached_property
    def form(self) -> Fields:
        """Read the body of a form; empty where it is none."""
        return read_form(self.headers.get("content-type", ""), self.body)

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """Read the cookies; the first of a name counts, which has the longest path.

        One of the site's own that is written unlike the others hides none of them (RFC 6265,
        section 5.4).
        """
        found: dict[str, str] = {}
        for pair in self.headers.get("cookie", "").split(";"):
            name, separator, value = pair.partition("=")
            if separator:
                found.setdefault(name.strip(), value.strip().strip('"'))
        return found

    @property
    def is_safe(self) -> bool:
        """Tell whether its method changes nothing."""
        return self.method in SAFE

    @property
    def is_for_a_person(self) -> bool:
        """Tell whether a page is wanted, and not data for a script or a program."""
        mode = self.headers.get("sec-fetch-mode")
        if mode is not None:
            return mode == "navigate"
        wanted = self.headers.get("accept", "*/*")
        return "text/html" in wanted or "*/*" in wanted

    @property
    def page(self) -> str:
        """Give the page that a sign-in leads back to, as a path under the mount with its query."""
        if self.form_page is not None:
            return quote(self.form_page)
        return quote(self.path) + (f"?{self.query_string}" if self.query_string else "")

    @property
    def up(self) -> str:
        """Give the way from this page to the mount, as a relative reference: `./` or `../../`."""
        return "../" * (self.path.count("/") - 1) or "./"


class Answer(Struct, frozen=True, kw_only=True):
    """A whole answer; a body that is no `bytes` is sent piece by piece as it is made."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterable[bytes] = b""

    def with_headers(self, *headers: tuple[str, str]) -> "Answer":
        """Give the answer with more headers."""
        return Answer(status=self.status, headers=(*self.headers, *headers), body=self.body)


def redirect(request: Request, to: str, *headers: tuple[str, str]) -> Answer:
    """Send the browser to a page of the console, by GET; `to` is a path under the mount.

    The reference is relative, so that it holds under any prefix and behind any proxy.
    """
    location = quote(request.up + to.lstrip("/"), safe=_WRITTEN)
    return Answer(status=303, headers=(("Location", location), *headers))
