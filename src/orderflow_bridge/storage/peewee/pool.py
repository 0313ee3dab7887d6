"""A bounded pool of sessions with a fair queue; of size one, it is the queue of the writers."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from orderflow_bridge.domain.errors import StorageUnavailable
from orderflow_bridge.storage.peewee.session import Session

__all__ = ["Pool"]

_S = TypeVar("_S", bound=Session)


class Pool(Generic[_S]):
    """Lend up to `size` sessions; who finds none waits in line, at most `timeout` seconds.

    The session that was given back last is lent first. One that was idle for more than
    `probe_after` seconds is asked for a sign of life first, outside of any lock. `inherited` is set
    in a forked child: its sessions belong to the parent and are neither used nor closed.
    """

    def __init__(
        self,
        open_session: Callable[[], _S],
        *,
        size: int,
        timeout: float,
        probe_after: float | None,
    ) -> None:
        self._open_session = open_session
        self._size = size
        self._timeout = timeout
        self._probe_after = probe_after
        self._mutex = threading.Lock()
        self._idle: list[_S] = []
        self._waiting: deque[_Waiter[_S]] = deque()
        self._lent_or_idle = 0
        self._epoch = 0
        self._suspect = 0.0
        self.inherited = False

    def take(self) -> _S:
        """Borrow a session; raises `StorageUnavailable` when the time is up or none opens."""
        session: _S | None = None
        waiter: _Waiter[_S] | None = None
        with self._mutex:
            if self._idle:
                session = self._idle.pop()
            elif self._lent_or_idle < self._size:
                self._lent_or_idle += 1
            else:
                waiter = _Waiter()
                self._waiting.append(waiter)
        if waiter is not None:
            session = self._wait(waiter)
        if session is not None and (self._probe_after is None or self._is_sound(session)):
            return session
        return self._open()

    def give(self, session: _S) -> None:
        """Give a session back; a lost one is closed and makes room for another."""
        if self.inherited:
            return
        if self._probe_after is not None:
            session.used = time.monotonic()
        with self._mutex:
            if not session.lost and session.epoch == self._epoch:
                if self._waiting:
                    self._waiting.popleft().hand(session)
                else:
                    self._idle.append(session)
                return
        self.drop(session)

    def drop(self, session: _S) -> None:
        """Close a session instead of giving it back."""
        if self.inherited:
            return
        if session.lost:
            # What was idle meanwhile may be lost too, as after a restart of the server.
            self._suspect = time.monotonic()
        session.close()
        self._make_room()

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        with self._mutex:
            idle, self._idle = self._idle, []
            self._epoch += 1
            self._lent_or_idle -= len(idle)
        for session in idle:
            session.close()

    def _wait(self, waiter: "_Waiter[_S]") -> _S | None:
        try:
            if waiter.ready.acquire(timeout=self._timeout):
                return waiter.session
        except BaseException:
            if not self._leave_line(waiter):
                self._return(waiter.session)
            raise
        if self._leave_line(waiter):
            raise StorageUnavailable("The storage is busy; try again.")
        # It was handed over between the end of the time and now.
        return waiter.session

    def _leave_line(self, waiter: "_Waiter[_S]") -> bool:
        with self._mutex:
            try:
                self._waiting.remove(waiter)
            except ValueError:
                return False
            return True

    def _return(self, session: _S | None) -> None:
        if session is None:
            self._make_room()
        else:
            self.give(session)

    def _is_sound(self, session: _S) -> bool:
        recent = time.monotonic() - (self._probe_after or 0.0)
        if session.used > recent and session.used > self._suspect:
            return True
        try:
            alive = session.alive()
        except BaseException:
            self.drop(session)
            raise
        if not alive:
            session.close()
        return alive

    def _open(self) -> _S:
        epoch = self._epoch
        try:
            session = self._open_session()
        except BaseException:
            self._make_room()
            raise
        session.epoch = epoch
        return session

    def _make_room(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().hand(None)
            else:
                self._lent_or_idle -= 1


class _Waiter(Generic[_S]):
    """A place in the line; it is handed a session, or None for the right to open one."""

    __slots__ = ("ready", "session")

    def __init__(self) -> None:
        self.ready = threading.Lock()
        self.ready.acquire()
        self.session: _S | None = None

    def hand(self, session: _S | None) -> None:
        self.session = session
        self.ready.release()
