"""A folder with a configuration, and the two ways to run the command line in it."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.canary.marks import EMAIL
from tests.canary.session import Canary, canary_of
from tests.databases import databases  # noqa: F401 -- a fixture
from tests.rig import ADDRESS

PATIENCE = 30


@dataclass
class Ended:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Read standard output as exactly one JSON document."""
        return json.loads(self.out)


@dataclass
class Running:
    """A command that goes on, and the lines it has printed."""

    process: subprocess.Popen[str]
    lines: "queue.Queue[str | None]" = field(default_factory=queue.Queue)
    seen: list[str] = field(default_factory=list)

    def until(self, pattern: str) -> re.Match[str]:
        """Wait for a line of standard output."""
        while (line := self.lines.get(timeout=PATIENCE)) is not None:
            self.seen.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        pytest.fail(f"it ended without {pattern!r}:\n{''.join(self.seen)}")

    def end(self, signal_number: int) -> int:
        """Send a signal, and give the exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE)


@dataclass
class Line:
    """The command line in one folder."""

    folder: Path
    canary: Canary

    def __call__(self, *words: str, code: int = 0, stdin: str | bytes | None = None) -> Ended:
        """Run a command in this process; it must end with `code`."""
        from click.testing import CliRunner  # noqa: PLC0415 -- an optional package

        from orderflow_bridge.cli.app import cli  # noqa: PLC0415 -- needs it

        result = CliRunner().invoke(cli, list(words), input=stdin)
        ended = Ended(result.exit_code, result.stdout, result.stderr)
        self.canary.look_at_output(words, ended.out, self.folder)
        self.canary.look_at_output(("stderr", *words), ended.err, self.folder)
        assert ended.code == code, f"{words}: {ended}"
        return ended

    def connect(self, *words: str) -> Any:
        """Make a connection; give its document."""
        return self("connections", "create", "Storefront", "--json", *words).document

    def order(self, intent: str = "pi_1", email: str = EMAIL) -> Any:
        """Buy a mug with the only connection; give the order's document."""
        items = [{"sku": "MUG", "quantity": 2}]
        made = self(
            "request", "cart.create", "-d", json.dumps({"currency": "GBP", "items": items})
        ).document
        body = {
            "cart_id": made["cart_id"],
            "customer": {"email": email},
            "shipping_address": ADDRESS,
            "payment_intent": intent,
        }
        return self("request", "convertToOrder", "-d", json.dumps(body)).document

    def start(self, *words: str) -> AbstractContextManager[Running]:
        """Run a command in a process of its own, which is ended in any case."""
        return self.start_python("-m", "orderflow_bridge", *words)

    @contextmanager
    def start_python(self, *words: str) -> Iterator[Running]:
        """Run Python in a process of its own, which is ended in any case."""
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        running = Running(process)

        def read() -> None:
            for line in process.stdout or ():
                self.canary.look_at_output(words, line, self.folder)
                running.lines.put(line)
            running.lines.put(None)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield running
        finally:
            # The group: workers of a server that was killed would hold the pipe open.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> Line:
    """Give the command line in an empty folder, with nothing in the environment."""
    for name in [name for name in os.environ if name.startswith("ORDERFLOW_BRIDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    return Line(tmp_path, canary_of(pytestconfig))


@pytest.fixture
def ready(line: Line) -> Line:
    """Give the command line in a folder that `init` set up, with one product."""
    line("init")
    Path("products.csv").write_text("sku,name,price,currency,stock\nMUG,Mug,11.50,GBP,10\n")
    line("catalogue", "import", "products.csv")
    return line
