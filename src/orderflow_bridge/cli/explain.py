"""`explain`: why a request was refused, one that is kept or one that is pasted."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec
from msgspec import Struct

from orderflow_bridge.cli.addresses import read_headers
from orderflow_bridge.cli.exits import CommandFailed
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import plain
from orderflow_bridge.diagnosis import VERDICTS, Check, Explanation, Finding, Received
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.inspection import Inspected

__all__ = ["entry_document", "explain"]

_COLOURS = {"passed": "green", "failed": "red", "not reached": None}


@click.command(cls=Command, short_help="Say why a request was refused.")
@click.argument("request_id", required=False)
@click.option("--connection", "client_id", metavar="CLIENT_ID", help="The client id of the path.")
@click.option("--action", help="The action of the path.")
@click.option(
    "--url", help="The whole address it was sent to; in place of --connection and --action."
)
@click.option("--method", default="POST", show_default=True, help="The method it was sent with.")
@click.option(
    "--header",
    "-H",
    "lines",
    metavar="'NAME: VALUE'",
    multiple=True,
    help="A header as it was sent; may be repeated.",
)
@click.option(
    "--data",
    "-d",
    metavar="JSON",
    help="The body as it arrived; @FILE reads a file, - standard input.",
)
@click.option(
    "--at", type=click.IntRange(min=0), metavar="SECONDS", help="When it arrived; by default now."
)
@click.pass_obj
def explain(
    invocation: Invocation,
    /,
    *,
    request_id: str | None,
    lines: Sequence[str],
    at: int | None,
    **pasted: Any,
) -> None:
    """Say why the request REQUEST_ID was refused: what an answer has in X-Request-Id.

    Without REQUEST_ID, say what is wrong with a request that is pasted: its headers with --header,
    its body with --data, and --connection and --action, or --url. The exit code is 1 then where
    the server would refuse it. Shows neither a secret nor a signature; what it says is no audit's
    matter.
    """
    if request_id is not None:
        if lines or at is not None or any(pasted[one] for one in _PASTED):
            raise click.UsageError("Give a REQUEST_ID or paste a request, not both.")
        with invocation.bridge() as bridge:
            inspected = bridge.inspector.inspect(request_id)
        invocation.output.show(_document(inspected), "\n".join(_story(inspected)))
        return
    received = _received(lines, **pasted)
    with invocation.bridge() as bridge:
        explanation = bridge.inspector.explain(received, now=None if at is None else at * 1000)
    document: dict[str, Any] = {"explanation": explanation}
    refused = explanation.verdict != "right"
    if refused:
        document["error"] = {"code": "refused", "detail": VERDICTS[explanation.verdict]}
    invocation.output.show(document, "\n".join(_reasons(explanation)))
    if refused:
        raise CommandFailed("refused", reported=True)


_PASTED = ("client_id", "action", "url", "data")


class _Place(Struct, frozen=True):
    """Where a request was sent."""

    client_id: str
    action: str
    mount: str = "/bridge"
    host: str = ""


def _received(
    lines: Sequence[str],
    *,
    client_id: str | None,
    action: str | None,
    url: str | None,
    method: str,
    data: str | None,
) -> Received:
    """Read what was pasted; raises `click.UsageError` that says what is missing."""
    place = _place(client_id, action, url)
    headers = read_headers(lines)
    for name, values in headers.items():
        if name in _ONCE and len(values) > 1:
            raise click.BadParameter(
                f"{_ONCE[name]} stands there twice: the server refuses that as malformed.",
                param_hint="--header",
            )
    if data is None:
        raise click.UsageError(
            "Give a REQUEST_ID, or paste a request: its body is missing. Write --data '' where it"
            " had none."
        )

    def sent(name: bytes) -> bytes | None:
        values = headers.get(name)
        return values[0] if values else None

    return Received(
        method=_bytes(method),
        action=_bytes(place.action),
        path_client_id=_bytes(place.client_id),
        client_id=sent(b"x-client-id"),
        timestamp=sent(b"x-timestamp"),
        key=sent(b"idempotency-key"),
        signature=sent(b"x-signature"),
        body=_body(data),
        mount=_bytes(place.mount),
        host=_bytes(place.host) or None,
    )


_ONCE = {
    b"x-client-id": "X-Client-Id",
    b"x-timestamp": "X-Timestamp",
    b"x-signature": "X-Signature",
    b"idempotency-key": "Idempotency-Key",
}


def _place(client_id: str | None, action: str | None, url: str | None) -> _Place:
    if url is None:
        if client_id is None or action is None:
            raise click.UsageError(
                "Give a REQUEST_ID, or paste a request: --connection and --action, or --url."
            )
        return _Place(client_id, action)
    if client_id is not None or action is not None:
        raise click.UsageError("--url has client id and action already.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise click.BadParameter("it is no address", param_hint="--url") from None
    mount, *path = parts.path.rsplit("/", 2)
    if len(path) != _PATH_PARTS:
        raise click.BadParameter("it has no client id and action at its end", param_hint="--url")
    return _Place(path[0], path[1], mount, parts.netloc.rpartition("@")[2])


_PATH_PARTS = 2


def _body(data: str) -> bytes:
    if data == "-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        return _bytes(data)
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(
            f"the file cannot be read: {error.strerror}", param_hint="--data"
        ) from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def entry_document(entry: JournalEntry) -> dict[str, Any]:
    """Write a kept request for a program."""
    return msgspec.structs.asdict(entry) | {"at": as_utc(entry.at)}


def _document(inspected: Inspected) -> dict[str, Any]:
    return {
        "request": entry_document(inspected.entry),
        "checks": inspected.checks,
        "explanation": inspected.explanation,
        "fix": inspected.fix,
    }


def _story(inspected: Inspected) -> Iterator[str]:
    """Tell a kept request to a person."""
    entry = inspected.entry
    yield f"{entry.request_id}: {entry.status} {entry.code or 'allowed'}"
    for name, text in (
        ("at", as_utc(entry.at).isoformat(timespec="milliseconds")),
        ("connection", entry.connection or "none that exists"),
        ("action", entry.action or "none that exists"),
        ("address", entry.address or "none"),
        ("took", f"{entry.milliseconds} ms{', answered from its key' if entry.replayed else ''}"),
        ("order", entry.order_id or ""),
        ("cart", entry.cart_id or ""),
        ("told", entry.detail),
    ):
        if text:
            yield f"  {name:10}  {plain(text)}"
    yield "\nChecks:"
    yield from (_check(one) for one in inspected.checks)
    if entry.headers:
        yield "\nHeaders:"
        yield from (f"  {name}: {plain(text)}" for name, text in entry.headers.items())
    if entry.refused and not entry.verified:
        yield ""
        yield from _reasons(inspected.explanation, was_compared=inspected.was_compared)
    elif entry.string_to_sign is not None:
        yield from _string_to_sign(entry.string_to_sign)
    if inspected.fix and not inspected.explanation.problems:
        yield f"\nFix: {plain(inspected.fix)}"


def _check(check: Check) -> str:
    state = click.style(f"{check.state:11}", fg=_COLOURS[check.state])
    rule = f"not met: {check.rule}" if check.state == "failed" else check.rule
    return f"  {state}  {check.step}: {rule}"


def _reasons(explanation: Explanation, *, was_compared: bool = True) -> Iterator[str]:
    if was_compared:
        yield VERDICTS[explanation.verdict]
    for one in (*explanation.problems, *explanation.findings):
        yield from _finding(one)
    if explanation.string_to_sign is not None:
        yield from _string_to_sign(explanation.string_to_sign)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"  {click.style(plain(finding.title), fg='yellow')}"
    yield f"    fix: {plain(finding.fix)}"


def _string_to_sign(text: str) -> Iterator[str]:
    yield "\nString to sign, as the server builds it:"
    yield from (f"  {plain(line)}" for line in text.split("\n"))
