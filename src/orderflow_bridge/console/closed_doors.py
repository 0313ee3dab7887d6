"""The log of who did not get in: one line of JSON each, and nothing of what was typed.

The line is ASCII without controls. An operator's name is shown where there is such an operator:
what a stranger types there may be a password in the wrong field.
"""

import json
import logging
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from orderflow_bridge.security.cards import is_card

__all__ = ["Closed", "told"]

_log = logging.getLogger("orderflow_bridge.sign_ins")


class Closed(Struct, frozen=True, kw_only=True):
    """Whom one of the console's doors stayed closed to, and why.

    `act` is signing in by a password or a link, or the confirmation before a secret. `reason` says
    that the password was `wrong`, the link `spent` or too old, that too many wrong ones came before
    (`waits`, for `wait` more seconds), or that too many were compared at once (`busy`). `operator`
    is a name that there is, None where there is none.
    """

    act: Literal["sign_in", "link", "confirm"]
    reason: Literal["wrong", "spent", "waits", "busy"]
    operator: str | None = None
    address: str
    wait: int = 0


def told(closed: Closed) -> None:
    """Write the line: WARNING for a wrong password, which cannot be tried fast; INFO for the rest.

    Whoever waits may knock as often as they like, and fill no terminal by it.
    """
    level = logging.WARNING if closed.reason == "wrong" else logging.INFO
    if _log.isEnabledFor(level):
        name = closed.operator
        is_shown = name is not None and name.isprintable() and not is_card(name)
        line = asdict(closed) | {"operator": name if is_shown else None}
        _log.log(level, "%s", json.dumps(line, separators=(",", ":")))
