"""Addresses of lists: whatever was chosen stands in them, so that a link can be kept and sent."""

from collections.abc import Mapping
from urllib.parse import urlencode

__all__ = ["query_of"]


def query_of(chosen: Mapping[str, str]) -> str:
    """Write what was chosen as a query string; empty choices are left out."""
    return "?" + urlencode({name: value for name, value in chosen.items() if value})
