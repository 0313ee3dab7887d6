"""What the repositories of one unit share: the alias, and the leave to change something."""

from django.db import IntegrityError, models, transaction

from orderflow_bridge_django.storage.errors import is_taken

__all__ = ["Session"]


class Session:
    """One unit's way into the database `using`; `writable` while it may change something."""

    __slots__ = ("using", "writable")

    def __init__(self, using: str, *, writable: bool) -> None:
        self.using = using
        self.writable = writable

    def must_write(self) -> None:
        """Refuse a change in a reading unit, and in one that is over."""
        if not self.writable:
            raise RuntimeError("A reading unit changes nothing.")

    def insert(self, row: models.Model) -> bool:
        """Insert a row; False, and the unit goes on, where a unique value of it is taken.

        Waits for a unit that has inserted the same value and has not committed yet.
        """
        self.must_write()
        try:
            with transaction.atomic(using=self.using):
                row.save(using=self.using, force_insert=True)
        except IntegrityError as error:
            if not is_taken(error):
                raise
            return False
        return True
