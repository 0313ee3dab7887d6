"""The commands there are, and what an error becomes: a line or a document, and an exit code."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from orderflow_bridge import __version__
from orderflow_bridge.cli.exits import CANNOT_CONNECT, FAILED, MISUSED, REFUSED, CommandFailed
from orderflow_bridge.cli.invocation import Invocation, LazyGroup
from orderflow_bridge.cli.output import Output, detail_of
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.http import CODES
from orderflow_bridge.security.cards import is_card

__all__ = ["cli"]

_INTERRUPTED = 130
_FAULT = 500

_PLACES = {
    "init": "orderflow_bridge.cli.init:init",
    "demo": "orderflow_bridge.cli.demo:demo",
    "serve": "orderflow_bridge.cli.serve:serve",
    "migrate": "orderflow_bridge.cli.upkeep:migrate",
    "purge": "orderflow_bridge.cli.upkeep:purge",
    "connections": "orderflow_bridge.cli.connections:connections",
    "keys": "orderflow_bridge.cli.keys:keys",
    "audit": "orderflow_bridge.cli.audit:audit",
    "catalogue": "orderflow_bridge.cli.catalogue:catalogue",
    "request": "orderflow_bridge.cli.signing:request",
    "sign": "orderflow_bridge.cli.signing:sign",
    "curl": "orderflow_bridge.cli.signing:curl",
    "explain": "orderflow_bridge.cli.explain:explain",
    "tail": "orderflow_bridge.cli.tail:tail",
    "orders": "orderflow_bridge.cli.orders:orders",
    "customers": "orderflow_bridge.cli.customers:customers",
    "doctor": "orderflow_bridge.cli.doctor:doctor",
    "storage": "orderflow_bridge.cli.storage:storage",
    "console": "orderflow_bridge.cli.console:console",
    "operators": "orderflow_bridge.cli.operators:operators",
}


class _Root(LazyGroup):
    """The group that turns every error into an exit code, in one place."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **extra: Any) -> Any:
        """Run a command and exit with its code."""
        extra["standalone_mode"] = False
        words = list(sys.argv[1:] if args is None else args)
        # A line that cannot be parsed has no context: what it asked for is read from its words.
        output = Output(json="--json" in words)
        try:
            code = super().main(words, *others, **extra)
        except click.Abort:
            click.echo("Interrupted.", err=True)
            sys.exit(_INTERRUPTED)
        except Exception as error:  # noqa: BLE001 -- the one place where an error becomes a code
            sys.exit(_report(error, output))
        sys.exit(code if isinstance(code, int) else 0)


def _report(error: Exception, output: Output) -> int:
    """Print an error, and give its exit code."""
    match error:
        case CommandFailed():
            if not error.reported:
                output.fail(error.code, error.message, error.members)
            return error.ends_with
        case click.ClickException():
            error = _without_card(error)
            if output.json:
                output.fail("usage", _detail_of_misuse(error))
            else:
                error.show()
            return MISUSED
        case ConfigurationError():
            output.fail("configuration", str(error))
            return MISUSED
        case BridgeError():
            output.fail(error.code, detail_of(error), error.members)
            return _exit_code_of(error.code)
        case OSError():
            name = f": {error.filename}" if error.filename else ""
            output.fail("system", f"{error.strerror or type(error).__name__}{name}")
            return FAILED
    # Neither a message nor a traceback: both may quote a secret or a buyer.
    output.fail("internal_error", f"This is a bug: {whereabouts(error)}")
    return FAILED


def _without_card(error: click.ClickException) -> click.ClickException:
    """Give the error as it is, unless what it quotes of the line is a card: errors end in logs."""
    if not is_card(error.format_message()):
        return error
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return click.UsageError("A word on the line holds what looks like a card number.", ctx)


_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What Click 8.2 and later raise for a group with nothing behind it; its message is the help."""


def _detail_of_misuse(error: click.ClickException) -> str:
    message = error.format_message()
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if (
        ctx is not None
        and isinstance(ctx.command, click.Group)
        and (isinstance(error, _NO_ARGUMENTS) or message == "Missing command.")
    ):
        return f"Missing command: one of {', '.join(ctx.command.list_commands(ctx))}."
    return message


def _exit_code_of(code: str) -> int:
    if code == "storage_unavailable":
        return CANNOT_CONNECT
    if code == "invalid_request":
        # No request was refused: the operator's own words cannot be.
        return MISUSED
    status, _ = CODES.get(code, (_FAULT, ""))
    return REFUSED if status < _FAULT else FAILED


@click.group(
    cls=_Root,
    places=_PLACES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="orderflow-bridge")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A signed cart-and-order API for the Python site you already run.

    Settings come from the options, then the variables ORDERFLOW_BRIDGE_*, then the file
    orderflow-bridge.toml that `init` writes, then the defaults.

    \b
    Exit codes:
      0  done
      1  failed: the answer was an error, or the doctor found a problem
      2  misused: a wrong option, or a configuration that cannot work
      3  refused: the request or the change is not allowed
      4  cannot connect: to the database, or to the server

    With --json, standard output is exactly one JSON document. An error is
    {"error": {"code": ..., "detail": ...}}, on standard output too. Progress, hints and warnings
    go to standard error. NO_COLOR is respected.
    """  # noqa: D301 -- \b is Click's mark for lines that stay as they are
    ctx.ensure_object(Invocation)
