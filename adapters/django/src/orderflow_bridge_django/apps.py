"""The app, as `INSTALLED_APPS` knows it; it keeps the one bridge of this process."""

from functools import cached_property
from typing import Any

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.core.signals import setting_changed
from django.db import router
from orderflow_bridge import Bridge, ConfigurationError
from orderflow_bridge.keys import read_ring
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
        register(checks.check_aliases, Tags.security)
        register(checks.check_routers, Tags.models)
        register(checks.check_middleware, Tags.security)
        register(checks.check_sqlite, Tags.security, deploy=True)
        register(checks.check_allow_lists, Tags.database, deploy=True)
        setting_changed.connect(self._forget, dispatch_uid="orderflow_bridge")

    @cached_property
    def configuration(self) -> conf.Configuration:
        """Give what the site says; raises `ConfigurationError` that names what to correct."""
        return conf.read()

    @cached_property
    def bridge(self) -> Bridge:
        """Give this process's bridge; raises `ConfigurationError` that names what to correct."""
        found = self.configuration
        return Bridge(
            storage=_storage(found),
            master_keys=read_ring(found.settings),
            settings=found.settings,
            catalogue=found.catalogue,
            pricing=found.pricing,
            payments=found.payments,
        )

    @property
    def alias(self) -> str | None:
        """Name the database that has this app's tables; None where the bridge keeps nothing there.

        Raises `ConfigurationError` that names what to correct.
        """
        if self.configuration.storage is not None:
            return None
        return self.configuration.using or router.db_for_write(self.get_model("Cart"))

    @cached_property
    def shells(self) -> Shells:
        """Give what answers requests with this process's bridge."""
        return Shells(self.bridge, alias=lambda: self.alias)

    @cached_property
    def console(self) -> Any:
        """Give the operators' pages of this process's bridge, for the site's staff.

        Raises `ConfigurationError` where the extra for it is not installed.
        """
        try:
            from orderflow_bridge.console import (  # noqa: PLC0415 -- an optional package
                BridgeConsole,
            )

            from orderflow_bridge_django.console.staff import (  # noqa: PLC0415 -- an optional package
                DjangoStaffAuth,
            )
        except ImportError:
            raise ConfigurationError(
                "The console needs a package: pip install 'orderflow-bridge[console]'."
            ) from None
        mount = self.configuration.mount
        return BridgeConsole(
            self.bridge,
            identify=DjangoStaffAuth(),
            mount_of_bridge=mount,
            # As the middlewares for such policies name it.
            csp_nonce=lambda request: str(getattr(request.native, "csp_nonce", "")),
        )

    def _forget(self, *, setting: str, **_others: Any) -> None:
        if setting == conf.SETTING:
            for name in ("configuration", "bridge", "shells", "console"):
                self.__dict__.pop(name, None)


def _storage(found: conf.Configuration) -> Any:
    if isinstance(found.storage, str):
        return open_storage(found.settings)
    if found.storage is not None:
        return found.storage()
    from orderflow_bridge_django.storage import (  # noqa: PLC0415 -- models, once apps are ready
        DjangoStorage,
    )

    return DjangoStorage(
        using=found.using,
        orders=found.orders,
        carts=found.carts,
        lock_timeout=found.settings.pool_timeout,
    )
