"""Where a canary may be, and why: everything else is a leak."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.canary.marks import KINDS, Kind

__all__ = [
    "FILES",
    "KEYS_FILE",
    "PRINTED",
    "Exempt",
    "kinds_of_command",
    "kinds_of_file",
    "kinds_of_table",
]

KEYS_FILE = "orderflow-bridge.keys"

# What is written down nowhere, whatever is kept.
_NEVER: frozenset[Kind] = KINDS - {"personal data"}


class Exempt(NamedTuple):
    """What may be found where a pattern matches, and the reason."""

    pattern: str
    kinds: frozenset[Kind]
    reason: str


_KEY: frozenset[Kind] = frozenset({"master key"})
_SECRET: frozenset[Kind] = frozenset({"secret"})
_PEOPLE: frozenset[Kind] = frozenset({"personal data"})

FILES = (
    Exempt(f"{KEYS_FILE}*", _KEY, "where master keys live; `.new` until it takes its place"),
    Exempt("orderflow-bridge.toml", _KEY, "an operator may write the ring there: `master_keys`"),
    Exempt("report.xml", _SECRET, "how storages that were broken on purpose failed"),
    Exempt("report.xml", _PEOPLE, "the same"),
    Exempt("buy.py", _PEOPLE, "the code of a storefront, with its customer"),
    Exempt("s*.py", _KEY, "the code of a site, with the ring in its settings"),
    Exempt("s*.pyc", _KEY, "the same, compiled"),
)
"""Files by their names."""

PRINTED = (
    Exempt("connections create*", _SECRET, "shows the new secret"),
    Exempt("connections rotate*", _SECRET, "shows the new secret"),
    Exempt("connections reveal*", _SECRET, "shows the secret that there is"),
    Exempt("demo*", _SECRET, "shows the secret of a shop in memory"),
    Exempt("-m orderflow_bridge demo*", _SECRET, "the same"),
    Exempt("keys rotate*", _KEY, "shows the new key to whom keeps the ring elsewhere"),
    Exempt("orders *", _PEOPLE, "shows orders"),
    Exempt("-m orderflow_bridge orders *", _PEOPLE, "the same"),
    Exempt("customers export *", _PEOPLE, "shows what is kept about a customer"),
    Exempt("request *", _PEOPLE, "shows the answer"),
    Exempt("curl *", _PEOPLE, "shows the request"),
    Exempt("sign *", _PEOPLE, "shows the request"),
)
"""Commands whose purpose is to show something, by their words; on standard output alone."""


def kinds_of_file(name: str) -> frozenset[Kind]:
    """Tell what is looked for in a file of that name."""
    return KINDS - _exempt(name, FILES)


def kinds_of_command(words: Iterable[str]) -> frozenset[Kind]:
    """Tell what is looked for in what a command prints."""
    return KINDS - _exempt(" ".join(words), PRINTED)


def kinds_of_table(name: str) -> frozenset[Kind]:
    """Tell what is looked for in a table: customers are in carts, orders and answers."""
    # Every table of the adapters begins with the project's name, and a site's orders are its sales.
    own = name.lower().replace("orderflow", "")
    has_customers = any(word in own for word in ("cart", "order", "sale", "answer"))
    return _NEVER if has_customers else KINDS


def _exempt(name: str, exempt: Sequence[Exempt]) -> set[Kind]:
    return {kind for one in exempt if fnmatchcase(name, one.pattern) for kind in one.kinds}
