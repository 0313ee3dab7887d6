"""A TCP proxy on loopback in front of a database, which cuts connections at a chosen statement."""

import importlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from tests.faults.aliases import another_alias

__all__ = ["Cut", "Proxy", "proxied"]

Cut = Literal["before", "after"]
"""Before the server was given the statement; or after it has answered, and nobody was told."""

Decide = Callable[[], Cut | None]


class Proxy:
    """Carry bytes both ways; where what matches `statement` is sent, `decide` says whether to cut.

    With `beyond`, only on connections that have sent that one before.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._statement = b""
        self._beyond = b""
        self._decide: Decide = lambda: None
        self._lock = threading.Lock()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, statement: bytes, decide: Decide, *, beyond: bytes = b"") -> None:
        """Say where connections are cut from now on."""
        self._statement, self._beyond, self._decide = statement, beyond, decide

    def disarm(self) -> None:
        """Carry everything."""
        self._decide = lambda: None

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def decided(self) -> Cut | None:
        """Ask, one connection at a time."""
        with self._lock:
            cut = self._decide()
            self.cuts += cut is not None
            return cut

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            _Carried(self, client, server).start()

    def wanted(self) -> tuple[bytes, bytes]:
        """Tell the statement that is waited for, and the one that has to come first."""
        return self._statement, self._beyond


class _Carried:
    """One connection."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._sent: set[bytes] = set()
        # PostgreSQL's clients give a name to what they send often, and send the name alone then.
        self._named: dict[bytes, bytes] = {}
        self._mute = False

    def start(self) -> None:
        threading.Thread(target=self._forth, daemon=True).start()
        threading.Thread(target=self._back, daemon=True).start()

    def _forth(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(65_536):
                cut = self._proxy.decided() if self._meets(data) else None
                if cut == "before":
                    break
                self._mute = cut == "after"
                self._server.sendall(data)
                if self._mute:
                    # The server's answer ends it.
                    return
        self._end()

    def _back(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(65_536):
                if self._mute:
                    break
                self._client.sendall(data)
        self._end()

    def _meets(self, data: bytes) -> bool:
        statement, beyond = self._proxy.wanted()
        met = False
        for wanted in filter(None, (statement, beyond)):
            for name in re.findall(rb"P....(\w+)\0[^\0]*" + wanted, data, re.DOTALL):
                self._named[name] = wanted
            named = any(
                kept == wanted and b"\0" + name + b"\0" in data
                for name, kept in self._named.items()
            )
            if re.search(wanted, data) or named:
                met = met or wanted == statement
                self._sent.add(wanted)
        return met and (not beyond or beyond in self._sent)

    def _end(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def proxied(url: str) -> Iterator[tuple[Proxy, str]]:
    """Put a proxy in front of a database; give it, and the URL that goes through it."""
    parts = urlsplit(url)
    if parts.scheme == "django":
        with _proxied_alias(parts.netloc) as (proxy, alias):
            yield proxy, f"django://{alias}"
        return
    default = 5432 if "postgres" in parts.scheme else 3306
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or default)
    user, at, _ = parts.netloc.rpartition("@")
    try:
        yield proxy, urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}"))
    finally:
        proxy.close()


@contextmanager
def _proxied_alias(alias: str) -> Iterator[tuple[Proxy, str]]:
    known = importlib.import_module("django.db").connections.settings[alias]
    default = 5432 if "postgres" in known["ENGINE"] else 3306
    proxy = Proxy(known["HOST"], int(known["PORT"] or default))
    try:
        with another_alias(alias, HOST="127.0.0.1", PORT=str(proxy.port)) as through:
            yield proxy, through
    finally:
        proxy.close()
