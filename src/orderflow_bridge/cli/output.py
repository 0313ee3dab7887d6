"""The one way in which the command line prints: tables for people, JSON for programs."""

import os
import re
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from orderflow_bridge.domain.errors import BridgeError

__all__ = [
    "Output",
    "as_json",
    "colour",
    "counted",
    "detail_of",
    "plain",
    "program",
    "table",
]

_PROGRAMS = ("orderflow-bridge", "ofb")
_LONGEST = 40
_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""C1 controls, line separators, and what turns the reading direction."""


@dataclass(slots=True)
class Output:
    """Where answers and notes go: answers on standard output, notes on standard error."""

    json: bool = False
    quiet: bool = False

    def show(self, document: object, text: str | None = None) -> None:
        """Print an answer: `document` as JSON where that was asked for, else `text`."""
        if self.json or text is None:
            click.echo(as_json(document))
        elif text:
            click.echo(text, color=colour())

    def tell(self, text: str) -> None:
        """Print a part of a story on standard output; nothing with `--json`."""
        if not self.json:
            click.echo(text, color=colour())

    def note(self, text: str) -> None:
        """Print progress or a hint on standard error; nothing with `--quiet`."""
        if not self.quiet:
            click.echo(text, err=True, color=colour())

    def warn(self, text: str) -> None:
        """Print something an operator must not miss on standard error."""
        click.echo(f"Warning: {text}", err=True, color=colour())

    def fail(self, code: str, detail: str, members: Mapping[str, object] | None = None) -> None:
        """Print an error: as the one document with `--json`, else on standard error."""
        if self.json:
            click.echo(as_json({"error": {"code": code, "detail": detail, **(members or {})}}))
        else:
            click.echo(f"Error: {detail or code} ({code})", err=True, color=colour())


def colour() -> bool | None:
    """Tell Click about colours: never with NO_COLOR, else where there is a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def as_json(document: object) -> str:
    """Write JSON that is safe to look at in a terminal."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode("utf-8")
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(text: str) -> str:
    """Escape what could steer a terminal: a buyer's text is shown to an operator."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def counted(count: int, noun: str) -> str:
    """Write a count and its noun: 1 product, 2 products."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def detail_of(error: BridgeError) -> str:
    """Say what was wrong: field and message where the error names them, else its detail."""
    errors = error.members.get("errors")
    if not isinstance(errors, list) or not errors:
        return error.detail
    said = "; ".join(
        f"{field}: {one['message']}" if (field := one["path"].strip("/")) else one["message"]
        for one in errors
    )
    return said if said.endswith((".", "?", "!")) else said + "."


def program() -> str:
    """Name this program as it was started, for lines that are pasted into a shell."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py" and started.parent.name == "orderflow_bridge":
        return f"{shlex.quote(sys.executable)} -m orderflow_bridge"
    if started.stem not in _PROGRAMS:
        return _PROGRAMS[0]
    found = shutil.which(started.name)
    if found is not None and Path(found).absolute() == started.absolute():
        return started.name
    return shlex.quote(sys.argv[0])


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    short: Sequence[str] = (),
) -> str:
    """Write rows under headings, in columns.

    The headings named in `right` align right; what is long under those in `short` is cut.
    """
    cells = [
        list(headings),
        *(
            [
                _cut(plain(cell)) if heading in short else plain(cell)
                for heading, cell in zip(headings, row, strict=True)
            ]
            for row in rows
        ),
    ]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]

    def aligned(heading: str, cell: str, width: int) -> str:
        space = " " * (width - _width(cell))
        return space + cell if heading in right else cell + space

    return "\n".join("  ".join(map(aligned, headings, row, widths)).rstrip() for row in cells)


def _width(text: str) -> int:
    """Count the columns of a terminal that a text takes."""
    return sum(map(_columns, text))


def _columns(sign: str) -> int:
    if unicodedata.category(sign) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in ("W", "F") else 1


def _cut(text: str) -> str:
    if _width(text) <= _LONGEST:
        return text
    left = _LONGEST - 1
    for end, sign in enumerate(text):
        left -= _columns(sign)
        if left < 0:
            return text[:end].rstrip() + "…"
    return text
