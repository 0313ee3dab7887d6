"""`keys`: which master keys there are, a new one, and the end of an old one."""

from typing import Any

import click

from orderflow_bridge.cli.actor import actor_option
from orderflow_bridge.cli.exits import REFUSED, CommandFailed
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import table
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.masterkeys import KeyUse

__all__ = ["keys"]

_VARIABLE = "ORDERFLOW_BRIDGE_MASTER_KEYS"
_RESTART = (
    "Running servers read the ring when they start: restart each of them before a connection is"
    " rotated, or they will not know its new secret."
)
_RESTART_WITHOUT = "Running servers read the ring when they start: restart each of them."


@click.group(cls=LazyGroup, short_help="List, rotate and retire master keys.")
def keys() -> None:
    """List, rotate and retire the master keys that secrets are derived from."""


@keys.command(name="list")
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """List the master keys and how many connections each serves; never a key."""
    with invocation.bridge() as bridge:
        every = bridge.keys.all()
        file = bridge.keys.file()
    text = table(
        ("key", "state", "connections", "in grace"),
        [(use.key_id, _state(use), str(len(use.current)), str(len(use.in_grace))) for use in every],
        right=("connections", "in grace"),
    )
    invocation.output.show(
        {"keys": [_document(use) for use in every], "file": str(file) if file else None}, text
    )
    for use in every:
        if not use.in_ring:
            needed_by = ", ".join((*use.current, *use.in_grace))
            invocation.output.warn(
                f"{use.key_id} is not in the ring, and {needed_by} cannot be verified: put it back,"
                " or rotate them."
            )


@keys.command()
@actor_option
@click.pass_obj
def rotate(invocation: Invocation, *, actor: str) -> None:
    """Make a new master key that issues from now on; the others stay, and no secret changes.

    The key file is replaced in one step. Where the ring stands in the environment or in a site's
    settings, nothing is changed: the new key is printed, to be put in front of the ring there. A
    connection is derived from the new key when its owner rotates it.
    """
    with invocation.bridge() as bridge:
        made = bridge.keys.rotate(actor=actor)
    output = invocation.output
    if made.file is not None:
        output.show(
            {"key": made.key_id, "file": str(made.file)},
            f"{made.key_id} issues from now on ({made.file}).",
        )
        output.note(_RESTART)
        return
    output.show({"key": made.key_id, "file": None, "entry": made.entry}, made.entry)
    output.note(
        "Nothing was changed: the ring is not in a key file. Put this entry in front of it, such as"
        f'\n  {_VARIABLE}="{made.key_id}:...,${_VARIABLE}"\n'
        "for every server, and keep the others behind it. It is shown only now."
    )
    output.note(_RESTART)


@keys.command()
@click.argument("key_id", metavar="ID")
@actor_option
@click.pass_obj
def retire(invocation: Invocation, *, key_id: str, actor: str) -> None:
    """Take a master key out of the ring, once no live secret derives from it.

    Refused while a connection's secret, the current one or one in its grace period, still does;
    the answer names them. Back up the key file first: a retired key cannot be made again.
    """
    with invocation.bridge() as bridge:
        try:
            file = bridge.keys.retire(key_id, actor=actor)
        except BridgeError as error:
            if error.code != "invalid_request":
                raise
            # Nothing on the line is wrong: it is not the time for it.
            raise CommandFailed(
                error.code, error.detail, error.members, exit_code=REFUSED
            ) from None
    output = invocation.output
    output.show(
        {"key": key_id, "file": str(file) if file else None},
        f"{key_id} is no longer in {file}."
        if file
        else f"No live secret derives from {key_id}: take its entry out of the ring"
        f" ({_VARIABLE}, or `master_keys` in the site's settings).",
    )
    output.note(_RESTART_WITHOUT)


def _state(use: KeyUse) -> str:
    if not use.in_ring:
        return "missing"
    if use.issues:
        return "issues"
    return "verifies" if use.current or use.in_grace else "unused"


def _document(use: KeyUse) -> dict[str, Any]:
    return {
        "key": use.key_id,
        "state": _state(use),
        "connections": use.current,
        "in_grace": use.in_grace,
    }
