"""Who may enter: an operator, a role, and what a host tells the console about them."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from orderflow_bridge.console.http import Request
from orderflow_bridge.domain.session import Role

__all__ = ["ROLES", "Authentication", "Identified", "Identify", "Operator", "Role", "may"]

ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""Each may do what those before it may.

A viewer sees everything but secrets. An operator settles and cancels orders, and imports products.
An admin makes, changes, rotates and reveals connections.
"""


class Operator(Struct, frozen=True, kw_only=True):
    """A person at the console; `name` is who the audit says it was."""

    name: str
    role: Role


Identify = Callable[[Request], Operator | None]
"""Tell whose request it is; None where nobody is signed in."""


class Authentication(Protocol):
    """How operators are known; a plain function of the type `Identify` will do, too."""

    def identify(self, request: Request) -> Operator | None:
        """Tell whose request it is; None where nobody is signed in."""
        ...

    def sign_in_url(self, request: Request) -> str | None:
        """Tell where to sign in; None where there is no such page.

        A reference as a `Location` may have it, relative to the page that was asked for. It leads
        back to `request.root` and `request.page`: what a form would have done is not done again.
        """
        ...

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:
        """Tell whether it is the operator's password; None where nobody can tell.

        Where it is None, the console asks for a word that shows the intent, and nothing more. It
        asks with an empty password which of the two it is; that is no attempt.
        """
        ...


class Identified:
    """A plain function as an `Authentication`: the host signs people in, elsewhere."""

    def __init__(self, identify: Identify) -> None:
        self.identify = identify

    def sign_in_url(self, request: Request) -> str | None:  # noqa: ARG002 -- a port
        """Know no page."""
        return None

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:  # noqa: ARG002 -- a port
        """Know no password."""
        return None


def may(operator: Operator, role: Role) -> bool:
    """Tell whether an operator has a role, or a higher one."""
    return ROLES.index(operator.role) >= ROLES.index(role)
