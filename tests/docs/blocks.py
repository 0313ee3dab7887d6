"""The blocks of code in a page, and the files that they make up."""

import re
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"(?:<!-- (\w+): (\S+) -->\n)?```(\w+)\n(.*?)```\n", re.DOTALL)


class Block(NamedTuple):
    """One block; `kind` and `name` are empty where no comment stands before it."""

    kind: str
    name: str
    language: str
    text: str


def blocks_of(page: str) -> list[Block]:
    """Give the blocks of a page, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(*found) for found in _BLOCK.findall(text)]


def file_of(page: str, name: str) -> str:
    """Give a file of a page: its blocks, one after the other."""
    parts = [one.text for one in blocks_of(page) if (one.kind, one.name) == ("file", name)]
    assert parts, f"{page} has no file {name}"
    return "\n\n".join(parts)


def command_of(page: str, name: str) -> str:
    """Give the commands of a page that stand under a name."""
    [text] = [one.text for one in blocks_of(page) if (one.kind, one.name) == ("run", name)]
    return text
