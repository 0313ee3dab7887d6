"""The kept list of survivors speaks of the code that there is."""

import inspect
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

from tests.mutation.mutants import Change, explanations


def module_of(place: str) -> ModuleType:
    """Import the module of a function's dotted name."""
    package, *parts = place.split(".")
    module = import_module(package)
    for part in parts:
        if not hasattr(module, "__path__") or find_spec(f"{module.__name__}.{part}") is None:
            break
        module = import_module(f"{module.__name__}.{part}")
    return module


@pytest.mark.parametrize("change", explanations(), ids=lambda change: change[0])
def test_an_explained_change_is_of_lines_that_stand_there(change: Change):
    """Lines that went away take their explanation with them."""
    place, was, now = change
    lines = [line.strip() for line in inspect.getsource(module_of(place)).splitlines()]
    assert set(was.splitlines()) <= set(lines)
    assert was != now
    assert explanations()[change]
