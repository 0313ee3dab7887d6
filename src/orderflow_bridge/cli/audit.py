"""`audit`: who changed connections, master keys and orders, and when."""

from typing import Any

import click
import msgspec

from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import table
from orderflow_bridge.domain.audit import AuditEntry
from orderflow_bridge.domain.time import as_utc

__all__ = ["audit"]


@click.command(cls=Command, short_help="Show who changed connections, keys and orders.")
@click.option(
    "--subject",
    metavar="ID",
    help="Only this connection's, master key's or order's, or `catalogue`.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The most to show."
)
@click.pass_obj
def audit(invocation: Invocation, *, subject: str | None, limit: int) -> None:
    """Show what operators did, newest first: when, who, what, and what it changed."""
    with invocation.bridge() as bridge:
        entries = bridge.audit.page(subject=subject, limit=limit)
    text = table(
        ("at", "actor", "event", "subject", "details"),
        [
            (
                as_utc(entry.at).isoformat(timespec="seconds"),
                entry.actor,
                entry.event,
                entry.subject,
                _details(entry),
            )
            for entry in entries
        ],
    )
    invocation.output.show(
        {"entries": [_document(entry) for entry in entries]},
        text if entries else "There is no entry.",
    )


def _details(entry: AuditEntry) -> str:
    return msgspec.json.encode(entry.details).decode() if entry.details else ""


def _document(entry: AuditEntry) -> dict[str, Any]:
    return msgspec.structs.asdict(entry) | {"at": as_utc(entry.at)}
