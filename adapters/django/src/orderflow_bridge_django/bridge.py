"""The way of the site's own code to its bridge."""

from typing import cast

from django.apps import apps
from orderflow_bridge import Bridge

from orderflow_bridge_django.apps import OrderflowBridgeConfig

__all__ = ["get_app", "get_bridge"]


def get_bridge() -> Bridge:
    """Give the one bridge of this process: `get_bridge().settle(...)`, `.orders`, `.connections`.

    Made when it is first asked for, as `ORDERFLOW_BRIDGE` says. Raises `ConfigurationError` that
    names what to correct.
    """
    return get_app().bridge


def get_app() -> OrderflowBridgeConfig:
    """Give the app."""
    return cast("OrderflowBridgeConfig", apps.get_app_config("orderflow_bridge"))
