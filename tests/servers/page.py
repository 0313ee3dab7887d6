"""Tables of docs/servers.md and docs/client-address.md, made of what the tests hold servers to.

`python -m tests.servers.page` writes them into the pages.
"""

from collections.abc import Iterable
from pathlib import Path

from tests.servers.addresses import ALIASED
from tests.servers.differences import DEVELOPMENT, DIFFERENCES, PRODUCTION, VERSIONS
from tests.servers.rows import ROWS
from tests.servers.servers import SERVERS

__all__ = ["TABLES", "page_of", "table_of"]

_DOCS = Path(__file__).parents[2] / "docs"
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


def _aliases() -> str:
    lines = ["| server, speaking WSGI | `X_Forwarded_For` |", "|---|---|"]
    for name, kind in SERVERS.items():
        if kind.interface == "WSGI":
            version = f"{kind.packages[0]} {VERSIONS[kind.packages[0]]}"
            seen = "**arrives as `X-Forwarded-For`**" if name in ALIASED else "is dropped"
            lines.append(f"| `{name}` ({version}) | {seen} |")
    return "\n".join(lines)


TABLES = {
    "versions": _versions,
    "differences": _differences,
    "alike": _alike,
    "aliases": _aliases,
}
"""What makes each table, by the comment in a page that it stands under."""


def page_of(table: str) -> Path:
    """Give the page that a table stands in."""
    return _DOCS / ("client-address.md" if table == "aliases" else "servers.md")


def table_of(text: str, name: str) -> str:
    """Give the table that stands in the page."""
    return text.partition(f"<!-- {name} -->\n")[2].partition("\n<!-- end -->")[0]


if __name__ == "__main__":
    for name, make in TABLES.items():
        page = page_of(name)
        text = page.read_text(encoding="utf-8")
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        made = before + mark + make() + "\n<!-- end -->" + rest.partition("<!-- end -->")[2]
        page.write_text(made, encoding="utf-8")
