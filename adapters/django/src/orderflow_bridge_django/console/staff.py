"""Who may enter: the site's staff, by its own session and permissions."""

from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from orderflow_bridge.console import Operator, Request, Role

__all__ = ["DjangoStaffAuth"]

_CHANGES_CONNECTIONS = "orderflow_bridge.change_connection"
_REVEALS = "orderflow_bridge.reveal_secret"
_CHANGES_ORDERS = "orderflow_bridge.change_order"
_VIEWS = ("orderflow_bridge.view_order", "orderflow_bridge.view_connection")


class DjangoStaffAuth:
    """Let in active staff that may see orders and connections.

    Who may change connections and reveal their secrets is an admin of the console, who may change
    orders an operator, and who may view both a viewer. A superuser may everything.
    """

    def identify(self, request: Request) -> Operator | None:
        """Give the member of staff whose session it is."""
        user = _user(request.native)
        role = _role(user)
        return None if role is None else Operator(name=user.get_username(), role=role)

    def sign_in_url(self, request: Request) -> str | None:
        """Give the admin's login, or the site's own, which leads back."""
        if _user(request.native) is not None:
            # Signed in already, and not allowed: a login would lead round in a circle.
            return None
        try:
            url = reverse("admin:login")
        except NoReverseMatch:
            url = resolve_url(settings.LOGIN_URL)
        back = urlencode({"next": quote(request.root) + request.page})
        return f"{url}?{back}"

    def confirm(self, request: Request, operator: Operator, password: str) -> bool | None:
        """Ask the site's own backends whether it is the password of the signed-in user."""
        if not password:
            # Asked whether there is one at all: no try, and nothing for a lock-out to count.
            return False
        found = authenticate(request.native, username=operator.name, password=password)
        return found is not None and found.pk == request.native.user.pk


def _user(request: HttpRequest) -> Any:
    """Give the signed-in user; None where nobody is, or the site has no sessions."""
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _role(user: Any) -> Role | None:
    if user is None or not user.is_active or not user.is_staff:
        return None
    if user.has_perms((_CHANGES_CONNECTIONS, _REVEALS)):
        return "admin"
    if user.has_perm(_CHANGES_ORDERS):
        return "operator"
    return "viewer" if user.has_perms(_VIEWS) else None
