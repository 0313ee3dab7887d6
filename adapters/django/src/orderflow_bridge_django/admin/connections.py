"""Connections in the admin: create, allow, rotate, reveal; every change goes through the bridge."""

from collections.abc import Callable
from typing import Any

import msgspec
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from orderflow_bridge import BridgeError, ConfigurationError
from orderflow_bridge.connections import Credentials
from orderflow_bridge.domain.connection import SCOPES
from orderflow_bridge.domain.connection import Connection as KeptConnection

from orderflow_bridge_django.admin.readonly import ReadOnlyAdmin, moment
from orderflow_bridge_django.bridge import get_bridge
from orderflow_bridge_django.models import Connection
from orderflow_bridge_django.transactions import own_transactions

__all__ = ["ConnectionAdmin"]

_REVEAL = "orderflow_bridge.reveal_secret"


class _Allow(forms.Form):
    """Where a connection may be used from."""

    allow = forms.CharField(
        label="Allow-list",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 50}),
        help_text="Addresses and CIDR ranges, one on each line; empty allows every address.",
    )

    def lines(self) -> list[str]:
        """Give what was entered, without empty lines."""
        return [line.strip() for line in self.cleaned_data["allow"].splitlines() if line.strip()]


class _Create(_Allow):
    """A new connection."""

    field_order = ("name", "scopes", "currency", "window", "allow")
    name = forms.CharField(max_length=100, help_text="The storefront, as an operator calls it.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        initial=["carts:read", "carts:write", "orders:read", "orders:write"],
    )
    currency = forms.CharField(
        required=False, max_length=3, help_text="Of its carts, where a cart names none: GBP."
    )
    window = forms.IntegerField(
        label="Replay window",
        initial=60,
        min_value=1,
        help_text="How many seconds a signature is good for.",
    )


class _Rotate(forms.Form):
    """A new secret."""

    grace = forms.IntegerField(
        label="Grace period",
        initial=86_400,
        min_value=0,
        help_text="For so many seconds the old secret works beside the new one; 0 ends it now.",
    )
    end_earlier = forms.BooleanField(
        label="End the grace period of an earlier secret",
        required=False,
        help_text="Needed where the secret was rotated before and that grace period still runs.",
    )


class _Reveal(forms.Form):
    """Nothing to fill in: a person says that the secret is to be shown."""


class ConnectionAdmin(ReadOnlyAdmin):
    """Operate inbound connections; a secret is derived when it is shown, and never stored."""

    list_display = ("name", "client_id", "status", "scopes", "allowed", "updated")
    list_filter = ("status",)
    search_fields = ("client_id", "name")
    fields = (
        "name", "client_id", "status", "channel", "scopes", "allowed", "window", "created",
        "updated",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("enable", "disable")
    change_form_template = "orderflow_bridge/admin/connection.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those create who may add connections."""
        opts = self.opts
        may = request.user.has_perm(f"{opts.app_label}.add_{opts.model_name}")
        return may and self._is_kept_here()

    def get_urls(self) -> list[URLPattern]:
        """Add a page for each thing that can be done with one connection."""

        def page(name: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(
                f"<path:client_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"orderflow_bridge_connection_{name}",
            )

        return [
            page("allow", self.allow_view),
            page("rotate", self.rotate_view),
            page("reveal", self.reveal_view),
            *super().get_urls(),
        ]

    @own_transactions
    @method_decorator(never_cache)
    @sensitive_variables("made")
    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002 -- Django's
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 -- Django's
    ) -> HttpResponse:
        """Create a connection, and show its secret."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = _Create(request.POST or None)
        if form.is_valid():
            given = form.cleaned_data
            made = _tried(
                form,
                lambda: get_bridge().connections.create(
                    given["name"],
                    scopes=given["scopes"],
                    allow=form.lines(),
                    window=given["window"],
                    currency=given["currency"] or None,
                    actor=request.user.get_username(),
                ),
            )
            if made is not None:
                row = self.get_queryset(request).get(pk=made.connection.client_id)
                self.log_addition(request, row, "Created through the bridge.")
                return self._secret(request, made, "Connection created")
        return self._form(request, form, "Add connection", "Create")

    @own_transactions
    @method_decorator(never_cache)
    def allow_view(self, request: HttpRequest, client_id: str) -> HttpResponse:
        """Replace the allow-list."""
        row = self._row(request, client_id)
        form = _Allow(request.POST or None, initial={"allow": "\n".join(_kept(row).allow_list)})
        if form.is_valid() and _tried(
            form,
            lambda: get_bridge().connections.allow(
                row.client_id, form.lines(), actor=request.user.get_username()
            ),
        ):
            self.log_change(request, row, "Replaced the allow-list.")
            self.message_user(request, f"The allow-list of {row.name} works from now on.")
            return self._back(row)
        return self._form(request, form, f"Allow-list of {row.name}", "Replace", row)

    @own_transactions
    @method_decorator(never_cache)
    @sensitive_variables("made")
    def rotate_view(self, request: HttpRequest, client_id: str) -> HttpResponse:
        """Issue a new secret, and show it."""
        row = self._row(request, client_id)
        form = _Rotate(request.POST or None)
        if form.is_valid():
            grace, end_earlier = form.cleaned_data["grace"], form.cleaned_data["end_earlier"]
            made = _tried(
                form,
                lambda: get_bridge().connections.rotate(
                    row.client_id,
                    grace=grace,
                    replace_open_grace=end_earlier,
                    actor=request.user.get_username(),
                ),
            )
            if made is not None:
                self.log_change(request, row, f"Rotated the secret, {grace} s of grace.")
                return self._secret(request, made, f"New secret of {row.name}")
        return self._form(request, form, f"Rotate the secret of {row.name}", "Rotate", row)

    @own_transactions
    @method_decorator(never_cache)
    @sensitive_variables("made")
    def reveal_view(self, request: HttpRequest, client_id: str) -> HttpResponse:
        """Show the secret again, to who may see it and says so."""
        if not request.user.has_perm(_REVEAL):
            raise PermissionDenied
        row = self._row(request, client_id, change=False)
        form = _Reveal(request.POST if request.method == "POST" else None)
        if form.is_valid():
            made = _tried(
                form,
                lambda: get_bridge().connections.reveal(
                    row.client_id, actor=request.user.get_username()
                ),
            )
            if made is not None:
                self.log_change(request, row, "Revealed the secret.")
                return self._secret(request, made, f"Secret of {row.name}")
        return self._form(request, form, f"Reveal the secret of {row.name}", "Reveal", row)

    @admin.action(description="Let in again", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        """Enable the chosen connections."""
        self._each(request, queryset, get_bridge().connections.enable, "enabled")

    @admin.action(description="Shut out", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        """Disable the chosen connections; works with their next request."""
        self._each(request, queryset, get_bridge().connections.disable, "disabled")

    @admin.display(description="scopes")
    def scopes(self, row: Connection) -> str:
        """List what it may do."""
        return ", ".join(sorted(_kept(row).scopes))

    @admin.display(description="allow-list")
    def allowed(self, row: Connection) -> str:
        """List where it may be used from."""
        return ", ".join(_kept(row).allow_list) or "every address"

    @admin.display(description="replay window")
    def window(self, row: Connection) -> str:
        """Write how long a signature is good for."""
        return f"{_kept(row).window} s"

    @admin.display(description="created", ordering="created_at")
    def created(self, row: Connection) -> str:
        """Write when it was made."""
        return moment(row.created_at)

    @admin.display(description="updated", ordering="updated_at")
    def updated(self, row: Connection) -> str:
        """Write when it changed last."""
        return moment(row.updated_at)

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Connection],
        act: Callable[..., KeptConnection],
        done: str,
    ) -> None:
        for row in queryset:
            try:
                act(row.client_id, actor=request.user.get_username())
            except BridgeError as refusal:
                said = f"{row.name}: {refusal.detail or refusal.code}"
                self.message_user(request, said, messages.ERROR)
            else:
                self.log_change(request, row, f"Changed to {done}.")
                self.message_user(request, f"{row.name} is {done}.")

    def _row(self, request: HttpRequest, client_id: str, *, change: bool = True) -> Connection:
        row: Connection | None = self.get_object(request, unquote(client_id))
        if row is None or not (
            self.has_change_permission(request) if change else self.has_view_permission(request)
        ):
            raise PermissionDenied
        return row

    def _back(self, row: Connection) -> HttpResponseRedirect:
        return HttpResponseRedirect(
            reverse(
                "admin:orderflow_bridge_connection_change",
                args=[quote(row.pk)],
                current_app=self.admin_site.name,
            )
        )

    def _form(
        self,
        request: HttpRequest,
        form: forms.Form,
        title: str,
        verb: str,
        row: Connection | None = None,
    ) -> TemplateResponse:
        plain: Any = form  # Nothing of a model's form is asked of it.
        shown = AdminForm(plain, [(None, {"fields": list(form.fields)})] if form.fields else [], {})
        return self._page(
            request, "form", title, form=form, fieldsets=list(shown), verb=verb, original=row
        )

    @sensitive_variables("made")
    def _secret(self, request: HttpRequest, made: Credentials, title: str) -> TemplateResponse:
        for warning in made.warnings:
            self.message_user(request, warning, messages.WARNING)
        return self._page(request, "secret", title, made=made, original=made.connection.name)

    def _page(
        self, request: HttpRequest, name: str, title: str, **context: Any
    ) -> TemplateResponse:
        # The links of a page lead to the admin site that it belongs to.
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            f"orderflow_bridge/admin/{name}.html",
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
            headers={"Cache-Control": "no-store"},
        )


def _tried(form: forms.Form, act: Callable[[], Any]) -> Any:
    """Do it; put a refusal into the form, where the person can correct what it names."""
    try:
        return act()
    except BridgeError as refusal:
        form.add_error(None, refusal.detail or refusal.code)
    except ConfigurationError as error:
        form.add_error(None, str(error))
    return None


def _kept(row: Connection) -> KeptConnection:
    return msgspec.json.decode(row.document, type=KeptConnection)
