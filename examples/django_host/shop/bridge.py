"""The one bridge of this process."""

from functools import cache

from django.conf import settings

from orderflow_bridge import Bridge

__all__ = ["get_bridge"]


@cache
def get_bridge() -> Bridge:
    """Open the bridge the first time it is asked for; `orderflow-bridge init` comes before."""
    from shop.catalogue import BookCatalogue  # noqa: PLC0415 -- models need Django set up

    return Bridge.open(home=settings.BRIDGE_HOME, catalogue=BookCatalogue())
