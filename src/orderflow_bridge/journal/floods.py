"""How much is kept of what may come without end: some at once, then a trickle."""

from collections import OrderedDict
from threading import Lock

__all__ = ["Bucket", "Floods"]

_MINUTE = 60_000


class Bucket:
    """Let `most` pass at once, and one more after each `every` ms; times in Unix ms."""

    __slots__ = ("_at", "_every", "_left", "_most")

    def __init__(self, most: int, now: int, *, every: float, left: int | None = None) -> None:
        self._most = most
        self._every = every
        self._left = float(most if left is None else left)
        self._at = now

    def has_room(self, now: int) -> bool:
        """Tell whether one more may pass; a clock that was set back gives no room."""
        passed = now - self._at
        if passed:
            self._at = now
            if passed > 0:
                self._left = min(self._most, self._left + passed / self._every)
        return self._left >= 1

    def take(self) -> None:
        """Let one pass, where there is room."""
        self._left -= 1


class _Room:
    """Buckets of client ids, and one that they share."""

    def __init__(self, now: int, *, over_all: int) -> None:
        self.shared = Bucket(over_all, now, every=_MINUTE / over_all)
        self.clients: OrderedDict[bytes, Bucket] = OrderedDict()


class Floods:
    """Hold back floods: per client id, and over all of them.

    Of one client id `per_client` pass at once, and then one every `minutes`: what is kept of a
    connection's requests has room for days of its own, whoever names it meanwhile. `over_all` pass
    in a minute. Client ids that connections are known to have share other room than those that
    nobody knows, so that a flood of invented ones hides no storefront that signs wrong. Bounded
    memory: beyond `remembered` ids a new one has no room at first, so that nobody has it twice by
    being forgotten.
    """

    def __init__(
        self,
        *,
        per_client: int = 20,
        minutes: int = 5,
        over_all: int = 60,
        remembered: int = 1_024,
    ) -> None:
        self._per_client = per_client
        self._every = minutes * _MINUTE
        self._over_all = over_all
        self._remembered = remembered
        self._rooms: dict[bool, _Room] = {}
        self._lock = Lock()

    def let_pass(self, client_id: bytes, now: int, *, known: bool) -> bool:
        """Tell whether a request that is not verified is kept; it takes its room then."""
        with self._lock:
            room = self._rooms.get(known)
            if room is None:
                room = self._rooms[known] = _Room(now, over_all=self._over_all)
            client = self._bucket(room, client_id, now, before=self._rooms.get(not known))
            # Both are looked at, so that both go with the clock.
            if not (client.has_room(now) & room.shared.has_room(now)):
                return False
            client.take()
            room.shared.take()
            return True

    def _bucket(self, room: _Room, client_id: bytes, now: int, *, before: _Room | None) -> Bucket:
        clients = room.clients
        bucket = clients.get(client_id)
        if bucket is not None:
            clients.move_to_end(client_id)
            return bucket
        # Who has become known takes along what was used up before.
        bucket = None if before is None else before.clients.pop(client_id, None)
        left = None
        if len(clients) >= self._remembered:
            clients.popitem(last=False)
            left = 0
        if bucket is None:
            bucket = Bucket(self._per_client, now, every=self._every, left=left)
        clients[client_id] = bucket
        return bucket
