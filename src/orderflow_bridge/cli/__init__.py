"""Floor 7: the command line `orderflow-bridge` (`ofb`), from the extra `[cli]`."""

import sys
from importlib.util import find_spec

__all__ = ["main"]

_USAGE = 2


def main() -> None:
    """Run the command line and exit; without Click, name the extra that brings it and exit 2."""
    if find_spec("click") is None:
        sys.stderr.write("The command line needs Click: pip install 'orderflow-bridge[cli]'\n")
        sys.exit(_USAGE)
    from orderflow_bridge.cli.app import cli  # noqa: PLC0415 -- needs Click, an optional package

    cli.main(prog_name="orderflow-bridge")
