"""The tables of docs/servers.md, made of what the tests hold the servers to.

`python -m tests.servers.page` writes them into the page.
"""

from collections.abc import Iterable
from pathlib import Path

from tests.servers.differences import DEVELOPMENT, DIFFERENCES, PRODUCTION, VERSIONS
from tests.servers.rows import ROWS
from tests.servers.servers import SERVERS

__all__ = ["PAGE", "TABLES", "table_of"]

PAGE = Path(__file__).parents[2] / "docs" / "servers.md"
_GROUPS = {
    "every server": (*PRODUCTION, *DEVELOPMENT),
    "every production server": PRODUCTION,
    "every development server": DEVELOPMENT,
}


def _versions() -> str:
    lines = ["| server | speaks | versions |", "|---|---|---|"]
    for name, kind in SERVERS.items():
        versions = ", ".join(f"{package} {VERSIONS[package]}" for package in kind.packages)
        lines.append(f"| `{name}` | {kind.interface} | {versions} |")
    return "\n".join(lines)


def _differences() -> str:
    lines = ["| what is sent | the bridge | instead |", "|---|---|---|"]
    for row in ROWS:
        seen = DIFFERENCES.get(row.name, {})
        if seen:
            told = "; ".join(f"{what}: {_named(servers)}" for what, servers in seen.items())
            lines.append(f"| {row.name} | {row.decision} | {told} |")
    return "\n".join(lines)


def _alike() -> str:
    lines = ["| what is sent | the answer everywhere |", "|---|---|"]
    lines += [f"| {row.name} | {row.decision} |" for row in ROWS if row.name not in DIFFERENCES]
    return "\n".join(lines)


def _named(servers: Iterable[str]) -> str:
    left = list(servers)
    told = []
    for group, members in _GROUPS.items():
        if set(members) <= set(left):
            told.append(group)
            left = [one for one in left if one not in members]
    return ", ".join([*told, *left])


TABLES = {"versions": _versions, "differences": _differences, "alike": _alike}
"""What makes each table, by the comment in the page that it stands under."""


def table_of(text: str, name: str) -> str:
    """Give the table that stands in the page."""
    return text.partition(f"<!-- {name} -->\n")[2].partition("\n<!-- end -->")[0]


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        page = before + mark + make() + "\n<!-- end -->" + rest.partition("<!-- end -->")[2]
    PAGE.write_text(page, encoding="utf-8")
