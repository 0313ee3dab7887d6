"""The public kit for tests: contracts that plugins and mounts are held to, and what tests need.

    from orderflow_bridge.testing import CatalogueContract

A subclass named `Test...` in a test file is all that a contract needs. `pip install
'orderflow-bridge[testing]'` brings what the kit is built on. The names are loaded when they are
first used: the clock, the entropy and the faults need neither pytest nor WebTest.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orderflow_bridge.testing.catalogue import CatalogueContract as CatalogueContract
    from orderflow_bridge.testing.clock import SetClock as SetClock
    from orderflow_bridge.testing.entropy import CountedEntropy as CountedEntropy
    from orderflow_bridge.testing.faults import Fault as Fault
    from orderflow_bridge.testing.faults import FaultyStorage as FaultyStorage
    from orderflow_bridge.testing.host import HostContract as HostContract
    from orderflow_bridge.testing.payments import PaymentsContract as PaymentsContract
    from orderflow_bridge.testing.webtest import SigningApp as SigningApp

__all__ = [
    "CatalogueContract",
    "CountedEntropy",
    "Fault",
    "FaultyStorage",
    "HostContract",
    "PaymentsContract",
    "SetClock",
    "SigningApp",
]

_HOMES = {
    "CatalogueContract": "catalogue",
    "CountedEntropy": "entropy",
    "Fault": "faults",
    "FaultyStorage": "faults",
    "HostContract": "host",
    "PaymentsContract": "payments",
    "SetClock": "clock",
    "SigningApp": "webtest",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if find_spec("pytest") is not None:
        # A contract's assertion then shows the values that it compared.
        import_module("pytest").register_assert_rewrite(f"{__name__}.{home}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
