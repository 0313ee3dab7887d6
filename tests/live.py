"""Servers that a test starts: a process of its own, a port of the loopback, an end by its id."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.rig import RING

__all__ = ["bridge_environ", "free_port", "listening", "need", "started", "wait_until"]

PATIENCE = 30


def need(module: str) -> None:
    """Skip the test where a server is not installed; in CI that is a failure."""
    if find_spec(module) is None:
        tell = pytest.fail if os.environ.get("CI") else pytest.skip
        tell(f"{module} is not installed")


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def bridge_environ(home: Path, url: str) -> dict[str, str]:
    """Give the environment of a process that opens a bridge on `url`, and no other setting."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("ORDERFLOW_")
    } | {
        "ORDERFLOW_BRIDGE_HOME": str(home),
        "ORDERFLOW_BRIDGE_DATABASE": url,
        "ORDERFLOW_BRIDGE_MASTER_KEYS": RING,
    }


@contextmanager
def started(
    arguments: Sequence[str], *, home: Path, environ: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Python with these arguments; what is left of it at the end is killed, workers too."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=home,
            env=dict(environ),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # The group: a worker would hold the port.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(met: Callable[[], bool], log: Path) -> None:
    """Wait for what has to come."""
    deadline = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > deadline:
            pytest.fail(f"it did not come:\n{log.read_text(errors='replace')[-5000:]}")
        time.sleep(0.05)


def listening(port: int) -> bool:
    """Tell whether somebody answers."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
