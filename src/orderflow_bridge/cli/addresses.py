"""What the doctor tells of a client's address: which one a request would have, and why."""

from collections.abc import Iterator, Sequence

import click

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.doctor.findings import Finding, ok, problem, warning
from orderflow_bridge.domain.errors import BridgeError, ConfigurationError
from orderflow_bridge.protocol import client_address
from orderflow_bridge.security.forwarding import Explanation
from orderflow_bridge.security.network import UNKNOWN, parse_allow_list
from orderflow_bridge.settings import Settings

__all__ = ["explain_address", "look_at_allow_list", "read_headers"]

_UNIX = "unix"


def read_headers(lines: Sequence[str]) -> dict[bytes, list[bytes]]:
    """Read headers as they stand on the wire; raises `click.BadParameter` where one has no colon.

    Names are lower-case, and the values of one name keep their order.
    """
    headers: dict[bytes, list[bytes]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(
                'write it as on the wire, like "X-Forwarded-For: 203.0.113.9"',
                param_hint="--header",
            )
        headers.setdefault(_bytes(name.lower()), []).append(_bytes(value))
    return headers


def _bytes(text: str) -> bytes:
    """Give the bytes of a word on the line, whatever they were, without the space around them."""
    return text.strip().encode("utf-8", "surrogateescape")


def explain_address(
    settings: Settings, peer: str, headers: dict[bytes, list[bytes]]
) -> Iterator[Finding]:
    """Tell the client's address of a request from `peer` (`unix` is a socket without one).

    Nothing where the proxies are configured wrong: another finding tells that.
    """
    try:
        found = client_address(settings)
    except ConfigurationError:
        return
    seen = _peer(peer)
    told = found.explain(seen, headers)
    unread = [name.decode() for name in headers if name != found.header]
    yield _finding("address", told, unread)
    merged = found.explain(seen, headers, aliased=True)
    if merged != told:
        yield warning(
            "address under WSGI",
            _sentence(merged),
            "Let the proxy or the server drop header names with underscores, then set"
            " header_aliases_dropped = true.",
        )


def look_at_allow_list(
    bridge: Bridge, client_id: str, peer: str, headers: dict[bytes, list[bytes]], *, program: str
) -> Finding:
    """Tell whether a connection may be used from the address that `explain_address` told."""
    check = f"allow-list {client_id}"
    address = client_address(bridge.settings).find(_peer(peer), headers)
    try:
        allow_list = bridge.connections.find(client_id).allow_list
    except BridgeError as error:
        return problem(check, str(error), f"{program} connections list has those there are.")
    if parse_allow_list(allow_list).allows(address):
        return ok(
            check, f"It allows {_shown(address)}: {', '.join(allow_list) or 'every address'}."
        )
    return problem(
        check,
        f"It refuses {_shown(address)}: {', '.join(allow_list)}.",
        f"{program} connections allow {client_id} CIDR...",
    )


def _peer(peer: str) -> str | None:
    return None if peer == _UNIX else peer


def _finding(check: str, told: Explanation, unread: Sequence[str]) -> Finding:
    found = _sentence(told)
    if unread:
        found += f" Not configured, and not read: {', '.join(unread)}."
    if told.address != UNKNOWN:
        return ok(check, found)
    return problem(check, found, "Let the proxy write the header anew, with addresses only.")


def _sentence(told: Explanation) -> str:
    return " ".join([f"{_shown(told.address)}.", *told.reasons])


def _shown(address: str | None) -> str:
    return address or "none (a unix socket)"
