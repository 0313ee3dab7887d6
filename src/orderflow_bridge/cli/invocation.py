"""One run of the command line: the options every command has, and the bridge they lead to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.output import Output
from orderflow_bridge.doctor.checks import missing_file
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.settings import Settings

__all__ = ["Command", "Invocation", "LazyGroup"]

_SQLITE = "sqlite:///"


@dataclass(slots=True)
class Invocation:
    """What the shared options said, wherever on the line they stood.

    `hosted` gives a site's own bridge, which then is what every command works on; `program` is
    how a person starts this command line.
    """

    home: Path | None = None
    database: str | None = None
    output: Output = field(default_factory=Output)
    hosted: Callable[[], Bridge] | None = None
    program: str = "orderflow-bridge"

    def settings(self) -> Settings:
        """Read the settings as `Bridge.open` does; raises `ConfigurationError`.

        A relative SQLite path given as an option starts in the current folder.
        """
        if self.hosted is not None:
            return self.hosted().settings
        return Settings.load(home=self.home, database=_absolute(self.database))

    @contextmanager
    def bridge(self, *, may_create: bool = False) -> Iterator[Bridge]:
        """Open the bridge for one command, and close it behind it; a site's own stays open.

        Raises `ConfigurationError` where its database is a file that is not there, and would only
        be made by `may_create`.
        """
        if self.hosted is not None:
            yield self.hosted()
            return
        settings = self.settings()
        missing = None if may_create else missing_file(settings)
        if missing is not None:
            raise ConfigurationError(_NO_SHOP.format(missing))
        with Bridge.open(settings=settings) as bridge:
            yield bridge


_NO_SHOP = (
    "There is no shop here: {} does not exist, and nothing was made. In a Flask or a Django site,"
    " use `flask bridge` or `python manage.py bridge`. Else name the shop's folder with --home, or"
    " make one with `orderflow-bridge init`; where only the file is missing, `orderflow-bridge"
    " migrate` makes it."
)


def _absolute(database: str | None) -> str | None:
    if database is None or not database.startswith(_SQLITE):
        return database
    path = database.removeprefix(_SQLITE)
    return database if path.startswith(("/", ":")) else _SQLITE + str(Path(path).absolute())


def _take_home(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        _own_place(ctx, parameter).home = value


def _take_database(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        _own_place(ctx, parameter).database = value


def _own_place(ctx: click.Context, parameter: click.Parameter) -> Invocation:
    """Give the invocation; refuse to lead a site's own bridge elsewhere."""
    invocation = ctx.ensure_object(Invocation)
    if invocation.hosted is not None:
        raise click.UsageError(
            f"{parameter.opts[0]} does not go with {invocation.program}: it works on the site's"
            " own bridge. Use orderflow-bridge for another one."
        )
    return invocation


def _take_json(ctx: click.Context, _parameter: click.Parameter, value: object) -> None:
    if value:
        ctx.ensure_object(Invocation).output.json = True


def _take_quiet(ctx: click.Context, _parameter: click.Parameter, value: object) -> None:
    if value:
        ctx.ensure_object(Invocation).output.quiet = True


def _shared_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--home"],
            type=click.Path(file_okay=False, path_type=Path),
            expose_value=False,
            callback=_take_home,
            help="Folder of the settings and the keys; else ORDERFLOW_BRIDGE_HOME, else this one.",
        ),
        click.Option(
            ["--database"],
            metavar="URL",
            expose_value=False,
            callback=_take_database,
            help="Database to use instead of the one in the settings.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_take_json,
            help="Print exactly one JSON document on standard output, errors included.",
        ),
        click.Option(
            ["--quiet", "-q"],
            is_flag=True,
            expose_value=False,
            callback=_take_quiet,
            help="Leave out progress and hints.",
        ),
    ]


class Command(click.Command):
    """A command with the shared options."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.params.extend(_shared_options())

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Make a context that has an `Invocation`, also where nothing shared was said."""
        ctx = super().make_context(info_name, args, parent, **extra)
        ctx.ensure_object(Invocation)
        return ctx


class LazyGroup(click.Group):
    """A group with the shared options whose commands are imported when they are asked for.

    `places` maps a command's name to `module:attribute`, in the order of the help.
    """

    command_class = Command

    def __init__(
        self, *arguments: Any, places: Mapping[str, str] | None = None, **attributes: Any
    ) -> None:
        super().__init__(*arguments, **attributes)
        self.params.extend(_shared_options())
        self._places = dict(places or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- Click's signature
        """Name the commands, in the order they were given."""
        return [*self._places, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = self._places.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 -- the literal table says so
        return command
