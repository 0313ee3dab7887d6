"""Views whose transactions are the bridge's own."""

from collections.abc import Callable
from typing import TypeVar

from django.db import connections, transaction

__all__ = ["own_transactions"]

_View = TypeVar("_View", bound=Callable[..., object])


def own_transactions(view: _View) -> _View:
    """Exempt a view from `ATOMIC_REQUESTS` of every alias.

    What the bridge has promised a storefront must not be undone with a view, so its units refuse
    to run inside one that is atomic.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view
