"""The console behind a proxy that signs people in, and tells who it is in a header."""

import re
from collections.abc import Iterable, Mapping

from orderflow_bridge.console.http import Request
from orderflow_bridge.console.operators import Operator, Role
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.security.network import parse_trusted_proxies

__all__ = ["ProxyHeaderAuth"]

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_LONGEST = 200


class ProxyHeaderAuth:
    """Believe a header, where the socket's peer is one of `trusted_proxies`, and nobody else.

    `roles` says what each name may do, `role` what all others may do; None lets none of them in.
    The proxy must overwrite the header on every request, also where nobody is signed in. Under WSGI
    a client's own `X_Forwarded_User` arrives as the proxy's `X-Forwarded-User`, so nobody is
    believed before `header_aliases_dropped` says that names with underscores do not arrive. What
    rewrites the socket's peer (ProxyFix, `--proxy-headers`) must not be in front of the console:
    the peer would be whoever a client says it is.

    Raises `ConfigurationError` where nobody is trusted, where everybody is, and where nobody could
    enter.
    """

    def __init__(
        self,
        *,
        header: str = "X-Forwarded-User",
        trusted_proxies: Iterable[str],
        roles: Mapping[str, Role] | None = None,
        role: Role | None = None,
        header_aliases_dropped: bool = False,
    ) -> None:
        try:
            self._trusted = parse_trusted_proxies(trusted_proxies)
        except ValueError as error:
            raise ConfigurationError(f"`trusted_proxies` is wrong: {error}.") from None
        if not self._trusted.entries:
            raise ConfigurationError(
                "ProxyHeaderAuth trusts nobody yet: name the addresses of your proxies in"
                " `trusted_proxies`."
            )
        if _NAME.fullmatch(header) is None:
            raise ConfigurationError(
                "`header` is no name of a header: write letters, digits and hyphens, as in"
                " X-Forwarded-User."
            )
        if role is None and not roles:
            raise ConfigurationError(
                "ProxyHeaderAuth would let nobody in: give `roles` of names, or a `role` for"
                " everybody whom the proxy lets through."
            )
        self._header = header.lower()
        self._roles = dict(roles or {})
        self._role = role
        self._aliases_dropped = header_aliases_dropped

    def identify(self, request: Request) -> Operator | None:
        """Read the header; None where it is not there, or cannot be one name.

        Raises `ConfigurationError` where the header cannot be told from its alias.
        """
        if not self._trusted.trusts(request.peer):
            return None
        if _is_aliased(request) and not self._aliases_dropped:
            raise ConfigurationError(
                f"Under WSGI {self._header} is not read yet, because a client's own"
                f" {self._header.replace('-', '_')} may arrive as it: let the proxy or the server"
                " drop header names with underscores, then pass header_aliases_dropped=True."
            )
        name = _name(request.headers.get(self._header, ""))
        role = self._roles.get(name, self._role) if name else None
        return None if role is None else Operator(name=name, role=role)

    def sign_in_url(self, request: Request) -> str | None:  # noqa: ARG002 -- a port
        """Know no page: the proxy signs people in."""
        return None

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:  # noqa: ARG002 -- a port
        """Know no password: the proxy has it."""
        return None


def _is_aliased(request: Request) -> bool:
    """Tell whether the host may have read underscores as hyphens; only ASGI shows that not."""
    native = request.native
    return request.aliased or not (isinstance(native, dict) and native.get("type") == "http")


def _name(value: str) -> str:
    """Read one name in UTF-8; empty for anything else, as two headers that were joined are."""
    try:
        name = value.encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        return ""
    return name if len(name) <= _LONGEST and name.isprintable() and "," not in name else ""
