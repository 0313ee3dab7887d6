"""The verdict on a storage: each rule of the contract, and what became of it."""

from typing import Literal

from msgspec import Struct

from orderflow_bridge.ports import Capability

__all__ = ["Rule", "Verdict", "shortened"]

_LONGEST = 160
_LINES = 2


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of the contract, and what became of it.

    `port` is the contract it belongs to (`carts`), `name` its test, `sentence` says it to a person.
    `why` is the assertion that did not hold in a line or two, or the reason to leave it out.
    """

    port: str
    name: str
    sentence: str
    state: Literal["kept", "broken", "not declared", "skipped"]
    why: str = ""


class Verdict(Struct, frozen=True, kw_only=True):
    """What was found, in the order of the contract.

    `missing` names the capabilities that the storage does not declare, `left` tells how many rules
    were not looked at since so many were broken before.
    """

    rules: tuple[Rule, ...]
    missing: tuple[Capability, ...]
    left: int = 0

    def count(self, state: str) -> int:
        """Tell how many rules are in a state."""
        return sum(rule.state == state for rule in self.rules)


def shortened(text: str) -> str:
    """Cut a message down to the two lines that say most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "\n".join(
        line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in lines[:_LINES]
    )
