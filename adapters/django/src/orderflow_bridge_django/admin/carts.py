"""Carts in the admin: to look at."""

from collections.abc import Iterable

import msgspec
from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from orderflow_bridge.domain.cart import Cart as KeptCart
from orderflow_bridge.domain.order import Line

from orderflow_bridge_django.admin.readonly import ReadOnlyAdmin, moment, money
from orderflow_bridge_django.models import Cart

__all__ = ["CartAdmin", "lines_of"]


class CartAdmin(ReadOnlyAdmin):
    """Show carts, the ones that moved last first."""

    replaced_by = "carts"
    list_display = ("cart_id", "connection", "shown_total", "email", "updated", "order_id")
    list_filter = ("currency", "connection")
    search_fields = ("cart_id", "email", "order_id")
    ordering = ("-updated_at",)
    fields = (
        "cart_id", "connection", "version", "shown_total", "email", "lines", "updated", "expires",
        "order_id",
    )  # fmt: skip
    readonly_fields = fields
    show_full_result_count = False

    @admin.display(description="total")
    def shown_total(self, cart: Cart) -> str:
        """Write the total with its currency."""
        return money(cart.total, cart.currency)

    @admin.display(description="updated", ordering="updated_at")
    def updated(self, cart: Cart) -> str:
        """Write when it moved last."""
        return moment(cart.updated_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, cart: Cart) -> str:
        """Write when it ends."""
        return moment(cart.expires_at)

    @admin.display(description="lines")
    def lines(self, cart: Cart) -> SafeString:
        """List what is in it."""
        kept = msgspec.json.decode(cart.document, type=KeptCart)
        return lines_of(kept.lines, cart.currency)


def lines_of(lines: Iterable[Line], currency: str) -> SafeString:
    """List lines, a row each."""
    return format_html_join(
        "",
        "<div>{} × {} ({}): {}</div>",
        ((one.quantity, one.name, one.sku, money(one.total, currency)) for one in lines),
    )
