"""The console inside a Starlette or FastAPI site: whom its AuthenticationMiddleware knows."""

from collections.abc import Callable
from typing import Any

from orderflow_bridge.console.http import Request
from orderflow_bridge.console.operators import Operator, Role
from orderflow_bridge.domain.errors import ConfigurationError

__all__ = ["StarletteUserAuth"]


class StarletteUserAuth:
    """Let in the `user` that an AuthenticationMiddleware found, with the role the site gives them.

    `role` tells what a user may do; None for those who may not enter, such as customers. `name` is
    what the audit calls them, by default their `display_name`. `sign_in` is where the site signs
    people in. The console is behind the middleware: mounted in the site, or added before it.
    """

    def __init__(
        self,
        *,
        role: Callable[[Any], Role | None],
        name: Callable[[Any], str] = lambda user: str(user.display_name),
        sign_in: str | None = None,
    ) -> None:
        self._role = role
        self._name = name
        self._sign_in = sign_in

    def identify(self, request: Request) -> Operator | None:
        """Read `scope["user"]`; None for a stranger, and for who may not enter.

        Raises `ConfigurationError` where no middleware looked who it is.
        """
        user = self._user(request)
        if not user.is_authenticated:
            return None
        role = self._role(user)
        return None if role is None else Operator(name=self._name(user), role=role)

    def sign_in_url(self, request: Request) -> str | None:
        """Give the site's own page; None where it has none, and for who may not enter."""
        return None if self._user(request).is_authenticated else self._sign_in

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:  # noqa: ARG002 -- a port
        """Know no password."""
        return None

    def _user(self, request: Request) -> Any:
        scope = request.native
        if not isinstance(scope, dict) or "user" not in scope:
            raise ConfigurationError(
                "No AuthenticationMiddleware has looked who it is: let the site have one, and the"
                " console be behind it (mounted in the site, or added before the middleware)."
            )
        return scope["user"]
