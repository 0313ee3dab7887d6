"""`console`: a way into the console for whoever may run commands on the server."""

from urllib.parse import urlsplit

import click

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.actor import login
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.session import Role
from orderflow_bridge.sign_ins import LINK_LIFETIME

__all__ = ["ROLES", "console"]

ROLES = ("viewer", "operator", "admin")


@click.group(cls=LazyGroup, short_help="Sign in to the operators' console.")
def console() -> None:
    """Sign in to the operators' console, where it has operators of its own."""


@console.command()
@click.option(
    "--operator",
    metavar="NAME",
    default=login,
    show_default="your login name",
    help="Whom the audit names.",
)
@click.option(
    "--role",
    type=click.Choice(ROLES),
    help="What they may do: by default what the settings say of NAME, else everything (admin).",
)
@click.option(
    "--url",
    metavar="URL",
    default="http://127.0.0.1:8000/bridge-console",
    show_default=True,
    help="Where the console is, as a browser sees it.",
)
@click.pass_obj
def link(invocation: Invocation, *, operator: str, role: Role | None, url: str) -> None:
    """Print a link that signs in once, within ten minutes.

    Whoever has it first is signed in: send it to nobody but NAME.
    """
    url = _checked(url)
    with invocation.bridge() as bridge:
        if invocation.hosted is None and "durable" not in bridge.capabilities:
            raise ConfigurationError(
                "A link made here is not known where the console runs: the database is the memory"
                " of one process. Choose another database."
            )
        role = _role(bridge, operator, role)
        token = bridge.sign_ins.offer_link(operator, role, actor=login())
    whole = f"{url}/sign-in/link?token={token}"
    invocation.output.show(
        {"url": whole, "operator": operator, "role": role, "seconds": LINK_LIFETIME}, whole
    )
    invocation.output.note(
        f"Signs in {operator} ({role}), once, within {LINK_LIFETIME // 60} minutes."
    )


def _role(bridge: Bridge, operator: str, role: Role | None) -> Role:
    """Give the role of the settings, where they name the operator; else the one that was asked."""
    settled = {one.name.strip(): one.role for one in bridge.settings.operators}.get(
        operator.strip()
    )
    if settled is None:
        return role or "admin"
    if role not in (None, settled):
        raise click.UsageError(
            f"The settings say that {operator} is {settled}: change them, or leave out --role."
        )
    return settled


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise click.BadParameter(
            "write it like https://shop.example/bridge-console", param_hint="'--url'"
        )
    return url.rstrip("/")
