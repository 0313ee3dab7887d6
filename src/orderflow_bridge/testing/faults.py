"""Faults on demand: a storage that fails, loses or dies where a test says so.

storage = FaultyStorage(MemoryStorage(), lose(times=2), fail("carts.save", OSError("disk")))
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_type_hints

from orderflow_bridge.domain.errors import Conflict
from orderflow_bridge.ports import (
    AuditUnit,
    Capability,
    CountingAnswerLedger,
    CountingReplayLedger,
    JournalUnit,
    ListedCartRepository,
    ProductsUnit,
    RewritableAnswerLedger,
    SearchableCartRepository,
    SearchableOrderRepository,
    SessionsUnit,
    Storage,
    Unit,
)

__all__ = ["Fault", "FaultyStorage", "fail", "kill", "lose"]

When = Literal["before", "after"]

_UNITS = ("reading", "writing", "commit")
_MORE: dict[str, tuple[type, ...]] = {
    "answers": (CountingAnswerLedger, RewritableAnswerLedger),
    "carts": (SearchableCartRepository, ListedCartRepository),
    "orders": (SearchableOrderRepository,),
    "replays": (CountingReplayLedger,),
}
"""What repositories can be asked besides, where the storage has the capability."""


@dataclass
class Fault:
    """Do something bad at a point of a storage.

    `at` is `reading` or `writing` (a unit is opened), `commit` (a writing unit that succeeded is
    left), or a repository's method, such as `carts.save`. The first `passing` times nothing
    happens, then `act` is called `times` times (None: from then on always), `when` the thing is
    not done yet or is done. `met` tells how often it acted. Raises `ValueError` for a point that
    the ports do not have.
    """

    at: str
    act: Callable[[], object]
    when: When = "before"
    passing: int = 0
    times: int | None = 1
    met: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.at not in _UNITS and self.at not in _methods():
            raise ValueError(
                f"{self.at!r} is no point of a storage: name one of {', '.join(_UNITS)}, or a"
                " repository's method, like carts.save"
            )

    def reach(self, at: str, when: When) -> None:
        """Act where this is the fault's point, and its time."""
        if (at, when) != (self.at, self.when):
            return
        with self._lock:
            if self.passing:
                self.passing -= 1
                return
            if self.times is not None and self.met >= self.times:
                return
            self.met += 1
        self.act()


def fail(
    at: str,
    error: BaseException,
    *,
    when: When = "before",
    passing: int = 0,
    times: int | None = 1,
) -> Fault:
    """Raise `error` at a point; after a commit it is done, and nobody was told."""

    def act() -> None:
        raise error

    return Fault(at, act, when=when, passing=passing, times=times)


def lose(at: str = "commit", *, times: int = 1, passing: int = 0) -> Fault:
    """Lose against somebody faster so many times: `Conflict`, and the unit is rolled back."""

    def act() -> None:
        raise Conflict("lost on demand")

    return Fault(at, act, passing=passing, times=times)


def kill(at: str = "commit", *, when: When = "before", passing: int = 0) -> Fault:
    """Kill this process without any goodbye (SIGKILL); for a process that the test started."""

    def act() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    return Fault(at, act, when=when, passing=passing)


class FaultyStorage:
    """Put faults around any storage; the port `Storage`, with the same capabilities."""

    def __init__(self, storage: Storage, *faults: Fault) -> None:
        self._storage = storage
        self._faults = faults

    @property
    def ports_version(self) -> int:
        """Tell the storage's own version."""
        return self._storage.ports_version

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Name the storage's own capabilities."""
        return self._storage.capabilities

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def reading(self) -> AbstractContextManager[Unit]:
        """Open a reading unit, with faults in its repositories."""
        return self._reading()

    def writing(self) -> AbstractContextManager[Unit]:
        """Open a writing unit, with faults in its repositories and around its commit."""
        return self._writing()

    def close(self) -> None:
        """Close the storage."""
        self._storage.close()

    @contextmanager
    def _reading(self) -> Iterator[Unit]:
        self._reach("reading", "before")
        with self._storage.reading() as unit:
            self._reach("reading", "after")
            yield cast("Unit", _FaultyUnit(unit, self._reach))

    @contextmanager
    def _writing(self) -> Iterator[Unit]:
        self._reach("writing", "before")
        with self._storage.writing() as unit:
            self._reach("writing", "after")
            yield cast("Unit", _FaultyUnit(unit, self._reach))
            self._reach("commit", "before")
        self._reach("commit", "after")

    def _reach(self, at: str, when: When) -> None:
        for fault in self._faults:
            fault.reach(at, when)


Reach = Callable[[str, When], None]


class _FaultyUnit:
    """A unit whose repositories have faults; what it has not, this has not either."""

    def __init__(self, unit: Unit, reach: Reach) -> None:
        self._unit = unit
        self._reach = reach

    def __getattr__(self, name: str) -> Any:
        return _FaultyRepository(getattr(self._unit, name), name, self._reach)


class _FaultyRepository:
    """A repository whose methods have faults around them."""

    def __init__(self, repository: Any, name: str, reach: Reach) -> None:
        self._repository = repository
        self._name = name
        self._reach = reach

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._repository, name)
        at = f"{self._name}.{name}"

        def call(*arguments: Any, **options: Any) -> Any:
            self._reach(at, "before")
            answer = method(*arguments, **options)
            self._reach(at, "after")
            return answer

        return call


def _methods() -> frozenset[str]:
    """Name what every repository can be asked, as `carts.save`."""
    found: set[str] = set()
    for unit in (*ProductsUnit.__mro__, AuditUnit, JournalUnit, SessionsUnit):
        for name, attribute in vars(unit).items():
            if isinstance(attribute, property):
                ports = (get_type_hints(attribute.fget)["return"], *_MORE.get(name, ()))
                found.update(
                    f"{name}.{method}" for port in ports for method in dir(port) if method[0] != "_"
                )
    return frozenset(found)
