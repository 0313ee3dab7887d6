"""`doctor`: what stands in the way, and the fix of each."""

from collections.abc import Iterator

import click

from orderflow_bridge.cli.checks import bad_settings, examine, examine_hosted
from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.findings import Finding
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import plain
from orderflow_bridge.cli.probing import probe
from orderflow_bridge.domain.errors import ConfigurationError

__all__ = ["doctor"]

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command(cls=Command, short_help="Check everything, and name each fix.")
@click.option("--url", help="Also look at the running site at this address.")
@click.option(
    "--mount",
    default="/bridge",
    show_default=True,
    help="Where the bridge is mounted on the site.",
)
@click.pass_obj
def doctor(invocation: Invocation, *, url: str | None, mount: str) -> None:
    """Check settings, keys, pricing, proxies, storage, migrations, clock and connections.

    With --url also the mount: it sends requests that the bridge must refuse. Changes nothing.
    The exit code is 1 where there is a problem; warnings leave it 0.
    """
    try:
        findings = list(_examine(invocation))
    except ConfigurationError as error:
        findings = [bad_settings(error)]
    if url is not None:
        findings += probe(url, mount=mount)
    problems = sum(finding.state == "problem" for finding in findings)
    document: dict[str, object] = {"findings": findings, "problems": problems}
    if problems:
        detail = f"{problems} problem{'' if problems == 1 else 's'} found."
        document["error"] = {"code": "problems", "detail": detail}
    invocation.output.show(document, "\n".join(_line(finding) for finding in findings))
    if problems:
        raise CommandFailed("problems", reported=True)


def _examine(invocation: Invocation) -> Iterator[Finding]:
    if invocation.hosted is None:
        return examine(invocation.settings(), program=invocation.program)
    return examine_hosted(invocation.hosted(), program=invocation.program)


def _line(finding: Finding) -> str:
    state = click.style(f"{finding.state:8}", fg=_COLOURS[finding.state])
    fix = f"\n{'':9}fix: {plain(finding.fix)}" if finding.fix else ""
    return f"{state} {finding.check}: {plain(finding.found)}{fix}"
