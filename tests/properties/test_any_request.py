"""Whatever bytes arrive, the answer is a published one: from the core and through both shells."""

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow_bridge.asgi import BridgeASGI
from orderflow_bridge.http import READ_HEADERS, Head, Request
from orderflow_bridge.wsgi import BridgeWSGI
from tests.hosts.hosts import exchange
from tests.properties.examples import examples
from tests.published import assert_published
from tests.stage import PROXY, Stage, listening, open_stage

NAMES = (*READ_HEADERS, b"x-forwarded-for")
LATIN = st.text(st.characters(max_codepoint=255), max_size=40)
BYTES = st.binary(max_size=64)
PATHS = st.one_of(BYTES, BYTES.map(lambda rest: b"/" + rest), BYTES.map(lambda rest: b"/x/" + rest))
BODIES = st.one_of(
    BYTES,
    st.sampled_from([b"{}", b"[]", b'{"currency":"GBP"}', b'{"cart_id":"x"}', b'{"a":' * 40]),
)
"""Mostly nonsense, and now and then what gets further."""


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Give a shop that holds each request to what is promised of any."""
    stage = open_stage(None)
    with listening(stage.lines):
        yield stage


def near(right: bytes) -> st.SearchStrategy[list[bytes]]:
    """Give the right value, or some others, one or several."""
    value = st.one_of(st.just(right), BYTES, st.just(right + b"\n"), st.just(right.upper()))
    return st.one_of(st.just([right]), st.just([right]), st.lists(value, max_size=3))


def requests(stage: Stage) -> st.SearchStrategy[Request]:
    """Give requests of which any part may be anything, and the rest is right for the others."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> Request:
        action = draw(st.sampled_from([b"cart.create", b"cart.get", b"orders.list", b"nothing"]))
        body = draw(BODIES)
        right = stage.signed(stage.first, action, draw(st.sampled_from([b"", b"k"])), body)
        given_right = {
            b"content-length": b"%d" % len(body),
            b"content-encoding": b"gzip",
            b"transfer-encoding": b"chunked",
            b"x-forwarded-for": b"198.51.100.9",
        } | {name: values[0] for name, values in right.head.headers.items()}
        headers = {name: list(values) for name, values in right.head.headers.items()}
        for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)):
            headers[name] = draw(near(given_right.get(name, b"k")))
        return Request(
            head=Head(
                method=draw(st.one_of(st.just("POST"), st.just("POST"), LATIN)),
                path=draw(st.just(right.head.path) | st.just(right.head.path) | PATHS),
                query=draw(st.one_of(st.just(b""), st.just(b""), BYTES)),
                headers=headers,
                peer=draw(st.sampled_from([None, PROXY, "203.0.113.9", "unix", "fe80::1%eth0"])),
                framed=draw(st.booleans()),
            ),
            body=body,
        )

    return draw_one()


def test_the_core_answers_anything(stage: Stage) -> None:
    """A published answer, no fault, nobody unsigned gets in, and no line of the log is forged."""

    @examples(400)
    @given(requests(stage))
    def try_one(request: Request) -> None:
        stage.clock.forward(1)
        stage.send(request)

    try_one()
    assert {one.outcome for one in stage.seen} >= {"ok", "not_found", "invalid_json"}


Call = Callable[[Request, dict[str, Any]], tuple[int, list[tuple[str, str]], bytes]]


def environ_of(request: Request, more: dict[str, Any]) -> dict[str, Any]:
    """Show a request as a WSGI server does: text of latin-1, repeated headers joined."""
    head = request.head
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": "/bridge" + head.path.decode("latin-1"),
        "QUERY_STRING": head.query.decode("latin-1"),
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": head.framed,
    }
    if head.peer is not None:
        environ["REMOTE_ADDR"] = head.peer
    for name, values in head.headers.items():
        key = name.decode("latin-1").upper().replace("-", "_")
        bare = key in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        environ[key if bare else f"HTTP_{key}"] = b",".join(values).decode("latin-1")
    return environ | more


WSGI_KEYS = (
    *("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "REMOTE_ADDR", "CONTENT_TYPE"),
    *("CONTENT_LENGTH", "HTTP_X_SIGNATURE", "HTTP_X_TIMESTAMP", "HTTP_TRANSFER_ENCODING"),
)


ENVIRON_CHANGES = st.one_of(
    st.dictionaries(st.sampled_from(WSGI_KEYS), LATIN, max_size=2),
    LATIN.map(lambda rest: {"PATH_INFO": "/bridge/" + rest}),
)


def test_wsgi_answers_anything() -> None:
    """Whatever text an environ holds, one answer is started, and it is a published one."""
    stage = open_stage(None, proxied=False)
    app = BridgeWSGI(bridge=stage.bridge)
    seen = set()

    @examples(200)
    @given(requests(stage), ENVIRON_CHANGES)
    def try_one(request: Request, more: dict[str, str]) -> None:
        stage.clock.forward(1)
        environ = environ_of(request, more)
        started: list[tuple[str, list[tuple[str, str]]]] = []
        body = b"".join(app(environ, lambda status, headers: started.append((status, headers))))
        [(line, headers)] = started
        seen.add(check(int(line[:3]), headers, body, environ["REQUEST_METHOD"]))
        assert line[3] == " "

    with listening(stage.lines):
        try_one()
    assert len(seen) > 5


SCOPE_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "path": st.one_of(st.text(max_size=40), st.text(max_size=40).map("/bridge/".__add__)),
        "raw_path": st.one_of(st.none(), BYTES),
        "root_path": st.sampled_from(["", "/", "/shop", "/bridge"]),
        "query_string": BYTES,
        "method": st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8),
        "client": st.one_of(st.none(), st.tuples(st.text(max_size=20), st.integers(0, 65_535))),
    },
)


def test_asgi_answers_anything(stage: Stage) -> None:
    """Whatever a scope holds, and in what pieces the body comes, the answer is a published one."""
    app = BridgeASGI(bridge=stage.bridge)
    seen = set()

    @examples(150)
    @given(requests(stage), SCOPE_CHANGES, st.integers(1, 40))
    def try_one(request: Request, more: dict[str, Any], size: int) -> None:
        stage.clock.forward(1)
        head = request.head
        scope = {
            "type": "http",
            "method": head.method,
            "path": "/bridge" + head.path.decode("utf-8", "replace"),
            "raw_path": b"/bridge" + quote_from_bytes(head.path, safe="/%").encode(),
            "root_path": "",
            "query_string": head.query,
            "headers": [(name, value) for name, values in head.headers.items() for value in values],
            "client": None if head.peer is None else (head.peer, 50_000),
        } | more
        pieces = [request.body[at : at + size] for at in range(0, len(request.body), size)]
        answer = asyncio.run(exchange(app, scope, pieces or [b""]))
        headers = dict(answer.headers)
        # The server's framing and the request's may differ from here on.
        if answer.status == 400 and head.headers.get(b"transfer-encoding"):
            assert headers.pop("connection") == "close"
        seen.add(check(answer.status, list(headers.items()), answer.body, scope["method"]))

    try_one()
    app.close()
    assert len(seen) > 5


def check(status: int, headers: list[tuple[str, str]], body: bytes, method: str) -> str:
    """Hold what a shell sent to the protocol; give its code."""
    length = [value for name, value in headers if name.lower() == "content-length"]
    rest = [(name, value) for name, value in headers if name.lower() != "content-length"]
    if method == "HEAD":
        assert not body
        assert status in {404, 405}
        return "head"
    assert length == [str(len(body))]
    return assert_published(status, rest, body).get("code", "ok")
