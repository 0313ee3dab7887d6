"""Addresses: allow-lists and trusted proxies (protocol §2, step 13)."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.security.network import (
    UNKNOWN,
    canonical,
    normal,
    parse_allow_list,
    parse_trusted_proxies,
)

ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = st.ip_addresses(v=6).map(str)


class TestEntries:
    """What an operator may enter."""

    @pytest.mark.parametrize(
        ("entry", "reason"),
        [
            ("10.0.0.1/8", r"host bits set; did you mean 10\.0\.0\.0/8 or 10\.0\.0\.1\?"),
            ("2001:db8::1/32", r"did you mean 2001:db8::/32 or 2001:db8::1\?"),
            ("10.0.0.0/0.255.255.255", "no netmask"),
            ("10.0.0.0/255.0.0.0", "no netmask"),
            ("10.0.0.0/", "prefix length"),
            ("10.0.0.0/33", "neither an IP address nor a CIDR range"),
            ("10.0.0.0/-1", "prefix length"),
            ("10.0.0.0/0008", "prefix length"),
            ("10.0.0.0/8/8", "prefix length"),
            ("shop.example", "host name"),
            ("localhost", "host name"),
            ("a", "host name"),
            ("3.example", "host name"),
            ("fe80::1%eth0", "zone id"),
            ("fe80::%1/64", "zone id"),
            ("", "is empty"),
            ("   ", "is empty"),
            ("010.0.0.1", "neither"),
            ("10.0.0", "neither"),
            ("10.0.0.1:443", "neither"),
            ("[2001:db8::1]", "neither"),
            ("１０.0.0.1", "neither"),
            ("2130706433", "neither"),
            ("10.0.0.1, 10.0.0.2", "neither"),
            ("UNIX", "host name"),
        ],
    )
    def test_what_is_no_address_or_range_is_refused(self, entry, reason):
        """Attack row 50: the message says what to write instead."""
        for parse in (parse_allow_list, parse_trusted_proxies):
            with pytest.raises(ValueError, match=reason):
                parse([entry])

    def test_every_bad_entry_has_a_line_of_its_own(self):
        """An operator corrects them all at once."""
        with pytest.raises(ValueError, match="host name") as refused:
            parse_allow_list(["shop.example", "10.0.0.0/8", "10.0.0.1/8", ""])
        lines = str(refused.value).splitlines()
        assert [line.split(" ")[0] for line in lines] == ["'shop.example'", "'10.0.0.1/8'", "''"]
        with pytest.raises(ValueError, match="everyone") as refused:
            parse_trusted_proxies(["0.0.0.0/0", "10.0.0.0/8", "::/0"])
        lines = str(refused.value).splitlines()
        assert [line.split(" ")[0] for line in lines] == ["0.0.0.0/0", "::/0"]

    def test_a_bad_entry_cannot_write_into_a_log(self):
        """Controls, escapes and look-alikes are shown as ASCII, and shortened."""
        with pytest.raises(ValueError, match="neither") as refused:
            parse_allow_list(["\x1b[31m\n\u202e" + "9" * 500])
        message = str(refused.value)
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 200
        with pytest.raises(ValueError, match=f"^'{'9' * 64}' "):
            parse_allow_list(["9" * 500])

    @pytest.mark.parametrize(
        ("entry", "written"),
        [("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"), ("::ffff:0:0/96", "0.0.0.0/0")],
    )
    def test_a_range_of_everyone_is_a_warning_and_no_proxy(self, entry, written):
        """Attack row 50: allowed with a warning, but never trusted."""
        found = parse_allow_list([entry, "10.0.0.0/8"])
        assert len(found.warnings) == 1
        assert written in found.warnings[0]
        with pytest.raises(ValueError, match="everyone"):
            parse_trusted_proxies([entry])

    def test_an_ordinary_range_has_no_warning(self):
        """Warnings are for what an operator should think about."""
        assert parse_allow_list(["10.0.0.0/8", "192.0.2.1", "unix"]).warnings == ()

    @pytest.mark.parametrize(
        ("entry", "written"),
        [
            (" 10.0.0.0/8 ", "10.0.0.0/8"), ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1/32"),
            ("2001:DB8:0::0/32", "2001:db8::/32"), ("2001:db8::0001", "2001:db8::1"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:10.0.0.1", "10.0.0.1"),
            ("unix", "unix"),
        ],
    )  # fmt: skip
    def test_an_entry_has_one_normal_form(self, entry, written):
        """An address stays an address, a range a range, and reading it again changes nothing."""
        assert canonical(entry) == written
        assert canonical(written) == written
        assert parse_allow_list([entry]).entries == (written,)


class TestAllowList:
    """Which addresses are allowed."""

    def test_an_empty_list_allows_everyone(self):
        """Even a peer without an address; the operator is warned elsewhere."""
        empty = parse_allow_list([])
        assert all(map(empty.allows, ["192.0.2.1", "::1", None, "", "-", UNKNOWN]))

    @pytest.mark.parametrize(
        ("address", "answer"),
        [
            ("10.0.0.1", True), ("10.255.255.255", True), ("11.0.0.0", False),
            ("9.255.255.255", False),
            ("::ffff:10.0.0.1", True), ("::FFFF:0a00:0001", True), ("::ffff:11.0.0.1", False),
            ("::10.0.0.1", False), ("64:ff9b::10.0.0.1", False), ("64:ff9b::a00:1", False),
            ("2002:a00:1::", False), ("fe80::1%eth0", False), ("::ffff:10.0.0.1%eth0", False),
            ("10.0.0.1%eth0", False), ("010.0.0.1", False), ("10.0.0.1 ", False),
            ("10.0.0.1\n", False),
            ("10.1", False), ("167772161", False), ("0xa000001", False), ("10.0.0.1:80", False),
            ("[::ffff:10.0.0.1]", False), ("１０.0.0.1", False), ("10.0.0.1\0", False),
            ("", False), (None, False), ("-", False), ("unix", False), (UNKNOWN, False),
            ("shop.example", False),
        ],
    )  # fmt: skip
    def test_only_an_address_in_a_range_is_allowed(self, address, answer):
        """Attack rows 45, 47-49: a mapped address counts as IPv4, and everything odd is outside."""
        assert parse_allow_list(["10.0.0.0/8"]).allows(address) is answer

    def test_nat64_counts_as_ipv6_only(self):
        """Attack row 48: 64:ff9b:: is in a list only where it is written there."""
        listed = parse_allow_list(["64:ff9b::/96"])
        assert listed.allows("64:ff9b::a00:1")
        assert not listed.allows("10.0.0.1")

    def test_a_zone_id_is_never_allowed(self):
        """Attack row 48: not even where its address is."""
        assert parse_allow_list(["fe80::/10"]).allows("fe80::1")
        assert not parse_allow_list(["fe80::/10"]).allows("fe80::1%eth0")

    @pytest.mark.parametrize("peer", [None, ""])
    def test_a_peer_without_an_address_needs_the_word_unix(self, peer):
        """Attack row 49: a unix socket is allowed by name only."""
        assert parse_allow_list(["10.0.0.0/8", "unix"]).allows(peer)
        assert not parse_allow_list(["10.0.0.0/8", "0.0.0.0/0", "::/0"]).allows(peer)
        assert not parse_allow_list(["unix"]).allows("-")

    @given(
        st.lists(st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), min_size=1, max_size=8),
        st.ip_addresses(v=4),
    )
    def test_ranges_agree_with_the_standard_library(self, ranges, address):
        """However ranges overlap, an address is in the list when it is in any of them."""
        networks = [ipaddress.ip_network((one, length), strict=False) for one, length in ranges]
        listed = parse_allow_list(map(str, networks))
        expected = any(address in network for network in networks)
        assert listed.allows(str(address)) is expected
        assert listed.allows(f"::ffff:{address}") is expected
        for network in networks:
            assert listed.allows(str(network[0]))
            assert listed.allows(str(network[-1]))

    @given(
        st.lists(st.tuples(st.ip_addresses(v=6), st.integers(0, 128)), min_size=1, max_size=8),
        st.ip_addresses(v=6).filter(lambda one: one.ipv4_mapped is None),
    )
    def test_ipv6_ranges_agree_with_the_standard_library(self, ranges, address):
        """The same for the other family, whose mapped addresses count as IPv4."""
        networks = [
            network
            for one, length in ranges
            if (network := ipaddress.ip_network((one, length), strict=False))[0].ipv4_mapped is None
        ]
        listed = parse_allow_list(["192.0.2.1", *map(str, networks)])
        assert listed.allows(str(address)) is any(address in network for network in networks)


class TestNormalForm:
    """An address has one spelling."""

    @pytest.mark.parametrize(
        ("address", "written"),
        [
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::FFFF:c000:201", "192.0.2.1"), ("2001:DB8:0::0:1", "2001:db8::1"),
            ("010.0.0.1", None), ("192.0.2.1:80", None), ("[2001:db8::1]", None),
            ("fe80::1%eth0", None), ("192.0.2.1\n", None), ("", None), ("-", None), ("unix", None),
            ("/run/bridge.sock", None), ("192.0.2.0/24", None), ("\ud800", None), ("1\0", None),
        ],
    )  # fmt: skip
    def test_an_address_is_written_in_one_way_and_nothing_else_is_one(self, address, written):
        """What is logged and told is never what somebody else wrote."""
        assert normal(address) == written

    @given(ipv4 | ipv6)
    def test_the_normal_form_is_the_same_address(self, address):
        """Writing it again changes nothing, and it is in the same ranges."""
        written = normal(address)
        assert normal(written) == written
        assert parse_allow_list([address]).allows(written)
        assert parse_allow_list([written]).allows(address)
