"""The one way in which the command line prints: tables for people, JSON for programs."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import click
import msgspec

__all__ = ["Output", "as_json", "colour", "plain", "table"]

_C1_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029]")


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
    return _C1_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(text: str) -> str:
    """Escape what could steer a terminal: a buyer's text is shown to an operator."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()
) -> str:
    """Write rows under headings, in columns; the headings named in `right` align right."""
    cells = [list(headings), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if heading in right else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ).rstrip()
        for row in cells
    )
