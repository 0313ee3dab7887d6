"""`tail`: the requests as they come, as the journal has them."""

from collections.abc import Iterator, Sequence

import click

from orderflow_bridge.cli.explain import entry_document
from orderflow_bridge.cli.invocation import Command, Invocation
from orderflow_bridge.cli.output import plain
from orderflow_bridge.cli.serving import until_told_to_stop
from orderflow_bridge.domain.journal import JournalEntry
from orderflow_bridge.domain.time import as_utc
from orderflow_bridge.journal import RecentRequests

__all__ = ["tail"]

_SECONDS = 0.5
_PAGE = 200
_MOST_PAGES = 50
_LATE = 60_000
"""How many milliseconds after its arrival a request may still turn up."""


@click.command(cls=Command, short_help="Show the requests as they come.")
@click.option("--connection", metavar="CLIENT_ID", help="Only those of this connection.")
@click.option("--refused", is_flag=True, help="Only those that were refused.")
@click.option("--once", is_flag=True, help="Show the last ones, and end.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many of those that are there already.",
)
@click.pass_obj
def tail(
    invocation: Invocation, *, connection: str | None, refused: bool, once: bool, limit: int
) -> None:
    """Show the last requests, then each as it comes, until Ctrl-C or SIGTERM.

    A line is: when, request id, connection, action, status, code, milliseconds, address. A code in
    brackets is of a request that nobody has proven to have signed. `explain` says why one was
    refused.
    """
    output = invocation.output
    if output.json and not once:
        raise click.UsageError("--json goes with --once: it is one document.")
    with invocation.bridge() as bridge:
        if once:
            entries = bridge.journal.page(
                connection=connection, refused=True if refused else None, limit=limit
            )
            output.show(
                {"requests": [entry_document(entry) for entry in entries]},
                "\n".join(_line(entry) for entry in reversed(entries)) or "There is no request.",
            )
            return
        following = _Following(bridge.journal, connection=connection, refused=refused)
        with until_told_to_stop() as stop:
            newest = following.next()
            for entry in newest[len(newest) - min(limit, len(newest)) :]:
                output.tell(_line(entry))
            output.note("Waiting for requests; Ctrl-C ends it.")
            while not stop.wait(_SECONDS):
                for entry in following.next():
                    output.tell(_line(entry))


class _Following:
    """Give each entry once, in the order of arrival, also those that turn up late."""

    def __init__(self, journal: RecentRequests, *, connection: str | None, refused: bool) -> None:
        self._journal = journal
        self._connection = connection
        self._refused = True if refused else None
        self._seen: dict[str, int] = {}
        self._from = 0

    def next(self) -> Sequence[JournalEntry]:
        """Give what is new since the last time, the earliest first; at first the last page."""
        looked = list(self._pages())
        found = [entry for entry in looked if entry.request_id not in self._seen]
        self._seen |= {entry.request_id: entry.at for entry in found}
        if looked:
            # Of what was there before, no more than the first page was looked at.
            before = looked[-1].at if not self._from and len(looked) == _PAGE else 0
            self._from = max(self._from, looked[0].at - _LATE, before)
        # Who was seen and is not looked at again need not be remembered.
        self._seen = {name: at for name, at in self._seen.items() if at >= self._from}
        return found[::-1]

    def _pages(self) -> Iterator[JournalEntry]:
        """Give the entries from `_from` on, newest first; so many pages at most."""
        before = None
        for _ in range(_MOST_PAGES if self._from else 1):
            page = self._journal.page(
                connection=self._connection, refused=self._refused, before=before, limit=_PAGE
            )
            for entry in page:
                if entry.at < self._from:
                    return
                yield entry
            if len(page) < _PAGE:
                return
            before = (page[-1].at, page[-1].request_id)


def _line(entry: JournalEntry) -> str:
    code = entry.code or "-"
    if entry.refused and not entry.verified:
        code = f"[{code}]"
    return "  ".join(
        (
            as_utc(entry.at).isoformat(timespec="milliseconds"),
            entry.request_id,
            entry.connection or "-",
            f"{entry.action or '-':21}",
            str(entry.status),
            f"{code:26}",
            f"{entry.milliseconds:5} ms",
            plain(entry.address or "-"),
        )
    )
