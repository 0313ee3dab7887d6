"""Whose request it is, behind proxies: every grammar, and nothing but what a proxy wrote."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.security.forwarding import ClientAddress
from orderflow_bridge.security.network import UNKNOWN, normal, parse_allow_list

PROXIES = ("10.0.0.0/8", "2001:db8:1::/48")
EVERYONE = parse_allow_list(["0.0.0.0/0", "::/0", "unix"])
HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP")

NOBODY = ClientAddress()
LISTED = ClientAddress(trusted=PROXIES, header="X-Forwarded-For")
FORWARDED = ClientAddress(trusted=PROXIES, header="Forwarded")
SINGLE = ClientAddress(trusted=PROXIES, header="X-Real-IP")
KINDS = {"X-Forwarded-For": LISTED, "Forwarded": FORWARDED, "X-Real-IP": SINGLE}

ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = st.ip_addresses(v=6).map(str)
addresses = ipv4 | ipv6
strangers = addresses.filter(
    lambda one: not LISTED._trusted.trusts(one) and not one.startswith("::ffff:")
)
proxies = st.ip_addresses(network="10.0.0.0/8").map(str) | st.ip_addresses(
    network="2001:db8:1::/48"
).map(str)
# What a client may write: anything, and more often what looks like the grammars.
pieces = st.sampled_from(
    ["for=", "For=", '"', "[", "]", ",", ";", ":", "\\", "10.0.0.9", "198.51.100.7", "unknown",
     "_x", " ", "=", "by=", "2001:db8::1", ":443", "%eth0", "\t", "host="]
)  # fmt: skip
texts = st.lists(pieces | st.text(max_size=5), max_size=12).map("".join)
chains = st.lists(addresses, max_size=4).map(", ".join)
values = texts.map(lambda text: text.encode("latin-1", "replace"))


def find(client, *sent, peer="10.0.0.5", **options):
    """Find the address of a request whose address header has these values."""
    return client.find(peer, {client.header: [one for one in sent if one is not None]}, **options)


def element(address):
    """Write an element of `Forwarded` as a proxy does."""
    return f'for="[{address}]"' if ":" in address else f"for={address}"


class TestTheSocket:
    """Without a trusted peer the socket alone counts."""

    @pytest.mark.parametrize("client", [NOBODY, *KINDS.values()])
    def test_a_stranger_is_the_client_whatever_it_sends(self, client):
        """A header is read from trusted proxies only."""
        sent = {name.lower().encode(): [b"198.51.100.7"] for name in HEADERS}
        assert client.find("203.0.113.9", sent) == "203.0.113.9"

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP"])
    @pytest.mark.parametrize("client", [LISTED, FORWARDED, SINGLE])
    def test_no_other_header_is_read_of_a_proxy(self, client, name):
        """One header is configured, and the others do not exist."""
        if name.lower().encode() != client.header:
            assert client.find("10.0.0.5", {name.lower().encode(): [b"198.51.100.7"]}) == UNKNOWN

    def test_a_mapped_address_is_the_ipv4_address(self):
        """For proxies and for clients."""
        assert find(LISTED, b"198.51.100.7", peer="::ffff:10.0.0.5") == "198.51.100.7"
        assert find(LISTED, b"198.51.100.7", peer="::ffff:203.0.113.9") == "203.0.113.9"
        assert find(LISTED, b"::ffff:198.51.100.7, ::ffff:10.0.0.9") == "198.51.100.7"

    @pytest.mark.parametrize(
        "peer",
        ["fe80::1%eth0", "10.0.0.5%eth0", "-", "unix", "testclient", "/run/x.sock", "10.0.0.5:80"],
    )
    def test_a_peer_that_is_no_address_is_unknown_and_trusted_by_nobody(self, peer):
        """A zone, a port, a name: what a server or another middleware made up."""
        for client in (NOBODY, LISTED, ClientAddress(trusted=["unix"], header="X-Real-IP")):
            assert find(client, b"198.51.100.7", peer=peer) == UNKNOWN

    @pytest.mark.parametrize("peer", [None, ""])
    def test_a_unix_socket_is_trusted_by_the_word_unix_only(self, peer):
        """Without an address, the header counts only where that was declared."""
        assert find(NOBODY, b"198.51.100.7", peer=peer) is None
        assert find(LISTED, b"198.51.100.7", peer=peer) is None
        for name in HEADERS:
            unix = ClientAddress(trusted=["unix"], header=name)
            sent = b"for=198.51.100.7" if name == "Forwarded" else b"198.51.100.7"
            assert find(unix, sent, peer=peer) == "198.51.100.7"
            assert find(unix, peer=peer) == UNKNOWN


class TestForwardedFor:
    """X-Forwarded-For: a list of addresses."""

    @pytest.mark.parametrize(
        ("sent", "address"),
        [
            ([b"198.51.100.7"], "198.51.100.7"),
            ([b"198.51.100.7, 203.0.113.9"], "203.0.113.9"),
            ([b"198.51.100.7", b"203.0.113.9"], "203.0.113.9"),
            ([b"198.51.100.7, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            ([b"198.51.100.7,203.0.113.9", b"10.0.0.7 ,\t10.9.9.9"], "203.0.113.9"),
            ([b"10.0.0.7, 10.9.9.9"], "10.0.0.7"),
            ([b"2001:db8:2::5, 2001:db8:1::5"], "2001:db8:2::5"),
            ([b"2001:DB8:2:0::5"], "2001:db8:2::5"),
            ([b"198.51.100.7:443"], "198.51.100.7"),
            ([b"198.51.100.7:0, 10.0.0.7:65535"], "198.51.100.7"),
            ([b"[2001:db8:2::5]"], "2001:db8:2::5"),
            ([b"[2001:db8:2::5]:443, [2001:db8:1::5]:80"], "2001:db8:2::5"),
            ([b"[::ffff:198.51.100.7]:443"], "198.51.100.7"),
            ([b"64:ff9b::198.51.100.7"], "64:ff9b::c633:6407"),
        ],
    )
    def test_the_rightmost_hop_that_is_not_trusted_is_the_client(self, sent, address):
        """What a client wrote to the left of itself counts for nothing; a port is no part of it."""
        assert find(LISTED, *sent) == address

    @pytest.mark.parametrize(
        "sent",
        [
            [], [b""], [b"a"], [b"198.51.100.7,"], [b",198.51.100.7"], [b"198.51.100.7,,10.0.0.7"],
            [b"198.51.100.7", b""], [b"198.51.100.7:99999"], [b"198.51.100.7:65536"],
            [b"198.51.100.7:"], [b"198.51.100.7:http"], [b"198.51.100.7:+80"],
            [b"198.51.100.7:8 0"], [b"198.51.100.7:000443"], [b"010.0.0.1"], [b"10.1"],
            [b"3325256711"], [b"0xc6336407"], [b"198.51.100.0/24"],
            [b"[198.51.100.7]"], [b"[198.51.100.7]:80"], [b"[2001:db8:2::5"], [b"2001:db8:2::5]"],
            [b"[2001:db8:2::5]443"], [b"[2001:db8:2::5]:"], [b"[2001:db8:2::5%eth0]:80"], [b"[]"],
            [b'"198.51.100.7"'], [b"unknown"], [b"_hidden"], [b"for=198.51.100.7"],
            [b"fe80::1%eth0"], [b"a, 198.51.100.7"], [b"198.51.100.7 198.51.100.8"],
            ["１.1.1.1".encode()], [b"\xff"], [b"198.51.100.7\xa0"], [b"198.51.100.7;10.0.0.7"],
            [b", ".join([b"198.51.100.7"] * 500)], [b"198.51.100.7"] * 51,
            [b" " * 5000 + b"198.51.100.7"], [b"198.51.100.7\x00"], [b"198.51.100.7\r\n"],
            [b"198.51.100.7\x0b"], [b"shop.example"], [b"X198.51.100.7, 10.0.0.7"],
        ],
    )  # fmt: skip
    def test_anything_odd_from_a_proxy_is_nobody(self, sent):
        """One bad hop fails all of them closed, wherever it stands."""
        assert find(LISTED, *sent) == UNKNOWN
        assert not EVERYONE.allows(find(LISTED, *sent))

    def test_fifty_hops_and_four_kibibytes_are_read(self):
        """The most that is believed is a real chain."""
        assert find(LISTED, b"198.51.100.7".rjust(4096)) == "198.51.100.7"
        assert find(LISTED, b"198.51.100.7".rjust(4097)) == UNKNOWN
        assert find(LISTED, *[b"198.51.100.7"] * 50) == "198.51.100.7"
        assert find(LISTED, b",".join([b"198.51.100.7"] * 50)) == "198.51.100.7"


class TestForwarded:
    """Forwarded (RFC 7239)."""

    @pytest.mark.parametrize(
        ("sent", "address"),
        [
            ([b"for=198.51.100.7"], "198.51.100.7"),
            ([b"For=198.51.100.7;proto=https;by=203.0.113.43"], "198.51.100.7"),
            ([b"proto=https; host=shop.example; for=198.51.100.7"], "198.51.100.7"),
            ([b"for=198.51.100.7, FOR=203.0.113.9"], "203.0.113.9"),
            ([b"for=198.51.100.7", b"for=203.0.113.9, for=10.0.0.7"], "203.0.113.9"),
            ([b'for="198.51.100.7"'], "198.51.100.7"),
            ([b'for="198.51.100.7:4711";host="shop.example:443"'], "198.51.100.7"),
            ([b'for="[2001:db8:2::17]"'], "2001:db8:2::17"),
            ([b'for="[2001:db8:2::17]:4711" , for="[2001:DB8:1::5]"'], "2001:db8:2::17"),
            ([rb'for=198.51.100.7;host="a \"b\" c"'], "198.51.100.7"),
            ([b"for=10.0.0.7,for=10.9.9.9"], "10.0.0.7"),
        ],
    )
    def test_the_rightmost_for_that_is_not_trusted_is_the_client(self, sent, address):
        """Names in any case, quoted texts, ports, other parameters."""
        assert find(FORWARDED, *sent) == address

    @pytest.mark.parametrize(
        "sent",
        [
            [], [b""], [b"198.51.100.7"], [b"for="], [b"for"], [b"for=unknown"], [b"for=_hidden"],
            [b'for="_gazonk:80"'], [b'for="unknown:80"'], [b"for=shop.example"],
            [b"by=198.51.100.7"], [b"proto=https"], [b"for=198.51.100.7;for=203.0.113.9"],
            [b"for=198.51.100.7,"], [b",for=198.51.100.7"], [b"for=198.51.100.7,proto=https"],
            [b"for=unknown, for=198.51.100.7"], [b"for=198.51.100.7;"], [b";for=198.51.100.7"],
            [b"for=198.51.100.7:80"], [b"for=2001:db8:2::17"], [b"for=[2001:db8:2::17]"],
            [b'for="2001:db8:2::17"'], [b'for="[198.51.100.7]"'], [b'for="[2001:db8:2::17%eth0]"'],
            [b'for="198.51.100.7:99999"'], [b'for="198.51.100.7:_x"'], [b'for=" 198.51.100.7"'],
            [b'for="198.51.100.7'], [b'for=198.51.100.7"'], [b'for=""'], [b'for="'], [b'"'],
            [rb'for="198.51.100.\7"'], [rb'for="198.51.100.7\"'], [b"for =198.51.100.7"],
            [b"for= 198.51.100.7"], [b"for==198.51.100.7"], [b"f\xf6r=198.51.100.7"],
            [b"for=010.0.0.1"], [b"for=198.51.100.7 for=203.0.113.9"],
            [b'for="198.51.100.7, 203.0.113.9"'],
            [b'for=203.0.113.9;by="', b'for=198.51.100.7;by="'],
            [b'for=203.0.113.9;x=", for=198.51.100.7;y="'],
            [b"for=198.51.100.7"] * 51, [b"for=198.51.100.7;x=" + b"y" * 5000],
        ],
    )  # fmt: skip
    def test_anything_odd_from_a_proxy_is_nobody(self, sent):
        """Hidden and unknown hops, two names for one, quotes that stay open or hold a comma."""
        assert find(FORWARDED, *sent) == UNKNOWN

    def test_an_open_quote_cannot_swallow_what_the_proxy_wrote(self):
        """Neither over a comma nor over lines, wherever the proxy's own quotes close it."""
        for forged in ('for=203.0.113.9;by="', 'for="203.0.113.9', "for=203.0.113.9;x=\\"):
            for real in (element("198.51.100.7"), element("2001:db8:2::17") + ';host="a"'):
                assert find(FORWARDED, f"{forged}, {real}".encode()) == UNKNOWN
                assert find(FORWARDED, forged.encode(), real.encode()) == UNKNOWN


class TestOneAddress:
    """X-Real-IP, CF-Connecting-IP, and whatever else is one address."""

    @pytest.mark.parametrize("name", ["X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Mine"])
    @pytest.mark.parametrize(
        ("sent", "address"),
        [
            (b"198.51.100.7", "198.51.100.7"),
            (b" 198.51.100.7\t", "198.51.100.7"),
            (b"2001:db8:2::17", "2001:db8:2::17"),
            (b"198.51.100.7:443", "198.51.100.7"),
            (b"[2001:db8:2::17]:443", "2001:db8:2::17"),
            (b"10.0.0.7", "10.0.0.7"),
        ],
    )
    def test_it_is_the_client(self, name, sent, address):
        """Whatever the header is called."""
        client = ClientAddress(trusted=PROXIES, header=name)
        assert client.header == name.lower().encode()
        assert find(client, sent) == address

    @pytest.mark.parametrize(
        "sent",
        [
            [], [b""], [b"198.51.100.7", b"198.51.100.7"], [b"198.51.100.7,198.51.100.7"],
            [b"198.51.100.7, 10.0.0.7"], [b"unknown"], [b"for=198.51.100.7"], [b"fe80::1%eth0"],
            [b"198.51.100.7:65536"], [b"010.0.0.1"], [b"\xff"], [b" " * 4096 + b"198.51.100.7"],
        ],
    )  # fmt: skip
    def test_more_or_less_than_one_address_is_nobody(self, sent):
        """Two may be a proxy's and a client's, and nobody can tell which is which."""
        assert find(SINGLE, *sent) == UNKNOWN


class TestAliases:
    """A host that cannot tell `X_Forwarded_For` from `X-Forwarded-For`."""

    @pytest.mark.parametrize("name", HEADERS)
    def test_the_header_is_not_read_unless_aliases_are_said_to_be_dropped(self, name):
        """Anyone could have written it, and a stranger's peer counts all the same."""
        sent = b"for=198.51.100.7" if name == "Forwarded" else b"198.51.100.7"
        undeclared = KINDS[name]
        assert find(undeclared, sent, aliased=True) == UNKNOWN
        assert find(undeclared, sent, aliased=False) == "198.51.100.7"
        assert find(undeclared, sent, peer="203.0.113.9", aliased=True) == "203.0.113.9"
        declared = ClientAddress(trusted=PROXIES, header=name, aliases_dropped=True)
        assert find(declared, sent, aliased=True) == "198.51.100.7"

    @pytest.mark.parametrize("name", HEADERS)
    def test_a_host_that_merges_them_is_refused_with_what_to_do(self, name):
        """Before it serves, and only where a header is read."""
        with pytest.raises(ConfigurationError, match="header_aliases_dropped") as refused:
            ClientAddress(trusted=PROXIES, header=name).refuse_aliases()
        assert f" {name} is not" in str(refused.value)
        assert f" {name.replace('-', '_')} may" in str(refused.value)
        ClientAddress(trusted=PROXIES, header=name, aliases_dropped=True).refuse_aliases()
        NOBODY.refuse_aliases()
        ClientAddress(aliases_dropped=True).refuse_aliases()


class TestConfiguration:
    """What does not start."""

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"trusted": PROXIES}, "client_address_header"),
            ({"header": "X-Real-IP"}, "trusted_proxies"),
            ({"trusted": ["0.0.0.0/0"], "header": "X-Real-IP"}, "everyone"),
            ({"trusted": ["proxy"], "header": "X-Real-IP"}, "host name"),
            ({"trusted": PROXIES, "header": "X_Real_IP"}, "no name of a header"),
            ({"trusted": PROXIES, "header": "X-Real-IP:"}, "no name of a header"),
            ({"trusted": PROXIES, "header": "X" * 65}, "no name of a header"),
            ({"trusted": PROXIES, "header": "X-Réal-IP"}, "no name of a header"),
            ({"trusted": PROXIES, "header": "X-Real-IP, Forwarded"}, "no name of a header"),
        ],
    )
    def test_half_a_configuration_and_a_wrong_one_are_refused(self, options, reason):
        """The message names the setting."""
        with pytest.raises(ConfigurationError, match=reason):
            ClientAddress(**options)

    @pytest.mark.parametrize("name", ["X", "X" * 64])
    def test_a_name_has_one_to_sixty_four_characters(self, name):
        """As short and as long as a name may be."""
        assert find(ClientAddress(trusted=PROXIES, header=name), b"192.0.2.1") == "192.0.2.1"


class TestWhateverIsSent:
    """Rules that hold for every header."""

    @pytest.mark.parametrize("name", HEADERS)
    @given(
        peer=st.none() | st.text(max_size=20) | addresses | proxies,
        sent=st.lists(values | addresses.map(str.encode), max_size=4),
        aliased=st.booleans(),
    )
    def test_it_never_raises_and_answers_an_address_unknown_or_none(
        self, name, peer, sent, aliased
    ):
        """And a person is told the same address, with a reason, in one printable line each."""
        client = KINDS[name]
        found = client.find(peer, {client.header: sent}, aliased=aliased)
        if found not in {None, UNKNOWN}:
            ipaddress.ip_address(found)
            assert normal(found) == found
        told = client.explain(peer, {client.header: sent}, aliased=aliased)
        assert told.address == found
        assert told.reasons
        assert all(one.isascii() and one.isprintable() for one in told.reasons)

    @given(
        forged=chains | texts,
        real=strangers,
        chain=st.lists(proxies, max_size=4),
        lines=st.booleans(),
    )
    def test_a_client_cannot_choose_its_address_in_a_list(self, forged, real, chain, lines):
        """Whatever it wrote, what the proxies wrote behind it decides, or nobody is known."""
        written = ", ".join([real, *chain])
        sent = [forged, written] if lines else [f"{forged}, {written}"]
        found = find(LISTED, *(one.encode("latin-1", "replace") for one in sent))
        assert found in {UNKNOWN, normal(real)}

    @given(
        forged=st.lists(addresses.map(element), max_size=4).map(", ".join) | texts,
        real=strangers,
        chain=st.lists(proxies, max_size=4),
        lines=st.booleans(),
    )
    def test_a_client_cannot_choose_its_address_in_forwarded(self, forged, real, chain, lines):
        """The same for RFC 7239, quotes and all."""
        written = ", ".join(map(element, [real, *chain]))
        sent = [forged, written] if lines else [f"{forged}, {written}"]
        found = find(FORWARDED, *(one.encode("latin-1", "replace") for one in sent))
        assert found in {UNKNOWN, normal(real)}

    @given(forged=st.lists(values, max_size=3), real=strangers)
    def test_a_second_line_never_names_a_client_alone(self, forged, real):
        """A header of one address that was sent twice is nobody's."""
        found = find(SINGLE, *forged, real.encode())
        assert found == (UNKNOWN if forged else normal(real))

    @given(hops=st.lists(proxies | strangers, min_size=1, max_size=50))
    def test_honest_chains_are_read_alike_in_both_grammars(self, hops):
        """A list of addresses and the list of RFC 7239 name the same client."""
        plain = find(LISTED, ", ".join(hops).encode())
        assert plain != UNKNOWN
        assert plain == find(FORWARDED, ", ".join(map(element, hops)).encode())


class TestExplanations:
    """What a person is told."""

    @pytest.mark.parametrize(
        ("client", "peer", "sent", "words"),
        [
            (NOBODY, "203.0.113.9", [], ["is not a trusted proxy, so it is the client itself."]),
            (LISTED, "203.0.113.9", [b"1.2.3.4"], ["X-Forwarded-For is not read."]),
            (LISTED, None, [b"1.2.3.4"], ["The peer, a unix socket, is not a trusted proxy"]),
            (LISTED, "fe80::1%eth0", [], ["'fe80::1%eth0' is no address"]),
            (LISTED, "10.0.0.5", [], ["is a trusted proxy.", "X-Forwarded-For is missing."]),
            (
                LISTED,
                "10.0.0.5",
                [b"1.2.3.4, 203.0.113.9, 10.0.0.7"],
                ["names 10.0.0.7, a trusted", "names 203.0.113.9, which is not", "write: 1.2.3.4."],
            ),
            (LISTED, "10.0.0.5", [b"10.0.0.8, 10.0.0.7"], ["10.0.0.8, a trusted proxy too, and"]),
            (LISTED, "10.0.0.5", [b"x\x1b"], [r"has 'x\x1b', which is no address."]),
            (LISTED, "10.0.0.5", [b"9" * 99], [f"has '{'9' * 64}', which"]),
            (LISTED, "10.0.0.5", [b"1.2.3.4"] * 51, ["more than 50 hops"]),
            (LISTED, "10.0.0.5", [b" " * 5000], ["more than 4096 bytes"]),
            (SINGLE, "10.0.0.5", [b"1.2.3.4"] * 2, ["X-Real-IP was sent more than once."]),
            (FORWARDED, "10.0.0.5", [b"for=unknown"], ["has 'unknown', which is no address"]),
            (FORWARDED, "10.0.0.5", [b"proto=http"], ["names no client or several"]),
            (FORWARDED, "10.0.0.5", [b"1.2.3.4"], ["no element of RFC 7239"]),
        ],
    )
    def test_every_step_from_the_socket_is_told(self, client, peer, sent, words):
        """Each hop and why, or what could not be read."""
        told = " ".join(client.explain(peer, {client.header: sent}).reasons)
        for one in words:
            assert one in told

    def test_a_whole_chain_is_told_in_order(self):
        """From the socket to the left, and nothing besides."""
        client = ClientAddress(trusted=PROXIES, header="X-Forwarded-For")
        sent = [b"192.0.2.1, 192.0.2.2, 203.0.113.9, 10.0.0.8, 10.0.0.7"]
        assert client.explain("10.0.0.5", {b"x-forwarded-for": sent}).reasons == (
            "The peer 10.0.0.5 is a trusted proxy.",
            "It names 10.0.0.7, a trusted proxy too.",
            "It names 10.0.0.8, a trusted proxy too.",
            "It names 203.0.113.9, which is not a trusted proxy: the client.",
            "What is left of that, anyone may write: 192.0.2.1, 192.0.2.2.",
        )

    def test_a_stranger_is_told_what_is_not_read(self):
        """The configured header by its name; where there is none, nothing."""
        client = ClientAddress(trusted=PROXIES, header="X-Real-IP")
        stranger = "The peer 203.0.113.9 is not a trusted proxy, so it is the client itself."
        assert client.explain("203.0.113.9", {}).reasons == (f"{stranger} X-Real-IP is not read.",)
        assert NOBODY.explain("203.0.113.9", {}).reasons == (stranger,)

    def test_an_alias_is_told(self):
        """With the setting that changes it."""
        told = LISTED.explain("10.0.0.5", {b"x-forwarded-for": [b"1.2.3.4"]}, aliased=True)
        assert told.address == UNKNOWN
        assert "header_aliases_dropped" in told.reasons[-1]
