"""A signed cart-and-order API for the Python site you already run.

The names here are the public face; everything else is found by its module. They are loaded when
they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orderflow_bridge.asgi import BridgeASGI as BridgeASGI
    from orderflow_bridge.bridge import Bridge as Bridge
    from orderflow_bridge.domain.errors import BridgeError as BridgeError
    from orderflow_bridge.domain.errors import ConfigurationError as ConfigurationError
    from orderflow_bridge.http import Request as Request
    from orderflow_bridge.http import Response as Response
    from orderflow_bridge.settings import Settings as Settings
    from orderflow_bridge.wsgi import BridgeWSGI as BridgeWSGI

__all__ = [
    "Bridge",
    "BridgeASGI",
    "BridgeError",
    "BridgeWSGI",
    "ConfigurationError",
    "Request",
    "Response",
    "Settings",
]

__version__ = "0.2.0"

_HOMES = {
    "Bridge": "bridge",
    "BridgeASGI": "asgi",
    "BridgeError": "domain.errors",
    "BridgeWSGI": "wsgi",
    "ConfigurationError": "domain.errors",
    "Request": "http",
    "Response": "http",
    "Settings": "settings",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 -- only when a name is first used

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
