"""Ranges of addresses: allow-lists, and the proxies that are trusted.

Everything here fails closed: an address that cannot be read is in no range.
"""

import ipaddress
import re
import socket
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

__all__ = [
    "UNKNOWN",
    "AllowList",
    "TrustedProxies",
    "canonical",
    "normal",
    "parse_allow_list",
    "parse_trusted_proxies",
]

UNKNOWN = "unknown"
"""The client's address where it cannot be told; no range ever contains it."""

_UNIX = "unix"
_MAPPED = bytes(10) + b"\xff\xff"
_MAPPED_BITS = 96
_IPV4_BYTES = 4
_PREFIX_LENGTH = re.compile(r"[0-9]{1,3}")
_HOST_NAME = re.compile(r"[0-9.-]*[A-Za-z][A-Za-z0-9.-]*")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# An entry in its normal form, and its network; `unix` has none.
_Entry = tuple[str, _Network | None]


@dataclass(frozen=True, slots=True)
class AllowList:
    """Say which client addresses a connection may be used from; an empty list allows all.

    `entries` are the ranges as an operator reads them, `warnings` what he should think about.
    """

    entries: tuple[str, ...]
    warnings: tuple[str, ...]
    _ranges: "_Ranges"

    def allows(self, address: str | None) -> bool:
        """Tell whether the address is allowed.

        None or an empty text is a peer without an address, which the entry `unix` allows. An
        IPv4-mapped IPv6 address counts as the IPv4 address; one with a zone id, and anything that
        is not an address, is not allowed. A NAT64 address (64:ff9b::/96) is an IPv6 address like
        any other, never the IPv4 address inside.
        """
        return not self.entries or self._ranges.contain(address)


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Say which socket peers are believed about their own clients; an empty set trusts nobody.

    A class of its own, so that it is never mistaken for an `AllowList`, whose emptiness means the
    opposite.
    """

    entries: tuple[str, ...]
    _ranges: "_Ranges"

    def trusts(self, peer: str | None) -> bool:
        """Tell whether the peer is a trusted proxy; None or an empty text is a unix socket's."""
        return bool(self.entries) and self._ranges.contain(peer)


def parse_allow_list(entries: Iterable[str]) -> AllowList:
    """Read addresses, CIDR ranges and the word `unix`.

    Raises `ValueError` with one line for every entry that is none of them: host names, zone ids,
    netmasks, and ranges whose host bits are set.
    """
    read = _parse(entries)
    warnings = tuple(
        f"{text} allows every IPv{network.version} address"
        for text, network in read
        if network is not None and network.prefixlen == 0
    )
    return AllowList(tuple(text for text, _ in read), warnings, _Ranges.of(read))


def parse_trusted_proxies(entries: Iterable[str]) -> TrustedProxies:
    """Read the addresses, CIDR ranges and the word `unix` of the proxies in front.

    Raises `ValueError` as `parse_allow_list` does, and for a range of every address: whoever
    trusts everyone lets everyone choose the address he comes from.
    """
    read = _parse(entries)
    everyone = [
        f"{text} would believe everyone's headers; name your own proxies"
        for text, network in read
        if network is not None and network.prefixlen == 0
    ]
    if everyone:
        raise ValueError("\n".join(everyone))
    return TrustedProxies(tuple(text for text, _ in read), _Ranges.of(read))


def canonical(entry: str) -> str:
    """Write one entry in its normal form; an address stays an address.

    Raises `ValueError` as `parse_allow_list` does.
    """
    return _parse([entry])[0][0]


def normal(address: str) -> str | None:
    """Write an address in its normal form, an IPv4-mapped one as IPv4; None where it is none.

    An address with a zone id, a port or brackets is none.
    """
    packed = _packed(address)
    if packed is None:
        return None
    return socket.inet_ntop(
        socket.AF_INET if len(packed) == _IPV4_BYTES else socket.AF_INET6, packed
    )


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Disjoint ranges of packed addresses, sorted, so that a look-up is one bisection.

    Packed addresses of one family compare as their numbers do.
    """

    unix: bool
    ipv4: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    ipv6: tuple[tuple[bytes, ...], tuple[bytes, ...]]

    @classmethod
    def of(cls, entries: Iterable[_Entry]) -> Self:
        known = [network for _, network in entries]
        return cls(
            None in known,
            _bounds(
                ipaddress.collapse_addresses(
                    one for one in known if isinstance(one, ipaddress.IPv4Network)
                )
            ),
            _bounds(
                ipaddress.collapse_addresses(
                    one for one in known if isinstance(one, ipaddress.IPv6Network)
                )
            ),
        )

    def contain(self, address: str | None) -> bool:
        if not address:
            return self.unix
        packed = _packed(address)
        if packed is None:
            return False
        starts, ends = self.ipv4 if len(packed) == _IPV4_BYTES else self.ipv6
        place = bisect_right(starts, packed)
        return place > 0 and packed <= ends[place - 1]


def _bounds(merged: Iterable[_Network]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    ranges = [(one.network_address.packed, one.broadcast_address.packed) for one in merged]
    return tuple(start for start, _ in ranges), tuple(end for _, end in ranges)


def _packed(address: str) -> bytes | None:
    """Pack an address, an IPv4-mapped one as the IPv4 address; None where it is not one."""
    try:
        if ":" not in address:
            return socket.inet_pton(socket.AF_INET, address)
        packed = socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed


def _parse(entries: Iterable[str]) -> list[_Entry]:
    read: list[_Entry] = []
    problems: list[str] = []
    for entry in entries:
        try:
            read.append(_read(entry.strip()))
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        raise ValueError("\n".join(problems))
    return read


def _read(entry: str) -> _Entry:
    if entry == _UNIX:
        return entry, None
    reason = _obvious(entry)
    if reason is None:
        try:
            network = _unmapped(ipaddress.ip_network(entry))
        except ValueError:
            reason = _subtle(entry)
        else:
            return (str(network) if "/" in entry else str(network.network_address)), network
    # `!a` keeps control characters and other scripts' look-alikes out of forms and logs.
    raise ValueError(f"{entry[:64]!a} {reason}")


def _obvious(entry: str) -> str | None:
    _, slash, length = entry.partition("/")
    if not entry:
        return "is empty"
    if "%" in entry:
        return "has a zone id; give the address without it"
    if slash and _PREFIX_LENGTH.fullmatch(length) is None:
        return "needs a prefix length behind the slash, as in 10.0.0.0/8, and no netmask"
    if _HOST_NAME.fullmatch(entry):
        return "is a host name; give its addresses, names are not looked up"
    return None


def _subtle(entry: str) -> str:
    try:
        meant = ipaddress.ip_interface(entry)
    except ValueError:
        return "is neither an IP address nor a CIDR range such as 10.0.0.0/8"
    return f"has host bits set; did you mean {meant.network} or {meant.ip}?"


def _unmapped(network: _Network) -> _Network:
    """Read a range of IPv4-mapped addresses as the IPv4 range."""
    packed = network.network_address.packed
    if not packed.startswith(_MAPPED) or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.IPv4Network((packed[12:], network.prefixlen - _MAPPED_BITS))
