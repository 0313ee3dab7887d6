"""`catalogue`: what is for sale."""

import sys
from typing import BinaryIO

import click

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.catalogue.csv_import import CatalogueFileError
from orderflow_bridge.catalogue.report import ImportReport
from orderflow_bridge.cli.actor import actor_option
from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import Output, counted, plain, table
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.money import format_price
from orderflow_bridge.domain.product import CatalogueEntry

__all__ = ["catalogue"]

_EVERY = 5_000


@click.group(cls=LazyGroup, short_help="Import and list products.")
def catalogue() -> None:
    """Import and list the products that carts are filled with."""


@catalogue.command(name="import")
@click.argument("file", type=click.File("rb"))
@click.option("--currency", help="Currency of prices that do not name one, such as GBP.")
@click.option("--skip-bad", is_flag=True, help="Leave wrong rows out instead of importing nothing.")
@click.option("--dry-run", is_flag=True, help="Read and report; write nothing.")
@actor_option
@click.pass_obj
def import_(
    invocation: Invocation,
    *,
    file: BinaryIO,
    currency: str | None,
    skip_bad: bool,
    dry_run: bool,
    actor: str,
) -> None:
    """Add or replace products from a CSV FILE (`-` for standard input), all of them or none.

    Columns: sku, name, price, and where wanted currency, stock and tax_class; or Shopify's
    product export. Every wrong row is named with its line, and then nothing is imported and the
    exit code is 1.
    """
    output = invocation.output
    progress = _Progress(output)
    with invocation.bridge() as bridge:
        _refuse_elsewhere(bridge)
        try:
            report = bridge.catalogue.import_csv(
                file,
                default_currency=currency,
                skip_bad=skip_bad,
                dry_run=dry_run,
                progress=progress.written,
                actor=actor,
            )
        except CatalogueFileError as error:
            raise CommandFailed("bad_file", _with_option(str(error))) from None
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--currency") from None
    progress.end()
    _show(output, report, dry_run=dry_run)
    if report.refused:
        raise CommandFailed("bad_rows", reported=True)


def _refuse_elsewhere(bridge: Bridge) -> None:
    """Refuse where nothing that is listed or imported here would be sold."""
    if not bridge.keeps_catalogue:
        raise ConfigurationError(
            "What is sold is the site's own catalogue, and the bridge keeps no products: list and"
            " change them where the site does. Nothing was read or changed here."
        )


class _Progress:
    """Tell how far an import is: on one line of a terminal, else on a line now and then."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._terminal = sys.stderr.isatty()
        self._told = 0

    def written(self, count: int) -> None:
        """Take note of `count` entries written so far."""
        if self._output.quiet:
            return
        if self._terminal:
            click.echo(f"\r{count} written", err=True, nl=False)
            self._told = count
        elif count < self._told or count - self._told >= _EVERY:
            click.echo(f"{count} written", err=True)
            self._told = count

    def end(self) -> None:
        """Leave the line of a terminal."""
        if self._terminal and self._told:
            click.echo(err=True)


def _show(output: Output, report: ImportReport, *, dry_run: bool) -> None:
    count = len(report.problems) + report.more_problems
    problems = [(line, _with_option(message)) for line, message in report.problems]
    document = {
        "imported": report.imported,
        "skipped": report.skipped,
        "problems": [{"line": line, "message": message} for line, message in problems],
        "more_problems": report.more_problems,
    }
    refusal = f"Nothing was imported: {counted(count, 'bad row')}."
    if report.refused:
        document["error"] = {"code": "bad_rows", "detail": refusal}
    for line, message in problems:
        click.echo(f"line {line}: {plain(message)}", err=True)
    if report.more_problems:
        click.echo(f"and {report.more_problems} more", err=True)
    skipped = f", skipped {counted(report.skipped, 'bad row')}" if report.skipped else ""
    done = f"Imported {counted(report.imported, 'product')}{skipped}"
    if dry_run:
        document |= {"read": report.read, "new": report.new, "repriced": report.repriced}
        done = (
            f"Read {counted(report.read, 'product')}: {report.new} not for sale yet,"
            f" {report.repriced} at another price; nothing was written"
        )
    output.show(document, "" if report.refused else done)
    if report.refused and not output.json:
        click.echo(f"Error: {refusal} Correct them, or use --skip-bad.", err=True)


def _with_option(message: str) -> str:
    """Name the option where the importer, which knows of none, asks for a default currency."""
    return message.replace("give a default currency", "give one to all, such as --currency GBP")


@catalogue.command(name="list")
@click.option("--after", default="", metavar="SKU", help="Begin behind this sku.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The most to list."
)
@click.pass_obj
def list_(invocation: Invocation, *, after: str, limit: int) -> None:
    """List products in the order of their skus."""
    with invocation.bridge() as bridge:
        _refuse_elsewhere(bridge)
        entries = list(bridge.catalogue.entries(after=after, limit=limit))
    text = table(
        ("sku", "name", "prices", "stock", "tax class", "for sale"),
        [
            (
                entry.sku,
                entry.name,
                _prices(entry),
                "untracked" if entry.stock is None else str(entry.stock),
                entry.tax_class,
                "yes" if entry.active else "no",
            )
            for entry in entries
        ],
        right=("prices", "stock"),
        short=("name",),
    )
    empty = (
        f"There is nothing behind {plain(after)}."
        if after
        else f"There is nothing: {invocation.program} catalogue import FILE"
    )
    invocation.output.show({"products": entries}, text if entries else empty)
    if len(entries) == limit:
        invocation.output.note(f"Perhaps more: --after {plain(entries[-1].sku)}")


def _prices(entry: CatalogueEntry) -> str:
    return ", ".join(
        f"{format_price(amount, currency)} {currency}"
        for currency, amount in sorted(entry.prices.items())
    )
