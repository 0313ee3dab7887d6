"""The WSGI shell, before a core that writes down what it is given."""

import io
import sys

import pytest

from orderflow_bridge.wsgi import BridgeWSGI
from tests.hosts.hosts import HOSTS, RecordingCore, WSGIHost, build, wsgi_site

PATH = "/bridge/x/y"
WSGI_HOSTS = [name for name in HOSTS if "wsgi" in name or "flask" in name]


@pytest.fixture
def core():
    """Give a core that takes ten bytes."""
    return RecordingCore()


class Stream:
    """An input that counts what is read from it, gives it in pieces and may break."""

    def __init__(self, *pieces, error=None):
        self.pieces = list(pieces)
        self.error = error
        self.asked = []

    def read(self, size=-1):
        """Give the next piece, never more than asked for."""
        self.asked.append(size)
        if not self.pieces:
            if self.error:
                raise self.error
            return b""
        piece = self.pieces.pop(0)
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]


def environ_of(stream=None, **changes):
    """Give the environ of a POST; a change to None takes the key away."""
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "192.0.2.7",
        "wsgi.input": stream or Stream(),
    }
    for key, value in changes.items():
        name = key.replace("wsgi_", "wsgi.")
        environ[name] = value
        if value is None:
            del environ[name]
    return environ


def call(app, environ):
    """Call an application like a server; give the status, the headers and the body."""
    started = []
    body = b"".join(app(environ, lambda *given: started.append(given)))
    [(status, headers)] = started
    return status, dict(headers), body


def test_a_foreign_request_reaches_the_site_untouched(core):
    """The very objects arrive, the input unread, and the site's own answer goes back."""
    seen = []
    answer = iter([b"page"])

    def site(environ, start_response):
        seen.extend([environ, start_response])
        return answer

    stream = Stream(b"form")
    environ = environ_of(stream, PATH_INFO="/checkout", CONTENT_LENGTH="4")
    before = dict(environ)

    def start_response(status, headers, exc_info=None):
        raise AssertionError

    assert BridgeWSGI(site, bridge=core)(environ, start_response) is answer
    assert seen[0] is environ
    assert seen[1] is start_response
    assert environ == before
    assert stream.asked == []
    assert core.heads == []


def test_a_site_keeps_write_and_exc_info_and_streams(core):
    """What PEP 3333 gives a site, it still has behind the bridge."""

    def site(environ, start_response):
        write = start_response("200 OK", [])
        write(b"written ")
        try:
            raise KeyError("late")  # noqa: TRY301 -- exc_info is what is shown
        except KeyError:
            start_response("500 Oops", [], sys.exc_info())
        yield b"one "
        yield b"two"

    written, statuses = [], []

    def start_response(status, headers, exc_info=None):
        statuses.append((status, exc_info and exc_info[0]))
        return written.append

    answer = BridgeWSGI(site, bridge=core)(environ_of(PATH_INFO="/feed"), start_response)
    assert statuses == []
    assert next(iter(answer)) == b"one "
    assert statuses == [("200 OK", None), ("500 Oops", KeyError)]
    assert written == [b"written "]


def test_a_site_answers_a_request_without_a_path(core):
    """PEP 3333 lets `PATH_INFO` be absent."""

    def site(environ, start_response):
        start_response("200 OK", [])
        return [b"front page"]

    assert call(BridgeWSGI(site, bridge=core), environ_of(PATH_INFO=None))[2] == b"front page"


def test_an_action_is_answered_with_its_length_and_phrase(core):
    """The answer is one block with a Content-Length."""
    status, headers, body = call(
        BridgeWSGI(bridge=core), environ_of(Stream(b"{}"), CONTENT_LENGTH="2")
    )
    assert status == "200 OK"
    assert headers == {"Content-Type": "text/plain", "Content-Length": "6"}
    assert body == b"got {}"


def test_the_head_has_what_the_core_reads_and_no_more(core):
    """Names are lower-case, values are the bytes of the wire, one value as the server joined it."""
    call(
        BridgeWSGI(bridge=core),
        environ_of(
            QUERY_STRING="a=\xff",
            CONTENT_TYPE="application/json",
            CONTENT_LENGTH="",
            HTTP_X_SIGNATURE="v1=a,v1=b",
            HTTP_X_TIMESTAMP="\xff",
            HTTP_X_CLIENT_ID="",
            HTTP_X_FORWARDED_FOR="192.0.2.1",
            HTTP_CONTENT_TYPE="text/plain",
            HTTP_COOKIE="session=1",
        ),
    )
    [head] = core.heads
    assert (head.method, head.path, head.query) == ("POST", b"/x/y", b"a=\xff")
    assert head.headers == {
        b"content-type": (b"application/json",),
        b"x-signature": (b"v1=a,v1=b",),
        b"x-timestamp": (b"\xff",),
        b"x-client-id": (b"",),
        b"x-forwarded-for": (b"192.0.2.1",),
    }
    assert head.peer == "192.0.2.7"
    assert not head.framed


@pytest.mark.parametrize("address", ["", "-", None])
def test_a_unix_socket_has_no_peer(core, address):
    """Servers spell "no address" in three ways."""
    call(BridgeWSGI(bridge=core), environ_of(REMOTE_ADDR=address))
    assert core.heads[0].peer is None


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"PATH_INFO": "/bridge/\xc3\xa9"}, b"/\xc3\xa9"),
        ({"PATH_INFO": "/bridge/\u20ac"}, b"/?"),
        ({"QUERY_STRING": "\u20ac"}, b"/x/y"),
        ({"HTTP_X_SIGNATURE": "\u20ac", "CONTENT_TYPE": "\u20ac"}, b"/x/y"),
    ],
)
def test_text_that_is_not_of_the_wire_is_no_fault(core, changes, path):
    """A server that breaks PEP 3333 gets an answer like any other."""
    call(BridgeWSGI(bridge=core), environ_of(**changes))
    assert core.heads[0].path == path


@pytest.mark.parametrize(
    ("path", "under"),
    [("/bridge", b""), ("/bridge/", b"/"), ("/bridge//x/y", b"//x/y"), ("/bridge/x/z", b"/x/z")],
)
def test_everything_at_the_mount_and_below_is_the_bridges(core, path, under):
    """The core says 404, not the site, and nothing is redirected."""
    status, _, body = call(BridgeWSGI(wsgi_site(), bridge=core), environ_of(PATH_INFO=path))
    assert (status, body) == ("404 Not Found", b"not_found")
    assert core.heads[0].path == under


@pytest.mark.parametrize("path", ["//bridge/x/y", "/bridgehead", "/x/y", "/hello/bridge"])
def test_everything_else_is_the_sites(core, path):
    """A path that merely resembles the mount is not it."""
    assert call(BridgeWSGI(wsgi_site(), bridge=core), environ_of(PATH_INFO=path))[2] == (
        b"no such page"
    )
    assert core.heads == []


@pytest.mark.parametrize("path", ["/", "/x/y", "/bridgehead", "//bridge/x/y"])
def test_alone_everything_outside_the_mount_is_not_found(core, path):
    """Nothing outside the mount is an action, whatever it looks like."""
    status, _, body = call(BridgeWSGI(bridge=core), environ_of(PATH_INFO=path))
    assert (status, body) == ("404 Not Found", b"not_found")


def test_a_bridge_may_have_a_whole_site(core):
    """`mount="/"` suits a dispatcher that mounts applications itself."""
    app = BridgeWSGI(bridge=core, mount="/")
    environ = environ_of(SCRIPT_NAME="/bridge", PATH_INFO="/x/y")
    assert call(app, environ)[0] == "200 OK"


def test_two_bridges_live_in_one_process(core):
    """One wraps the other; each has its own mount."""
    other = RecordingCore()
    app = BridgeWSGI(BridgeWSGI(wsgi_site(), bridge=core), bridge=other, mount="/trade")
    call(app, environ_of())
    call(app, environ_of(PATH_INFO="/trade/x/y"))
    assert (len(core.bodies), len(other.bodies)) == (1, 1)


def test_a_wrong_mount_is_refused_at_once(core):
    """Not with the first request."""
    with pytest.raises(ValueError, match="mount='bridge'"):
        BridgeWSGI(bridge=core, mount="bridge")


@pytest.mark.parametrize("pieces", [(b"abcdef",), (b"ab", b"c", b"def"), (b"abcdefNEXT",)])
def test_the_body_is_exactly_what_was_declared(core, pieces):
    """Short reads are gathered; the next request on the connection stays there."""
    stream = Stream(*pieces)
    call(BridgeWSGI(bridge=core), environ_of(stream, CONTENT_LENGTH="6"))
    assert core.bodies == [b"abcdef"]
    assert sum(stream.asked) >= 6
    assert b"".join(stream.pieces) in {b"", b"NEXT"}


def test_without_a_declared_length_nothing_is_read(core):
    """Reading to an end that the server does not mark would never come back."""
    stream = Stream(b"NEXT")
    call(BridgeWSGI(bridge=core), environ_of(stream))
    assert core.bodies == [b""]
    assert stream.asked == []


def test_an_empty_body_is_not_waited_for(core):
    """Zero bytes need no read."""
    stream = Stream()
    call(BridgeWSGI(bridge=core), environ_of(stream, CONTENT_LENGTH="0"))
    assert core.bodies == [b""]
    assert stream.asked == []


@pytest.mark.parametrize("error", [None, OSError(), ConnectionResetError(), ValueError("chunk")])
def test_a_body_that_ends_early_is_no_action(core, error):
    """Whether the input ends or breaks, and with whatever error."""
    stream = Stream(b"abc", error=error)
    status, _, body = call(BridgeWSGI(bridge=core), environ_of(stream, CONTENT_LENGTH="6"))
    assert (status, body) == ("400 Bad Request", b"incomplete_body")
    assert core.bodies == []


@pytest.mark.parametrize("pieces", [(), (b"abc",), (b"abcde", b"fghij")])
def test_a_body_whose_end_the_server_marks_is_read_to_it(core, pieces):
    """Chunked uploads work where `wsgi.input_terminated` says so."""
    environ = environ_of(
        Stream(*pieces), HTTP_TRANSFER_ENCODING="chunked", wsgi_input_terminated=True
    )
    assert call(BridgeWSGI(bridge=core), environ)[0] == "200 OK"
    assert core.heads[0].framed
    assert core.bodies == [b"".join(pieces)]


def test_a_chunked_body_is_refused_one_byte_past_the_limit(core):
    """An endless one costs the limit and a byte."""
    stream = Stream(*[b"abc"] * 1000)
    environ = environ_of(stream, HTTP_TRANSFER_ENCODING="chunked", wsgi_input_terminated=True)
    status, _, body = call(BridgeWSGI(bridge=core), environ)
    assert (status[:3], body) == ("413", b"body_too_large")
    assert b"abc" * 3 + b"ab" + b"".join(stream.pieces) == b"abc" * 1000
    assert core.bodies == []


def test_a_chunked_body_that_breaks_is_no_action(core):
    """What came before the break does not count."""
    stream = Stream(b"abc", error=OSError("bad chunk"))
    environ = environ_of(stream, HTTP_TRANSFER_ENCODING="chunked", wsgi_input_terminated=True)
    assert call(BridgeWSGI(bridge=core), environ)[2] == b"incomplete_body"
    assert core.bodies == []


def test_a_chunked_body_without_a_marked_end_needs_a_length(core):
    """The core refuses it, and nothing is read."""
    stream = Stream(b"abc")
    environ = environ_of(stream, HTTP_TRANSFER_ENCODING="chunked")
    assert call(BridgeWSGI(bridge=core), environ)[0] == "411 Length Required"
    assert stream.asked == []


def test_a_refused_small_body_is_taken_off_the_connection(core):
    """Its sender would otherwise see a reset instead of the refusal."""
    stream = Stream(b"abcd", b"efNEXT")
    environ = environ_of(stream, PATH_INFO="/bridge/nowhere", CONTENT_LENGTH="6")
    assert call(BridgeWSGI(bridge=core), environ)[0] == "404 Not Found"
    assert stream.pieces == [b"NEXT"]


def test_a_broken_connection_does_not_spoil_a_refusal(core):
    """The refusal is given to the server all the same."""
    stream = Stream(error=OSError())
    environ = environ_of(stream, PATH_INFO="/bridge/nowhere", CONTENT_LENGTH="6")
    assert call(BridgeWSGI(bridge=core), environ)[0] == "404 Not Found"


@pytest.mark.parametrize(
    "changes",
    [
        {"CONTENT_LENGTH": "11"},
        {"CONTENT_LENGTH": "+2"},
        {"CONTENT_LENGTH": "\xb2"},
        {"CONTENT_LENGTH": "2,2"},
        {"CONTENT_LENGTH": "65537", "PATH_INFO": "/bridge/nowhere"},
        {"CONTENT_LENGTH": "9" * 5000, "PATH_INFO": "/bridge/nowhere"},
        {"CONTENT_LENGTH": "2", "PATH_INFO": "/bridge/nowhere", "HTTP_EXPECT": "100-continue"},
        {"CONTENT_LENGTH": "2", "PATH_INFO": "/bridge", "HTTP_TRANSFER_ENCODING": "chunked"},
    ],
)
def test_no_other_refused_body_is_read(core, changes):
    """Not a large one, not one of unclear length, and none that its sender still holds back."""
    stream = Stream(b"abcdefghijkl")
    assert call(BridgeWSGI(bridge=core), environ_of(stream, **changes))[0][0] == "4"
    assert stream.asked == []


def test_two_requests_share_a_connection(core):
    """Each takes its own bytes, refused or not."""
    app = BridgeWSGI(bridge=core)
    stream = io.BytesIO(b"onetwothree")
    call(app, environ_of(stream, CONTENT_LENGTH="3"))
    call(app, environ_of(stream, CONTENT_LENGTH="3", PATH_INFO="/bridge/nowhere"))
    call(app, environ_of(stream, CONTENT_LENGTH="5"))
    assert core.bodies == [b"one", b"three"]


def test_head_is_answered_without_a_body(core):
    """405 with the length that the body would have."""
    status, headers, body = call(BridgeWSGI(bridge=core), environ_of(REQUEST_METHOD="HEAD"))
    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "POST"
    assert headers["Content-Length"] == str(len(b"method_not_allowed"))
    assert body == b""


@pytest.mark.parametrize("name", WSGI_HOSTS)
def test_a_wsgi_site_serves_itself_and_the_bridge(core, name):
    """The same request and the site's own pages, in every site and under a prefix."""
    host = build(name, core)
    assert isinstance(host, WSGIHost)
    answer = host.send("POST", PATH, [("X-Signature", "a"), (b"x-signature", b"b")], b"{}")
    assert (answer.status, answer.body) == (200, b"got {}")
    assert answer.headers["content-length"] == "6"
    assert core.heads[0].path == b"/x/y"
    assert core.heads[0].headers[b"x-signature"] == (b"a,b",)
    assert core.heads[0].peer == "127.0.0.1"
    assert host.send("GET", "/hello").body == b"hello "
    assert host.send("POST", "/hello", body=b"form").body == b"hello form"
    assert host.send("GET", "/missing").status == 404
    assert len(core.heads) == 1
    assert host.send("HEAD", PATH)[::2] == (405, b"")
    assert host.send("brew", PATH, peer=None).status == 405
    assert core.heads[-1].peer is None
    assert host.send("POST", PATH, [("Content-Length", "-1")], b"{}").status == 400
    chunked = host.send("POST", PATH, [("Transfer-Encoding", "chunked")], b"chunks")
    assert chunked.body == b"got chunks"


def test_a_mount_other_than_the_default_is_served(core):
    """The mount belongs to the shell."""
    host = build("wsgi", core, mount="/api/trade")
    assert host.send("POST", "/api/trade/x/y", body=b"{}").status == 200
    assert host.send("POST", PATH, body=b"{}").body == b"no such page"
