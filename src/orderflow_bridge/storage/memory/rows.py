"""Tables in memory: what is published, and drafts on top of it."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

__all__ = ["Draft", "Rows", "Table", "last"]

_K = TypeVar("_K")
_V = TypeVar("_V")


class Rows(Protocol[_K, _V]):
    """A table as a repository uses it: the published one, or a draft on top of it."""

    def get(self, key: _K) -> _V | None:
        """Give a row, or None."""
        ...

    def values(self) -> Iterable[_V]:
        """Give all rows."""
        ...

    def items(self) -> Iterable[tuple[_K, _V]]:
        """Give all rows with their keys."""
        ...

    def put(self, key: _K, row: _V) -> None:
        """Keep a row, in place of the one that was there."""
        ...

    def remove(self, key: _K) -> None:
        """Forget a row, if it is there."""
        ...


class Table(Generic[_K, _V]):
    """Published rows; the guard makes the publishing of several tables one step for readers.

    Only a draft that is published changes them, and it holds the guard.
    """

    def __init__(self, guard: Callable[[], threading.Lock]) -> None:
        self.rows: dict[_K, _V] = {}
        self._guard = guard

    def get(self, key: _K) -> _V | None:
        """Give a row as it was published."""
        with self._guard():
            return self.rows.get(key)

    def values(self) -> Iterable[_V]:
        """Give all that is published."""
        with self._guard():
            return list(self.rows.values())

    def items(self) -> Iterable[tuple[_K, _V]]:
        """Give all that is published, with its keys."""
        with self._guard():
            return list(self.rows.items())

    def put(self, key: _K, row: _V) -> None:
        """Publish a row."""
        self.rows[key] = row

    def remove(self, key: _K) -> None:
        """Publish that a row is gone."""
        self.rows.pop(key, None)


class Draft(Generic[_K, _V]):
    """Changes on top of a table, seen by their own unit only until they are published."""

    def __init__(self, table: Table[_K, _V]) -> None:
        self._table = table
        self._changed: dict[_K, _V] = {}
        self._removed: set[_K] = set()

    def get(self, key: _K) -> _V | None:
        """Give a row as this unit left it."""
        if key in self._removed:
            return None
        return self._changed[key] if key in self._changed else self._table.get(key)

    def values(self) -> Iterable[_V]:
        """Give all rows as this unit left them."""
        return [row for _, row in self.items()]

    def items(self) -> Iterable[tuple[_K, _V]]:
        """Give all rows as this unit left them, with their keys."""
        merged = dict(self._table.items()) | self._changed
        return [(key, row) for key, row in merged.items() if key not in self._removed]

    def put(self, key: _K, row: _V) -> None:
        """Change a row, for this unit."""
        self._removed.discard(key)
        self._changed[key] = row

    def remove(self, key: _K) -> None:
        """Remove a row, for this unit."""
        self._changed.pop(key, None)
        self._removed.add(key)

    def publish(self) -> None:
        """Change the table as this unit changed the draft."""
        for key, row in self._changed.items():
            self._table.put(key, row)
        for key in self._removed:
            self._table.remove(key)


def last(found: Sequence[_V], limit: int) -> Sequence[_V]:
    """Give the last `limit` of what was found."""
    return found[max(0, len(found) - limit) :]
