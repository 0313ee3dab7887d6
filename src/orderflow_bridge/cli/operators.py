"""`operators`: passwords for the settings, and the end of everybody's sign-ins."""

import click
import msgspec

from orderflow_bridge.cli.actor import actor_option
from orderflow_bridge.cli.console import ROLES
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import counted
from orderflow_bridge.domain.operator import SettledOperator
from orderflow_bridge.domain.session import Role
from orderflow_bridge.security.passwords import LONGEST, SALT_BYTES, SHORTEST, hashed
from orderflow_bridge.settings import SETTINGS_FILE
from orderflow_bridge.system import SystemEntropy

__all__ = ["operators"]

_NAME = "name"


@click.group(cls=LazyGroup, short_help="Make operators' passwords, and sign operators out.")
def operators() -> None:
    """Make passwords for the operators of the console, and sign operators out."""


@operators.command()
@click.argument(_NAME)
@click.option("--role", type=click.Choice(ROLES), required=True, help="What they may do.")
@click.pass_obj
def password(invocation: Invocation, *, name: str, role: Role) -> None:
    """Ask for a password twice, and print the operator NAME for the settings file.

    The password itself is kept nowhere, and nothing is changed.
    """
    typed = click.prompt("Password", hide_input=True, err=True)
    if click.prompt("Once more", hide_input=True, err=True) != typed:
        raise click.UsageError("The two are not the same; nothing was made.")
    if not SHORTEST <= len(typed) <= LONGEST:
        raise click.UsageError(f"A password has {SHORTEST} to {LONGEST} characters.")
    row = {
        "name": name,
        "role": role,
        "password": hashed(typed, SystemEntropy().token(SALT_BYTES)),
    }
    try:
        msgspec.convert(row, SettledOperator)
    except msgspec.ValidationError:
        raise click.UsageError("A name has 1 to 64 characters.") from None
    invocation.output.show(
        row,
        "[[operators]]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in row.items()),
    )
    invocation.output.note(f"Put this into {SETTINGS_FILE}, and restart the site.")


@operators.command(name="sign-out")
@click.argument(_NAME)
@actor_option
@click.pass_obj
def sign_out(invocation: Invocation, *, name: str, actor: str) -> None:
    """Sign the operator NAME out wherever they are, and take their links away.

    A password in the settings still lets them in: take their row away first.
    """
    with invocation.bridge() as bridge:
        ended = bridge.sign_ins.end_all(name, actor=actor)
    invocation.output.show(
        {"operator": name, "ended": ended}, f"Ended {counted(ended, 'sign-in')} of {name}."
    )


def _toml(text: str) -> str:
    """Write a basic string of TOML, which a string of JSON is, if DEL is escaped besides."""
    return msgspec.json.encode(text).decode("utf-8").replace("\x7f", "\\u007f")
