"""Pages that only show: what the bridge guarantees, a form would break."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from orderflow_bridge import ConfigurationError
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.time import as_utc

from orderflow_bridge_django.bridge import get_app
from orderflow_bridge_django.transactions import own_transactions

__all__ = ["ReadOnlyAdmin", "moment", "money"]


def moment(milliseconds: int | None) -> str:
    """Write a time as an operator reads it, in UTC."""
    return "–" if milliseconds is None else f"{as_utc(milliseconds):%Y-%m-%d %H:%M:%S} UTC"


def money(amount: int, currency: str) -> str:
    """Write an amount of minor units with its currency."""
    return f"{format_price(amount, currency)} {currency}"


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for checkers alone
    """Show rows, and offer actions that go through the bridge; nothing is edited or deleted.

    They are those of the bridge's own database, whatever the routers say. A site that keeps them
    elsewhere sees none of it. `replaced_by` names what puts others in their place.
    """

    replaced_by: ClassVar[str] = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read where the bridge writes."""
        return super().get_queryset(request).using(get_app().alias)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Leave out of the index what is kept elsewhere."""
        return self._is_kept_here() and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Show nothing that is kept elsewhere."""
        return self._is_kept_here() and super().has_view_permission(request, obj)

    @own_transactions
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; its actions are the bridge's transactions."""
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- Django's
        """Let nobody add a row past the bridge."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let the actions ask for the permission, and no form edit a row."""
        return obj is None and self._is_kept_here() and super().has_change_permission(request)

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- Django's
        obj: Model | None = None,  # noqa: ARG002 -- Django's
    ) -> bool:
        """Let nobody delete what was sold."""
        return False

    def _is_kept_here(self) -> bool:
        app = get_app()
        try:
            found = app.configuration
        except ConfigurationError:
            return False  # A check says why; the rest of the admin works.
        replaced = self.replaced_by and getattr(found, self.replaced_by) is not None
        return app.alias is not None and not replaced
