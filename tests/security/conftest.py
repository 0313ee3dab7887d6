"""The player of the tables."""

import logging
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.security.checking", "tests.security.playing")

from tests.security.playing import Player  # noqa: E402 -- asserts are rewritten first
from tests.security.stage import make_sqlite  # noqa: E402 -- asserts are rewritten first


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the attacked shop in a SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("attacked") / "original.db"
    make_sqlite(file)
    return file


@pytest.fixture
def player(request: pytest.FixtureRequest, tmp_path: Path, caplog) -> Player:
    """Give what plays a row; every logger is heard, at every level."""
    caplog.set_level(logging.DEBUG)
    return Player(tmp_path, lambda: request.getfixturevalue("original"), caplog)
