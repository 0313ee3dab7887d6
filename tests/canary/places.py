"""Where a canary may be, and why: everything else is a leak."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.canary.marks import KINDS, Kind

__all__ = ["FILES", "KEYS_FILE", "PRINTED", "Exempt", "kinds_of_file", "kinds_of_table"]

KEYS_FILE = "orderflow-bridge.keys"

# What is written down nowhere, whatever is kept.
_NEVER: frozenset[Kind] = KINDS - {"personal data"}


class Exempt(NamedTuple):
    """What may be found where a pattern matches, and the reason."""

    pattern: str
    kinds: frozenset[Kind]
    reason: str


FILES = (Exempt(KEYS_FILE, frozenset({"master key"}), "where master keys live"),)
"""Files by their names."""

PRINTED = (Exempt("connections create*", frozenset({"secret"}), "shows the secret once"),)
"""Commands whose purpose is to show something, by their words."""


def kinds_of_file(name: str) -> frozenset[Kind]:
    """Tell what is looked for in a file of that name."""
    return KINDS - _exempt(name, FILES)


def kinds_of_command(words: Iterable[str]) -> frozenset[Kind]:
    """Tell what is looked for in what a command prints."""
    return KINDS - _exempt(" ".join(words), PRINTED)


def kinds_of_table(name: str) -> frozenset[Kind]:
    """Tell what is looked for in a table: customers are in carts, orders and answers."""
    has_customers = any(word in name.lower() for word in ("cart", "order", "answer"))
    return _NEVER if has_customers else KINDS


def _exempt(name: str, exempt: Sequence[Exempt]) -> set[Kind]:
    return {kind for one in exempt if fnmatchcase(name, one.pattern) for kind in one.kinds}
