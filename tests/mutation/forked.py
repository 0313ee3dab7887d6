"""Tests that were collected once, run in a child of this process with one change."""

import gc
import os
import signal
from collections.abc import Callable, Sequence
from itertools import zip_longest

import pytest
from _pytest.runner import runtestprotocol

__all__ = ["first_failure"]


def first_failure(
    items: Sequence[pytest.Item], change: Callable[[], object], patience: int
) -> str | None:
    """Give the id of the first test that fails; "" where the change itself does.

    None where all pass, and where it took too long (seconds, of the processor).
    """
    # So that the child shares the memory of what is there, and does not copy it to look at it.
    gc.freeze()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, patience)
        signal.alarm(10 * patience)
        try:
            told = _failing(items, change)
        except BaseException:  # noqa: BLE001 -- whatever it raises, it did not go unnoticed
            told = "!"
        if told is not None:
            os.write(write, told.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told.removeprefix("!") if told else None


def _failing(items: Sequence[pytest.Item], change: Callable[[], object]) -> str | None:
    change()
    for item, following in zip_longest(items, items[1:]):
        reports = runtestprotocol(item, log=False, nextitem=following)
        if any(report.failed for report in reports):
            return item.nodeid
    return None
