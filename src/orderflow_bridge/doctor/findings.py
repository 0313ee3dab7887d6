"""What the doctor finds: a state, a sentence, and the fix."""

import re
from typing import Literal

from msgspec import Struct

__all__ = ["Finding", "ok", "problem", "told", "warning"]

_BEFORE_FIX = re.compile("[:;] ")


class Finding(Struct, frozen=True, kw_only=True):
    """What one check found; `fix` is empty where there is nothing to do."""

    check: str
    state: Literal["ok", "warning", "problem"]
    found: str
    fix: str = ""


def ok(check: str, found: str) -> Finding:
    """Say that all is well."""
    return Finding(check=check, state="ok", found=found)


def warning(check: str, found: str, fix: str) -> Finding:
    """Say what should be looked at."""
    return Finding(check=check, state="warning", found=found, fix=fix)


def problem(check: str, found: str, fix: str) -> Finding:
    """Say what stands in the way."""
    return Finding(check=check, state="problem", found=found, fix=fix)


def told(check: str, message: str, otherwise: str) -> Finding:
    """Tell a problem whose message names its own fix behind a colon or semicolon."""
    found, *fix = _BEFORE_FIX.split(message, maxsplit=1)
    if not fix:
        return problem(check, message, otherwise)
    return problem(check, f"{found}.", fix[0])
