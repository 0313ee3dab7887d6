r"""Requests as text, so that a fuzzer can write them and a person can read them.

A script is steps with a line `--` between them. A step is one of:

    !cart.create key-1        a request that is signed rightly; the key may be missing
    {"currency": "GBP"}

    ?cart.get                 the same of a guest: fewer scopes, and an allow-list
    {"cart_id": "$cart"}

    POST /$client/cart.get?q  a request as it is written here, to the last byte
    x-timestamp: $now
    x-signature: v1=$mac

    {"cart_id": "$cart"}

    =                         the last request once more, byte for byte
    ~                         the last request signed anew, with its key and bytes
    @61                       so many seconds pass
    %                         as the first: a shop that asks a payment provider
    +disable                  the operator (see `OPERATOR`)

`$cart`, `$line`, `$order`, `$cursor`, `$version` and `$total` are what the last answer that had one
said; `$client`, `$now` and `$mac` are what the storefront would send, and `$guest` is the guest's
client id. A line `framed:` among the headers says that the server marks the body's end.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from orderflow_bridge.domain.errors import BridgeError
from orderflow_bridge.domain.product import CatalogueEntry
from orderflow_bridge.http import Head, Request
from tests.stage import PROXY, Provider, Seen, Stage, listening, open_stage, signature

__all__ = ["OPERATOR", "play"]

MOST_STEPS = 24
_PLACE = re.compile(rb"\$(cart|line|order|cursor|version|total|client|guest|now|mac)")
_STEP = re.compile(rb"(?:\A|\n)--(?:\n|\Z)")
_WORD = re.compile(rb"[A-Za-z0-9_.-]{1,128}")
_FORWARD = re.compile(rb"[0-9]{0,8}")


def play(script: bytes) -> list[Seen]:
    """Play a script in a new shop; raises AssertionError where a promise is broken."""
    steps = _STEP.split(script)[:MOST_STEPS]
    stage = open_stage(Provider() if steps[0] == b"%" else None)
    with listening(stage.lines):
        for step in steps:
            request = _request(stage, step)
            if request is not None:
                stage.send(request)
    stage.hold_all()
    return stage.seen


def _request(stage: Stage, step: bytes) -> Request | None:
    """Make the request of a step; a step that is none is done here."""
    kind, rest = step[:1], step[1:]
    if kind in (b"!", b"?"):
        line, _, body = rest.partition(b"\n")
        action, key, *_ = (*_WORD.findall(line), b"", b"")
        front = stage.first if kind == b"!" else stage.guest
        return stage.signed(front, action, key, _fill(stage, body))
    if kind in (b"=", b"~"):
        last = stage.last
        return stage.again(last) if last is not None and kind == b"~" else last
    if kind == b"@":
        stage.clock.forward(int(_FORWARD.match(rest)[0] or b"0"))
        return None
    if kind == b"%":
        return None
    if kind == b"+":
        OPERATOR.get(rest.strip(), lambda stage: None)(stage)
        return None
    return _written(stage, step)


def _fill(stage: Stage, text: bytes) -> bytes:
    """Put what is known in the place of its name."""
    stage.known[b"now"] = b"%d" % (stage.clock.now() // 1000)
    return _PLACE.sub(lambda place: stage.known.get(place[1], place[0]), text)


def _written(stage: Stage, text: bytes) -> Request:
    """Make a request of its text; `$mac` is right for what is written."""
    front, _, body = _fill(stage, text).partition(b"\n\n")
    start, *lines = front.split(b"\n")
    method, _, target = start.partition(b" ")
    path, _, query = target.partition(b"?")
    headers: dict[bytes, list[bytes]] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers.setdefault(name.strip().lower(), []).append(value.strip(b" "))
    mac = signature(stage.front_of(path), method, path, headers, body)
    return Request(
        head=Head(
            method=method.decode("latin-1"),
            path=path,
            query=query,
            headers={
                name: [value.replace(b"$mac", mac) for value in values]
                for name, values in headers.items()
            },
            peer=PROXY,
            framed=b"framed" in headers,
        ),
        body=body,
    )


def _settle(stage: Stage) -> None:
    """Say that the money of the last intent came."""
    with suppress(BridgeError):
        stage.bridge.settle(stage.intent, **_wanted(stage))


def _announce(stage: Stage, *, paid: bool) -> None:
    """Let the provider know the last intent, and perhaps that its money came."""
    if stage.provider is not None:
        stage.provider.failing = False
        stage.provider.announce(stage.intent, paid=paid, **_wanted(stage))


def _fail(stage: Stage) -> None:
    """Let the provider be down until it knows something again."""
    if stage.provider is not None:
        stage.provider.failing = True


def _twin(stage: Stage) -> None:
    """Let the same request come again while the provider is asked, with its key and without."""

    def meanwhile() -> None:
        request = stage.last
        if request is not None:
            stage.send(stage.again(request))
            _, _, action = request.head.path.rpartition(b"/")
            front = stage.front_of(request.head.path)
            stage.send(stage.signed(front, action, b"", request.body))

    if stage.provider is not None:
        stage.provider.meanwhile = meanwhile


def _wanted(stage: Stage) -> dict[str, Any]:
    """Give what the order of the last intent comes to, or the last cart."""
    for order in stage.tables()["orders"].values():
        if order.payment.intent == stage.intent:
            return {"amount": order.totals.total, "currency": order.currency}
    return {"amount": int(stage.known.get(b"total", b"4200")), "currency": stage.currency}


def _rotate(stage: Stage) -> None:
    made = stage.bridge.connections.rotate(stage.first.client_id)
    stage.first = replace(stage.first, secret=made.secret)


def _reprice(stage: Stage) -> None:
    stage.bridge.catalogue.put(
        [
            CatalogueEntry(sku="mug", name="Mug", prices={"GBP": 341, "EUR": 399}),
            CatalogueEntry(sku="tea", name="Tea", prices={"GBP": 255}, active=False),
        ]
    )


OPERATOR: Mapping[bytes, Callable[[Stage], object]] = {
    b"disable": lambda stage: stage.bridge.connections.disable(stage.first.client_id),
    b"enable": lambda stage: stage.bridge.connections.enable(stage.first.client_id),
    b"fail": _fail,
    b"announce": lambda stage: _announce(stage, paid=False),
    b"pay": lambda stage: _announce(stage, paid=True),
    b"purge": lambda stage: stage.bridge.purge(),
    b"reprice": _reprice,
    b"rotate": _rotate,
    b"settle": _settle,
    b"twin": _twin,
}
"""What operator, host and payment provider do in between, by name."""
