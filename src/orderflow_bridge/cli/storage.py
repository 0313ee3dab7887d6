"""`storage`: what the author of a storage needs."""

from collections.abc import Iterator
from importlib import import_module
from itertools import groupby

import click
import msgspec

from orderflow_bridge.cli.exits import MISUSED, CommandFailed
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import counted, plain
from orderflow_bridge.testing.verdict import Rule, Verdict

__all__ = ["storage"]

_COLOURS = {"kept": "green", "broken": "red", "not declared": "yellow", "skipped": "yellow"}
_INDENT = " " * 15


@click.group(cls=LazyGroup, short_help="Check a storage of your own.")
def storage() -> None:
    """Check a storage of your own against the contract of the ports."""


@storage.command()
@click.argument("factory", metavar="MODULE:FACTORY")
@click.option(
    "-k", "matching", metavar="PATTERN", default="", help="Only such ports and rules, as in pytest."
)
@click.option("--keep-going", is_flag=True, help="Do not stop when ten tests have failed.")
@click.pass_obj
def check(invocation: Invocation, *, factory: str, matching: str, keep_going: bool) -> None:
    """Run the storage contract on what MODULE:FACTORY makes, and tell which rules it keeps.

    The factory takes a folder and gives a storage: the same folder the same storage, in every
    process, and a new folder an empty one. It runs in temporary folders; nothing of this project's
    database is touched. The exit code is 1 where a rule is broken.
    """
    try:
        import_module("pytest")
    except ModuleNotFoundError:
        raise CommandFailed(
            "no_pytest",
            "The contract runs through pytest: pip install 'orderflow-bridge[testing]'",
            exit_code=MISUSED,
        ) from None
    # Only now: it needs pytest.
    from orderflow_bridge.testing.check import check_storage  # noqa: PLC0415

    output = invocation.output
    verdict = check_storage(
        factory,
        matching=matching,
        keep_going=keep_going,
        progress=lambda port: output.note(f"checking {port} ..."),
    )
    broken = verdict.count("broken")
    document: dict[str, object] = {
        "kept": verdict.count("kept"),
        "broken": broken,
        "skipped": verdict.count("not declared") + verdict.count("skipped"),
        **msgspec.structs.asdict(verdict),
    }
    if broken:
        document["error"] = {"code": "rules_broken", "detail": f"{_summary(verdict)}."}
    output.show(document, "\n\n".join([*_ports(verdict), _summary(verdict)]))
    if broken:
        raise CommandFailed("rules_broken", reported=True)


def _ports(verdict: Verdict) -> Iterator[str]:
    """Write each port and its rules."""
    for port, rules in groupby(verdict.rules, lambda rule: rule.port):
        yield "\n".join([port, *map(_line, rules)])


def _line(rule: Rule) -> str:
    state = click.style(f"{rule.state:12}", fg=_COLOURS[rule.state])
    parts = [f"  {state} {plain(rule.sentence)}"]
    if rule.state == "broken":
        parts.append(_INDENT + rule.name)
    if rule.state in {"broken", "skipped"}:
        parts += [_INDENT + plain(part) for part in rule.why.splitlines()]
    return "\n".join(parts)


def _summary(verdict: Verdict) -> str:
    kept, broken, absent, skipped = map(
        verdict.count, ("kept", "broken", "not declared", "skipped")
    )
    if broken:
        more = f"; {verdict.left} were not looked at, --keep-going does" if verdict.left else ""
        return f"{broken} of {kept + broken} rules are broken{more}"
    text = f"green: {counted(kept, 'rule')} kept"
    if absent:
        undeclared = ", ".join(verdict.missing)
        text += f", {absent} skipped since the storage does not declare {undeclared}"
    return text + (f", {skipped} skipped for the reasons above" if skipped else "")
