"""`request`, `sign` and `curl`: the three things to do with a signature."""

import shlex
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import msgspec
from msgspec import Struct

from orderflow_bridge.actions import ACTIONS
from orderflow_bridge.bridge import Bridge
from orderflow_bridge.cli.actor import login
from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import as_json, plain
from orderflow_bridge.cli.sending import (
    Answered,
    Signed,
    Target,
    send,
    send_in_process,
    sign_request,
)
from orderflow_bridge.domain.time import as_utc

__all__ = ["as_curl", "curl", "request", "sign"]

_SUCCESS = 200


class _Credentials(Struct, frozen=True):
    """Who signs; `window` is in seconds, None where it is not known here."""

    client_id: str
    secret: str
    window: int | None = None


def _signing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what the three commands share."""
    decorators = (
        click.argument("action"),
        click.option(
            "--data",
            "-d",
            default="{}",
            metavar="JSON",
            help="The body; @FILE reads a file, - standard input. By default {}.",
        ),
        click.option(
            "--connection",
            metavar="CLIENT_ID",
            help="The connection of this database that signs; needless where there is only one.",
        ),
        click.option(
            "--client-id",
            envvar="ORDERFLOW_BRIDGE_CLIENT_ID",
            show_envvar=True,
            help="Sign for this client, with --secret, without a database of your own.",
        ),
        click.option(
            "--secret",
            envvar="ORDERFLOW_BRIDGE_SECRET",
            show_envvar=True,
            help="The secret of --client-id; the variable keeps it out of the shell's history.",
        ),
        click.option(
            "--idempotency-key",
            metavar="KEY",
            help="Key to send; by default a new one with every action that writes.",
        ),
        click.option("--no-idempotency-key", is_flag=True, help="Send no key."),
        click.option(
            "--mount",
            default="/bridge",
            show_default=True,
            help="Where the bridge is mounted on the site.",
        ),
    )
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def _checked_address(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no IP address.") from None
    return value


@click.command(cls=Command, short_help="Send a signed request and print the answer.")
@_signing_options
@click.option("--url", help="The site to send to; without it the request is handled in process.")
@click.option(
    "--from",
    "address",
    default="127.0.0.1",
    show_default=True,
    callback=_checked_address,
    help="In process: the address that the request seems to come from.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds to wait for the site.",
)
@click.pass_obj
def request(
    invocation: Invocation, /, *, url: str | None, address: str, timeout: float, **signing: Any
) -> None:
    """Send a signed request for ACTION, such as cart.create, and print the answer.

    The exit code is 1 where the answer is an error; with --json an error's answer has the member
    `error` besides its own.
    """
    call = _call(signing)
    target = Target.of(url, mount=call.mount) if url is not None else None
    signed = call.signed(call.given) if call.given is not None else None
    if target is not None and signed is not None:
        answered = _sent(target, signed, timeout)
    else:
        with invocation.bridge() as bridge:
            signed = signed or call.signed(_credentials(bridge, call, program=invocation.program))
            answered = (
                send_in_process(bridge, signed, address=address)
                if target is None
                else _sent(target, signed, timeout)
            )
    _show_answer(invocation, answered)


def _sent(target: Target, signed: Signed, timeout: float) -> Answered:
    return send(target, signed.path, headers=signed.headers, body=signed.body, timeout=timeout)


@click.command(cls=Command, short_help="Print a string to sign and its headers.")
@_signing_options
@click.pass_obj
def sign(invocation: Invocation, /, **signing: Any) -> None:
    """Print the string to sign and the headers of a request for ACTION; send nothing."""
    call = _call(signing)
    signed = call.signed(_credentials_of(invocation, call))
    text = signed.text.decode()
    path = Target.of("http://site", mount=call.mount).prefix + signed.path
    headers = "\n".join(f"{name}: {value}" for name, value in signed.headers.items())
    invocation.output.show(
        {"string_to_sign": text, "method": "POST", "path": path, "headers": signed.headers},
        f"String to sign:\n{text}\n\nRequest:\nPOST {path}\n{headers}",
    )


@click.command(cls=Command, short_help="Print a signed curl command.")
@_signing_options
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The site.")
@click.pass_obj
def curl(invocation: Invocation, /, *, url: str, **signing: Any) -> None:
    """Print a signed curl command for ACTION, ready to paste while its window is open."""
    call = _call(signing)
    target = Target.of(url, mount=call.mount)
    credentials = _credentials_of(invocation, call)
    signed = call.signed(credentials)
    line = as_curl(target, signed)
    until = None
    if credentials.window is not None:
        until = as_utc((int(signed.headers["X-Timestamp"]) + credentials.window) * 1000)
        invocation.output.note(f"Good for {credentials.window} seconds from now.")
    invocation.output.show(
        {
            "curl": line,
            "url": target.url(signed.path),
            "headers": signed.headers,
            "body": signed.body.decode(),
            "valid_until": until,
        },
        line,
    )


def as_curl(target: Target, signed: Signed) -> str:
    """Write a signed request as a curl command for a POSIX shell."""
    try:
        body = signed.body.decode()
    except UnicodeDecodeError:
        raise click.BadParameter("is not text in UTF-8", param_hint="--data") from None
    if "\0" in body:
        raise click.BadParameter("holds a NUL character", param_hint="--data")
    # curl reads a file where the data begins with @, unless it is told that the data is raw.
    data = "--data-raw" if body.startswith("@") else "--data-binary"
    words = ["curl", "-sS", "-X", "POST", target.url(signed.path)]
    for name, value in signed.headers.items():
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, data, body])


class _Call(Struct, frozen=True, kw_only=True):
    """What is to be signed, as the options said it."""

    action: str
    body: bytes
    connection: str | None
    given: _Credentials | None
    key: str | None
    mount: str

    def signed(self, credentials: _Credentials) -> Signed:
        return sign_request(
            client_id=credentials.client_id,
            secret=credentials.secret,
            action=self.action,
            body=self.body,
            key=self.key,
        )


def _call(signing: dict[str, Any]) -> _Call:
    """Read the shared options."""
    action, key = signing["action"], signing["idempotency_key"]
    if signing["no_idempotency_key"]:
        if key is not None:
            raise click.UsageError("Give --idempotency-key or --no-idempotency-key, not both.")
    elif key is None and (action not in ACTIONS or ACTIONS[action].writes):
        key = str(uuid4())
    client_id, secret, connection = (
        signing[name] for name in ("client_id", "secret", "connection")
    )
    given = None
    if connection is None and (client_id or secret):
        if not client_id or not secret:
            raise click.UsageError(
                "--client-id (ORDERFLOW_BRIDGE_CLIENT_ID) and --secret (ORDERFLOW_BRIDGE_SECRET)"
                " go together."
            )
        given = _Credentials(client_id, secret)
    return _Call(
        action=action,
        body=_body(signing["data"]),
        connection=connection,
        given=given,
        key=key,
        mount=signing["mount"],
    )


def _body(data: str) -> bytes:
    if data == "-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        return data.encode("utf-8", "surrogateescape")
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(
            f"{data[1:]} cannot be read: {error.strerror}", param_hint="--data"
        ) from None


def _credentials_of(invocation: Invocation, call: _Call) -> _Credentials:
    if call.given is not None:
        return call.given
    with invocation.bridge() as bridge:
        return _credentials(bridge, call, program=invocation.program)


def _credentials(bridge: Bridge, call: _Call, *, program: str) -> _Credentials:
    """Give who signs: as given, the connection that was named, or the only one there is."""
    if call.given is not None:
        return call.given
    client_id = call.connection
    if client_id is None:
        every = bridge.connections.all()
        if not every:
            raise click.UsageError(f"There is no connection: {program} connections create NAME")
        if len(every) > 1:
            names = "\n".join(f"  {one.client_id}  {plain(one.name)}" for one in every)
            raise click.UsageError(f"Say which with --connection:\n{names}")
        client_id = every[0].client_id
    found = bridge.connections.reveal(client_id, actor=login())
    return _Credentials(client_id, found.secret, found.connection.window)


def _show_answer(invocation: Invocation, answered: Answered) -> None:
    """Print an answer as it came; end with exit code 1 where it is an error."""
    request_id = answered.headers.get("x-request-id", "no request id")
    replayed = ", replayed" if "idempotent-replayed" in answered.headers else ""
    invocation.output.note(f"{answered.status} ({plain(request_id)}{replayed})")
    failed = answered.status != _SUCCESS
    try:
        document = msgspec.json.decode(answered.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = None
    if invocation.output.json:
        if not isinstance(document, dict):
            raise CommandFailed(
                "not_the_bridge", f"The answer, a {answered.status}, is not the bridge's."
            )
        if failed:
            names = ("code", "detail")
            document["error"] = {name: document.get(name, "") for name in names}
        invocation.output.show(document)
    elif document is not None:
        click.echo(as_json(document))
    else:
        click.echo(plain(answered.body.decode("utf-8", "replace")))
    if failed or document is None:
        raise CommandFailed("answer", reported=True)
