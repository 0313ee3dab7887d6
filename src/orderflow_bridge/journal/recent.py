"""The recent requests as an operator reads them."""

from collections.abc import Collection, Sequence

from orderflow_bridge.capabilities import journal_of
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.journal.activity import Activities, activities
from orderflow_bridge.ports import Storage

__all__ = ["RecentRequests"]


class RecentRequests:
    """Read what is kept of recent requests; `rows` 0 says that nothing is kept.

    Each method raises `ConfigurationError` where nothing is. What this process answered within the
    last half second may not be there yet.
    """

    def __init__(self, *, storage: Storage, rows: int) -> None:
        self._storage = storage
        self._rows = rows

    @property
    def is_kept(self) -> bool:
        """Tell whether requests are kept: the storage can, and the settings let it."""
        return bool(self._rows) and "journal" in self._storage.capabilities

    def page(
        self,
        *,
        connection: str | None = None,
        refused: bool | None = None,
        before: tuple[int, str] | None = None,
        limit: int = 100,
    ) -> Sequence[JournalEntry]:
        """Give entries, newest first: those of `connection`, those refused or those allowed.

        None does not restrict; `before` is the (`at`, `request_id`) of the last entry seen.
        """
        self._refuse_unkept()
        with self._storage.reading() as unit:
            return journal_of(unit).page(
                connection=connection, refused=refused, before=before, limit=limit
            )

    def find(self, request_id: str) -> JournalEntry | None:
        """Read one; None where it is not kept, or not any more."""
        self._refuse_unkept()
        with self._storage.reading() as unit:
            return journal_of(unit).find(request_id)

    def of_order(self, order_id: str) -> JournalEntry | None:
        """Read the request that made an order."""
        self._refuse_unkept()
        with self._storage.reading() as unit:
            return journal_of(unit).of_order(order_id)

    def activities(self, connections: Collection[str], *, since: int) -> Activities:
        """Tell how much connections are used from `since` (Unix ms) on, in a bounded read."""
        self._refuse_unkept()
        with self._storage.reading() as unit:
            return activities(journal_of(unit), connections, since=since, kept=self._rows)

    def _refuse_unkept(self) -> None:
        if "journal" not in self._storage.capabilities:
            name = type(self._storage).__name__
            raise ConfigurationError(
                f"{name} keeps no requests: choose a storage with the capability `journal`."
            )
        if not self._rows:
            raise ConfigurationError("No requests are kept: set `journal_rows` to more than 0.")
