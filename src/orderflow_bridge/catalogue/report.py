"""What an import takes, and what came of it."""

import os
from typing import BinaryIO, TextIO

from msgspec import Struct, field

__all__ = ["ImportReport", "Source"]

Source = TextIO | BinaryIO | str | os.PathLike[str]
"""An open file, text or binary, or a path."""


class ImportReport(Struct, frozen=True, kw_only=True):
    """What came of an import.

    `imported` counts products, `skipped` the bad rows that were left out, `read` the products that
    a dry run would have imported, its bad rows left out; of these `new` are not for sale yet, and
    `repriced` have another price, or none, in a currency of the file. `problems` are
    (line, message), in the file's order, the first thousand; `more_problems` counts the rest. A
    row's line is the physical line it starts on, from 1.
    """

    read: int = 0
    new: int = 0
    repriced: int = 0
    imported: int = 0
    skipped: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    more_problems: int = 0

    @property
    def refused(self) -> bool:
        """Tell whether nothing was imported because of the problems."""
        return bool(self.problems) and not self.skipped
