"""docs/servers.md and docs/client-address.md say what the tests hold the servers to."""

import pytest

from tests.servers.differences import DEVELOPMENT, PRODUCTION, VERSIONS
from tests.servers.page import TABLES, page_of, table_of
from tests.servers.rows import ROWS
from tests.servers.servers import SERVERS


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_is_what_is_tested(name: str) -> None:
    """Servers, versions, differences: where this fails, run `python -m tests.servers.page`."""
    assert table_of(page_of(name).read_text(encoding="utf-8"), name) == TABLES[name]()


def test_the_rows_are_as_many_as_the_pages_say() -> None:
    """Where this fails, count anew there."""
    root = page_of("alike").parents[1]
    testing, changes = root / "docs" / "testing.md", root / "CHANGELOG.md"
    assert f"| {len(ROWS)} named rows" in testing.read_text(encoding="utf-8")
    assert f"treat {len(ROWS)} hostile requests" in changes.read_text(encoding="utf-8")


def test_every_server_has_a_version_and_a_use() -> None:
    """A server of the tests is in the page's tables, as one for production or for development."""
    assert {*PRODUCTION, *DEVELOPMENT} == set(SERVERS)
    assert {package for kind in SERVERS.values() for package in kind.packages} == set(VERSIONS)
