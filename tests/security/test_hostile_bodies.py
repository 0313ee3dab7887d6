"""Bodies that are too long, cut short, encoded, no JSON, or JSON that can be read in two ways."""

import asyncio
import gzip
import json

import pytest

from orderflow_bridge import BridgeWSGI
from orderflow_bridge.asgi import BridgeASGI
from tests.rig import SetClock, item
from tests.security.attacks import Attack, Sent, Table
from tests.security.levels import LEVELS, Level
from tests.security.playing import rows
from tests.security.stage import CART, Stage, stage_in_memory

FAILED = "401 authentication_failed"
NO_LENGTH = "400 invalid_content_length"
TOO_LARGE = "413 body_too_large"
CUT_SHORT = "400 incomplete_body"
NO_TYPE = "415 unsupported_media_type"
NO_JSON = "400 invalid_json"
INVALID = "422 invalid_request"
LIMIT = 256 * 1024
HONEST = b'{"currency": "GBP"}'
CHUNKED = {"Transfer-Encoding": "chunked"}


def declared(name: str, length: object, expect: str = NO_LENGTH, **unlike: str) -> Attack:
    return Attack(name, expect, headers={"Content-Length": length}, unlike=unlike)


def typed(name: str, expect: str = NO_TYPE) -> Attack:
    return Attack(name or "none", expect, headers={"Content-Type": name or None})


def encoded(name: str, value: str, body: bytes = HONEST) -> Attack:
    return Attack(name, NO_TYPE, body=body, headers={"Content-Encoding": value})


def body(name: str, raw: bytes | str, expect: str = NO_JSON, **sent: object) -> Attack:
    return Attack(name, expect, body=raw if isinstance(raw, bytes) else raw.encode(), **sent)


def quantity(name: str, written: str, expect: str = INVALID) -> Attack:
    raw = f'{{"cart_id": "{CART}", "items": [{{"sku": "mug", "quantity": {written}}}]}}'
    return body(name, raw, expect, action="items.add")


def fields(name: str, expect: str = INVALID, **given: object) -> Attack:
    return Attack(name, expect, body={"currency": "GBP"} | given)


def deep(levels: int) -> str:
    """Nest lists in one object, `levels` in all."""
    return '{"metadata": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


def many(count: int, one: str) -> bytes:
    """Write that many items, each with its own number."""
    items = ",".join(one.replace("%d", str(number)) for number in range(count))
    return b'{"currency":"GBP","items":[%s]}' % items.encode()


OPTION = '{"sku":"mug","quantity":1,"options":{"n":"%d"}}'
PRODUCT = '{"sku":"nothing-%d","quantity":1}'
UNKNOWN_FIELD = '{"sku":"mug","quantity":1,"colour":%d}'

TABLE: Table = {
    "a length over the limit": [
        declared("one byte", str(LIMIT + 1), TOO_LARGE),
        declared("a gigabyte", str(10**9), TOO_LARGE),
        declared("5,000 digits", "9" * 5_000, TOO_LARGE),
        declared("past 64 bits", str(2**64 + len(HONEST)), TOO_LARGE),
        declared("leading zeros in front", "0" * 30 + str(LIMIT + 1), TOO_LARGE),
        body("a body of one byte too many", b" " * (LIMIT + 1), TOO_LARGE),
        body("a body of the limit", b" " * LIMIT, NO_JSON),
    ],
    "a length that is no number": [
        declared("negative", "-1"),
        declared("plus", f"+{len(HONEST)}"),
        declared("underscore", "1_9"),
        declared("hexadecimal", "0x13"),
        declared("a fraction", "19.0"),
        declared("exponent", "1e1"),
        declared("a space in front", f" {len(HONEST)}"),
        declared("a line feed behind", f"{len(HONEST)}\n"),
        declared("full-width digits", "１９"),
        declared("a word", "nineteen"),
        declared("empty", "", wsgi=FAILED),
        declared("twice", [str(len(HONEST))] * 2),
        declared("two that differ", [str(len(HONEST)), "7"]),
        declared("joined", f"{len(HONEST)},{len(HONEST)}"),
    ],
    # A WSGI server ends the body where it was declared to end, so there the rest is never seen.
    "a body longer than was declared": [
        declared("by one byte", str(len(HONEST) - 1), CUT_SHORT, wsgi=FAILED),
        declared("nothing was declared", "0", CUT_SHORT, wsgi=FAILED),
        Attack(
            "past the limit",
            TOO_LARGE,
            sent_body=b" " * (LIMIT + 1),
            headers={"Content-Length": str(len(HONEST))},
            unlike={"wsgi": FAILED},
        ),
        body("chunked past the limit", b" " * (LIMIT + 1), TOO_LARGE, headers=CHUNKED),
        body("chunked up to the limit", b" " * LIMIT, NO_JSON, headers=CHUNKED),
    ],
    "a body shorter than was declared": [
        declared("by one byte", str(len(HONEST) + 1), CUT_SHORT),
        declared("by a lot", str(LIMIT), CUT_SHORT),
        Attack("all of it is missing", CUT_SHORT, sent_body=b"", headers={"Content-Length": "19"}),
    ],
    "a length beside a transfer encoding": [
        Attack("the right one", NO_LENGTH, headers=CHUNKED | {"Content-Length": "19"}),
        Attack("nothing", NO_LENGTH, headers=CHUNKED | {"Content-Length": "0"}),
        Attack(
            "another coding",
            NO_LENGTH,
            headers={"Transfer-Encoding": "gzip", "Content-Length": "19"},
        ),
        Attack(
            "an obscured coding",
            NO_LENGTH,
            headers={"Transfer-Encoding": "\x0bchunked", "Content-Length": "19"},
        ),
    ],
    "a content encoding": [
        encoded("gzip", "gzip", gzip.compress(HONEST, mtime=0)),
        encoded("gzip that is none", "gzip"),
        encoded("a bomb", "gzip", gzip.compress(b" " * 10_000_000, mtime=0)),
        encoded("br", "br"),
        encoded("identity", "identity"),
        encoded("two", "identity, gzip"),
    ],
    "another media type": [
        typed("application/x-www-form-urlencoded"),
        typed("multipart/form-data; boundary=x"),
        typed("text/plain"),
        typed("text/json"),
        typed("application/jsonp"),
        typed("application/json, text/plain"),
        typed("application/json; charset=utf-16"),
        typed("application/json; charset=latin-1"),
        typed("application/json; charset=utf-8; charset=utf-16"),
        typed("application/json; boundary=x"),
        typed("application/problem+json"),
        typed("*/*"),
        typed(""),
        typed("application/json; charset=utf-8", "200"),
        typed('Application/JSON;charset="UTF-8"', "200"),
    ],
    "another text encoding": [
        body("a byte that is no UTF-8", b'{"currency": "GBP", "metadata": {"a": "\xff"}}'),
        body("Latin-1", '{"metadata": {"a": "Zoë"}}'.encode("latin-1")),
        body("overlong", b'{"metadata": {"a": "\xc0\xaf"}}'),
        body("a surrogate in UTF-8", b'{"metadata": {"a": "\xed\xa0\x80"}}'),
        body("a byte order mark", b"\xef\xbb\xbf" + HONEST),
        body("UTF-16", HONEST.decode().encode("utf-16")),
        body("UTF-16 without a mark", HONEST.decode().encode("utf-16-le")),
        body("UTF-32", HONEST.decode().encode("utf-32")),
        body("UTF-7", b"+AHsAfQ-"),
    ],
    "a name that is repeated": [
        body("the last is wrong", '{"currency": "GBP", "currency": 1}', INVALID),
        body("the last is right", '{"currency": 1, "currency": "GBP"}', "200"),
        body(
            "an inner one",
            f'{{"cart_id": "{CART}", "items": [{{"sku": "mug", "sku": "nope", "quantity": 1}}]}}',
            "422 unknown_sku",
            action="items.add",
        ),
        body("in another spelling", r'{"currency": 1, "\u0063urrency": "GBP"}', "200"),
    ],
    "a number that JSON does not have": [
        body("not a number", '{"metadata": {"a": NaN}}'),
        body("infinity", '{"metadata": {"a": Infinity}}'),
        body("minus infinity", '{"metadata": {"a": -Infinity}}'),
        body("past the largest", '{"metadata": {"a": 1e999}}'),
        body("hexadecimal", '{"metadata": {"a": 0x10}}'),
        body("a leading zero", '{"metadata": {"a": 010}}'),
        body("a plus", '{"metadata": {"a": +1}}'),
    ],
    "a document that is too deep": [
        body("33 levels", deep(33)),
        body("1,000 levels", deep(1_000)),
        body("100,000 levels", deep(100_000)),
        body("100,000 levels that never end", '{"a":' * 40_000),
        body("32 levels", deep(32), INVALID),
    ],
    "a quantity that is none": [
        quantity("5,000 digits", "9" * 5_000, NO_JSON),
        quantity("zero", "0"),
        quantity("minus one", "-1"),
        quantity("a fraction", "1.5"),
        quantity("an exponent with a fraction", "15e-1"),
        quantity("2^53", str(2**53)),
        quantity("2^63", str(2**63)),
        quantity("2^64", str(2**64)),
        quantity("true", "true"),
        quantity("a text", '"2"'),
        quantity("null", "null"),
        quantity("a list", "[1]"),
    ],
    "very many items": [
        body("5,000 lines of one product", many(5_000, OPTION), "422 line_limit", key="key-one"),
        body("5,000 products", many(5_000, PRODUCT), "422 unknown_sku", key="key-many"),
        body(
            "101 lines where 100 may be",
            many(101, OPTION),
            "422 line_limit",
            key="key-lines",
            settings={"max_lines": 100},
        ),
        body("5,000 items with an unknown field", many(5_000, UNKNOWN_FIELD), INVALID),
        body("100,000 items", many(100_000, "{}"), TOO_LARGE),
        body("a text of one megabyte", b'{"currency": "%s"}' % (b"G" * 2**20), TOO_LARGE),
        fields("a text of 200 kB", metadata={"a": "x" * 200_000}),
        fields("a name of 200 kB", **{"y" * 200_000: 1}),
    ],
    "an unknown field": [
        fields("at the top", colour="crimson"),
        fields("in an item", items=[item("mug", colour="crimson")]),
        fields("a price under another name", items=[item("mug", price=1)]),
        fields("a connection", connection="ofc_another0000000000000"),
        fields("a prototype", __proto__={"scopes": ["prices:write"]}),
    ],
    "half a character": [
        body("NUL", r'{"metadata": {"a": "nul\u0000nul"}}', INVALID),
        body("NUL in a name", r'{"metadata": {"a\u0000b": 1}}', INVALID),
        body("NUL as a byte", b'{"metadata": {"a": "\0"}}'),
        body("a surrogate", r'{"metadata": {"a": "\ud800"}}'),
        body("two in the wrong order", r'{"metadata": {"a": "\udc00\ud800"}}'),
        body("a surrogate in a name", r'{"metadata": {"\ud800": 1}}'),
    ],
    "no object": [
        body("a list", "[]"),
        body("a text", '"currency"'),
        body("a number", "17"),
        body("null", "null"),
        body("nothing", ""),
        body("white space", " \n"),
        body("two objects", "{}{}"),
        body("a comma behind", '{"currency": "GBP",}'),
        body("a comment", '{"currency": "GBP"} // pounds'),
        body("single quotes", "{'currency': 'GBP'}"),
        body("a form", "currency=GBP"),
    ],
}


@pytest.mark.parametrize(("attack", "level"), rows(TABLE))
def test_a_body_is_one_whole_strict_object_or_refused(player, attack, level):
    """What is counted, what is decoded and what is obeyed is the same on every host."""
    player.play(attack, level)


HIDDEN = "hidden-value-of-a-repeated-name"


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_the_hidden_value_of_a_repeated_name_is_kept_nowhere(player, caplog, level: Level):
    """The last wins; the others are not stored, logged or answered."""
    raw = f'{{"metadata": {{"a": "{HIDDEN}"}}, "currency": "GBP", "metadata": {{"a": "shown"}}}}'
    attack = Attack("", "200", body=raw.encode(), key="key-hidden")
    with player.stage(level, attack) as stage:
        answer = level.send(stage.shop.bridge, attack.sent(stage))
        assert json.loads(answer.body)["metadata"] == {"a": "shown"}
        assert HIDDEN not in repr(stage.contents())
    assert HIDDEN not in answer.body.decode()
    assert HIDDEN not in caplog.text


# A body that comes twenty minutes after its head, to the shells themselves.

TWENTY_MINUTES = 1_200


class Slow:
    """What a WSGI server gives as the input: the time passes while it is read."""

    def __init__(self, body: bytes, clock: SetClock) -> None:
        self._body, self._clock = body, clock

    def read(self, size: int) -> bytes:
        """Give it all, later."""
        self._clock.forward(TWENTY_MINUTES)
        body, self._body = self._body[:size], b""
        return body


def to_wsgi(stage: Stage, sent: Sent) -> int:
    """Send to the bare WSGI shell."""
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/bridge" + sent.path,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(sent.body)),
        "REMOTE_ADDR": sent.peer,
        "wsgi.input": Slow(sent.body, stage.shop.clock),
    }
    for name, value in sent.headers:
        if name != b"Content-Type":
            environ["HTTP_" + name.decode().upper().replace("-", "_")] = value.decode()
    started: list[str] = []
    shell = BridgeWSGI(bridge=stage.shop.bridge)
    shell(environ, lambda status, headers, exc_info=None: started.append(status))
    return int(started[0][:3])


def to_asgi(stage: Stage, sent: Sent) -> int:
    """Send to the bare ASGI shell."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/bridge" + sent.path,
        "headers": [(name.lower(), value) for name, value in sent.headers],
        "client": (sent.peer, 50_000),
    }
    statuses: list[int] = []

    async def receive() -> dict[str, object]:
        stage.shop.clock.forward(TWENTY_MINUTES)
        return {"type": "http.request", "body": sent.body}

    async def send(message: dict) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    asyncio.run(BridgeASGI(bridge=stage.shop.bridge)(scope, receive, send))
    return statuses[0]


@pytest.mark.parametrize("send", [to_wsgi, to_asgi])
def test_a_body_held_back_is_judged_when_it_is_there(send):
    """In time by its head and late by its body is late: 401, and nothing happened."""
    stage = stage_in_memory()
    before = stage.contents()
    assert send(stage, Attack("", "").sent(stage)) == 401
    assert stage.contents() == before
    assert list(stage.shop.bridge.refusals()) == [("timestamp_out_of_window", "203.0.113.9")]
