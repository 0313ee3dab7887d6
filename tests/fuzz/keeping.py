"""Keep of many inputs the few that each reach something that no smaller one reaches."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import coverage

from tests.fuzz.targets import TARGETS

__all__ = ["keep_new", "reached"]

MOST_FILES = 60
"""How many files a kept corpus has; what a person named stays in any case."""


def reached(name: str, data: bytes) -> frozenset[object]:
    """Tell what an input reaches: the branches it takes in the package, and what it comes to."""
    measured = coverage.Coverage(
        data_file=None, branch=True, source=["orderflow_bridge"], config_file=False
    )
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
    """Add to the corpus in `kept` what reaches something new, the smallest first."""
    known: set[object] = set()
    present = sorted(kept.iterdir())
    for file in present:
        known |= reached(name, file.read_bytes())
    added = []
    room = MOST_FILES - len(present)
    for file in sorted(inputs, key=lambda one: (one.stat().st_size, one.name)):
        data = file.read_bytes()
        new = reached(name, data) - known
        if not new or room <= len(added):
            continue
        known |= new
        place = kept / hashlib.sha256(data).hexdigest()[:12]
        place.write_bytes(data)
        added.append(place)
    return added
