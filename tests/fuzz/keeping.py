"""Keep of many inputs the few that reach most."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import coverage

from tests.fuzz.targets import TARGETS

__all__ = ["keep_new", "reached"]

MOST_FILES = 70
"""How many files the corpus of a target has; what is there already stays in any case."""


def reached(name: str, data: bytes) -> frozenset[object]:
    """Tell what an input reaches: the branches it takes in the package, and what it comes to."""
    measured = coverage.Coverage(
        data_file=None, branch=True, source=["orderflow_bridge"], config_file=False
    )
    # Of a module that was imported before, the functions are measured all the same.
    measured.set_option("run:disable_warnings", ["module-not-measured"])
    measured.start()
    try:
        told = list(TARGETS[name](data))
    finally:
        measured.stop()
    found = measured.get_data()
    return frozenset(told).union(
        (Path(file).name, arc) for file in found.measured_files() for arc in found.arcs(file) or ()
    )


def keep_new(name: str, kept: Path, inputs: Iterable[Path]) -> list[Path]:
    """Add to the corpus in `kept` what reaches most that is new, and nothing that is not."""
    known: set[object] = set()
    present = list(kept.iterdir())
    for file in present:
        known |= reached(name, file.read_bytes())
    found = {data: reached(name, data) for data in sorted({one.read_bytes() for one in inputs})}
    added = []
    for _ in range(MOST_FILES - len(present)):
        best = max(found, key=lambda data: (len(found[data] - known), -len(data)), default=b"")
        if not found.get(best, known) - known:
            break
        known |= found.pop(best)
        place = kept / hashlib.sha256(best).hexdigest()[:12]
        place.write_bytes(best)
        added.append(place)
    return added
