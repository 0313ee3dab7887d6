"""Randomness that is the same in each run."""

import hashlib
from dataclasses import dataclass

__all__ = ["CountedEntropy"]


@dataclass
class CountedEntropy:
    """Give bytes that differ each time and are the same in each run; the port `Entropy`.

    Two with the same `seed` give the same bytes in the same order. For tests alone: whoever knows
    the seed knows every secret that is drawn from it.
    """

    seed: bytes = b"entropy"
    drawn: int = 0

    def token(self, length: int) -> bytes:
        """Give the next `length` bytes."""
        self.drawn += 1
        return hashlib.shake_256(self.seed + self.drawn.to_bytes(8, "big")).digest(length)
