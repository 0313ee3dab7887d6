"""Signed requests: how one is signed, and the two ways to send it."""

import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import click
from msgspec import Struct

from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.exits import CANNOT_CONNECT, CommandFailed
from orderflow_bridge.client.signing import sign, string_to_sign
from orderflow_bridge.http import Head, Request
from orderflow_bridge.mounting import Mount

__all__ = ["Answered", "Signed", "Target", "send", "send_in_process", "sign_request"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_OPTIONS = {
    "client_id": "--client-id",
    "secret": "--secret",
    "action": "ACTION",
    "idempotency_key": "--idempotency-key",
}


class Signed(Struct, frozen=True, kw_only=True):
    """A request with its signature; `headers` are what a storefront sends."""

    client_id: str
    action: str
    body: bytes
    text: bytes
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """Give the path under the mount."""
        return f"/{self.client_id}/{self.action}"


class Answered(Struct, frozen=True, kw_only=True):
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Target(Struct, frozen=True, kw_only=True):
    """A server, and where the bridge is on it; `port` 0 is the scheme's own."""

    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, url: str, *, mount: str = "/bridge") -> "Target":
        """Read a site's URL; raises `click.BadParameter` that says what to write."""
        try:
            parts = urlsplit(url)
            prefix = parts.path.rstrip("/") + Mount(mount).prefix
            port = parts.port or 0
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.query:
            raise click.BadParameter(
                "write the site's address, like http://127.0.0.1:8000", param_hint="--url"
            )
        return cls(scheme=parts.scheme, host=parts.hostname, port=port, prefix=prefix)

    def url(self, path: str) -> str:
        """Give the whole URL of a path under the mount."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}{self.prefix}{path}"


def sign_request(
    *, client_id: str, secret: str, action: str, body: bytes, key: str | None
) -> Signed:
    """Sign a request now (protocol §1); `key` is the Idempotency-Key.

    Raises `click.BadParameter` where a piece is malformed; it never quotes the secret.
    """
    timestamp = int(time.time())
    try:
        headers = sign(
            client_id=client_id,
            secret=secret,
            action=action,
            body=body,
            timestamp=timestamp,
            idempotency_key=key,
        )
    except ValueError as error:
        name, _, message = str(error).partition(" ")
        raise click.BadParameter(f"it {message}.", param_hint=_OPTIONS.get(name, name)) from None
    text = string_to_sign(
        client_id=client_id, action=action, body=body, timestamp=timestamp, idempotency_key=key
    )
    return Signed(client_id=client_id, action=action, body=body, text=text, headers=headers)


def send_in_process(bridge: Bridge, signed: Signed, *, address: str) -> Answered:
    """Hand a request to the bridge as if it came from `address`."""
    headers = dict(signed.headers)
    header = bridge.settings.client_address_header
    if header:
        # Where `address` is a trusted proxy's, it tells of itself.
        headers[header] = _forwarded(address) if header.lower() == "forwarded" else address
    head = Head(
        method="POST",
        path=signed.path.encode(),
        headers={
            name.lower().encode("ascii"): (value.encode(),) for name, value in headers.items()
        },
        peer=address,
        framed=True,
    )
    response = bridge.handle(Request(head=head, body=signed.body))
    return Answered(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers},
        body=response.body,
    )


def _forwarded(address: str) -> str:
    """Write an address as RFC 7239 has it."""
    return f'for="[{address}]"' if ":" in address else f"for={address}"


def send(
    target: Target, path: str, *, headers: Mapping[str, str], body: bytes, timeout: float
) -> Answered:
    """Send a POST over HTTP; redirects are answers and are not followed.

    Raises `CommandFailed` with exit code 4 where no answer comes within `timeout` seconds.
    """
    connector = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = connector(target.host, target.port or None, timeout=timeout)
    try:
        connection.request("POST", target.prefix + path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answered(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=response.read(),
        )
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CommandFailed(
            "cannot_connect", f"{target.url('')}: {reason}.", exit_code=CANNOT_CONNECT
        ) from None
    finally:
        connection.close()
