"""What is made of a text or a list that seldom changes, kept while it stays the same."""

from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

__all__ = ["Latest"]

_S = TypeVar("_S")
_V = TypeVar("_V")


class _Place(Generic[_S, _V]):
    """Where the latest of one name is kept; replaced whole, so that threads need no lock."""

    __slots__ = ("kept",)

    def __init__(self, _name: str) -> None:
        self.kept: tuple[_S, _V] | None = None


class Latest(Generic[_S, _V]):
    """Make a value of a source once, and again only when the source of that name is another.

    The whole source is compared, and never hashed: comparing is many times as fast, and a change
    counts at once, whoever made it. Of more than `most` names the least used is forgotten.
    """

    __slots__ = ("_make", "_place")

    def __init__(self, make: Callable[[_S], _V], *, most: int = 1_024) -> None:
        self._make = make
        self._place: Callable[[str], _Place[_S, _V]] = lru_cache(maxsize=most)(_Place)

    def of(self, name: str, source: _S) -> _V:
        """Give what `source` makes, which is the latest of `name`; raises what making it does."""
        place = self._place(name)
        kept = place.kept
        if kept is None or (kept[0] is not source and kept[0] != source):
            kept = place.kept = (source, self._make(source))
        return kept[1]
