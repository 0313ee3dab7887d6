"""Write down the requests that were answered, in batches, off the path of whoever asked."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from threading import Event, Lock, Thread

from orderflow_bridge.capabilities import journal_of
from orderflow_bridge.decisions import Asked
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.domain.forks import renew_in_children
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.http import Response
from orderflow_bridge.journal.entries import Course, Ended, ended, entry_of
from orderflow_bridge.journal.floods import Bucket, Floods
from orderflow_bridge.ports import Clock, Storage, Unit
from orderflow_bridge.transactions import transact

__all__ = ["Recorder"]

_log = logging.getLogger("orderflow_bridge.journal")
_SECONDS = 0.5
_IDLE_ROUNDS = 2
_PATIENCE = 15.0
_ENOUGH = 512
_BATCH = 1_024
_MOST_WAITING = 4_096
_MOST_KNOWN = 4_096
_MOST_SEEN = 4_096
_AT_ONCE, _A_SECOND = 500, 20
_ORDER = b"convertToOrder"
_REFUSED = 400
_MOST_COUNTED = 4_096
_TRIM_EVERY = 64
_TRIMMED = 512
_DAY = 86_400_000
_connection_of = attrgetter("connection")
# Refusals of what was signed, to which whoever captured it can come as often as they like.
_KEPT_OUT = frozenset(
    ("connection_disabled", "ip_not_allowed", "replayed_request", "timestamp_out_of_window")
)


class Recorder:
    """Keep requests in memory until a thread writes them: after half a second, or when many wait.

    The thread is a daemon, and is there only while there is something to write. What a connection
    signed is kept when it comes first; where that is more than 20 a second for long, refusals and
    orders are, and of the rest so many: rows of the last moment alone would tell nobody anything.
    Of what strangers can send as often as they like there is a
    bounded trickle, for connections that exist: of what is not verified, of copies, and of what is
    kept out whoever signed it. What the queue cannot hold, and what the storage does not take, is
    dropped and counted, and that the storage fails is told to the log: it is never the storefront's
    business. A forked child starts with nothing, for its parent writes its own.
    `rows` are kept for each connection, and for `days`; 0 days is for ever.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        rows: int,
        days: int,
        floods: Callable[[], Floods] = Floods,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._rows = rows
        self._days = days
        self._new_floods = floods
        self._known: set[bytes] = set()
        self._written: Counter[str] = Counter()
        self._failing = False
        self.dropped: int = 0
        self.left_out: int = 0
        self.renew()
        renew_in_children(self)

    def keep(
        self,
        asked: Asked,
        response: Response,
        *,
        course: Course | None = None,
        refusal: BridgeError | None = None,
    ) -> None:
        """Put an answered request into the queue; costs a microsecond, and never raises."""
        room = None
        if response.status < _REFUSED and asked.action != _ORDER:
            room = self._busy.get(asked.client_id) or self._room_of(asked)
            if not room.has_room(asked.arrived):
                self.left_out += 1
                return
        if self._comes_first(asked, course, refusal):
            if room is not None:
                room.take()
        elif not asked.client_id or not self._floods.let_pass(
            asked.client_id, asked.arrived, known=asked.client_id in self._known
        ):
            return
        waiting = self._waiting
        if len(waiting) == _MOST_WAITING:
            self.dropped += 1
        waiting.append(ended(asked, response, course, refusal, self._clock.now()))
        if not self._running:
            self._start()
        elif len(waiting) >= _ENOUGH and not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write what waits, now and in this thread."""
        with self._flushing:
            # What comes meanwhile waits for the next time: a batch is worth more than a hurry.
            for _ in range(-(-len(self._waiting) // _BATCH)):
                self._write(self._take())

    def close(self) -> None:
        """End the thread and write what waits; a later request starts another.

        When it has returned nothing of this process opens the storage again by itself, unless the
        storage kept the thread waiting for longer than any lock should.
        """
        self._closing = True
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(_PATIENCE)
        self.flush()

    def renew(self) -> None:
        """Begin with nothing, in a forked child: what waits is its parent's to write."""
        self._waiting: deque[Ended] = deque(maxlen=_MOST_WAITING)
        self._floods = self._new_floods()
        self._seen: set[int] = set()
        self._seen_before: set[int] = set()
        self._busy: dict[bytes, Bucket] = {}
        self._flushing = Lock()
        self._starting = Lock()
        self._wake = Event()
        self._closing = False
        self._thread: Thread | None = None
        self._running = False

    def _comes_first(
        self, asked: Asked, course: Course | None, refusal: BridgeError | None
    ) -> bool:
        """Tell whether the connection signed it, is let in, and sent nothing like it before.

        What came before is forgotten in halves; a copy that is late enough to be kept once more
        stands behind as many requests of the connections themselves.
        """
        if course is None or not course.verified:
            return False
        if len(self._known) < _MOST_KNOWN:
            self._known.add(asked.client_id)
        if refusal is not None and refusal.code in _KEPT_OUT:
            return False
        text = hash(course.text)
        if text in self._seen or text in self._seen_before:
            return False
        if len(self._seen) >= _MOST_SEEN:
            self._seen_before, self._seen = self._seen, set()
        self._seen.add(text)
        return True

    def _room_of(self, asked: Asked) -> Bucket:
        """Make the room of what is allowed to a connection; several threads may keep some more."""
        if len(self._busy) >= _MOST_KNOWN:
            self._busy = {}
        room = Bucket(_AT_ONCE, asked.arrived, every=1_000 / _A_SECOND)
        self._busy[asked.client_id] = room
        return room

    def _start(self) -> None:
        with self._starting:
            if self._running:
                return
            self._running = True
            self._closing = False
            self._wake.clear()
            thread = Thread(target=self._run, name="orderflow-bridge journal", daemon=True)
            try:
                thread.start()
                self._thread = thread
            except RuntimeError:
                # No thread can be had, as where the interpreter ends: the next request tries again.
                self._running = False

    def _run(self) -> None:
        idle = 0
        while idle < _IDLE_ROUNDS:
            self._wake.wait(_SECONDS)
            # In this order: who closes says so before it wakes.
            self._wake.clear()
            if self._closing:
                break
            idle = 0 if self._waiting else idle + 1
            self.flush()
        with self._starting:
            self._running = False
        # Who came between the last look and that line saw a thread that runs.
        if self._waiting and not self._closing:
            self._start()

    def _take(self) -> Sequence[Ended]:
        waiting = self._waiting
        return [waiting.popleft() for _ in range(min(len(waiting), _BATCH))]

    def _write(self, batch: Sequence[Ended]) -> None:
        try:
            entries = [entry_of(one) for one in batch]
            transact(self._storage, lambda unit: self._append(unit, entries))
        except Exception as error:  # noqa: BLE001 -- never the storefront's business
            self.dropped += len(batch)
            if not self._failing:
                self._failing = True
                _log.warning("requests are not kept, the storage fails: %s", whereabouts(error))
            return
        if self._failing:
            self._failing = False
            _log.warning("requests are kept again")

    def _append(self, unit: Unit, entries: Sequence[JournalEntry]) -> None:
        """Store the entries of connections that exist, and forget what is beyond the bounds."""
        proven = {one.connection for one in entries if one.verified}
        asked = {one.connection for one in entries} - proven
        unknown = {one for one in asked if one is None or unit.connections.find(one) is None}
        if unknown:
            entries = [one for one in entries if one.connection not in unknown]
        if not entries:
            return
        journal = journal_of(unit)
        journal.append(entries)
        for connection, count in Counter(map(_connection_of, entries)).items():
            if connection is not None and self._is_due(connection, count):
                journal.trim(connection, keep=self._rows, limit=_TRIMMED + count)
                if self._days:
                    now = self._clock.now()
                    journal.purge(before=now - self._days * _DAY, limit=_TRIMMED)

    def _is_due(self, connection: str, count: int) -> bool:
        """Tell whether a connection is trimmed with this batch: its first, and now and then."""
        first = connection not in self._written
        if first and len(self._written) >= _MOST_COUNTED:
            self._written.clear()
        before = self._written[connection]
        self._written[connection] = before + count
        return first or before // _TRIM_EVERY != (before + count) // _TRIM_EVERY
