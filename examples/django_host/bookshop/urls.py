"""The bookshop's addresses, the admin's, and the bridge's."""

from django.contrib import admin
from django.urls import include, path
from shop import views

urlpatterns = [
    path("", views.products, name="products"),
    path("orders/", views.orders, name="orders"),
    path("payments/callback/", views.payment, name="payment"),
    path("admin/", admin.site.urls),
    path("bridge/", include("orderflow_bridge_django.urls")),
    path("bridge-console/", include("orderflow_bridge_django.console.urls")),
]
