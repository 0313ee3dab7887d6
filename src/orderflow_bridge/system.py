"""The real clock and the real randomness; tests pass their own."""

import os
import time

__all__ = ["SystemClock", "SystemEntropy"]


class SystemClock:
    """The operating system's clock."""

    def now(self) -> int:
        """Tell the time in Unix milliseconds, UTC."""
        return time.time_ns() // 1_000_000


class SystemEntropy:
    """The operating system's randomness."""

    def token(self, length: int) -> bytes:
        """Give `length` unpredictable bytes."""
        return os.urandom(length)
