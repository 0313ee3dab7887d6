"""`manage.py bridge ...`: the command line of orderflow-bridge, on this site's bridge."""

from argparse import REMAINDER
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from orderflow_bridge.cli import main

from orderflow_bridge_django.bridge import get_bridge

__all__ = ["Command"]


class Command(BaseCommand):
    """Forward every word: `manage.py bridge connections create "My storefront"`."""

    help = "Operate the orderflow-bridge of this site: `bridge --help` lists its commands."
    requires_system_checks: list[str] = []  # noqa: RUF012 -- as Django declares it

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand over the words as they are, `--help` included."""
        program = f"{Path(argv[0]).name} {argv[1]}"
        main(argv[2:], bridge=get_bridge, prog_name=program)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take any words, for `call_command("bridge", ...)`."""
        parser.add_argument("words", nargs=REMAINDER)

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Run the command line; raises SystemExit with its code."""
        main([str(word) for word in options["words"]], bridge=get_bridge, prog_name="bridge")
