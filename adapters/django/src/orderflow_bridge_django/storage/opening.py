"""From `django://ALIAS` to a storage, in a process that Django may not be set up in yet."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

import django
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import Settings

if TYPE_CHECKING:
    from orderflow_bridge_django.storage.storage import DjangoStorage

__all__ = ["open_storage"]

_APP = "orderflow_bridge_django"


def open_storage(settings: Settings) -> "DjangoStorage":
    """Make the storage of `django://ALIAS`; of `django://` where the site's routers choose.

    Sets up Django where nobody has, by `DJANGO_SETTINGS_MODULE`. Raises `ConfigurationError` where
    Django cannot be set up, lacks the app, or has no such database.
    """
    alias = unquote(settings.database.partition("://")[2]).rstrip("/")
    _set_up()
    if alias and alias not in connections:
        known = ", ".join(sorted(connections))
        raise ConfigurationError(
            f"Django's DATABASES has no such alias; give one of {known}, as in django://default."
        )
    from orderflow_bridge_django.storage.storage import (  # noqa: PLC0415 -- needs the models
        DjangoStorage,
    )

    return DjangoStorage(using=alias or None, lock_timeout=settings.pool_timeout)


def _set_up() -> None:
    try:
        if not apps.ready:
            django.setup()
        installed = apps.is_installed(_APP)
    except ImproperlyConfigured as error:
        raise ConfigurationError(
            "Django is not configured: set DJANGO_SETTINGS_MODULE to the site's settings, as its"
            " manage.py does, and run this in the site's folder."
        ) from error
    except ImportError as error:
        raise ConfigurationError(
            f"Django's settings cannot be imported ({error.name}): DJANGO_SETTINGS_MODULE must name"
            " them, and this must run in the site's folder, with its packages installed."
        ) from error
    if not installed:
        raise ConfigurationError(f"Add {_APP!r} to INSTALLED_APPS and run `manage.py migrate`.")
