"""Scopes as an operator chooses them: for each resource nothing, reading, or writing too."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from orderflow_bridge.console.forms import Fields
from orderflow_bridge.domain.connection import SCOPES

__all__ = ["NONE_CHOSEN", "Row", "chosen", "chosen_in", "rows", "scopes_of", "summary"]

_NONE, _READ, _WRITE, _ONLY = "none", "read", "write", "write-only"
_WORDS: Mapping[str, str] = {
    _NONE: "None",
    _READ: "Read",
    _WRITE: "Read and write",
    _ONLY: "Write, not read",
}
_HINTS: Mapping[str, str] = {
    "carts": "Make carts and change them, at the catalogue's prices.",
    "orders": "Turn carts into orders, look at orders, cancel unpaid ones.",
    "prices": "Name unit prices of its own in place of the catalogue's.",
}

NONE_CHOSEN = "Choose at least one thing that it may do."

Chosen = Mapping[str, str]


class Row(Struct, frozen=True, kw_only=True):
    """One resource, the levels there are for it as (value, words), and the one that is chosen."""

    resource: str
    hint: str
    levels: Sequence[tuple[str, str]]
    chosen: str


def _verbs() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for scope in SCOPES:
        resource, _, verb = scope.partition(":")
        found.setdefault(resource, []).append(verb)
    return found


_VERBS = _verbs()


def chosen(scopes: Collection[str]) -> Chosen:
    """Tell the level of each resource that scopes come to."""
    return {resource: _level(resource, scopes) for resource in _VERBS}


def chosen_in(form: Fields) -> Chosen:
    """Read the levels that a form chose; a level that there is not is none."""
    levels = {resource: form.first(f"scope-{resource}") for resource in _VERBS}
    return {name: level if level in _WORDS else _NONE for name, level in levels.items()}


def scopes_of(levels: Chosen) -> Sequence[str]:
    """Give the scopes that the levels stand for, in their usual order."""
    return [
        scope
        for scope in SCOPES
        for resource, _, verb in [scope.partition(":")]
        if levels[resource] == _WRITE
        or levels[resource] == verb
        or (levels[resource] == _ONLY and verb == _WRITE)
    ]


def rows(levels: Chosen) -> Sequence[Row]:
    """Give the grid; writing without reading is offered only where it is so already."""
    return [
        Row(
            resource=resource,
            hint=_HINTS[resource],
            levels=[
                (level, _WORDS[level] if len(verbs) > 1 or level != _WRITE else "Write")
                for level in (_NONE, *verbs, *([_ONLY] if levels[resource] == _ONLY else []))
            ],
            chosen=levels[resource],
        )
        for resource, verbs in _VERBS.items()
    ]


def summary(scopes: Collection[str]) -> str:
    """Write scopes in short: `carts read/write, orders read`."""
    held = {
        resource: [verb for verb in verbs if f"{resource}:{verb}" in scopes]
        for resource, verbs in _VERBS.items()
    }
    return ", ".join(f"{resource} {'/'.join(verbs)}" for resource, verbs in held.items() if verbs)


def _level(resource: str, scopes: Collection[str]) -> str:
    verbs = [verb for verb in _VERBS[resource] if f"{resource}:{verb}" in scopes]
    if _WRITE not in verbs:
        return _READ if verbs else _NONE
    return _WRITE if len(verbs) == len(_VERBS[resource]) else _ONLY
