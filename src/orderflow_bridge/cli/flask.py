"""`flask bridge`: the command line on the bridge of a Flask site."""

import click
from flask import current_app
from flask.cli import with_appcontext

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli import main
from orderflow_bridge.domain.errors import ConfigurationError

__all__ = ["bridge"]

_EXTENSION = "orderflow_bridge"


@click.command(
    add_help_option=False,
    # Everything behind the name is the other command line's, help and options included.
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Operate the orderflow-bridge of this site.",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
@with_appcontext
def bridge(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Run orderflow-bridge on `app.extensions["orderflow_bridge"]`."""
    main(words, bridge=_of_site, prog_name=ctx.command_path)


def _of_site() -> Bridge:
    found = current_app.extensions.get(_EXTENSION)
    if isinstance(found, Bridge):
        return found
    raise ConfigurationError(
        "This site does not say which bridge is its own: add the line"
        f' `app.extensions["{_EXTENSION}"] = bridge` where it mounts the bridge.'
    )
