"""The ASGI shell, before a core that writes down what it is given."""

import asyncio
import os

import pytest

from orderflow_bridge.asgi import BridgeASGI
from tests.hosts.hosts import HOSTS, ASGIHost, RecordingCore, asgi_site, build, exchange

PATH = "/bridge/x/y"
ASGI_HOSTS = [name for name in HOSTS if "wsgi" not in name and "flask" not in name]


@pytest.fixture
def core():
    """Give a core that takes ten bytes."""
    return RecordingCore()


def scope_of(**changes):
    """Give the scope of a POST; a change to None stays, as servers send it."""
    return {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.7", 40_000),
        **changes,
    }


def ask(app, scope=None, pieces=(b"{}",)):
    """Send one request and take its answer."""
    return asyncio.run(exchange(app, scope or scope_of(), pieces))


def converse(app, scope, *messages):
    """Give an application these messages and nothing after; tell what it sent."""
    waiting, sent = list(messages), []

    async def receive():
        if waiting:
            return waiting.pop(0)
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    async def run():
        async with asyncio.timeout(5):
            await app(scope, receive, send)

    asyncio.run(run())
    assert waiting == []
    return sent


@pytest.mark.parametrize(
    "scope",
    [
        {"type": "http", "path": "/hello", "root_path": ""},
        {"type": "http", "path": "/hello/bridge/x", "root_path": ""},
        {"type": "http", "path": "/bridgehead", "root_path": None},
        {"type": "http", "path": "//bridge/x/y", "root_path": ""},
        {"type": "http", "path": "/bridge/x/y", "root_path": "/bridge"},
        {"type": "websocket", "path": "/bridge/x/y"},
        {"type": "lifespan"},
        {"type": "telegram"},
    ],
)
def test_a_foreign_scope_reaches_the_site_untouched(core, scope):
    """The very objects arrive and `receive` is not asked."""
    seen = []

    async def site(*given):
        seen.extend(given)

    async def receive():
        raise AssertionError

    async def send(message):
        raise AssertionError

    before = dict(scope)
    asyncio.run(BridgeASGI(site, bridge=core)(scope, receive, send))
    assert seen[0] is scope
    assert seen[1] is receive
    assert seen[2] is send
    assert scope == before
    assert core.heads == []


def test_a_site_streams_behind_the_bridge(core):
    """Each piece goes out as the site sends it."""
    sent = []

    async def site(scope, receive, send):
        for piece in (b"a", b"b"):
            before = len(sent)
            await send(piece)
            assert len(sent) == before + 1

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/feed"}
    asyncio.run(BridgeASGI(site, bridge=core)(scope, None, send))
    assert sent == [b"a", b"b"]


def test_a_server_recognises_the_bridge_as_asgi_3(core):
    """Servers look whether the call is a coroutine function."""
    assert asyncio.iscoroutinefunction(BridgeASGI(bridge=core).__call__)


def test_an_action_is_answered_with_its_length(core):
    """The answer is one start and one body, with lower-case names."""
    sent = converse(BridgeASGI(bridge=core), scope_of(), {"type": "http.request", "body": b"{}"})
    assert sent == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"6")],
        },
        {"type": "http.response.body", "body": b"got {}"},
    ]


def test_the_head_has_what_the_core_reads_and_no_more(core):
    """Repeated headers stay apart and in order, names fold, underscores are other names."""
    headers = [
        (b"content-type", b"application/json"),
        (b"x-signature", b"v1=a"),
        (b"cookie", b"session=1"),
        (b"X-Signature", b"v1=\xff"),
        (b"x_signature", b"v1=alias"),
        (b"x_forwarded_for", b"192.0.2.9"),
        (b"x-client-id", b""),
        (b"x-forwarded-for", b"192.0.2.1"),
    ]
    ask(BridgeASGI(bridge=core), scope_of(headers=headers, query_string=b"a=\xff"))
    [head] = core.heads
    assert (head.method, head.path, head.query) == ("POST", b"/x/y", b"a=\xff")
    assert head.headers == {
        b"content-type": [b"application/json"],
        b"x-signature": [b"v1=a", b"v1=\xff"],
        b"x-client-id": [b""],
        b"x-forwarded-for": [b"192.0.2.1"],
    }
    assert head.peer == "192.0.2.7"
    assert head.framed


@pytest.mark.parametrize("client", [None, ("", 0), ("-", 0), [None, None]])
def test_a_unix_socket_has_no_peer(core, client):
    """Servers spell "no address" in several ways."""
    ask(BridgeASGI(bridge=core), scope_of(client=client))
    assert core.heads[0].peer is None


def test_what_a_scope_may_leave_out_may_be_left_out(core):
    """Only type, method, path and headers are needed."""
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}
    assert ask(BridgeASGI(bridge=core), scope).status == 200
    assert core.heads[0].query == b""
    assert core.heads[0].peer is None


@pytest.mark.parametrize(
    ("raw", "under"),
    [
        (b"/bridge/x/y", b"/x/y"),
        (None, b"/x/y"),
        (b"/bridge/%78/y", b"/%78/y"),
        (b"/bridge/x%2Fy", b"/x%2Fy"),
        (b"/%62ridge/x/y", b"/x/y"),
    ],
)
def test_escapes_reach_the_core_undecoded(core, raw, under):
    """Where the server shows the raw path; and an escape is no endpoint."""
    answer = ask(BridgeASGI(bridge=core), scope_of(raw_path=raw))
    assert core.heads[0].path == under
    assert answer.status == (404 if b"%" in under else 200)


@pytest.mark.parametrize(
    ("path", "under"),
    [("/bridge", b""), ("/bridge/", b"/"), ("/bridge//x/y", b"//x/y"), ("/bridge/é", b"/\xc3\xa9")],
)
def test_everything_at_the_mount_and_below_is_the_bridges(core, path, under):
    """The core says 404, not the site, and nothing is redirected."""
    answer = ask(BridgeASGI(asgi_site(), bridge=core), scope_of(path=path))
    assert (answer.status, answer.body) == (404, b"not_found")
    assert core.heads[0].path == under


@pytest.mark.parametrize("path", ["/", "/x/y", "/bridgehead", "//bridge/x/y"])
def test_alone_everything_outside_the_mount_is_not_found(core, path):
    """Nothing outside the mount is an action, whatever it looks like."""
    answer = ask(BridgeASGI(bridge=core), scope_of(path=path))
    assert (answer.status, answer.body) == (404, b"not_found")


def test_a_bridge_may_have_a_whole_site(core):
    """`mount="/"` suits a framework that mounts applications itself."""
    app = BridgeASGI(bridge=core, mount="/")
    assert ask(app, scope_of(path="/trade/x/y", root_path="/trade")).status == 200


def test_a_wrong_mount_is_refused_at_once(core):
    """Not with the first request."""
    with pytest.raises(ValueError, match="mount='/bridge/'"):
        BridgeASGI(bridge=core, mount="/bridge/")


def test_alone_a_lifespan_is_completed(core):
    """A server that insists on one starts and stops."""
    sent = converse(
        BridgeASGI(bridge=core),
        {"type": "lifespan"},
        {"type": "lifespan.startup"},
        {"type": "lifespan.shutdown"},
    )
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_alone_a_websocket_is_closed_before_it_is_accepted(core):
    """The server makes 403 of it."""
    sent = converse(
        BridgeASGI(bridge=core), {"type": "websocket", "path": PATH}, {"type": "websocket.connect"}
    )
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_alone_an_unknown_scope_is_ignored(core):
    """A scope that a later server invents is not a fault."""
    assert converse(BridgeASGI(bridge=core), {"type": "telegram"}) == []


def test_a_body_is_gathered_from_its_pieces(core):
    """Empty pieces end nothing; the last one does."""
    ask(BridgeASGI(bridge=core), pieces=[b"ab", b"", b"cd", b""])
    assert core.bodies == [b"abcd"]


def test_a_body_may_be_left_out_of_its_message(core):
    """Both keys of a message are optional."""
    converse(BridgeASGI(bridge=core), scope_of(), {"type": "http.request"})
    assert core.bodies == [b""]


def test_a_body_over_the_limit_is_refused_without_reading_on(core):
    """Bytes are counted as they come, whatever was declared."""
    piece = {"type": "http.request", "body": b"abcdef", "more_body": True}
    headers = [(b"content-length", b"6")]
    sent = converse(BridgeASGI(bridge=core), scope_of(headers=headers), piece, piece)
    assert sent[0]["status"] == 413
    assert sent[1]["body"] == b"body_too_large"
    assert core.bodies == []


def test_a_body_of_just_the_limit_is_taken(core):
    """The limit is the largest body."""
    assert ask(BridgeASGI(bridge=core), pieces=[b"a" * 10]).status == 200


def test_a_refused_head_costs_no_body_and_no_thread(core):
    """Strangers are answered before anything is spent on them."""
    app = BridgeASGI(bridge=core)
    sent = converse(app, scope_of(headers=[(b"content-length", b"11")]))
    assert sent[0]["status"] == 413
    assert app._pool is None


@pytest.mark.parametrize("pieces", [(b"ab",), (b"",), (b"abc", b"d")])
def test_a_body_unlike_its_declaration_is_no_action(core, pieces):
    """Short or long, it is not what was announced."""
    answer = ask(
        BridgeASGI(bridge=core), scope_of(headers=[(b"content-length", b"3")]), pieces=pieces
    )
    assert (answer.status, answer.body) == (400, b"incomplete_body")
    assert core.bodies == []


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.disconnect"}],
        [
            {"type": "http.request", "body": b"{}", "more_body": True},
            {"type": "http.disconnect"},
        ],
    ],
)
def test_a_client_that_goes_before_its_body_ends_did_nothing(core, messages):
    """A refusal goes out, for a server that says so of a broken body while the client waits."""
    sent = converse(BridgeASGI(bridge=core), scope_of(), *messages)
    assert sent[0]["status"] == 400
    assert sent[1]["body"] == b"incomplete_body"
    assert core.bodies == []


def test_a_body_refused_for_its_framing_ends_its_connection(core):
    """What follows it there could be a part of it; a plain length leaves no doubt."""
    chunked = scope_of(headers=[(b"Transfer-Encoding", b"chunked")])
    plain = scope_of(headers=[(b"content-length", b"5")])
    for scope, ended in ((chunked, b"close"), (plain, None)):
        sent = converse(BridgeASGI(bridge=core), scope, {"type": "http.disconnect"})
        assert sent[0]["status"] == 400
        assert dict(sent[0]["headers"]).get(b"connection") == ended


@pytest.mark.parametrize(
    "messages", [[], [{"type": "http.request", "body": b"{", "more_body": True}]]
)
def test_a_body_that_does_not_come_is_refused_in_time(core, messages):
    """Be it a slow sender or a `receive` that something in front has drained."""
    sent = converse(BridgeASGI(bridge=core, body_timeout=0.02), scope_of(), *messages)
    assert sent[0]["status"] == 408
    assert sent[1]["body"] == b"body_timeout"
    assert core.bodies == []


def test_a_body_that_drips_is_refused_in_time(core):
    """The time is that of all pieces together: who sends a byte now and then does not buy more."""
    app, sent = BridgeASGI(bridge=core, body_timeout=0.1), []

    async def receive():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        sent.append(message)

    async def run():
        async with asyncio.timeout(5):
            await app(scope_of(), receive, send)

    asyncio.run(run())
    assert sent[0]["status"] == 408
    assert sent[1]["body"] == b"body_timeout"
    assert core.bodies == []


@pytest.mark.parametrize("error", [RuntimeError, OSError, ValueError])
@pytest.mark.parametrize("pieces", [0, 1])
def test_a_body_whose_receive_raises_is_incomplete(core, error, pieces):
    """What stands in front has its own error for a broken body, and the site sees none of it."""
    waiting, sent = [{"type": "http.request", "body": b"{", "more_body": True}] * pieces, []

    async def receive():
        if waiting:
            return waiting.pop()
        raise error("the client has gone")

    async def send(message):
        sent.append(message)

    app = BridgeASGI(bridge=core, most_at_once=1)
    for _ in range(2):
        sent.clear()
        asyncio.run(app(scope_of(), receive, send))
        assert sent[0]["status"] == 400
        assert sent[1]["body"] == b"incomplete_body"
    assert core.bodies == []


def test_the_time_for_a_body_is_not_the_time_for_its_action(core):
    """An action may take as long as it takes."""
    core.slow = 0.1
    assert ask(BridgeASGI(bridge=core, body_timeout=0.05)).status == 200


def test_head_is_answered_without_a_body(core):
    """405 with the length that the body would have."""
    answer = ask(BridgeASGI(bridge=core), scope_of(method="HEAD"), pieces=[b""])
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["content-length"] == str(len(b"method_not_allowed"))
    assert answer.body == b""


def test_a_client_that_goes_before_its_answer_is_no_fault(core):
    """The action stands, and the site's error page has nothing to do."""

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    async def send(message):
        raise ConnectionResetError

    asyncio.run(BridgeASGI(bridge=core)(scope_of(), receive, send))
    assert core.bodies == [b"{}"]


def test_actions_run_beside_the_event_loop(core):
    """As many at once as the core has workers, in threads of the bridge's own."""
    core.slow = 0.05
    app = BridgeASGI(bridge=core)

    async def crowd():
        ticks = 0
        async with asyncio.TaskGroup() as group:
            requests = [group.create_task(exchange(app, scope_of(), [b"{}"])) for _ in range(4)]
            while not all(request.done() for request in requests):
                await asyncio.sleep(0.005)
                ticks += 1
        return ticks

    assert asyncio.run(crowd()) >= 5
    assert core.bodies == [b"{}"] * 4
    assert len(set(core.threads)) == 2
    assert all(name.startswith("orderflow-bridge") for name in core.threads)


def test_an_action_outlives_the_request_that_asked_for_it(core):
    """A cancelled request never leaves an action half done."""
    core.slow = 0.1
    app = BridgeASGI(bridge=core)

    async def give_up():
        request = asyncio.ensure_future(exchange(app, scope_of(), [b"{}"]))
        await asyncio.to_thread(core.begun.wait, 5)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(give_up())
    assert core.ended.wait(5)
    assert core.bodies == [b"{}"]


def test_one_bridge_serves_several_event_loops(core):
    """Each `asyncio.run` is another loop."""
    app = BridgeASGI(bridge=core)
    assert [ask(app).status for _ in range(3)] == [200] * 3


def test_close_gives_the_threads_back_and_a_later_request_starts_new_ones(core):
    """A site that mounts the bridge calls it from its own shutdown."""
    app = BridgeASGI(bridge=core)
    app.close()
    ask(app)
    threads = set(app._pool.executor._threads)
    app.close()
    assert threads
    assert not any(thread.is_alive() for thread in threads)
    assert ask(app).status == 200
    app.close()


def test_close_waits_for_the_actions_that_run(core):
    """A shutdown leaves nothing half done."""
    core.slow = 0.1
    app = BridgeASGI(bridge=core)

    async def shut_down():
        request = asyncio.ensure_future(exchange(app, scope_of(), [b"{}"]))
        await asyncio.to_thread(core.begun.wait, 5)
        lifespan = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        sent = []

        async def receive():
            return next(lifespan)

        async def send(message):
            sent.append((message["type"], core.ended.is_set()))

        await app({"type": "lifespan"}, receive, send)
        assert (await request).status == 200
        return sent

    assert asyncio.run(shut_down()) == [
        ("lifespan.startup.complete", False),
        ("lifespan.shutdown.complete", True),
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_starts_threads_of_its_own(core, monkeypatch):
    """Threads do not survive a fork, so another process id means another pool."""
    app = BridgeASGI(bridge=core)
    ask(app)
    parent = app._pool
    monkeypatch.setattr("orderflow_bridge.asgi.os.getpid", lambda: -1)
    ask(app)
    assert app._pool is not parent
    app.close()
    app._pool = parent
    app.close()
    assert parent.executor.submit(int).result() == 0
    parent.executor.shutdown()


@pytest.mark.parametrize("name", ASGI_HOSTS)
def test_an_asgi_site_serves_itself_and_the_bridge(core, name):
    """The same request and the site's own pages, in every site and under a prefix."""
    host = build(name, core)
    assert isinstance(host, ASGIHost)
    answer = host.send("POST", PATH, [("X-Signature", "a"), (b"x-signature", b"b")], b"{}")
    assert (answer.status, answer.body) == (200, b"got {}")
    assert answer.headers["content-length"] == "6"
    assert core.heads[0].path == b"/x/y"
    assert core.heads[0].headers[b"x-signature"] == [b"a", b"b"]
    assert core.heads[0].peer == "127.0.0.1"
    assert host.send("GET", "/hello").body == b"hello "
    assert host.send("POST", "/hello", body=b"form").body == b"hello form"
    assert host.send("GET", "/missing").status == 404
    assert len(core.heads) == 1
    assert host.send("HEAD", PATH)[::2] == (405, b"")
    assert host.send("POST", "/bridge/%78/y", body=b"{}", peer=None).status == 404
    assert core.heads[-1].path == b"/%78/y"
    assert core.heads[-1].peer is None


def test_a_mount_other_than_the_default_is_served(core):
    """The mount belongs to the shell."""
    host = build("asgi", core, mount="/api/trade")
    assert host.send("POST", "/api/trade/x/y", body=b"{}").status == 200
    assert host.send("POST", PATH, body=b"{}").body == b"no such page"


def test_one_request_too_many_is_told_to_come_again(core):
    """As many bodies are held as the shell may; a refused head takes no room, and it comes back."""
    app = BridgeASGI(asgi_site(), bridge=core, most_at_once=2, body_timeout=5)

    async def held(release):
        async def receive():
            await release.wait()
            return {"type": "http.request", "body": b"{}", "more_body": False}

        answers = []

        async def send(message):
            answers.append(message)

        await app(scope_of(), receive, send)
        return answers[0]["status"]

    async def run():
        release = asyncio.Event()
        waiting = [asyncio.create_task(held(release)) for _ in range(2)]
        await asyncio.sleep(0)
        crowded = await exchange(app, scope_of(), (b"{}",))
        elsewhere = await exchange(app, scope_of(path="/bridge/z"), (b"{}",))
        release.set()
        statuses = [await one for one in waiting]
        after = await exchange(app, scope_of(), (b"{}",))
        return crowded[0], elsewhere[0], statuses, after[0]

    crowded, elsewhere, statuses, after = asyncio.run(run())
    app.close()
    assert core.refused == ["storage_unavailable"]
    assert (crowded, elsewhere, statuses, after) == (503, 404, [200, 200], 200)


def test_slow_bodies_do_not_keep_the_room_that_is_left(core):
    """The later ones of a crowd are refused soon, so that an honest request finds room."""
    app = BridgeASGI(asgi_site(), bridge=core, most_at_once=1_000, body_timeout=30)

    async def slow():
        async def receive():
            return await asyncio.get_running_loop().create_future()

        async def send(message):
            assert message.get("status", 408) == 408

        await app(scope_of(), receive, send)

    async def run():
        crowd = [asyncio.create_task(slow()) for _ in range(1_000)]
        await asyncio.sleep(0)
        full = await exchange(app, scope_of(), (b"{}",))
        await asyncio.wait(crowd[-5:])
        after = await exchange(app, scope_of(), (b"{}",))
        waiting = [not one.done() for one in crowd[:500]]
        for one in crowd:
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        return full[0], after[0], all(waiting)

    assert asyncio.run(run()) == (503, 200, True)
    app.close()


def test_a_client_that_goes_gives_its_room_back(core):
    """A body that never ends, and one that is cancelled, leave the shell as it was."""
    app = BridgeASGI(asgi_site(), bridge=core, most_at_once=1, body_timeout=0.01)
    never = {"type": "http.request", "body": b"", "more_body": True}
    for _ in range(3):
        converse(app, scope_of(), never)
        converse(app, scope_of(), {"type": "http.disconnect"})
    app.close()
    assert core.refused == ["body_timeout", "incomplete_body"] * 3
