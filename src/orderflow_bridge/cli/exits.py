"""How a command ends."""

from collections.abc import Mapping

import click

__all__ = ["CANNOT_CONNECT", "FAILED", "MISUSED", "REFUSED", "CommandFailed"]

FAILED, MISUSED, REFUSED, CANNOT_CONNECT = 1, 2, 3, 4
"""The exit codes besides 0; the help of the command line says what each means."""


class CommandFailed(click.ClickException):
    """End a command; `reported` says that the answer was printed already.

    `members` are shown with `--json`, beside code and detail.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        members: Mapping[str, object] | None = None,
        *,
        exit_code: int = FAILED,
        reported: bool = False,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.members = members
        self.ends_with = exit_code
        self.reported = reported
