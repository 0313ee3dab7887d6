"""What a unit's repositories know of it."""

__all__ = ["Session"]


class Session:
    """Whether anything may be changed."""

    __slots__ = ("writable",)

    def __init__(self, *, writable: bool) -> None:
        self.writable = writable

    def must_write(self) -> None:
        """Refuse a change in a reading unit, and in one that is over."""
        if not self.writable:
            raise RuntimeError("A reading unit changes nothing.")
