"""The bookshop's addresses; the bridge's are not among them: it wraps the whole site."""

from django.urls import path
from shop import views

urlpatterns = [
    path("", views.products, name="products"),
    path("orders/", views.orders, name="orders"),
    path("payments/callback/", views.payment, name="payment"),
]
