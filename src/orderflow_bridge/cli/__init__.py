"""Floor 7: the command line `orderflow-bridge` (`ofb`), from the extra `[cli]`."""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec

from orderflow_bridge.bridge import Bridge

__all__ = ["main"]

_USAGE = 2


def main(
    args: Sequence[str] | None = None,
    *,
    bridge: Callable[[], Bridge] | None = None,
    prog_name: str = "orderflow-bridge",
) -> None:
    """Run the command line on `args`, by default those of the process; always raises SystemExit.

    `bridge` gives a site's own bridge: every command works on that one, with its storage,
    catalogue and settings, and leaves it open. It is called once, when a command needs it.
    `prog_name` is how a person starts this command line. Without Click, names the extra that
    brings it and exits with 2.
    """
    if find_spec("click") is None:
        sys.stderr.write("The command line needs Click: pip install 'orderflow-bridge[cli]'\n")
        sys.exit(_USAGE)
    from orderflow_bridge.cli.app import cli  # noqa: PLC0415 -- needs Click, an optional package
    from orderflow_bridge.cli.invocation import Invocation  # noqa: PLC0415 -- needs Click

    hosted = None if bridge is None else cache(bridge)
    cli.main(args, prog_name=prog_name, obj=Invocation(hosted=hosted, program=prog_name))
