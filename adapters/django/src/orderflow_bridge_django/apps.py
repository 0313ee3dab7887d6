"""The app, as `INSTALLED_APPS` knows it."""

from django.apps import AppConfig

__all__ = ["OrderflowBridgeConfig"]


class OrderflowBridgeConfig(AppConfig):
    """Name the app's label and the type of its keys."""

    name = "orderflow_bridge_django"
    label = "orderflow_bridge"
    verbose_name = "Orderflow bridge"
    default_auto_field = "django.db.models.BigAutoField"
