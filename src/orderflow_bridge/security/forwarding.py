"""Whose request it is: the client's address, as trusted proxies tell it in one header.

Everything here fails closed: a header that cannot be read whole names nobody.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.security.network import UNKNOWN, normal, parse_trusted_proxies

__all__ = ["ClientAddress", "Explanation"]

_MAX_HOPS = 50
_MAX_BYTES = 4096
_MAX_PORT = 65_535
_SHOWN = 64
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
# The node of RFC 7239, section 6, without names: an IPv6 address stands in brackets.
_NODE = re.compile(r"(?:\[([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]|([0-9.]+))(?::([0-9]{1,5}))?")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 -- the grammar's word, no secret
_PAIR = re.compile(rf'({_TOKEN})=({_TOKEN}|"(?:[^"\\]|\\.)*")')
_ELEMENT = re.compile(rf"{_PAIR.pattern}(?:[ \t]*;[ \t]*{_PAIR.pattern})*")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The client's address, and why it is this one: a sentence for each step, from the socket."""

    address: str | None
    reasons: tuple[str, ...]


class ClientAddress:
    """Find the client's address: the socket peer's, or what trusted proxies tell in one header.

    `trusted` are the addresses, CIDR ranges and the word `unix` of the proxies, and `header` is
    the one that they set. Its name chooses the grammar: `X-Forwarded-For` is a list of addresses,
    `Forwarded` the list of RFC 7239, and any other header (`X-Real-IP`, `CF-Connecting-IP`) is one
    address. `aliases_dropped` says that no header whose name has an underscore arrives. Raises
    `ConfigurationError` where one is given without the other, or is wrong.
    """

    __slots__ = ("_aliases_dropped", "_key", "_name", "_read", "_trusted")

    def __init__(
        self, *, trusted: Iterable[str] = (), header: str = "", aliases_dropped: bool = False
    ) -> None:
        try:
            self._trusted = parse_trusted_proxies(trusted)
        except ValueError as error:
            raise ConfigurationError(f"`trusted_proxies` is wrong: {error}.") from None
        if self._trusted.entries and not header:
            raise ConfigurationError(
                "There are `trusted_proxies`, but no header that tells the client's address: set"
                " `client_address_header` to the one that they write, such as X-Forwarded-For."
            )
        if header and not self._trusted.entries:
            raise ConfigurationError(
                "`client_address_header` is to be read, but nobody is trusted to write it: set"
                " `trusted_proxies` to the addresses of your proxies, or remove the header."
            )
        if header and _NAME.fullmatch(header) is None:
            raise ConfigurationError(
                "`client_address_header` is no name of a header: write letters, digits and"
                " hyphens, as in X-Forwarded-For."
            )
        self._name = header
        self._key = header.lower().encode("ascii")
        self._read: _Grammar = _GRAMMARS.get(self._key, _one)
        self._aliases_dropped = aliases_dropped

    @property
    def header(self) -> bytes:
        """Name the header that is read, in lower case; empty where the socket alone counts."""
        return self._key

    def find(
        self,
        peer: str | None,
        headers: Mapping[bytes, Sequence[bytes]],
        *,
        aliased: bool = False,
    ) -> str | None:
        """Find the client's address; never raises.

        `headers` maps lower-case names to their values in order; they are read only where the
        peer is trusted, from the right, past every trusted hop. The first hop that is not trusted
        is the client; where all are trusted it is the leftmost, since each was written by a proxy
        that is believed. `aliased` says that the host cannot tell the header from its alias with
        underscores: then it is not read unless aliases are dropped before.

        Answers an address in its normal form, None for a peer without one (a unix socket), and
        `UNKNOWN` for a peer that is no address, or a trusted one whose header is not read, is
        missing, has more than 50 hops or 4,096 bytes, or anything in it that is not an address.
        """
        if not self._trusted.trusts(peer):
            return (normal(peer) or UNKNOWN) if peer else None
        try:
            hops = self._hops(headers, aliased=aliased)
        except ValueError:
            return UNKNOWN
        return hops[self._client(hops)]

    def explain(
        self,
        peer: str | None,
        headers: Mapping[bytes, Sequence[bytes]],
        *,
        aliased: bool = False,
    ) -> Explanation:
        """Tell what `find` would answer, and why, for a person."""
        address = self.find(peer, headers, aliased=aliased)
        who = f"The peer {normal(peer) or _shown(peer)}" if peer else "The peer, a unix socket,"
        if not self._trusted.trusts(peer):
            unread = f" {self._name} is not read." if self._name else ""
            if address == UNKNOWN:
                return Explanation(address, (f"{who} is no address.{unread}",))
            return Explanation(
                address,
                (f"{who} is not a trusted proxy, so it is the client itself.{unread}",),
            )
        reasons = [f"{who} is a trusted proxy."]
        try:
            hops = self._hops(headers, aliased=aliased)
        except ValueError as error:
            return Explanation(address, (*reasons, f"{self._name} {error}."))
        place = self._client(hops)
        reasons += [f"It names {hop}, a trusted proxy too." for hop in reversed(hops[place + 1 :])]
        if self._trusted.trusts(hops[place]):
            reasons.append(f"It names {hops[place]}, a trusted proxy too, and nobody before it.")
        else:
            reasons.append(f"It names {hops[place]}, which is not a trusted proxy: the client.")
        if place:
            reasons.append(f"What is left of that, anyone may write: {', '.join(hops[:place])}.")
        return Explanation(address, tuple(reasons))

    def refuse_aliases(self) -> None:
        """Refuse to be served by a host that cannot tell the header from its alias.

        Raises `ConfigurationError` where a header is read and aliases are not dropped before.
        """
        if self._key and not self._aliases_dropped:
            raise ConfigurationError(
                f"Under WSGI {self._name} is not read yet, because a client's own"
                f" {self._name.replace('-', '_')} may arrive as it: let the proxy or the server"
                " drop header names with underscores (nginx does unless told otherwise), then set"
                " `header_aliases_dropped` to true. `orderflow-bridge doctor --url` looks whether"
                " they arrive."
            )

    def _hops(self, headers: Mapping[bytes, Sequence[bytes]], *, aliased: bool) -> Sequence[str]:
        """Read every hop, normal and from left to right; raises `ValueError` with what is odd."""
        if aliased and not self._aliases_dropped:
            raise ValueError(
                "is not read under WSGI before `header_aliases_dropped` is set: an alias with"
                " underscores may arrive as it"
            )
        values = headers.get(self._key, ())
        if not values:
            raise ValueError("is missing")
        if sum(map(len, values)) > _MAX_BYTES:
            raise ValueError(f"has more than {_MAX_BYTES} bytes")
        return self._read([value.decode("latin-1").strip(" \t") for value in values])

    def _client(self, hops: Sequence[str]) -> int:
        """Find the first hop from the right that is no proxy; the leftmost where all are."""
        for place in range(len(hops) - 1, 0, -1):
            if not self._trusted.trusts(hops[place]):
                return place
        return 0


_Grammar = Callable[[Sequence[str]], Sequence[str]]


def _one(values: Sequence[str]) -> Sequence[str]:
    """Read a header that is one address."""
    if len(values) > 1:
        raise ValueError("was sent more than once")
    return [_hop(values[0])]


def _list(values: Sequence[str]) -> Sequence[str]:
    """Read X-Forwarded-For: addresses, each with or without a port."""
    return [_hop(hop) for hop in _split(values)]


def _forwarded(values: Sequence[str]) -> Sequence[str]:
    """Read Forwarded (RFC 7239): the one `for` of every element.

    It is split at every comma, also in a quoted text: so nothing that a client wrote, with a quote
    left open, can swallow what the proxy wrote behind it.
    """
    return [_node(_for(element)) for element in _split(values)]


_GRAMMARS: Mapping[bytes, _Grammar] = {b"x-forwarded-for": _list, b"forwarded": _forwarded}


def _split(values: Sequence[str]) -> Sequence[str]:
    joined = ",".join(values)
    if joined.count(",") >= _MAX_HOPS:
        raise ValueError(f"has more than {_MAX_HOPS} hops")
    return [hop.strip(" \t") for hop in joined.split(",")]


def _for(element: str) -> str:
    if _ELEMENT.fullmatch(element) is None:
        raise ValueError(f"has {_shown(element)}, which is no element of RFC 7239")
    named = [value for name, value in _PAIR.findall(element) if name.lower() == "for"]
    if len(named) != 1:
        raise ValueError(f"has {_shown(element)}, which names no client or several")
    return str(named[0]).removeprefix('"').removesuffix('"')


def _hop(text: str) -> str:
    """Read an address with or without a port; an IPv6 address may stand without brackets."""
    bare = normal(text)
    return _node(text) if bare is None else bare


def _node(text: str) -> str:
    """Read an address with or without a port; an IPv6 address stands in brackets."""
    found = _NODE.fullmatch(text)
    address = normal(found[1] or found[2]) if found else None
    if found is None or address is None or int(found[3] or 0) > _MAX_PORT:
        raise ValueError(f"has {_shown(text)}, which is no address")
    return address


def _shown(text: str) -> str:
    # `!a` keeps control characters and other scripts' look-alikes out of terminals and logs.
    return f"{text[:_SHOWN]!a}"
