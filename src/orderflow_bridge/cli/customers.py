"""`customers`: what is kept about a person, shown whole or erased."""

import click
import msgspec

from orderflow_bridge.cli.actor import actor_option
from orderflow_bridge.cli.exits import REFUSED, CommandFailed
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import counted
from orderflow_bridge.customers import Erasure

__all__ = ["customers"]

_EMAIL = "email"


@click.group(cls=LazyGroup, short_help="Export or erase what is kept about a customer.")
def customers() -> None:
    """Export or erase what is kept about the customer with the e-mail address EMAIL.

    Upper and lower case are the same; the address is compared whole.
    """


@customers.command()
@click.argument(_EMAIL)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json"]),
    default="json",
    show_default=True,
    help="How it is written.",
)
@actor_option
@click.pass_obj
def export(invocation: Invocation, *, email: str, form: str, actor: str) -> None:  # noqa: ARG001 -- one form yet
    """Print everything that is kept about a customer, as one document."""
    with invocation.bridge() as bridge:
        found = bridge.customers.export(email, actor=actor)
    invocation.output.show(found)


@customers.command()
@click.argument(_EMAIL)
@click.option("--dry-run", is_flag=True, help="Only tell what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@actor_option
@click.pass_obj
def erase(invocation: Invocation, *, email: str, dry_run: bool, yes: bool, actor: str) -> None:
    """Erase what is kept about a customer, for ever; what was sold, and for how much, stays.

    Orders that wait for their payment are left: cancel or settle them, and run this again.
    """
    with invocation.bridge() as bridge:
        if dry_run or not yes:
            found = bridge.customers.look(email)
            if not dry_run and not found.is_nothing:
                _confirm(found)
        if not dry_run:
            found = bridge.customers.erase(email, actor=actor)
    _show(invocation, found, "Would erase" if dry_run else "Erased")
    if not dry_run and not found.is_whole:
        raise CommandFailed("not_erased", exit_code=REFUSED, reported=True)


def _confirm(found: Erasure) -> None:
    """Ask on standard error; raises `CommandFailed` where the answer is not yes."""
    question = f"Erase {_counts(found)} for ever? An order not shipped yet loses its address."
    if not click.confirm(question, err=True):
        raise CommandFailed("not_confirmed", "Nothing was erased.", exit_code=REFUSED)


def _counts(found: Erasure) -> str:
    orders, carts = counted(found.orders, "order"), counted(found.carts, "cart")
    return f"{orders}, {carts} and {counted(found.answers, 'stored answer')}"


def _show(invocation: Invocation, found: Erasure, did: str) -> None:
    invocation.output.show(msgspec.structs.asdict(found), f"{did} {_counts(found)}.")
    if found.unpaid:
        invocation.output.warn(
            f"Left whole, since unpaid: {', '.join(found.unpaid)}. Cancel or settle with"
            f" {invocation.program} orders, and run this again."
        )
    if found.converting:
        invocation.output.warn(
            f"Left whole, since becoming an order now: {', '.join(found.converting)}. Run this"
            " again in a few minutes."
        )
