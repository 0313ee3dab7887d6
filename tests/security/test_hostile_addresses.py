"""Addresses that are forged, malformed, in disguise, or not there."""

from typing import Any

import pytest

from tests.security.attacks import Attack, Table
from tests.security.playing import rows

BARRED = "403 ip_not_allowed"
PROXY, STRANGER = "10.0.0.5", "203.0.113.9"
OFFICE = "198.51.100.7"
# A server says "no address" in this way to a shell, which knows it; to the core there is none.
FROM_A_SERVER = {"core": ""}
DROPPED = {"wsgi": ""}

PROXIED: dict[str, Any] = {
    "trusted_proxies": ("10.0.0.0/8",),
    "client_address_header": "X-Forwarded-For",
    "header_aliases_dropped": True,
}


def forwarded(
    name: str, value: object, expect: str = BARRED, seen: str = "unknown", **more
) -> Attack:
    """Send through the trusted proxy; `seen` is the address that the refusal names."""
    says = "" if expect == "200" else f'"address":"{seen}"'
    headers = {"X-Forwarded-For": value}
    given = {"by": "office", "peer": PROXY, "settings": PROXIED} | more
    return Attack(name, expect, headers=headers, says=says, **given)


def direct(name: str, peer: str | None, by: str, expect: str = BARRED, **more: object) -> Attack:
    return Attack(name, expect, peer=peer, by=by, **more)


def unasked(name: str, value: str = OFFICE, **more: object) -> Attack:
    """Send a header that nobody configured."""
    says = f'"address":"{STRANGER}"'
    return Attack(name, BARRED, by="office", headers={name: value}, says=says, **more)


def from_the_proxy(
    name: str, headers: dict[str, str], *, seen: str = "unknown", **more: object
) -> Attack:
    """Send headers that the proxy passes on, none of which is the configured one."""
    says = f'"address":"{seen}"'
    given = {"by": "office", "peer": PROXY, "settings": PROXIED} | more
    return Attack(f"{name}, from the proxy", BARRED, headers=headers, says=says, **given)


TABLE: Table = {
    "a forged hop in front of the true one": [
        forwarded("left of the true one", f"{OFFICE}, {STRANGER}", seen=STRANGER),
        forwarded("in a line of its own", [OFFICE, STRANGER], seen=STRANGER),
        forwarded("two of them", f"{OFFICE}, {OFFICE}, {STRANGER}", seen=STRANGER),
        forwarded("behind a second proxy", f"{OFFICE}, {STRANGER}, 10.0.0.9", seen=STRANGER),
        forwarded("the true one", OFFICE, "200"),
        forwarded("the true one, left of a proxy", f"{OFFICE}, 10.0.0.9", "200"),
        forwarded("the true one, right of a forged one", f"{STRANGER}, {OFFICE}", "200"),
    ],
    "a forwarded header from a peer that is no proxy": [
        forwarded("a stranger", OFFICE, seen=STRANGER, peer=STRANGER),
        forwarded("a neighbour of the proxies", OFFICE, seen="11.0.0.5", peer="11.0.0.5"),
        forwarded("nobody", OFFICE, seen="", peer=None),
        unasked("X-Forwarded-For"),
    ],
    "a forwarded header that cannot be read": [
        forwarded("a word", "a"),
        forwarded("nothing", None),
        forwarded("empty", ""),
        forwarded("an empty hop behind", f"{OFFICE},"),
        forwarded("an empty hop inside", f"{OFFICE},, 10.0.0.9"),
        forwarded("a port without digits", f"{OFFICE}:"),
        forwarded("two ports", f"{OFFICE}:443:443"),
        forwarded("an impossible port", "1.2.3.4:99999"),
        forwarded("leading zeros", "010.0.0.1"),
        forwarded("a number", "3325256711"),
        forwarded("hexadecimal", "0xc6336407"),
        forwarded("half a bracket", "[2001:db8::1"),
        forwarded("brackets around IPv4", f"[{OFFICE}]"),
        forwarded("quotes", f'"{OFFICE}"'),
        forwarded("a zone id", "fe80::1%eth0"),
        forwarded("unknown", "unknown"),
        forwarded("full-width digits", "１９８.51.100.7"),
        forwarded("NUL", f"{OFFICE}\0"),
        forwarded("line feed", f"{OFFICE}\n"),
        forwarded("500 hops", ", ".join([OFFICE] * 500)),
        forwarded("a word left of the true one", f"a, {OFFICE}"),
    ],
    "a header of addresses that nobody configured": [
        unasked("X-Real-IP"),
        unasked("Client-IP"),
        unasked("X-Client-IP"),
        unasked("True-Client-IP"),
        unasked("CF-Connecting-IP"),
        unasked("Forwarded", f"for={OFFICE}"),
        from_the_proxy("X-Real-IP", {"X-Real-IP": OFFICE}),
        from_the_proxy("Forwarded", {"Forwarded": f"for={OFFICE}"}),
    ],
    # A WSGI server shows the alias as the header itself, so it is declared to drop it, or the
    # header is not read at all.
    "an alias of the forwarded header": [
        from_the_proxy("alone", {"X_Forwarded_For": OFFICE}, unlike=DROPPED),
        from_the_proxy(
            "beside the true one",
            {"X-Forwarded-For": STRANGER, "X_Forwarded_For": OFFICE},
            seen=STRANGER,
            unlike=DROPPED,
        ),
    ],
    "an IPv4 address as IPv6 maps it": [
        direct("inside the list", "::ffff:10.0.0.1", "private", "200"),
        direct("inside the list, in hexadecimal", "::ffff:a00:1", "private", "200"),
        direct("outside the list", "::ffff:11.0.0.1", "private"),
        direct("as a proxy", "::ffff:10.0.0.5", "office", settings=PROXIED),
        forwarded("from the proxy", f"::ffff:{OFFICE}", "200"),
    ],
    "an IPv6 address in place of an IPv4 one": [
        direct("a link-local one with its zone", "fe80::1%eth0", "office"),
        direct("a listed one with a zone", "2001:db8::1%eth0", "office"),
        direct("NAT64", "64:ff9b::198.51.100.7", "office"),
        direct("6to4", "2002:c633:6407::1", "office"),
        direct("compatible", "::198.51.100.7", "office"),
        direct("a listed one", "2001:db8::1", "office", "200"),
    ],
    "a peer without an address": [
        direct("none", None, "office", says='"address":""'),
        direct("empty", "", "office"),
        direct("a dash", "-", "office", says='"address":""', unlike=FROM_A_SERVER),
        direct("a dash, where a socket is listed", "-", "socket", "200", unlike=FROM_A_SERVER),
        direct("the name of a socket", "/run/site.sock", "office"),
        direct("the word unix", "unix", "socket"),
        direct("the word unknown", "unknown", "office"),
        direct("none, where a socket is listed", None, "socket", "200"),
        direct("empty, where a socket is listed", "", "socket", "200"),
        direct("an address, where a socket is listed", STRANGER, "socket"),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_an_address_counts_as_the_socket_and_the_proxies_tell_it(player, attack, level):
    """What cannot be read is on no list."""
    player.play(attack, level)
