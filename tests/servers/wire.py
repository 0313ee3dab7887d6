"""Bytes to a server, and what came back."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self
from uuid import uuid4

from orderflow_bridge.client.signing import sign

__all__ = ["Answer", "Front", "Request", "Signed", "answers_in", "converse", "outcome"]

PATIENCE = 30.0
_A_LITTLE = 0.5
_NOTHING_HERE = b"There is nothing here.\n"
# The kind of the frame with which HTTP/2 begins (RFC 9113, sections 3.4 and 6.5).
_SETTINGS = b"\x04"


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


class Signed(NamedTuple):
    """For whom and for what a request was signed, wherever it is sent."""

    client_id: str
    action: str
    key: str | None


@dataclass(frozen=True)
class Request:
    """A request as it is written on the wire; each method gives another with one thing changed."""

    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    signed: Signed
    method: bytes = b"POST"
    version: bytes = b"HTTP/1.1"

    def __bytes__(self) -> bytes:
        return self.head + self.body

    @property
    def head(self) -> bytes:
        """Give everything before the body."""
        lines = (name + b": " + value for name, value in self.headers)
        return b"\r\n".join([b" ".join([self.method, self.target, self.version]), *lines, b"", b""])

    def value(self, name: str) -> bytes:
        """Give the value of a header."""
        return dict(self.headers)[name.encode()]

    def without(self, *names: str) -> Self:
        """Leave headers out."""
        left = {name.encode() for name in names}
        return replace(self, headers=tuple(one for one in self.headers if one[0] not in left))

    def but(self, name: str, value: str | bytes) -> Self:
        """Give a header another value."""
        new = (name.encode(), _bytes(value))
        return replace(
            self, headers=tuple(new if one[0] == new[0] else one for one in self.headers)
        )

    def also(self, name: str | bytes, value: str | bytes) -> Self:
        """Add a header, whether or not there is one of its name."""
        return replace(self, headers=(*self.headers, (_bytes(name), _bytes(value))))

    def to(self, target: bytes | str) -> Self:
        """Send it to another target."""
        return replace(self, target=_bytes(target))

    def by(self, method: str) -> Self:
        """Send it with another method."""
        return replace(self, method=method.encode())

    def carrying(self, body: bytes) -> Self:
        """Send another body, with the length that it has."""
        return replace(self, body=body).but("Content-Length", str(len(body)))

    def chunked(self, *, coding: str = "chunked", size: int = 64) -> Self:
        """Send the same body in chunks."""
        pieces = [self.body[at : at + size] for at in range(0, len(self.body), size)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces)
        framed = self.without("Content-Length").also("Transfer-Encoding", coding)
        return replace(framed, body=chunks + b"0\r\n\r\n")

    def kept_alive(self) -> Self:
        """Leave the connection open for another request."""
        return self.without("Connection")


@dataclass(frozen=True)
class Front:
    """A storefront that signs, and its one cart: its mugs tell how many actions have run."""

    client_id: str
    secret: str
    cart_id: str

    @property
    def body(self) -> bytes:
        """Give what puts one more into the cart."""
        return json.dumps(
            {"cart_id": self.cart_id, "items": [{"sku": "mug", "quantity": 1}]}
        ).encode()

    def request(
        self,
        action: str = "items.add",
        *,
        body: bytes | None = None,
        key: str | None = "",
        age: int = 0,
        secret: str | None = None,
    ) -> Request:
        """Sign a request that nobody has seen yet; by default one that puts a mug into the cart.

        `age` is how many seconds ago it was signed.
        """
        body = self.body if body is None else body
        key = uuid4().hex if key == "" else key
        signed = sign(
            client_id=self.client_id,
            secret=secret or self.secret,
            action=action,
            body=body,
            timestamp=int(time.time()) - age,
            idempotency_key=key,
        )
        fixed = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body))}
        return Request(
            target=f"/bridge/{self.client_id}/{action}".encode(),
            headers=tuple(
                (name.encode(), value.encode()) for name, value in (fixed | signed).items()
            ),
            body=body,
            signed=Signed(self.client_id, action, key),
        )

    def read(self) -> Request:
        """Sign a request that only reads the cart."""
        body = json.dumps({"cart_id": self.cart_id}).encode()
        return self.request("cart.get", body=body, key=None)


Then = Literal["wait", "leave"]


def converse(
    port: int,
    pieces: Iterable[bytes],
    *,
    then: Then = "wait",
    until: Callable[[bytes], bool] = bool,
) -> tuple[bytes, bool]:
    """Send pieces on a connection of their own, and read until the server closes it.

    With `leave` the client says at the end that it will send no more. Once `until` is true of what
    came, only little more is waited for. Gives what came, and whether the connection was still
    open.
    """
    came = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A server may answer and close before it has read everything.
        with suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            for piece in pieces:
                connection.sendall(piece)
            if then == "leave":
                connection.shutdown(socket.SHUT_WR)
        try:
            while True:
                connection.settimeout(_A_LITTLE if until(bytes(came)) else PATIENCE)
                piece = connection.recv(65_536)
                if not piece:
                    break
                came += piece
        except TimeoutError:
            return bytes(came), True
        except ConnectionResetError:
            pass
    return bytes(came), False


class Answer(NamedTuple):
    """One answer; `headers` has lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def stored(self) -> bool:
        """Tell whether it is an earlier answer, given again."""
        return self.headers.get("idempotent-replayed") == "true"

    @property
    def described(self) -> str:
        """Say who answered what: status and code of the bridge, or the status and by whom.

        An answer that was stored before is told apart.
        """
        if "x-request-id" in self.headers:
            said = [str(self.status)]
            with suppress(ValueError):
                said.append(json.loads(self.body).get("code", ""))
            if self.stored:
                said.append("stored")
            return " ".join(filter(None, said))
        if self.status == 0:
            return "HTTP/2" if self.body[3:4] == _SETTINGS else "a bare page by the server"
        site = (self.status, self.body.endswith(_NOTHING_HERE)) == (404, True)
        return f"{self.status} by the {'site' if site else 'server'}"


def answers_in(came: bytes) -> list[Answer]:
    """Take apart what a server sent; "100 Continue" is no answer."""
    found = []
    while came:
        head, _, rest = came.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        status = re.match(r"HTTP/\d\.\d (\d{3})", line)
        if status is None:
            return [*found, Answer(0, {}, came)]
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (field.partition(":") for field in fields)
        }
        length = int(headers.get("content-length", len(rest)))
        if status[1] == "100":
            length = 0
        else:
            found.append(Answer(int(status[1]), headers, rest[:length]))
        came = rest[length:]
    return found


def outcome(came: bytes, *, still_open: bool = False) -> str:
    """Say in words what a server did; without an answer it waits for more, or it closes."""
    said = [one.described for one in answers_in(came)]
    if not said:
        return "waits" if still_open else "closes"
    return ", then ".join(said)
