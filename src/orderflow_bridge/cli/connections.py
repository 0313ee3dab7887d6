"""`connections`: who may call the bridge, with what, and from where."""

import re
from collections.abc import Callable
from typing import Any

import click

from orderflow_bridge.cli.actor import actor_option
from orderflow_bridge.cli.exits import REFUSED, CommandFailed
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import Output, detail_of, plain, table
from orderflow_bridge.connections import Connections, Credentials, warnings_of
from orderflow_bridge.domain.connection import PRESETS, SCOPES, Connection
from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.time import as_utc

__all__ = ["connections"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")


def _duration(text: str) -> int:
    """Read a duration in seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not a duration; write 0, 3600, 24h or 7d.")
    return int(found[1]) * _UNITS[found[2]]


@click.group(cls=LazyGroup, short_help="Create and keep connections.")
def connections() -> None:
    """Create and keep the connections that storefronts use."""


@connections.command()
@click.argument("name")
@click.option(
    "--scopes",
    default="storefront",
    show_default=True,
    metavar="LIST",
    help=(
        f"Comma list of {', '.join(SCOPES)}; or a preset: storefront (carts and orders, read and"
        " write), reporting (read only)."
    ),
)
@click.option("--channel", help="Short name on its orders; by default made from NAME.")
@click.option(
    "--allow", multiple=True, metavar="CIDR", help="Address or range that may use it; repeatable."
)
@click.option(
    "--window", type=int, default=60, show_default=True, help="Seconds a signature is good for."
)
@click.option("--currency", help="Default currency of its carts, such as GBP.")
@actor_option
@click.pass_obj
def create(
    invocation: Invocation,
    *,
    name: str,
    scopes: str,
    channel: str | None,
    allow: tuple[str, ...],
    window: int,
    currency: str | None,
    actor: str,
) -> None:
    """Make a connection called NAME, and print its client id and secret."""
    with invocation.bridge() as bridge:
        credentials = bridge.connections.create(
            name,
            scopes=_scopes(scopes),
            channel=channel,
            allow=allow,
            window=window,
            currency=currency,
            actor=actor,
        )
    _show_credentials(invocation.output, credentials)


def _scopes(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SCOPES and name not in PRESETS]
    if unknown or not names:
        wrong = f"{', '.join(map(repr, unknown))}: there is no such scope" if unknown else "empty"
        raise click.BadParameter(
            f"{wrong}; write some of {', '.join(SCOPES)}, or a preset: {', '.join(PRESETS)}.",
            param_hint="scopes",
        )
    return [scope for name in names for scope in PRESETS.get(name, (name,))]


@connections.command(name="list")
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """List every connection, oldest first; never a secret."""
    with invocation.bridge() as bridge:
        every = [
            (connection, warnings_of(bridge.connections, connection))
            for connection in bridge.connections.all()
        ]
    text = table(
        ("client id", "name", "channel", "status", "scopes", "allowed from"),
        [
            (
                connection.client_id,
                connection.name,
                connection.channel,
                connection.status,
                ",".join(_ordered_scopes(connection)),
                ",".join(connection.allow_list) or "anywhere",
            )
            for connection, _ in every
        ],
        short=("name",),
    )
    invocation.output.show(
        {"connections": [_document(connection, warnings) for connection, warnings in every]},
        text
        if every
        else f"There is no connection yet: {invocation.program} connections create NAME",
    )


@connections.command()
@click.argument("client_id")
@click.pass_obj
def show(invocation: Invocation, *, client_id: str) -> None:
    """Show one connection; never its secret."""
    with invocation.bridge() as bridge:
        connection = bridge.connections.find(client_id)
        warnings = warnings_of(bridge.connections, connection)
    _show_connection(invocation.output, connection, warnings)


@connections.command()
@click.argument("client_id")
@actor_option
@click.pass_obj
def reveal(invocation: Invocation, *, client_id: str, actor: str) -> None:
    """Print the current secret of a connection again."""
    with invocation.bridge() as bridge:
        credentials = bridge.connections.reveal(client_id, actor=actor)
    _show_credentials(invocation.output, credentials)


@connections.command()
@click.argument("client_id")
@actor_option
@click.pass_obj
def enable(invocation: Invocation, *, client_id: str, actor: str) -> None:
    """Let a connection in again; works at once in every process."""
    _change(invocation, lambda kept: kept.enable(client_id, actor=actor))


@connections.command()
@click.argument("client_id")
@actor_option
@click.pass_obj
def disable(invocation: Invocation, *, client_id: str, actor: str) -> None:
    """Shut a connection out; works at once in every process."""
    _change(invocation, lambda kept: kept.disable(client_id, actor=actor))


@connections.command()
@click.argument("client_id")
@click.option(
    "--grace",
    type=_duration,
    default="0",
    metavar="DURATION",
    show_default=True,
    help="How long the old secret still works: seconds, or 1h, 24h, 7d.",
)
@click.option(
    "--end-open-grace",
    is_flag=True,
    help="Rotate even while an earlier secret is in its grace period, which ends it.",
)
@actor_option
@click.pass_obj
def rotate(
    invocation: Invocation, *, client_id: str, grace: int, end_open_grace: bool, actor: str
) -> None:
    """Issue a new secret, and print it."""
    with invocation.bridge() as bridge:
        try:
            credentials = bridge.connections.rotate(
                client_id, grace=grace, replace_open_grace=end_open_grace, actor=actor
            )
        except BridgeError as error:
            if error.code != "invalid_request":
                raise
            # Nothing on the line is wrong: the connection is in a grace period.
            detail = f"{detail_of(error)} To end it, rotate with --end-open-grace."
            raise CommandFailed(error.code, detail, error.members, exit_code=REFUSED) from None
    _show_credentials(invocation.output, credentials)


@connections.command(name="revoke-previous")
@click.argument("client_id")
@actor_option
@click.pass_obj
def revoke_previous(invocation: Invocation, *, client_id: str, actor: str) -> None:
    """End the grace period of the previous secret now, in every process."""
    _change(invocation, lambda kept: kept.revoke_previous(client_id, actor=actor))


@connections.command()
@click.argument("client_id")
@click.argument("seconds", type=int)
@actor_option
@click.pass_obj
def window(invocation: Invocation, *, client_id: str, seconds: int, actor: str) -> None:
    """Replace the seconds that a signature is good for; works at once in every process."""
    _change(invocation, lambda kept: kept.set_window(client_id, seconds, actor=actor))


@connections.command()
@click.argument("client_id")
@click.argument("names", metavar="LIST")
@actor_option
@click.pass_obj
def scopes(invocation: Invocation, *, client_id: str, names: str, actor: str) -> None:
    """Replace what a connection may do, with the words of `create --scopes`."""
    _change(invocation, lambda kept: kept.set_scopes(client_id, _scopes(names), actor=actor))


@connections.command()
@click.argument("client_id")
@click.argument("cidr", nargs=-1)
@click.option("--clear", is_flag=True, help="Empty the list: every address may use it.")
@actor_option
@click.pass_obj
def allow(
    invocation: Invocation, *, client_id: str, cidr: tuple[str, ...], clear: bool, actor: str
) -> None:
    """Replace the addresses and CIDR ranges that may use a connection."""
    if bool(cidr) == clear:
        raise click.UsageError("Give the addresses and ranges, or --clear.")
    _change(invocation, lambda kept: kept.allow(client_id, cidr, actor=actor), aloud=True)


def _change(
    invocation: Invocation, change: Callable[[Connections], Connection], *, aloud: bool = False
) -> None:
    """Change a connection, and show what it is now."""
    with invocation.bridge() as bridge:
        connection = change(bridge.connections)
        warnings = warnings_of(bridge.connections, connection)
    _show_connection(invocation.output, connection, warnings, aloud=aloud)


def _ordered_scopes(connection: Connection) -> list[str]:
    return [scope for scope in SCOPES if scope in connection.scopes]


def _document(connection: Connection, warnings: tuple[str, ...]) -> dict[str, Any]:
    return {
        "client_id": connection.client_id,
        "name": connection.name,
        "channel": connection.channel,
        "status": connection.status,
        "scopes": _ordered_scopes(connection),
        "allow_list": connection.allow_list,
        "window": connection.window,
        "default_currency": connection.default_currency,
        "created_at": as_utc(connection.created_at),
        "previous_secret_until": (
            as_utc(connection.previous_until) if connection.previous is not None else None
        ),
        "warnings": warnings,
    }


def _lines(connection: Connection) -> list[str]:
    facts = {
        "client id": connection.client_id,
        "name": connection.name,
        "channel": connection.channel,
        "status": connection.status,
        "scopes": ", ".join(_ordered_scopes(connection)),
        "allowed from": ", ".join(connection.allow_list) or "anywhere",
        "window": f"{connection.window} s",
        "currency": connection.default_currency or "none by default",
        "created": as_utc(connection.created_at).isoformat(timespec="seconds"),
    }
    if connection.previous is not None:
        until = as_utc(connection.previous_until).isoformat(timespec="seconds")
        facts["old secret"] = f"works until {until}"
    return [f"{name + ':':14}{plain(fact)}" for name, fact in facts.items()]


def _show_connection(
    output: Output, connection: Connection, warnings: tuple[str, ...], *, aloud: bool = True
) -> None:
    """Show a connection; `aloud` repeats its warnings on standard error."""
    output.show(_document(connection, warnings), "\n".join(_lines(connection)))
    for warning in warnings if aloud else ():
        output.warn(warning)


def _show_credentials(output: Output, credentials: Credentials) -> None:
    connection = credentials.connection
    document = _document(connection, credentials.warnings)
    block = (
        "",
        "For the storefront's environment:",
        f"ORDERFLOW_BRIDGE_CLIENT_ID={connection.client_id}",
        f"ORDERFLOW_BRIDGE_SECRET={credentials.secret}",
    )
    output.show(
        {"client_id": document.pop("client_id"), "secret": credentials.secret, **document},
        "\n".join((*_lines(connection), f"{'secret:':14}{credentials.secret}", *block)),
    )
    for warning in credentials.warnings:
        output.warn(warning)
