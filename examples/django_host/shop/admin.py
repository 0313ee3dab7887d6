"""The shop's own books in the admin, beside the bridge's orders."""

from django.contrib import admin

from shop.models import Product

admin.site.register(Product)
