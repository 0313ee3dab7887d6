"""The number that a buyer sees (`OF-000123`), and the serial that it is made of."""

import re

__all__ = ["as_number", "as_serial"]

_NUMBER = re.compile(r"OF-([0-9]{6,19})")
_MOST = 2**63 - 1


def as_number(serial: int) -> str:
    """Write a serial as the number of an order."""
    return f"OF-{serial:06d}"


def as_serial(number: str) -> int | None:
    """Read the serial of an order's number; None for what `as_number` does not write."""
    found = _NUMBER.fullmatch(number)
    if found is None:
        return None
    serial = int(found[1])
    return serial if serial <= _MOST and as_number(serial) == number else None
