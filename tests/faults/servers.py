"""Private database servers that a test may crash: a folder, a free port, and one process each."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

__all__ = ["PrivateServer", "private_server"]

PATIENCE = 60
_DEBIAN = "/usr/lib/postgresql/*/bin"


class PrivateServer:
    """A server that only this test uses.

    `crash` ends it so that it says goodbye to nobody, `stop` as an operator does; `start` begins
    again on what it has on its disk.
    """

    def __init__(self, home: Path, user: str | None) -> None:
        self.home = home
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", 0))
            self.port: int = trial.getsockname()[1]

    url = ""
    _crash = _stop = signal.SIGTERM

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.home / "log").open("ab") as log:
            self._process = self._begin(self._command(), log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((self.home / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def crash(self) -> None:
        """End it at once."""
        self._end(self._crash)

    def stop(self) -> None:
        """End it in order."""
        self._end(self._stop)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None

    def _begin(self, command: Sequence[str], log) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, stdout=log, stderr=log, cwd=self.home, user=self._user, start_new_session=True
        )

    def make(self) -> None:
        """Make an empty database."""
        with (self.home / "log").open("ab") as log:
            code = self._begin(self._making(), log).wait(PATIENCE)
        if code:
            pytest.fail((self.home / "log").read_text(errors="replace")[-2000:])

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _making(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


class _Postgres(PrivateServer):
    _crash, _stop = signal.SIGQUIT, signal.SIGINT

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _making(self) -> list[str]:
        return [
            _program("initdb"),
            *("-D", str(self.home / "data"), "-A", "trust", "-U", "postgres", "--no-sync"),
            *("-E", "UTF8", "--locale=C"),
        ]

    def _command(self) -> list[str]:
        return [
            _program("postgres"),
            *("-D", str(self.home / "data"), "-p", str(self.port)),
            *("-c", "listen_addresses=127.0.0.1", "-k", str(self.home)),
        ]

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415 -- an optional package

        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=5):
            return True
        return False


class _MariaDB(PrivateServer):
    _crash = signal.SIGKILL

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/shop"

    def _making(self) -> list[str]:
        return [
            _program("mariadb-install-db"),
            *("--no-defaults", f"--datadir={self.home / 'data'}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        ]

    def _command(self) -> list[str]:
        return [
            _program("mariadbd"),
            *("--no-defaults", f"--datadir={self.home / 'data'}"),
            *("--bind-address=127.0.0.1", f"--port={self.port}"),
            *(f"--socket={self.home / 'socket'}", f"--pid-file={self.home / 'pid'}"),
            *("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M"),
            *("--user=root",) * (self._user == "root"),
        ]

    def _answers(self) -> bool:
        import pymysql  # noqa: PLC0415 -- an optional package

        with suppress(pymysql.OperationalError):
            connection = pymysql.connect(host="127.0.0.1", port=self.port, user="root")
            connection.cursor().execute("CREATE DATABASE IF NOT EXISTS shop")
            connection.close()
            return True
        return False


_KINDS: dict[str, tuple[type[PrivateServer], tuple[str, ...]]] = {
    "postgres": (_Postgres, ("initdb", "postgres")),
    "mariadb": (_MariaDB, ("mariadb-install-db", "mariadbd")),
}


@contextmanager
def private_server(kind: str) -> Iterator[PrivateServer]:
    """Run a server of kind `postgres` or `mariadb`; a missing one skips, and fails in CI."""
    make, programs = _KINDS[kind]
    missing = [name for name in programs if not _program(name)]
    if missing:
        tell = pytest.fail if os.environ.get("CI") else pytest.skip
        tell(f"{', '.join(missing)} is not installed: no {kind} to crash")
    user = _somebody() if os.geteuid() == 0 else None
    # Not below pytest's folder, which another user may not enter.
    home = Path(tempfile.mkdtemp(prefix=f"private-{kind}-"))
    try:
        if user is not None:
            shutil.chown(home, user)
        server = make(home, user)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _program(name: str) -> str:
    folders = [*map(str, sorted(Path("/").glob(_DEBIAN[1:]))), "/usr/sbin"]
    path = os.pathsep.join([*folders, os.environ.get("PATH", "")])
    return shutil.which(name, path=path) or ""


def _somebody() -> str:
    """Name a user who is not root: PostgreSQL refuses root."""
    for name in ("postgres", "mysql", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("there is no user but root")
