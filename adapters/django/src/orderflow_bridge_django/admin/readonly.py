"""Pages that only show: what the bridge guarantees, a form would break."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.time import as_utc

__all__ = ["ReadOnlyAdmin", "moment", "money"]


def moment(milliseconds: int | None) -> str:
    """Write a time as an operator reads it, in UTC."""
    return "–" if milliseconds is None else f"{as_utc(milliseconds):%Y-%m-%d %H:%M:%S} UTC"


def money(amount: int, currency: str) -> str:
    """Write an amount of minor units with its currency."""
    return f"{format_price(amount, currency)} {currency}"


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for checkers alone
    """Show rows, and offer actions that go through the bridge; nothing is edited or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's
        """Let nobody add a row past the bridge."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let the actions ask for the permission, and no form edit a row."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's
        obj: Model | None = None,  # noqa: ARG002 -- Django's
    ) -> bool:
        """Let nobody delete what was sold."""
        return False
