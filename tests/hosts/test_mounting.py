"""Which requests belong to the bridge, and which path they have under it."""

import pytest

from orderflow_bridge.mounting import Mount, body_flaw, socket_peer, undecoded

# mount, the decoded path, root_path (empty under WSGI), the path under the mount
CASES = [
    ("/bridge", "/bridge/id/cart.get", "", "/id/cart.get"),
    ("/bridge", "/bridge", "", ""),
    ("/bridge", "/bridge/", "", "/"),
    ("/bridge", "/bridge//id/a", "", "//id/a"),
    ("/bridge", "/bridge/id/cart.get/", "", "/id/cart.get/"),
    ("/bridge", "/bridge/x/../admin", "", "/x/../admin"),
    ("/bridge", "/bridgehead", "", None),
    ("/bridge", "/bridge;a=b/id/a", "", None),
    ("/bridge", "/Bridge/id/a", "", None),
    ("/bridge", "//bridge/id/a", "", None),
    ("/bridge", "/x/bridge/id/a", "", None),
    ("/bridge", "/", "", None),
    ("/bridge", "", "", None),
    ("/bridge", "*", "", None),
    ("/api/bridge", "/api/bridge/id/a", "", "/id/a"),
    ("/api/bridge", "/api/id/a", "", None),
    # The whole site is the bridge's.
    ("/", "/id/a", "", "/id/a"),
    ("/", "/", "", "/"),
    ("/", "", "", ""),
    ("/", "//id/a", "", "//id/a"),
    ("/", "*", "", None),
    # ASGI: the path has the prefix that the application runs under.
    ("/bridge", "/shop/bridge/id/a", "/shop", "/id/a"),
    ("/bridge", "/shop/bridge", "/shop", ""),
    ("/bridge", "/shop/bridge/id/a", "/shop/", "/id/a"),
    ("/bridge", "/shop/hello", "/shop", None),
    ("/bridge", "/shop", "/shop", None),
    ("/bridge", "/shop//bridge/id/a", "/shop", None),
    ("/bridge", "/bridge/id/a", "/", "/id/a"),
    ("/bridge", "/bridge/bridge/id/a", "/bridge", "/id/a"),
    # Under its own prefix the site's /id/a is the site's.
    ("/bridge", "/bridge/id/a", "/bridge", None),
    ("/bridge", "/bridge", "/bridge", None),
    # A framework's Mount("/bridge") around a bridge that has it whole.
    ("/", "/bridge/id/a", "/bridge", "/id/a"),
    ("/", "/bridge", "/bridge", ""),
    # A server that leaves root_path out of the path.
    ("/bridge", "/bridge/id/a", "/shop", "/id/a"),
    ("/bridge", "/shopping/bridge/id/a", "/shop", None),
    ("/", "/id/a", "/shop", "/id/a"),
]


@pytest.mark.parametrize(("mount", "path", "root", "under"), CASES)
def test_a_request_belongs_to_the_bridge_at_the_mount_and_below_it(mount, path, root, under):
    """The mount ends where a segment ends, seen from where the application runs."""
    assert Mount(mount).under(path, root) == under


@pytest.mark.parametrize(
    ("mount", "path_info", "path", "root"),
    [
        ("/bridge", "/bridge/id/a", "/shop/bridge/id/a", "/shop"),
        ("/bridge", "/bridge", "/shop/bridge", "/shop"),
        ("/bridge", "/hello", "/shop/hello", "/shop"),
        ("/", "/id/a", "/shop/id/a", "/shop"),
        ("/", "", "/shop", "/shop"),
    ],
)
def test_both_interfaces_see_the_same_path(mount, path_info, path, root):
    """`PATH_INFO` is without the prefix and ASGI's path with it, and the answer is one."""
    assert Mount(mount).under(path_info) == Mount(mount).under(path, root)


@pytest.mark.parametrize("path", ["/", "/bridge", "/api/v1/bridge", "/~shop/b.r-i_d@ge", "/..."])
def test_a_mount_is_a_plain_path(path):
    """What an operator would write is taken as it is."""
    assert Mount(path).path == path
    assert repr(Mount(path)) == f"Mount({path!r})"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "bridge",
        "/bridge/",
        "//",
        "//bridge",
        "/a//b",
        "/bridge?x=1",
        "/bridge#x",
        "/a/../b",
        "/..",
        "/.",
        "/./bridge",
        "/br%69dge",
        "/a b",
        "/bridge\n",
        "/brücke",
        "https://shop.example/bridge",
    ],
)
def test_a_mount_that_servers_could_read_differently_is_refused(path):
    """The message shows what was given and how to write it."""
    with pytest.raises(ValueError, match="write it like '/bridge'") as refusal:
        Mount(path)
    assert repr(path) in str(refusal.value)


# the path under the mount as decoded, the whole decoded path, the raw path, the answer
SPELLINGS = [
    ("/id/a", "/bridge/id/a", b"/bridge/id/a", b"/id/a"),
    ("", "/bridge", b"/bridge", b""),
    # An escape under the mount stays one, and no escape fits the grammar.
    ("/id/cart.get", "/bridge/id/cart.get", b"/bridge/id/%63art.get", b"/id/%63art.get"),
    ("/id/a", "/bridge/id/a", b"/bridge%2Fid/a", b"%2Fid/a"),
    ("/id/a", "/bridge/id/a", b"/bridge/id%2Fa", b"/id%2Fa"),
    ("/id/\x00", "/bridge/id/\x00", b"/bridge/id/%00", b"/id/%00"),
    ("/id/é", "/bridge/id/é", b"/bridge/id/%C3%A9", b"/id/%C3%A9"),
    ("/id/%61", "/bridge/id/%61", b"/bridge/id/%2561", b"/id/%2561"),
    ("/id/a", "/shop/bridge/id/a", b"/shop/bridge/id/%61", b"/id/%61"),
    # The mount itself is the host's to spell.
    ("/id/a", "/bridge/id/a", b"/%62ridge/id/a", b"/id/a"),
    ("/id/a", "/bridge/id/a", b"/%62ridge/id/%61", b"/%62ridge/id/%61"),
    # Where the host hides the raw path, or rewrote one of the two, the decoded path decides.
    ("/id/a", "/bridge/id/a", None, b"/id/a"),
    ("/id/a", "/bridge/id/a", b"", b"/id/a"),
    ("/id/a", "/bridge/id/a", b"/other/x/y", b"/id/a"),
    ("/id/a", "/bridge/id/a", b"/other/%78", b"/id/a"),
    ("/id/a", "/bridge/id/a", b"/id/a", b"/id/a"),
    ("/id/\udcff", "/bridge/id/\udcff", None, b"/id/\xed\xb3\xbf"),
]


@pytest.mark.parametrize(("rest", "path", "raw", "sent"), SPELLINGS)
def test_escapes_under_the_mount_reach_the_core_undecoded(rest, path, raw, sent):
    """`%2F` never becomes a slash and `%63` never a letter, where the host shows the raw path."""
    assert undecoded(rest, path, raw) == sent


@pytest.mark.parametrize(
    ("address", "peer"),
    [("192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("", None), ("-", None), (None, None)],
)
def test_a_peer_without_an_address_is_none(address, peer):
    """Every spelling of "no address" is one."""
    assert socket_peer(address) == peer


class Declared:
    """An admitted head of ten bytes at most."""

    limit = 10

    def __init__(self, length):
        self.length = length


@pytest.mark.parametrize(
    ("length", "body", "flaw"),
    [
        (3, b"abc", None),
        (None, b"abc", None),
        (None, b"", None),
        (None, b"a" * 10, None),
        (None, b"a" * 11, "body_too_large"),
        (3, b"a" * 11, "body_too_large"),
        (3, b"ab", "incomplete_body"),
        (3, b"abcd", "incomplete_body"),
    ],
)
def test_a_body_is_as_long_as_it_was_declared_and_within_the_limit(length, body, flaw):
    """The limit goes first."""
    assert body_flaw(Declared(length), body) == flaw
