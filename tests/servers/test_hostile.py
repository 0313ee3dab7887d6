"""Hostile and broken bytes over a socket: what each server and the bridge decide between them."""

import json
from collections.abc import Iterator

from tests.servers.books import Books, enter
from tests.servers.conftest import Target
from tests.servers.differences import DIFFERENCES, VERSIONS, difference
from tests.servers.rows import CARDS, ROWS, Row
from tests.servers.rows.cards import NUMBERS
from tests.servers.servers import SERVERS, installed
from tests.servers.wire import answers_in, converse, outcome

LOUD = {
    "an escape sequence in a header",
    "an escaped line end in the path",
    "bytes in a header",
    "raw UTF-8 in the path",
    "UTF-8 in a header",
    "X-Client-Id with an emoji",
    *(row.name for row in CARDS),
}


def expected(row: Row, server: str) -> set[str]:
    """Give what may come of a row; with another version than the listed one also its decision."""
    listed = difference(row.name, server)
    if listed is None:
        return {row.decision}
    seen = set(listed.split(" or "))
    if all(installed(package) == VERSIONS[package] for package in SERVERS[server].packages):
        return seen
    return seen | {row.decision}


def play(target: Target, row: Row, wanted: set[str], books: Books) -> tuple[str, list[bytes]]:
    """Send a row, and give what came of it in words and in bytes; `books` are kept."""
    told: list[str] = []
    everything: list[bytes] = []
    for pieces, signed in row.exchanges(target.fronts):
        came, still_open = converse(
            target.live.port,
            pieces,
            then=row.then,
            until=lambda came: ", then ".join([*told, outcome(came, still_open=True)]) in wanted,
        )
        told.append(outcome(came, still_open=still_open))
        everything.append(came)
        enter(books, signed, told[-1])
    return ", then ".join(told), everything


def complaints(target: Target, row: Row, books: Books) -> Iterator[str]:
    """Send a row, and tell whatever is not as it should be.

    Each success is one action and nothing else is any, and the next request is served as ever.
    `books` are kept of what the database must hold.
    """
    live, front = target.live, target.front
    wanted = expected(row, live.name)
    told, everything = play(target, row, wanted, books)
    if told not in wanted:
        yield f"{told!r} instead of {' or '.join(sorted(wanted))!r}"
    for secret in (*(one.secret for one in target.fronts.values()), *NUMBERS):
        if any(secret.encode() in came for came in everything):
            yield "a secret or a card number came back"
    answers = [answer for came in everything for answer in answers_in(came)]
    for answer in answers:
        if answer.stored and answer.body != answers[0].body:
            yield "another answer was stored than the first"
        if any(name.startswith("access-control-") for name in answer.headers):
            yield "another origin is let in"
        if answer.described.startswith("405 method") and answer.headers.get("allow") != "POST":
            yield "405 without Allow: POST"

    following = front.request()
    followed, _ = converse(live.port, [bytes(following)])
    if outcome(followed) != "200":
        yield f"the next request was answered {outcome(followed)!r}"
    enter(books, following.signed, "200")
    held = target.holds()
    if held != books:
        yield f"the database holds {held} instead of {books}"
        books.update(held)


def test_requests_are_decided_as_published_or_as_listed(target: Target) -> None:
    """What differs by the server is listed, and nothing is listed that no longer differs."""
    books = target.holds()
    wrong = [f"{row.name}: {told}" for row in ROWS for told in complaints(target, row, books)]
    assert not wrong, "\n".join([*wrong, target.live.told()])
    # What was begun is over then.
    target.live.stop()
    assert target.holds() == books
    target.live.start()


def test_what_is_logged_is_ascii_and_holds_nothing_that_was_sent(target: Target) -> None:
    """A line of JSON for each decision, without a secret, a signature, a body or an escape."""
    front = target.front
    for row in ROWS:
        if row.name in LOUD:
            for pieces, _ in row.exchanges(target.fronts):
                converse(target.live.port, pieces)
    request = front.request().also("User-Agent", "spoilt \u2028\u202e")
    converse(target.live.port, [bytes(request)])
    logged = target.live.decisions.read_bytes().decode("ascii")
    lines = logged.splitlines()
    assert front.client_id in {json.loads(line)["connection"] for line in lines}
    assert all(line.isprintable() for line in lines)
    for sent in (
        front.secret,
        request.value("X-Signature").decode(),
        "spoilt",
        "cart_id",
        *NUMBERS,
    ):
        assert sent not in logged


def test_every_row_has_a_name_of_its_own() -> None:
    """The documentation and the differences name rows."""
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert {*DIFFERENCES, *LOUD} <= set(names)


def test_a_difference_is_one() -> None:
    """What is decided as published is not listed, and a server has one entry in a row."""
    for row in ROWS:
        seen = DIFFERENCES.get(row.name, {})
        assert row.decision not in seen
        servers = [server for listed in seen.values() for server in listed]
        assert len(set(servers)) == len(servers)
        assert set(servers) <= set(SERVERS)
