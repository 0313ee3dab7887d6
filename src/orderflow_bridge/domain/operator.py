"""Operators of the console as the settings name them."""

from typing import Annotated

from msgspec import Meta, Struct

from orderflow_bridge.domain.session import Role

__all__ = ["LONGEST_NAME", "OperatorName", "SettledOperator"]

LONGEST_NAME = 64

OperatorName = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]

_HASHED = r"^scrypt\$(?:32768|65536|131072)\$8\$[1-4]\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$"


class SettledOperator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table of operators: who may enter with a password, and what they may do there.

    `password` is what `orderflow-bridge operators password` printed (`scrypt$...`), never the
    password itself.
    """

    name: OperatorName
    role: Role
    password: Annotated[str, Meta(pattern=_HASHED)]

    def __repr__(self) -> str:
        return f"SettledOperator(name={self.name!r}, role={self.role!r})"
