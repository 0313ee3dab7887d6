"""`migrate` and `purge`: what a database needs from time to time."""

import click
import msgspec

from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.doctor.storage import no_migrations

__all__ = ["migrate", "purge"]


@click.command(cls=Command, short_help="Bring the database schema forward.")
@click.option("--plan", is_flag=True, help="Only name what would be applied.")
@click.pass_obj
def migrate(invocation: Invocation, *, plan: bool) -> None:
    """Bring the database schema forward; safe on live data, and when there is nothing to do.

    Where the storage's schema belongs to the site, nothing is applied, and the answer says so.
    """
    with invocation.bridge(may_create=not plan) as bridge:
        own = "migrations" in bridge.capabilities
        names = list(bridge.pending_migrations() if plan else bridge.migrate())
        nothing = "The schema is up to date." if own else f"No migrations: {no_migrations(bridge)}"
    verb = "Pending" if plan else "Applied"
    invocation.output.show(
        {"pending" if plan else "applied": names, "has_migrations": own},
        "\n".join(f"{verb}: {name}" for name in names) or nothing,
    )


@click.command(cls=Command, short_help="Forget what has expired.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=1_000,
    show_default=True,
    help="The most of each kind in one run.",
)
@click.pass_obj
def purge(invocation: Invocation, *, limit: int) -> None:
    """Forget what has expired, and cancel orders that were unpaid for too long.

    Run it from time to time, for example once an hour.
    """
    with invocation.bridge() as bridge:
        counts = msgspec.structs.asdict(bridge.purge(limit=limit))
    invocation.output.show(
        counts, "\n".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items())
    )
