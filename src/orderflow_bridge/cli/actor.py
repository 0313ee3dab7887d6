"""Who the audit says it was: by default whoever is logged in."""

import getpass

import click

from orderflow_bridge.audit import UNKNOWN

__all__ = ["actor_option", "login"]


def login() -> str:
    """Name who is logged in, as the operating system tells it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return UNKNOWN


actor_option = click.option(
    "--actor",
    metavar="NAME",
    default=login,
    show_default="your login name",
    help="Who does it, for the audit.",
)
