"""An allow-list as an operator types it: an address or a range a line, judged line by line."""

from collections.abc import Sequence

from orderflow_bridge.console.http import Request
from orderflow_bridge.protocol import client_address
from orderflow_bridge.security.cards import is_card
from orderflow_bridge.security.forwarding import Explanation
from orderflow_bridge.security.network import UNKNOWN, canonical, parse_allow_list
from orderflow_bridge.settings import Settings

__all__ = ["kept", "own_address", "read_list", "seen_address", "with_address"]


def read_list(text: str) -> tuple[Sequence[str], Sequence[str]]:
    """Give the entries, and a sentence for each line that is none; empty lines do not count."""
    entries: list[str] = []
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry:
            continue
        if is_card(entry):
            problems.append(f"Line {number} holds what looks like a card number.")
            continue
        try:
            entries.append(canonical(entry))
        except ValueError as error:
            message = str(error)
            problems.append(f"Line {number}: {message}{'' if message.endswith('?') else '.'}")
    return entries, problems


def kept(text: str) -> str:
    """Give a form back what was typed into it, without what looks like a card number."""
    lines = [line.strip() for line in text.splitlines() if not is_card(line)]
    # A number may stand over several lines.
    return "" if is_card("\n".join(lines)) else "\n".join(lines)


def with_address(text: str, address: str) -> str:
    """Append an address to what was typed, unless it is allowed by that already."""
    lines = [line for line in kept(text).splitlines() if line]
    entries, _ = read_list(text)
    if not entries or not parse_allow_list(entries).allows(address):
        lines.append(address)
    return "\n".join(lines)


def seen_address(settings: Settings, request: Request) -> Explanation:
    """Tell where the operator comes from, by the rule that the bridge has for storefronts."""
    headers = {
        name.encode("latin-1", "replace"): [value.encode("latin-1", "replace")]
        for name, value in request.headers.items()
    }
    return client_address(settings).explain(request.peer, headers, aliased=request.aliased)


def own_address(seen: Explanation) -> str | None:
    """Give an address that a list can hold; None for a socket without one, and for an unknown."""
    return None if seen.address in (None, UNKNOWN) else seen.address
