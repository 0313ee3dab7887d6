"""One more database for a Django site that is set up already."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["another_alias"]


@contextmanager
def another_alias(alias: str, **changed: str) -> Iterator[str]:
    """Give Django a database like that of `alias`, but for what is changed of its settings."""
    connections = importlib.import_module("django.db").connections
    another = f"{alias}-too"
    connections.settings[another] = connections.settings[alias] | changed
    try:
        yield another
    finally:
        connections[another].close()
        del connections[another], connections.settings[another]
