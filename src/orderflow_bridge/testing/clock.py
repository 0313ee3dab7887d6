"""A clock that a test moves."""

from dataclasses import dataclass

__all__ = ["SetClock"]

_FIRST = 1_767_225_600_000
"""2026-01-01 00:00 UTC: any moment will do, as long as it is always the same."""


@dataclass
class SetClock:
    """Stand still until moved; the port `Clock`, in Unix milliseconds."""

    milliseconds: int = _FIRST

    def now(self) -> int:
        """Tell the time that was set, in Unix milliseconds."""
        return self.milliseconds

    def forward(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.milliseconds += round(seconds * 1000)
