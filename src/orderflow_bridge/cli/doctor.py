"""`doctor`: what stands in the way, and the fix of each."""

from collections.abc import Iterator, Sequence

import click

from orderflow_bridge.cli.addresses import explain_address, look_at_allow_list, read_headers
from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import plain
from orderflow_bridge.cli.probing import probe
from orderflow_bridge.doctor.checks import bad_settings, examine, examine_hosted
from orderflow_bridge.doctor.findings import Finding
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
@click.option(
    "--peer",
    metavar="ADDRESS",
    help="Also tell which client's address a request from there has, and why; unix is a socket.",
)
@click.option(
    "--header",
    "lines",
    metavar="'NAME: VALUE'",
    multiple=True,
    help="With --peer: a header of that request; may be repeated.",
)
@click.option(
    "--connection",
    "client_id",
    metavar="CLIENT_ID",
    help="With --peer: also tell whether its allow-list has that address.",
)
@click.pass_obj
def doctor(
    invocation: Invocation,
    *,
    url: str | None,
    mount: str,
    peer: str | None,
    lines: Sequence[str],
    client_id: str | None,
) -> None:
    """Check settings, keys, pricing, proxies, storage, migrations, clock and connections.

    With --url also the mount: it sends requests that the bridge must refuse. With --peer also the
    client's address, as proxies in front tell it. Changes nothing. The exit code is 1 where there
    is a problem; warnings leave it 0.
    """
    if peer is None and (lines or client_id):
        raise click.UsageError("--header and --connection go with --peer.")
    headers = read_headers(lines)
    settings = None
    try:
        settings = invocation.settings()
        findings = list(_examine(invocation))
    except ConfigurationError as error:
        findings = [bad_settings(error)]
    sound = not any(finding.state == "problem" for finding in findings)
    if settings is not None and peer is not None:
        findings += explain_address(settings, peer, headers)
        if client_id is not None and sound:
            with invocation.bridge() as bridge:
                program = invocation.program
                findings.append(
                    look_at_allow_list(bridge, client_id, peer, headers, program=program)
                )
    if url is not None:
        findings += probe(url, mount=mount, settings=settings)
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
