"""A session of tests under watch: whatever it leaves, says and answers is searched for canaries.

A `conftest.py` calls `watch` in its `pytest_configure`. A leak makes the run fail: what was found,
how it was written and where is told, and never the thing itself.
"""

import functools
import json
import logging
import re
import sqlite3
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orderflow_bridge.http import Response
from orderflow_bridge.protocol import Protocol
from tests.canary.marks import KINDS, Kind
from tests.canary.places import KEYS_FILE, kinds_of_command, kinds_of_file, kinds_of_table
from tests.canary.search import Search
from tests.canary.tables import is_beside_sqlite, is_sqlite, rows_of_sqlite

__all__ = ["Canary", "canary_of", "watch"]

_NAME = "canary"
_REFUSED = 400
_MOST_TOLD = 50
_KEY_LENGTH = 43

Rows = Iterable[tuple[str, bytes]]


def watch(config: pytest.Config) -> None:
    """Watch this session, once however many ask for it."""
    if not config.pluginmanager.has_plugin(_NAME):
        config.pluginmanager.register(Watch(config), _NAME)


def canary_of(config: pytest.Config) -> "Canary":
    """Give the search that a session goes through."""
    return config.pluginmanager.get_plugin(_NAME).canary


class Canary:
    """What was searched, and the leaks: `where` is told of each, counted, in bounded memory."""

    def __init__(self) -> None:
        self.leaks: Counter[str] = Counter()
        self.searched: Counter[str] = Counter()
        self._search = Search.for_all()

    def look(self, what: str, where: str, text: bytes, kinds: frozenset[Kind] = KINDS) -> None:
        """Search a text; `what` it is, such as a log record, is counted."""
        self.searched[what] += 1
        for found in self._search.find(text, kinds):
            self.leaked(found.kind, found.spelling, f"{what}: {where}")

    def leaked(self, kind: str, spelling: str, where: str) -> None:
        """Tell of a leak."""
        place = f"{kind} ({spelling}) in {where}"
        if place in self.leaks or len(self.leaks) < _MOST_TOLD:
            self.leaks[place] += 1
        else:
            self.leaks["others"] += 1

    def look_at_record(self, record: logging.LogRecord, where: str) -> None:
        """Search what a log record says, is made of, and has of a traceback."""
        parts = [repr(record.msg), repr(record.args)]
        try:
            parts.append(record.getMessage())
        except (TypeError, ValueError, KeyError):
            parts.append("not to be formatted")
        if record.exc_info:
            parts.extend(traceback.format_exception(*record.exc_info))
        self.look("log", f"{record.name}, {where}", "\n".join(parts).encode(errors="replace"))

    def look_at_answer(self, answer: Response, where: str) -> None:
        """Search an answer; a refusal may name a customer in the cart that it gives, only."""
        body = answer.body + repr(answer.headers).encode()
        self.look("answer", where, body, KINDS - {"personal data"})
        if answer.status >= _REFUSED:
            problem = json.loads(answer.body)
            problem.pop("cart", None)
            text = json.dumps(problem, ensure_ascii=False).encode(errors="surrogatepass")
            self.look("problem", f"{problem['code']}, {where}", text)

    def look_at_output(self, words: Sequence[str], printed: str, folder: Path) -> None:
        """Search what a command printed, also for the keys of the ring in its folder."""
        said, kinds = printed.encode(errors="replace"), kinds_of_command(words)
        name = " ".join(words[:3])
        self.look("output", name, said, kinds)
        for search in _searches_for(folder / KEYS_FILE):
            for found in search.find(said, kinds):
                self.leaked(found.kind, found.spelling, f"output: {name}, a key of its ring")

    def look_at_rows(self, rows: Rows, where: str) -> set[str]:
        """Search the rows of a database, each by its table's rule; name the tables with any."""
        found = set()
        for table, row in rows:
            found.add(table)
            self.look("row", f"table {table}, {where}", row, kinds_of_table(table))
        return found

    def look_at_files(self, folder: Path) -> None:
        """Search every file below a folder, also for the keys of each ring that is there."""
        # What is installed there is no work of the tests: the kit has its samples, and vectors.
        files = sorted(
            path
            for path in folder.rglob("*")
            if "site-packages" not in path.parts and _is_file(path)
        )
        databases = [path for path in files if is_sqlite(path)]
        for path in files:
            self._look_at_file(path, str(path.relative_to(folder)), path in databases)
        for path in files:
            if path.name == KEYS_FILE:
                self._look_for_keys_of(path)
        # Opening one moves what stands beside it into it.
        for path in databases:
            try:
                self.look_at_rows(rows_of_sqlite(path), str(path.relative_to(folder)))
            except sqlite3.Error:
                # Broken by its test; its bytes were searched.
                self.searched["broken database"] += 1

    def _look_at_file(self, path: Path, where: str, is_database: bool) -> None:
        self.searched["file"] += 1
        kinds = kinds_of_file(path.name)
        if is_database or is_beside_sqlite(path):
            # Customers are a matter of tables.
            kinds -= {"personal data"}
        with path.open("rb") as file:
            for found in self._search.find_in(file, kinds):
                self.leaked(found.kind, found.spelling, f"file: {where}")

    def _look_for_keys_of(self, ring: Path) -> None:
        """Search the folder of a ring for the keys in it."""
        for search in _searches_for(ring):
            for path in filter(_is_file, ring.parent.rglob("*")):
                with path.open("rb") as file:
                    for found in search.find_in(file, kinds_of_file(path.name)):
                        self.leaked(found.kind, found.spelling, f"file: {path.name} by its ring")


def _searches_for(ring: Path) -> Iterator[Search]:
    """Give a search for each key in a ring; for none where there is no ring."""
    if ring.is_file():
        for entry in re.split(r"[,\s]+", ring.read_text(errors="replace")):
            written = entry.partition(":")[2]
            if len(written) >= _KEY_LENGTH:
                yield Search.for_key(written)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


class Watch:
    """The plugin of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self.canary = Canary()
        self._config = config
        self._test = "outside of tests"
        self._undo: list[Callable[[], None]] = []

    def pytest_sessionstart(self) -> None:
        """Listen to every log record and every answer of this process."""
        make = logging.getLogRecordFactory()

        def record(*given: Any, **named: Any) -> logging.LogRecord:
            made = make(*given, **named)
            self.canary.look_at_record(made, self._test)
            return made

        logging.setLogRecordFactory(record)
        self._undo.append(lambda: logging.setLogRecordFactory(make))
        for name in ("admit", "execute", "refuse"):
            self._listen(name)
        logger = logging.getLogger("orderflow_bridge")
        level = logger.level
        logger.setLevel(logging.DEBUG)
        self._undo.append(lambda: logger.setLevel(level))

    def _listen(self, name: str) -> None:
        answer = getattr(Protocol, name)

        @functools.wraps(answer)
        def listening(*given: Any, **named: Any) -> Any:
            made = answer(*given, **named)
            if isinstance(made, Response):
                self.canary.look_at_answer(made, self._test)
            return made

        setattr(Protocol, name, listening)
        self._undo.append(lambda: setattr(Protocol, name, answer))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Know which test it is."""
        self._test = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Search what a test printed, its child processes included."""
        if report.when == "teardown":
            for title, text in report.sections:
                said = text.encode(errors="replace")
                self.canary.look("output", f"{title}, {report.nodeid}", said)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Search the files that are left; a leak makes the session fail."""
        while self._undo:
            self._undo.pop()()
        folder = self._config._tmp_path_factory._basetemp
        if folder is not None and folder.exists():
            self.canary.look_at_files(folder)
        if self.canary.leaks and session.exitstatus in {
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        }:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell each leak."""
        searched = ", ".join(f"{n} {what}s" for what, n in sorted(self.canary.searched.items()))
        terminalreporter.write_line(f"CANARY searched {searched or 'nothing'}")
        for place, times in self.canary.leaks.items():
            terminalreporter.write_line(f"LEAK [{times}] {place}", red=True)
