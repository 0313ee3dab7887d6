"""The bridge in Django's admin: connections to operate, orders and carts to look at."""

from django.contrib import admin

from orderflow_bridge_django.admin.audit import AuditAdmin
from orderflow_bridge_django.admin.carts import CartAdmin
from orderflow_bridge_django.admin.connections import ConnectionAdmin
from orderflow_bridge_django.admin.orders import OrderAdmin
from orderflow_bridge_django.models import AuditEntry, Cart, Connection, Order

__all__ = ["AuditAdmin", "CartAdmin", "ConnectionAdmin", "OrderAdmin"]

admin.site.register(Connection, ConnectionAdmin)
admin.site.register(Order, OrderAdmin)
admin.site.register(Cart, CartAdmin)
admin.site.register(AuditEntry, AuditAdmin)
