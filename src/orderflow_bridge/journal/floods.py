"""How much is kept of requests that nobody has proven to have signed: a trickle."""

from collections import OrderedDict
from threading import Lock

__all__ = ["Bucket", "Floods"]

_MINUTE = 60_000


class Bucket:
    """Let `most` pass in a minute, and as many at once after a quiet one; times in Unix ms."""

    __slots__ = ("_at", "_left", "_most")

    def __init__(self, most: int, now: int) -> None:
        self._most = most
        self._left = float(most)
        self._at = now

    def has_room(self, now: int) -> bool:
        """Tell whether one more may pass; a clock that was set back gives no room."""
        self._left = min(self._most, self._left + max(0, now - self._at) * self._most / _MINUTE)
        self._at = now
        return self._left >= 1

    def take(self) -> None:
        """Let one pass, where there is room."""
        self._left -= 1


class Floods:
    """Hold back floods: per client id, and over all of them.

    Client ids that connections are known to have share other room than those that nobody knows, so
    that a flood of invented ones hides no storefront that signs wrong. Bounded memory: beyond
    `remembered` ids, the one that was quiet longest starts anew.
    """

    def __init__(
        self, *, per_client: int = 20, over_all: int = 60, remembered: int = 1_024
    ) -> None:
        self._per_client = per_client
        self._over_all = over_all
        self._remembered = remembered
        self._clients: OrderedDict[bytes, Bucket] = OrderedDict()
        self._known: Bucket | None = None
        self._unknown: Bucket | None = None
        self._lock = Lock()

    def let_pass(self, client_id: bytes, now: int, *, known: bool) -> bool:
        """Tell whether a request that is not verified is kept; it takes its room then."""
        with self._lock:
            client = self._clients.get(client_id)
            if client is None:
                if len(self._clients) >= self._remembered:
                    self._clients.popitem(last=False)
                client = self._clients[client_id] = Bucket(self._per_client, now)
            else:
                self._clients.move_to_end(client_id)
            shared = self._shared(now, known=known)
            # Both are looked at, so that both go with the clock.
            if not (client.has_room(now) & shared.has_room(now)):
                return False
            client.take()
            shared.take()
            return True

    def _shared(self, now: int, *, known: bool) -> Bucket:
        if known:
            if self._known is None:
                self._known = Bucket(self._over_all, now)
            return self._known
        if self._unknown is None:
            self._unknown = Bucket(self._over_all, now)
        return self._unknown
