"""The floor: what the same work costs with nothing around it.

The statements of real actions are recorded, with their parameters, and run again on a copy of the
database by bare `sqlite3`, beside one HMAC and the decoding and encoding that nobody can leave out.
"""

import hashlib
import hmac
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from shop import Call

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.actions.answers import CartAnswer, OrderAnswer
from orderflow_bridge.domain.cart import Cart
from orderflow_bridge.domain.order import Order

CALLS_THAT_FETCH = ("fetchone", "fetchall")


@dataclass
class Tape:
    """The statements of one connection, in order: (method, arguments)."""

    steps: list[tuple[int, str, tuple]] = field(default_factory=list)
    connections: list[dict] = field(default_factory=list)


@contextmanager
def recording(tape: Tape) -> Iterator[None]:
    """Record what every connection that is opened meanwhile executes."""
    real = sqlite3.connect

    class Cursor(sqlite3.Cursor):
        number = 0

        def execute(self, *arguments):
            tape.steps.append((self.connection.number, "execute", arguments))
            return super().execute(*arguments)

        def executemany(self, *arguments):
            tape.steps.append((self.connection.number, "executemany", arguments))
            return super().executemany(*arguments)

        def fetchone(self):
            tape.steps.append((self.connection.number, "fetchone", ()))
            return super().fetchone()

        def fetchall(self):
            tape.steps.append((self.connection.number, "fetchall", ()))
            return super().fetchall()

    class Connection(sqlite3.Connection):
        number = -1

        def cursor(self, factory=Cursor):
            return super().cursor(factory)

    def connect(*arguments, **options):
        connection = real(*arguments, factory=Connection, **options)
        connection.number = len(tape.connections)
        tape.connections.append(options)
        return connection

    sqlite3.connect = connect
    try:
        yield
    finally:
        sqlite3.connect = real


class Replay:
    """Run a tape again, action by action, on connections of bare `sqlite3`."""

    def __init__(self, file: Path, tape: Tape, opening: int) -> None:
        self._connections = [
            sqlite3.connect(
                file,
                **{name: value for name, value in options.items() if name != "database"},
            )
            for options in tape.connections
        ]
        self._cursors = [connection.cursor() for connection in self._connections]
        self.run(tape.steps[:opening])

    def run(self, steps: Sequence[tuple[int, str, tuple]]) -> None:
        cursors = self._cursors
        for number, method, arguments in steps:
            getattr(cursors[number], method)(*arguments)

    def bind(self, steps: Sequence[tuple[int, str, tuple]]) -> list[tuple[Callable, tuple]]:
        """Look the methods up beforehand: raw code would not look for them either."""
        return [
            (getattr(self._cursors[number], method), arguments)
            for number, method, arguments in steps
        ]

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


@dataclass
class Papers:
    """What one action has to read and to write, as objects."""

    decode_request: Callable
    stored_cart: bytes | None
    cart: Cart | None
    order: Order | None
    answer: object


_decode_cart = msgspec.json.Decoder(Cart).decode
_encode = msgspec.json.Encoder().encode
_REQUESTS = {name: msgspec.json.Decoder(action.request).decode for name, action in ACTIONS.items()}


def papers_of(call: Call, answer: bytes, cart: Cart | None, order: Order | None) -> Papers:
    """Lay out what `call` reads and writes, from its real answer."""
    shape = OrderAnswer if call.action == "convertToOrder" else CartAnswer
    return Papers(
        decode_request=_REQUESTS[call.action],
        stored_cart=None if cart is None or call.action == "cart.create" else _encode(cart),
        cart=None if call.action == "cart.get" else cart,
        order=order,
        answer=msgspec.json.decode(answer, type=shape),
    )


def floor_of(
    replay: Replay, calls: Sequence[Call], acts: Sequence[Sequence], papers: Sequence[Papers]
) -> float:
    """Give the seconds of processor time that one action costs at the least."""
    work = [
        (call.body, call.headers["X-Signature"].encode(), replay.bind(steps), paper)
        for call, steps, paper in zip(calls, acts, papers, strict=True)
    ]
    secret = b"ofs_" + b"x" * 43
    digest, sha256 = hmac.digest, hashlib.sha256
    began = time.process_time()
    for body, signature, steps, paper in work:
        sha256(body).hexdigest()
        digest(secret, signature, "sha256")
        paper.decode_request(body)
        for method, arguments in steps:
            method(*arguments)
        if paper.stored_cart is not None:
            _decode_cart(paper.stored_cart)
        if paper.cart is not None:
            _encode(paper.cart)
        if paper.order is not None:
            _encode(paper.order)
        _encode(paper.answer)
    return (time.process_time() - began) / len(work)
