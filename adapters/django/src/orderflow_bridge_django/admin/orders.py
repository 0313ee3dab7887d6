"""Orders in the admin: to look at, and to settle or cancel through the bridge."""

import re
from collections.abc import Callable

import msgspec
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from orderflow_bridge import BridgeError
from orderflow_bridge.domain.order import Order as KeptOrder

from orderflow_bridge_django.admin.carts import lines_of
from orderflow_bridge_django.admin.readonly import ReadOnlyAdmin, moment, money
from orderflow_bridge_django.bridge import get_bridge
from orderflow_bridge_django.models import Order

__all__ = ["OrderAdmin"]

_NUMBER = re.compile(r"OF-0*([1-9][0-9]{0,17})", re.IGNORECASE)


class OrderAdmin(ReadOnlyAdmin):
    """Show orders, newest first; what moves one goes through the bridge."""

    replaced_by = "orders"
    list_display = ("shown_number", "status", "shown_total", "connection", "email", "placed")
    list_filter = ("status", "currency", "connection")
    search_fields = ("order_id", "email", "intent", "cart_id")
    search_help_text = "Number (OF-000123), order id, e-mail or payment intent"
    fields = (
        "shown_number", "order_id", "status", "shown_total", "lines", "email", "shipping_address",
        "connection", "intent", "cart_id", "placed", "updated",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("settle", "cancel")
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Find an order by the number that its buyer knows, too."""
        number = _NUMBER.fullmatch(search_term.strip())
        if number is not None:
            return queryset.filter(serial=int(number[1])), False
        return super().get_search_results(request, queryset, search_term)

    @admin.action(description="Mark paid: the whole total arrived", permissions=["change"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Record that the money of each order came."""
        self._each(request, queryset, get_bridge().orders.settle, "paid")

    @admin.action(description="Cancel, and give the stock back", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Cancel each order that is not paid."""
        self._each(request, queryset, get_bridge().orders.cancel, "cancelled")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Order],
        act: Callable[..., KeptOrder],
        done: str,
    ) -> None:
        for row in queryset:
            try:
                order = act(row.order_id, actor=request.user.get_username())
            except BridgeError as refusal:
                said = f"{row.number}: {refusal.detail or refusal.code}"
                self.message_user(request, said, messages.ERROR)
            else:
                self.log_change(request, row, f"Marked {done} through the bridge.")
                self.message_user(request, f"{order.number} is {order.status.replace('_', ' ')}.")

    @admin.display(description="number", ordering="serial")
    def shown_number(self, order: Order) -> str:
        """Write the number that its buyer knows."""
        return order.number

    @admin.display(description="total", ordering="total")
    def shown_total(self, order: Order) -> str:
        """Write the total with its currency."""
        return money(order.total, order.currency)

    @admin.display(description="placed", ordering="placed_at")
    def placed(self, order: Order) -> str:
        """Write when it was placed."""
        return moment(order.placed_at)

    @admin.display(description="updated", ordering="updated_at")
    def updated(self, order: Order) -> str:
        """Write when it moved last."""
        return moment(order.updated_at)

    @admin.display(description="lines")
    def lines(self, order: Order) -> SafeString:
        """List what was bought."""
        return lines_of(_kept(order).lines, order.currency)

    @admin.display(description="ships to")
    def shipping_address(self, order: Order) -> str:
        """Write where it goes."""
        to = _kept(order).shipping_address
        parts = (to.name, to.line1, to.line2, to.city, to.region, to.postal_code, to.country)
        return ", ".join(part for part in parts if part)


def _kept(order: Order) -> KeptOrder:
    return msgspec.json.decode(order.document, type=KeptOrder)
