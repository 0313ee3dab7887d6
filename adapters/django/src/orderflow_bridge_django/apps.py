"""The app, as `INSTALLED_APPS` knows it; it keeps the one bridge of this process."""

from functools import cached_property
from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.core.signals import setting_changed
from orderflow_bridge import Bridge
from orderflow_bridge.keys import read_ring
from orderflow_bridge.ports import Storage
from orderflow_bridge.storage import open_storage

from orderflow_bridge_django import checks, conf
from orderflow_bridge_django.shells import Shells

__all__ = ["OrderflowBridgeConfig"]


class OrderflowBridgeConfig(AppConfig):
    """Name the app, make its bridge when it is first asked for, and register the checks."""

    name = "orderflow_bridge_django"
    label = "orderflow_bridge"
    verbose_name = "Orderflow bridge"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and forget the bridge where a test changes the settings."""
        register(checks.check_configuration, Tags.security)
        register(checks.check_routers, Tags.models)
        register(checks.check_middleware, Tags.security)
        setting_changed.connect(self._forget, dispatch_uid="orderflow_bridge")

    @cached_property
    def bridge(self) -> Bridge:
        """Give this process's bridge; raises `ConfigurationError` that names what to correct."""
        found = conf.read()
        return Bridge(
            storage=self.storage,
            master_keys=read_ring(found.settings),
            settings=found.settings,
            catalogue=found.catalogue,
            pricing=found.pricing,
            payments=found.payments,
        )

    @cached_property
    def storage(self) -> Storage:
        """Give where this process's bridge keeps everything."""
        found = conf.read()
        if isinstance(found.storage, str):
            return open_storage(found.settings)
        if found.storage is not None:
            return found.storage()
        from orderflow_bridge_django.storage import (  # noqa: PLC0415 -- models, once apps are ready
            DjangoStorage,
        )

        return DjangoStorage(using=found.using, orders=found.orders, carts=found.carts)

    @cached_property
    def shells(self) -> Shells:
        """Give what answers requests with this process's bridge."""
        return Shells(self.bridge, getattr(self.storage, "alias", None))

    def _forget(self, *, setting: str, **_others: Any) -> None:
        if setting == conf.SETTING:
            for name in ("bridge", "shells", "storage"):
                self.__dict__.pop(name, None)
